"""When a message about a referral was first read by each of those to whom it was written, and the words that offices
have of their own for messages and letters. Times are microseconds."""

from sqlalchemy import Column, Index, Table

from carecoord.store.database.tables import Big, Str, metadata

message_receipt = Table(
    "message_receipt",
    metadata,
    Column("message", Str, primary_key=True),  # the id of the Communication
    Column("party", Str, primary_key=True),  # its recipient: `Type/id`
    Column("at", Big, nullable=False),
)

# The words that an office has of its own for a kind of message or letter, in a language: a row a version.
letter_template = Table(
    "letter_template",
    metadata,
    Column("n", Big, primary_key=True),
    Column("organization", Str, nullable=False),  # its key (`domain/policies/lines.py`)
    Column("name", Str, nullable=False),  # of `domain/messages/templates.py`
    Column("language", Str, nullable=False),
    Column("words", Str, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Column("by", Str, nullable=False),  # the person who wrote them
    Index("ix_letter_template_organization", "organization", "superseded_at"),
)
