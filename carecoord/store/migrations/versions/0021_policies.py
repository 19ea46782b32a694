"""What offices and payers have said in their policies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0021"
down_revision = "0020"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "policy_line",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("organization", "business", "name", "value")),
        sa.Column("valid_from", sa.Integer(), nullable=False),
        sa.Column("valid_to", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.Column("by", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_policy_line_organization", "policy_line", ["organization", "superseded_at"], unique=False)
