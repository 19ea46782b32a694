"""Cases whose visit is read otherwise since: of a withdrawn order it keeps the case open while it is ahead, and what
was answered to it counts. They are judged anew."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    answered = "EXISTS (SELECT 1 FROM resource WHERE type = 'AppointmentResponse')"
    ended = "(NOT open AND stage = 'cancelled')"
    concerned = f"appointment_at IS NOT NULL AND ({ended} OR {answered})"
    op.execute(sa.text(f"UPDATE case_row SET changes_at = 0 WHERE {concerned}"))  # noqa: S608 - two texts of ours
