"""Cases in conflict are a list of their own: found along an index, for either side."""

from alembic import op

revision = "0016"
down_revision = "0015"

INDEXES = {
    "case_row_placer_conflict": ["placer", "open", "conflict", "sort_due", "rid", "payer_key", "wakes_at"],
    "case_row_performer_conflict": ["performer", "open", "conflict", "sort_due", "rid", "payer_key"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "case_row", columns, unique=False)
