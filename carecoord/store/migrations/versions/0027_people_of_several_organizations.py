"""The further organizations for which a person may work."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "auth_membership",
        sa.Column("user", Str, primary_key=True),
        sa.Column("organization", Str, primary_key=True),
    )
