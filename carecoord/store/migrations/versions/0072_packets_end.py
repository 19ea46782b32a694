"""The packet of a request is let go of at the end of its day, by a job of its own. Those of before have none: they are
asked for anew, as those of another day are."""

from alembic import op

revision = "0072"
down_revision = "0071"


def upgrade() -> None:
    op.execute("DELETE FROM request_packet")
