"""What the referring office does with a case: until when it rests, when it is touched next, how often somebody was
called, when anybody last said anything; and an index that tells at once whether a list has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LEADS = (
    "stage", "authorization_state", "agreement_state", "payer_key", "owner", "role", "headline_gate", "action",
    "cleared",
)  # fmt: skip


def upgrade() -> None:
    op.add_column("case_row", sa.Column("wakes_at", Big, nullable=False, server_default=sa.text("0")))
    op.add_column("case_row", sa.Column("touch_at", Big, nullable=True))
    op.add_column("case_row", sa.Column("contacts", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("case_row", sa.Column("told_at", Big, nullable=True))
    # the lists of the referring office leave out what rests: their indexes know it, so that counting reads no rows
    for lead in (None, *LEADS):
        name = f"case_row_placer_{lead}" if lead else "case_row_placer"
        columns = ["placer", "open", *([lead] if lead else []), "sort_due", "rid", "payer_key", "wakes_at"]
        op.drop_index(name, "case_row")
        op.create_index(name, "case_row", list(dict.fromkeys(columns)), unique=False)
    op.drop_index("case_row_visit", "case_row")
    visit = ["placer", "open", "cleared", "appointment_at", "rid", "wakes_at"]
    op.create_index("case_row_visit", "case_row", visit, unique=False)
    for scope in ("placer", "performer", "payer_key"):
        op.create_index(f"case_row_{scope}_updated", "case_row", [scope, "updated"], unique=False)
    _judge_anew()


def _judge_anew() -> None:
    """Mark every row as due, and see to it that somebody comes: contacts that an EHR told of are counted too."""
    conn = op.get_bind()
    conn.execute(sa.text("UPDATE case_row SET changes_at = 0"))
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    conn.execute(
        sa.text(
            "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked) "  # noqa: S608 - our own words
            f"SELECT 'refresh-cases', 'refresh-cases', {blob}, 0, 0, {sa.false().compile(conn)} "
            "WHERE EXISTS (SELECT 1 FROM case_row) AND NOT EXISTS "
            "(SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
        )
    )
