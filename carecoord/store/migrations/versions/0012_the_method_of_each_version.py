"""By which method each version of a resource was made. Of versions from before it is not known."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("resource", "history"):
        op.add_column(table, sa.Column("method", Str, nullable=True))
