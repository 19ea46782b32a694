"""A payer's rules in the order of their codes, as people look through them."""

from alembic import op

revision = "0055"
down_revision = "0054"


def upgrade() -> None:
    op.create_index("ix_authorization_rule_list", "authorization_rule", ["payer", "recorded_to", "code", "n"])
