"""An index of the few cases that rest: counting them walked all that do not."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    rests = sa.text("wakes_at > 0")
    op.create_index(
        "case_row_resting", "case_row", ["placer", "wakes_at"], unique=False, sqlite_where=rests, postgresql_where=rests
    )
