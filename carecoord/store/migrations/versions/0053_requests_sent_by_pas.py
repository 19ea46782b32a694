"""Payers that take requests from us by PAS, and what is sent to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0053"
down_revision = "0052"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "pas_payer",
        sa.Column("payer", Str, primary_key=True),
        sa.Column("config", Str, nullable=False),
        sa.Column("told", Str),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests", Big),
        sa.Column("trouble", Str, nullable=False),
        sa.Column("words", Str, nullable=False),
        sa.Column("failed", Big),
        sa.Column("subscription", Str, nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("state", Str, nullable=False),
        sa.Column("heard", Big),
        sa.Column("events", sa.Integer(), nullable=False),
    )
    op.create_table(
        "pas_sending",
        sa.Column("id", Str, primary_key=True),
        sa.Column("operation", Str, nullable=False),
        sa.Column("claim", Str, nullable=False),
        sa.Column("payer", Str, nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("bundle", Str),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("tried", Big),
        sa.Column("ended", Big),
        sa.Column("asked", Big),
        sa.Column("trouble", Str, nullable=False),
        sa.Column("words", Str, nullable=False),
    )
    op.create_index("pas_sending_claim", "pas_sending", ["claim"])
    op.create_index("pas_sending_payer", "pas_sending", ["payer", "state"])
