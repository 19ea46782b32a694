"""What is to be judged ahead comes in the order in which it is: at a midnight very many rows share one instant, and for
each two hundred of them PostgreSQL put all of them in order."""

from alembic import op

revision = "0069"
down_revision = "0068"


def upgrade() -> None:
    op.execute("DROP INDEX case_ahead_wanted")
    op.execute("CREATE INDEX case_ahead_wanted ON case_ahead (at, rid) WHERE told IS NULL")
