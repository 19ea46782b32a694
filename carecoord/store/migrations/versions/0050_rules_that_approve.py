"""Which books of payers let a rule approve by itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050"
down_revision = "0049"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "authorization_automatic",
        sa.Column("source", Str, primary_key=True),
        sa.Column("payer", Str, nullable=False),
    )
