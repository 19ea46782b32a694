"""Codes and their words, as they were brought in."""

from sqlalchemy import Column, Index, Table

from carecoord.store.database.tables import Big, Str, metadata

code_entry = Table(
    "code_entry",
    metadata,
    Column("system", Str, primary_key=True),
    Column("code", Str, primary_key=True),
    Column("words", Str, nullable=False),
    Column("sought", Str, nullable=False),  # a blank, the code and the words folded: every word begins after a blank
    Column("until", Str, nullable=False),  # the last day on which it may be used, ISO; empty: it still may
    Column("made", Big, nullable=False),
    Index("ix_code_entry_code", "code"),
)
