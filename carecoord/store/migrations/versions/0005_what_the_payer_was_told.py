"""How a case stands by what its payer was told: columns of their own, filled when each row is judged anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
COLUMNS = ("payer_authorization", "payer_authorization_note", "payer_agreement", "payer_agreement_note")
INDEXES = {  # by whose cases the payer's lists are walked; `payer_authorization` tells which of them it was told of
    "case_row_payer_key": ["payer_key", "open", "sort_due", "rid", "payer_authorization"],
    "case_row_payer_key_payer_authorization": ["payer_key", "open", "payer_authorization", "sort_due", "rid"],
    "case_row_payer_key_role": ["payer_key", "open", "role", "sort_due", "rid", "payer_authorization"],
}


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("case_row", sa.Column(name, Str, nullable=True))
    for name in ("", "_authorization_state", "_role", "_headline_gate"):
        op.drop_index(f"case_row_payer_key{name}", "case_row")
    for name, columns in INDEXES.items():
        op.create_index(name, "case_row", columns, unique=False)
    _judge_anew()


def _judge_anew() -> None:
    """Mark every row as due, and see to it that somebody comes: a payer sees no row that was not judged anew."""
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
