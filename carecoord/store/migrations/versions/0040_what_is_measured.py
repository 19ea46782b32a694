"""What is counted for the measures: observations of cases, what they come to on each day, and how far ahead clinics
have their third free slot. A database from before is counted when the reader of the log first comes by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0040"
down_revision = "0039"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "measure_observation",
        sa.Column("case_id", Str, nullable=False),
        sa.Column("measure", Str, nullable=False),
        sa.Column("resource", Str, nullable=False),
        sa.Column("rid", Big, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("placer", Str, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("hit", sa.Boolean(), nullable=False),
        sa.Column("value", Big),
        sa.Column("reason", Str, nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("specialty", "clinic", "payer", "coordinator", "urgency")),
        sa.PrimaryKeyConstraint("case_id", "measure", "resource"),
    )
    op.create_index("measure_observation_day", "measure_observation", ["placer", "measure", "day"], unique=False)
    op.create_index("measure_observation_patient", "measure_observation", ["patient"], unique=False)
    op.create_table(
        "measure_day",
        *(sa.Column(name, Str, nullable=False) for name in ("placer", "facet", "choice", "measure")),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", Str, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("spread", Str, nullable=False),
        sa.PrimaryKeyConstraint("placer", "facet", "choice", "measure", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("measure_day_measure", "measure_day", ["placer", "measure", "day"], unique=False)
    op.create_table(
        "measure_third_free",
        sa.Column("clinic", Str, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("clinic", "day"),
    )
