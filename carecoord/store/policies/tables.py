"""What offices and payers have said in their policies: a row a value, with two times as agreements have them
(`agreements.tables`): the days on which a clock that starts goes by it, and how long we knew it so."""

from sqlalchemy import Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

policy_line = Table(
    "policy_line",
    metadata,
    Column("n", Big, primary_key=True),
    Column("organization", Str, nullable=False),  # its key (`domain/policies/lines.py`), empty for everybody
    Column("business", Str, nullable=False),
    Column("name", Str, nullable=False),
    Column("value", Str, nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Column("by", Str, nullable=False),  # the person who said so
    Index("ix_policy_line_organization", "organization", "superseded_at"),
)
