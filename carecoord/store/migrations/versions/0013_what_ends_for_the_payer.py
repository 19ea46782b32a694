"""What was sent to the payer and what ends for it: columns of their own, filled when each row is judged anew."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

INDEXES = {  # the payer's lists go by its own end
    "case_row_payer_clock": ["payer_key", "payer_open", "payer_sort", "rid"],
    "case_row_payer_moves": ["payer_key", "payer_open", "payer_moves", "payer_sort", "rid"],
}


def upgrade() -> None:
    for name in ("payer_order", "payer_open"):
        op.add_column("case_row", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    for name, columns in INDEXES.items():
        op.drop_index(name, "case_row")
        op.create_index(name, "case_row", columns, unique=False)
    _judge_anew()


def _judge_anew() -> None:
    """Mark every row as due, and see to it that somebody comes: a payer reads no order until its row is judged."""
    conn = op.get_bind()
    conn.execute(sa.text("UPDATE case_row SET changes_at = 0"))
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    job = (
        "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked, latest, revision) "  # noqa: S608 - our words
        f"SELECT 'refresh-cases', 'refresh-cases', {blob}, 0, 0, {sa.false().compile(conn)}, "
        f"{sa.true().compile(conn)}, 0 WHERE EXISTS (SELECT 1 FROM case_row) AND NOT EXISTS "
        "(SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
    )
    conn.execute(sa.text(job))
