"""When a message about a referral was first read by each of those to whom it was written. Times are microseconds."""

from sqlalchemy import Column, Table

from carecoord.store.database.tables import Big, Str, metadata

message_receipt = Table(
    "message_receipt",
    metadata,
    Column("message", Str, primary_key=True),  # the id of the Communication
    Column("party", Str, primary_key=True),  # its recipient: `Type/id`
    Column("at", Big, nullable=False),
)
