"""The payer's own move and clock: columns of their own, and rows judged anew, so that a request that waits for a paper
stays in the payer's queue."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FOREVER = 2**62


def upgrade() -> None:
    op.add_column("case_row", sa.Column("payer_moves", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("case_row", sa.Column("payer_due", Big, nullable=True))
    op.add_column("case_row", sa.Column("payer_due_label", Str, nullable=True))
    op.add_column("case_row", sa.Column("payer_clock_start", Big, nullable=True))
    op.add_column("case_row", sa.Column("payer_sort", Big, nullable=False, server_default=str(FOREVER)))
    op.create_index("case_row_payer_clock", "case_row", ["payer_key", "open", "payer_sort", "rid"], unique=False)
    moves = ["payer_key", "open", "payer_moves", "payer_sort", "rid"]
    op.create_index("case_row_payer_moves", "case_row", moves, unique=False)
    _judge_anew()


def _judge_anew() -> None:
    """Mark every row as due, and see to it that somebody comes."""
    conn = op.get_bind()
    conn.execute(sa.text("UPDATE case_row SET changes_at = 0"))
    job = "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked) SELECT 'refresh-cases', 'refresh-cases', "
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    fresh = "NOT EXISTS (SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
    some = "EXISTS (SELECT 1 FROM case_row)"
    conn.execute(sa.text(f"{job}{blob}, 0, 0, {sa.false().compile(conn)} WHERE {some} AND {fresh}"))
