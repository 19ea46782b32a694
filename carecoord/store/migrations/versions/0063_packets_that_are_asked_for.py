"""The packet of a request is made by a worker, for who asked for it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0063"
down_revision = "0062"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "request_packet",
        sa.Column("id", Str, primary_key=True),
        sa.Column("digest", Str, nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("sheets", sa.LargeBinary(), nullable=False),
        sa.Column("asked", Big, nullable=False),
        sa.Column("made", Big),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("why", Str, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("request_packet_asked", "request_packet", ["asked"])
