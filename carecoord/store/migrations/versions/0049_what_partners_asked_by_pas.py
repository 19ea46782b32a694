"""The requests that partners make by PAS, and those that we make, as they were sent and answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0049"
down_revision = "0048"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pas_exchange",
        sa.Column("id", Str, primary_key=True),
        sa.Column("at", Big, nullable=False),
        sa.Column("taken", Big, nullable=False),
        sa.Column("inward", sa.Boolean(), nullable=False),
        sa.Column("operation", Str, nullable=False),
        sa.Column("version", Str, nullable=False),
        sa.Column("partner", Str, nullable=False),
        sa.Column("bundle", Str),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("claim", Str),
        sa.Column("names", Str, nullable=False),
        sa.Column("sent", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("metric", Str, nullable=False),
    )
    op.create_index("pas_exchange_bundle", "pas_exchange", ["partner", "operation", "bundle"], unique=True)
    op.create_index("pas_exchange_claim", "pas_exchange", ["claim"])
    op.create_index("pas_exchange_at", "pas_exchange", ["at"])
