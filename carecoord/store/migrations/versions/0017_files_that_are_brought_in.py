"""Files between their upload and their end, and which of their columns is which of ours."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0017"
down_revision = "0016"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", Str, nullable=False),
        sa.Column("owner", Str, nullable=False),
        sa.Column("kind", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("dry", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("mapping", Str, nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_import_file_made", "import_file", ["made"], unique=False)
    op.create_table(
        "import_mapping",
        sa.Column("organization", Str, nullable=False),
        sa.Column("kind", Str, nullable=False),
        sa.Column("signature", Str, nullable=False),
        sa.Column("mapping", Str, nullable=False),
        sa.Column("made", Big, nullable=False),
        sa.PrimaryKeyConstraint("organization", "kind", "signature"),
    )
