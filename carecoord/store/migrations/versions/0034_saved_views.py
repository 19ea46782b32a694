"""Views of the worklist that people keep, and share with a team."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0034"
down_revision = "0033"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_view",
        sa.Column("id", Str, primary_key=True),
        sa.Column("account", Str, nullable=False),
        sa.Column("office", Str, nullable=False),
        sa.Column("shared", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("query", Str, nullable=False),
        sa.Column("recorded", Big, nullable=False),
    )
    op.create_index("saved_view_office", "saved_view", ["office", "account"], unique=False)
