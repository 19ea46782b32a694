"""The columns of the worklist that people read keep keys with what they speak of instead of English: every row is
judged anew. Until it is, it shows the words that it was written with."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Mark every row as due, and see to it that somebody comes."""
    conn = op.get_bind()
    conn.execute(sa.text("UPDATE case_row SET changes_at = 0"))
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    conn.execute(
        sa.text(
            "INSERT INTO outbox (kind, key, payload, due_at, attempts, parked) "  # noqa: S608 - our own words
            f"SELECT 'refresh-cases', 'refresh-cases', {blob}, 0, 0, {sa.false().compile(conn)} "
            "WHERE EXISTS (SELECT 1 FROM case_row) AND NOT EXISTS "
            "(SELECT 1 FROM outbox WHERE kind = 'refresh-cases' AND key = 'refresh-cases')"
        )
    )
