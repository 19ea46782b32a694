"""How many claims stand how, kept as they are written: the list of all of them is counted without a walk."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0068"
down_revision = "0067"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
KEYS = (("payer", "payer_name"), ("code", "code"), ("agreement", "agreement_number"))
ALIKE = "claim.office, claim.work, claim.status, claim.doubts <> '[]', claim.short > 0"
INTO = "INSERT INTO claim_tally (office, work, status, doubted, underpaid, kind, value, slot, claims, denied, short) "
SUMS = "0, count(*), sum(claim.denied), sum(claim.short)"


def upgrade() -> None:
    op.create_table(
        "claim_tally",
        sa.Column("office", Str, primary_key=True),
        sa.Column("kind", Str, primary_key=True),
        sa.Column("value", Str, primary_key=True),
        sa.Column("work", Str, primary_key=True),
        sa.Column("status", Str, primary_key=True),
        sa.Column("doubted", sa.Boolean(), primary_key=True),
        sa.Column("underpaid", sa.Boolean(), primary_key=True),
        sa.Column("slot", Big, primary_key=True, autoincrement=False),
        sa.Column("claims", Big, nullable=False),
        sa.Column("denied", Big, nullable=False),
        sa.Column("short", Big, nullable=False),
    )
    op.execute(f"{INTO} SELECT {ALIKE}, 'all', '', {SUMS} FROM claim GROUP BY {ALIKE}")  # noqa: S608 - our own words
    for kind, column in KEYS:
        op.execute(
            f"{INTO} SELECT {ALIKE}, '{kind}', claim.{column}, {SUMS} FROM claim "  # noqa: S608
            f"WHERE claim.{column} IS NOT NULL AND claim.{column} <> '' GROUP BY {ALIKE}, claim.{column}"
        )
    op.execute(
        f"{INTO} SELECT {ALIKE}, 'reason', why.reason, 0, count(DISTINCT claim.id), sum(why.amount), 0 "  # noqa: S608
        "FROM claim JOIN claim_adjustment AS why ON why.claim = claim.id WHERE why.denies AND claim.denied > 0 "
        f"GROUP BY {ALIKE}, why.reason"
    )
