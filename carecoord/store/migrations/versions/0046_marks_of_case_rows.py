"""Which case rows have to be judged anew, beside the rows: a mark in the row itself had to be written into each of its
thirty indexes, and who judged the row at that moment wrote over it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    whole = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
    row = sa.Column("rid", whole, primary_key=True, autoincrement=False)
    changed = sa.Column("change", whole, primary_key=True, autoincrement=False)
    op.create_table("case_mark", row, changed, sqlite_with_rowid=False)
