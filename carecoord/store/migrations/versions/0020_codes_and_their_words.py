"""Codes and their words, as they were brought in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0020"
down_revision = "0019"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "code_entry",
        *(sa.Column(name, Str, nullable=False) for name in ("system", "code", "words", "sought", "until")),
        sa.Column("made", Big, nullable=False),
        sa.PrimaryKeyConstraint("system", "code"),
    )
    op.create_index("ix_code_entry_code", "code_entry", ["code"], unique=False)
