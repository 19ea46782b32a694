"""At which step of its payer's desk a request stands: with the medical director, to be looked at after a rule approved
it; whether its clock was extended, and of which level of appeal it is, once each case is judged anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0048"
down_revision = "0047"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def upgrade() -> None:
    op.add_column("authorization_row", sa.Column("extended", Str))
    op.add_column("authorization_row", sa.Column("level", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "authorization_step",
        sa.Column("claim", Str, primary_key=True),
        sa.Column("kind", Str, primary_key=True),
        sa.Column("since", Big, nullable=False),
    )
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
