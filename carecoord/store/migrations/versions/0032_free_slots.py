"""The slots that are free, by their diary and in the order of time: the first one of many clinics is found at once.
What a database holds already is written into it when the server is made ready."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0032"
down_revision = "0031"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "free_slot",
        sa.Column("rid", Big, autoincrement=False, nullable=False),
        sa.Column("schedule", Str, nullable=False),
        sa.Column("starts", Big, nullable=False),
        sa.Column("ends", Big, nullable=False),
        sa.PrimaryKeyConstraint("rid"),
    )
    op.create_index("free_slot_schedule", "free_slot", ["schedule", "starts"], unique=False)
