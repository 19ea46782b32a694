"""What people have said of themselves for their list of what waits: that they are away and who stands in, and how they
want to be told. And the notes in which somebody is named and that they have not yet taken up.

Times are integers: microseconds since 1970-01-01 UTC."""

from sqlalchemy import Boolean, Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

absence = Table(
    "absence",
    metadata,
    Column("account", Str, primary_key=True),
    Column("begins", Big, nullable=False),
    Column("ends", Big, nullable=False),
    Column("by", Str, nullable=False),  # the account that said so
    Column("recorded", Big, nullable=False),
)
absence_cover = Table(  # who stands in for which kind of what waits
    "absence_cover",
    metadata,
    Column("account", Str, primary_key=True),
    Column("kind", Str, primary_key=True),  # a domain.inbox.kinds.Kind; empty: all that no other row says
    Column("substitute", Str, nullable=False),
)
mention = Table(  # a name in a note that its bearer has not taken up, kept true by the projector
    "mention",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),  # of the Communication
    Column("person", Str, primary_key=True),  # as `case_row.owner` names people and teams
    Column("id", Str, nullable=False),  # of the Communication
    Column("case_id", Str, nullable=False),
    Column("at", Big, nullable=False),  # when it was written
    Column("by", Str, nullable=False),  # the name of who wrote it
    Index("mention_person", "person", "at", "rid"),
)
digest = Table(  # what somebody has said of the mail that tells how much waits, and the last day on which it went out
    "digest",
    metadata,
    Column("account", Str, primary_key=True),
    Column("address", Str, nullable=False),  # empty: none
    Column("wanted", Boolean, nullable=False),
    Column("sent_on", Integer, nullable=False),  # the ordinal of a day; 0: never
)
