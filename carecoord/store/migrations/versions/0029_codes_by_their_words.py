"""Codes found by their words through an index of them: a code has a number, and its words stand under it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0029"
down_revision = "0028"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
FTS5 = (
    "CREATE VIRTUAL TABLE code_words USING fts5(sought, content='code_entry', content_rowid='n', "
    "tokenize='unicode61 remove_diacritics 0', prefix='2 3')",
    "CREATE TRIGGER code_entry_added AFTER INSERT ON code_entry BEGIN "
    "INSERT INTO code_words(rowid, sought) VALUES (new.n, new.sought); END",
    "CREATE TRIGGER code_entry_gone AFTER DELETE ON code_entry BEGIN "
    "INSERT INTO code_words(code_words, rowid, sought) VALUES ('delete', old.n, old.sought); END",
)
GIN = "CREATE INDEX ix_code_entry_sought ON code_entry USING gin (to_tsvector('simple'::regconfig, sought))"
COLUMNS = "system, code, words, sought, until, made"


def upgrade() -> None:
    op.drop_index("ix_code_entry_code", "code_entry")
    op.rename_table("code_entry", "code_entry_before")
    op.create_table(
        "code_entry",
        sa.Column("n", Big, autoincrement=True, nullable=False),
        *(sa.Column(name, Str, nullable=False) for name in ("system", "code", "words", "sought", "until")),
        sa.Column("made", Big, nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("system", "code", name="uq_code_entry_system_code"),
    )
    for statement in FTS5 if op.get_bind().dialect.name == "sqlite" else (GIN,):
        op.execute(statement)
    held = "FROM code_entry_before ORDER BY system, length(words), code"
    op.execute(f"INSERT INTO code_entry ({COLUMNS}) SELECT {COLUMNS} {held}")
    op.drop_table("code_entry_before")
