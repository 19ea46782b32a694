"""Who is away and who stands in, the notes in which somebody is named, and who wants to be told by mail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0031"
down_revision = "0030"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "absence",
        sa.Column("account", Str, primary_key=True),
        sa.Column("begins", Big, nullable=False),
        sa.Column("ends", Big, nullable=False),
        sa.Column("by", Str, nullable=False),
        sa.Column("recorded", Big, nullable=False),
    )
    op.create_table(
        "absence_cover",
        sa.Column("account", Str, primary_key=True),
        sa.Column("kind", Str, primary_key=True),
        sa.Column("substitute", Str, nullable=False),
    )
    op.create_table(
        "mention",
        sa.Column("rid", Big, primary_key=True, autoincrement=False),
        sa.Column("person", Str, primary_key=True),
        sa.Column("id", Str, nullable=False),
        sa.Column("case_id", Str, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("by", Str, nullable=False),
    )
    op.create_index("mention_person", "mention", ["person", "at", "rid"], unique=False)
    op.create_table(
        "digest",
        sa.Column("account", Str, primary_key=True),
        sa.Column("address", Str, nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("sent_on", sa.Integer(), nullable=False),
    )
