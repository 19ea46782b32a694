"""Of who takes part also the tier, when that was last verified and in whose place; of an agreement the page. What a
database holds already is written anew when the server is made ready."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("agreement_version", sa.Column("page", Str, nullable=False, server_default=""))
    op.add_column("participation", sa.Column("tier", Str, nullable=False, server_default=""))
    op.add_column("participation", sa.Column("verified", sa.Integer(), nullable=True))
    op.add_column("participation", sa.Column("absent", Str, nullable=False, server_default="{}"))
