"""The parties of an agreement in its row of the register, so that a walk of many rows need not look each up elsewhere.

The rows are made anew when the server is made ready."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("agreement_row", sa.Column("sides", Str, server_default="", nullable=False))
