"""When a message about a referral was first read, by whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0033"
down_revision = "0032"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "message_receipt",
        sa.Column("message", Str, nullable=False),
        sa.Column("party", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.PrimaryKeyConstraint("message", "party"),
    )
