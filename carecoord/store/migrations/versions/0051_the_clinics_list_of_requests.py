"""What the clinic's list of requests for authorization shows: whose work one is and when it is looked at next, the
visits ahead and those that it does not cover, what is due at the office, what came of an appeal. The rows are made
anew with their cases."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0051"
down_revision = "0050"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
FOREVER = 2**62  # as fhir.instants says it


def upgrade() -> None:
    for column in (
        sa.Column("owner", Str),
        sa.Column("owner_name", Str),
        sa.Column("touch", Big),
        sa.Column("visits", Str, nullable=False, server_default="[]"),
        sa.Column("outside", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("office_clock", Str),
        sa.Column("office_due", Big),
        sa.Column("sort_office", Big, nullable=False, server_default=str(FOREVER)),
        sa.Column("denial", Str),
        sa.Column("overturned", sa.Boolean()),
    ):
        op.add_column("authorization_row", column)
    op.get_bind().execute(
        sa.text("UPDATE case_row SET changes_at = 0 WHERE patient IN (SELECT patient FROM authorization_row)")
    )
