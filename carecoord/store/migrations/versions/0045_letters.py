"""The words that offices have of their own for messages and letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0045"
down_revision = "0044"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "letter_template",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("organization", "name", "language", "words")),
        sa.Column("recorded_at", Big, nullable=False),
        sa.Column("superseded_at", Big, nullable=False),
        sa.Column("by", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_letter_template_organization", "letter_template", ["organization", "superseded_at"])
