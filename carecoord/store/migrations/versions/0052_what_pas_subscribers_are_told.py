"""Whose answers a partner's subscription wants, and what it was told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0052"
down_revision = "0051"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pas_filter",
        sa.Column("key", Str, primary_key=True),
        sa.Column("subscription", Str, primary_key=True),
    )
    op.create_index("pas_filter_subscription", "pas_filter", ["subscription"])
    op.create_table(
        "pas_event",
        sa.Column("subscription", Str, primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("response", Str, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried", Big),
        sa.Column("delivered", Big),
        sa.Column("error", Str),
    )
