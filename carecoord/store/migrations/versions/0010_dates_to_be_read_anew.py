"""Dates of the search index: a time of day became a point, a day without a zone one of the office's. The rows are made
anew once the office's zone is known, which a migration does not know: here they are only marked as not yet made."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    conn = op.get_bind()
    blob = "X''" if conn.dialect.name == "sqlite" else "''::bytea"
    some = "EXISTS (SELECT 1 FROM resource)"
    conn.execute(sa.text(f"INSERT INTO setting (name, value) SELECT 'dates', {blob} WHERE {some}"))
