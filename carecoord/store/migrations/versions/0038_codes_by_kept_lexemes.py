"""PostgreSQL keeps the lexemes of a code: to make them anew for each row that is looked at took most of a search."""

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    lexemes = "tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, sought)) STORED"
    op.execute(f"ALTER TABLE code_entry ADD COLUMN lexemes {lexemes}")
    op.execute("DROP INDEX ix_code_entry_sought")
    op.execute("CREATE INDEX ix_code_entry_lexemes ON code_entry USING gin (lexemes)")
