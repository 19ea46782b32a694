"""A request whose order is not here is judged anew when time changes it: once now, and from then on by what it says."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import sqlite

revision = "0062"
down_revision = "0061"

Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.add_column("authorization_row", sa.Column("changes_at", Big))
    op.create_index("authorization_row_changes", "authorization_row", ["changes_at"])
    op.execute("UPDATE authorization_row SET changes_at = 0 WHERE orders = '[]'")
