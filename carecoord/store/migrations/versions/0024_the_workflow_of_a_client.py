"""Which referral workflow is agreed with a client; none: ours."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("auth_client", sa.Column("workflow", Str, nullable=False, server_default=""))
