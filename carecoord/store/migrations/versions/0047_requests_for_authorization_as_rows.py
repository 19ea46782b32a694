"""Requests for authorization as rows of their own, found by number, member, patient and code. They are made when each
case is judged anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0047"
down_revision = "0046"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "authorization_row",
        sa.Column("root", Str, primary_key=True),
        sa.Column("claim", Str, nullable=False),
        sa.Column("patient", Str, nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("number", Str),
        sa.Column("service", Str, nullable=False),
        sa.Column("code", Str, nullable=False),
        sa.Column("lines", Str, nullable=False),
        sa.Column("orders", Str, nullable=False),
        sa.Column("expedited", sa.Boolean(), nullable=False),
        sa.Column("patient_name", Str, nullable=False),
        sa.Column("patient_sort", Str, nullable=False),
        sa.Column("birth_date", Str),
        sa.Column("gender", Str),
        sa.Column("mrn", Str),
        sa.Column("member_id", Str),
        sa.Column("payer_key", Str),
        sa.Column("payer_name", Str),
        sa.Column("plan_name", Str),
        sa.Column("provider", Str),
        sa.Column("placer_name", Str),
        sa.Column("agreement", Str),
        sa.Column("payer_agreement", Str),
        sa.Column("payer_agreement_number", Str),
        sa.Column("payer_agreement_until", Big),
        sa.Column("papers", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("attached", sa.Integer(), nullable=False),
        sa.Column("received", Big),
        sa.Column("due", Big),
        sa.Column("decided", Big),
        sa.Column("appeal_by", Big),
        sa.Column("peer_by", Big),
        sa.Column("info_due", Big),
        sa.Column("starts", Big),
        sa.Column("ends", Big),
        sa.Column("unit", Str),
        sa.Column("authorized", Str),
        sa.Column("booked", Str),
        sa.Column("used", Str),
        sa.Column("left", Str),
        sa.Column("voided", Str),
        sa.Column("sort_due", Big, nullable=False),
        sa.Column("parties", Str, nullable=False),
        sa.Column("searched", Str, nullable=False),
        sa.Column("payer_searched", Str, nullable=False),
        sa.Column("updated", Big, nullable=False),
        sa.Column("proposed", Big),
    )
    op.create_table(
        "authorization_party",
        sa.Column("side", Str, primary_key=True),
        sa.Column("key", Str, primary_key=True),
        sa.Column("root", Str, primary_key=True),
    )
    op.create_table(
        "authorization_word",
        sa.Column("word", Str, primary_key=True),
        sa.Column("root", Str, primary_key=True),
        sa.Column("payer", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "authorization_lock",
        sa.Column("root", Str, primary_key=True),
        sa.Column("account", Str, nullable=False),
        sa.Column("name", Str, nullable=False),
        sa.Column("until", Big, nullable=False),
    )
    op.create_index("authorization_row_patient", "authorization_row", ["patient"])
    op.create_index("authorization_row_claim", "authorization_row", ["claim"])
    op.create_index("authorization_party_root", "authorization_party", ["root"])
    op.create_index("authorization_word_root", "authorization_word", ["root"])
    _judge_anew()


def _judge_anew() -> None:
    """Mark the cases of everybody for whom something was asked as due, and see to it that somebody comes."""
    conn = op.get_bind()
    asked = "SELECT patient FROM resource WHERE type IN ('Claim', 'ClaimResponse')"
    conn.execute(sa.text(f"UPDATE case_row SET changes_at = 0 WHERE patient IN ({asked})"))  # noqa: S608 - our words
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    job = (
        "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked, latest, revision) "  # noqa: S608 - our words
        f"SELECT 'refresh-cases', 'refresh-cases', {blob}, 0, 0, {sa.false().compile(conn)}, "
        f"{sa.true().compile(conn)}, 0 WHERE EXISTS (SELECT 1 FROM case_row) AND NOT EXISTS "
        "(SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
    )
    conn.execute(sa.text(job))
