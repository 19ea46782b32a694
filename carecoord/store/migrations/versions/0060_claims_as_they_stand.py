"""Claims by how they stand, with what is counted and summed of them."""

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    money = ["due", "denied", "short"]
    op.create_index(
        "claim_stands", "claim",
        ["office", "work", "status", "payer_name", "code", "agreement_number", *money, "patient", "id"],
    )  # fmt: skip
