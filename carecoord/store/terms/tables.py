"""Codes and their words, as they were brought in. Their words are looked up in `code_words` (SQLite) or by an index of
`lexemes`, a column that PostgreSQL keeps by itself as `to_tsvector('simple', sought)` (migrations 0029, 0038)."""

from sqlalchemy import Column, Table, UniqueConstraint

from carecoord.store.database.tables import Big, Str, metadata

code_entry = Table(
    "code_entry",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("system", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("words", Str, nullable=False),
    Column("sought", Str, nullable=False),  # a blank, the code without its marks, the words folded, a blank between
    Column("until", Str, nullable=False),  # the last day on which it may be used, ISO; empty: it still may
    Column("made", Big, nullable=False),
    UniqueConstraint("system", "code", name="uq_code_entry_system_code"),
)
