"""The requests as a payer's metrics count them. Counted from the log of events by the worker, from its beginning."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0054"
down_revision = "0053"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "authorization_counted",
        sa.Column("claim", Str, primary_key=True),
        sa.Column("root", Str, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("payer", Str, nullable=False),
        sa.Column("expedited", sa.Boolean(), nullable=False),
        sa.Column("received", Big, nullable=False),
        sa.Column("due", Big),
        sa.Column("decided", Big),
        sa.Column("outcome", Str, nullable=False),
        sa.Column("extended", Str, nullable=False),
        sa.Column("by", Str, nullable=False),
        sa.Column("appealed", Big),
        sa.Column("redecided", Big),
        sa.Column("appeal", Str, nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
    )
    op.create_index("authorization_counted_patient", "authorization_counted", ["patient"])
    op.create_index("authorization_counted_decided", "authorization_counted", ["payer", "decided"])
