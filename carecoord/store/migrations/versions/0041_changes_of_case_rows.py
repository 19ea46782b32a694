"""Which case rows were changed by which transaction: what counts them in memory follows it. It is never empty: who
finds an entry as old as what they have knows that none was let go since."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    whole = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
    changed = sa.Column("change", whole, primary_key=True, autoincrement=False)
    row = sa.Column("rid", whole, primary_key=True, autoincrement=False)
    op.create_table("case_change", changed, row, sqlite_with_rowid=False)
    op.execute(sa.text("INSERT INTO case_change (change, rid) VALUES (0, 0)"))
