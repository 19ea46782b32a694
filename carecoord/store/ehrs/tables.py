"""The tables of what is between an EHR and us: what it holds and said last, what both changed differently, and what
became of telling it.

Times are integers: microseconds since 1970-01-01 UTC.
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, text

from carecoord.store.database.tables import Big, Str, metadata

OPEN = "settled IS NULL"  # of conflicts: nobody has settled it yet
MADE = "made_here IS NOT NULL"  # of items: we made it there

ehr_item = Table(  # what an EHR was seen to hold: what a full sweep no longer finds is looked for, then deleted here
    "ehr_item",
    metadata,
    Column("ehr", Str, primary_key=True),
    Column("type", Str, primary_key=True),
    Column("id", Str, primary_key=True),  # the EHR's own id
    Column("round", Integer, nullable=False),  # the round of reading this type in which it was last seen
    Column("updated", Big),  # the EHR's meta.lastUpdated: in one round an older copy never follows a newer one
    Column("local", Str),  # our id of it; nothing else tells which EHR a resource is of
    Column("hash", LargeBinary),  # of what the EHR said last, as `resource.hash`; empty: it says that it is no more
    Column("base", LargeBinary),  # what it said last, as we keep it: only where ours is not the same
    Column("made_here", Boolean),  # we made it there: our id of it does not follow from the EHR's
    Index("ix_ehr_item_local", "type", "local"),
    Index("ix_ehr_item_made", "ehr", sqlite_where=text(MADE), postgresql_where=text(MADE)),
    sqlite_with_rowid=False,
)

ehr_conflict = Table(  # an element that an EHR and we have changed differently, until a person settles it
    "ehr_conflict",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("ehr", Str, nullable=False),
    Column("type", Str, nullable=False),
    Column("id", Str, nullable=False),  # ours
    Column("element", Str, nullable=False),  # the first of those that go together; "*": one side has deleted it
    Column("patient", Str),
    Column("base", LargeBinary, nullable=False),  # JSON: the elements that are in dispute, as each side has them
    Column("ours", LargeBinary, nullable=False),
    Column("theirs", LargeBinary, nullable=False),
    Column("stands", Str, nullable=False),  # ours | theirs: which is shown until it is settled
    Column("ours_by", Str),  # who changed it here: a person's or a service's subject
    Column("ours_at", Big),
    Column("theirs_at", Big),  # the EHR's meta.lastUpdated
    Column("found", Big, nullable=False),
    Column("settled", Big),
    Column("settled_by", Str),
    Column("choice", Str),  # ours | theirs | agreed: both say the same by now
    Index("ix_ehr_conflict_patient", "patient", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    Index(
        "ix_ehr_conflict_open", "type", "id", "element", unique=True, sqlite_where=text(OPEN),
        postgresql_where=text(OPEN),
    ),
)  # fmt: skip

ehr_delivery = Table(  # what became of telling an EHR of our latest change of a resource
    "ehr_delivery",
    metadata,
    Column("ehr", Str, primary_key=True),
    Column("type", Str, primary_key=True),
    Column("id", Str, primary_key=True),  # ours
    Column("patient", Str),
    Column("state", Str, nullable=False),  # waiting | delivered | refused | kept
    Column("why", Str, nullable=False),  # a code, see domain/ehrs/deliveries; empty when all is well
    Column("words", Str, nullable=False),  # the EHR's own, or nothing
    Column("attempts", Integer, nullable=False),
    Column("asked", Big, nullable=False),  # when we made the change
    Column("ended", Big),
    Column("version", Integer, nullable=False),  # ours, that is to be or was delivered
    Index("ix_ehr_delivery_patient", "patient"),
    Index("ix_ehr_delivery_state", "ehr", "state"),
    sqlite_with_rowid=False,
)
