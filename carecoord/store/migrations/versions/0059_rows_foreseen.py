"""What time alone will make of case rows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0059"
down_revision = "0058"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case_ahead",
        sa.Column("rid", Big, primary_key=True, autoincrement=False),
        sa.Column("at", Big),
        sa.Column("version", Big, nullable=False),
        sa.Column("told", Str),
    )
    op.execute("INSERT INTO case_ahead (rid, at, version) SELECT rid, changes_at, 0 FROM case_row")
    for name, where in (("case_ahead_wanted", "told IS NULL"), ("case_ahead_told", "told IS NOT NULL")):
        op.create_index(
            name, "case_ahead", ["at"], sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )  # fmt: skip
