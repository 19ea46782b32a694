"""The log of events: what happened to cases, a row an event, only ever added to.

A database that has resources already says in `setting` that their past is still to be written down: that takes the
rules that read a resource, which the store does not know. Whoever migrates does it in the same transaction."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0008"
down_revision = "0007"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
_REFUSED = "the log of events is only ever added to"


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        sa.Column("at", Big, nullable=False),
        sa.Column("said", Str, nullable=True),
        sa.Column("recorded", Big, nullable=False),
        sa.Column("subject", Str, nullable=True),
        sa.Column("client", Str, nullable=True),
        sa.Column("organization", Str, nullable=True),
        sa.Column("request", Str, nullable=True),
        sa.Column("patient", Str, nullable=True),
        sa.Column("case_id", Str, nullable=True),
        sa.Column("kind", Str, nullable=False),
        sa.Column("before", Str, nullable=False),
        sa.Column("state", Str, nullable=False),
        sa.Column("type", Str, nullable=False),
        sa.Column("resource", Str, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", Str, nullable=True),
        sa.Column("payload", Str, nullable=False),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_event_case", "event", ["case_id", "n"], unique=False)
    op.create_index("ix_event_patient", "event", ["patient", "n"], unique=False)
    op.create_index("ix_event_resource", "event", ["type", "resource", "n"], unique=False)
    _keep()
    empty = "X''" if op.get_bind().dialect.name == "sqlite" else "''::bytea"
    some = "WHERE EXISTS (SELECT 1 FROM resource)"
    op.execute(f"INSERT INTO setting (name, value) SELECT 'events_to_write', {empty} {some}")


def _keep() -> None:
    """Rows are added, never changed nor removed, by mistake. Who owns the database can drop a trigger."""
    if op.get_bind().dialect.name == "sqlite":
        for what in ("UPDATE", "DELETE"):
            refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            op.execute(f"CREATE TRIGGER event_no_{what.lower()} BEFORE {what} ON event {refuse}")
        return
    op.execute(
        "CREATE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER event_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log()"
    )
