"""The tables of the trail: who did what, the chain that seals it, and the records that were opened in an emergency.

Times are integers: microseconds since 1970-01-01 UTC. Rows of `audit` are added and never changed.
"""

from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, text

from carecoord.store.database.tables import Big, Str, metadata

OPENED = "interaction IN ('consent', 'launch')"  # what a launch begins with


def _only(rows: str) -> dict[str, Any]:
    """Of an index: that it holds only these rows."""
    return {"sqlite_where": text(rows), "postgresql_where": text(rows)}


audit = Table(
    "audit",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("id", Str, nullable=False, unique=True),  # made by the writer, so that a journal drained twice counts once
    Column("at", Big, nullable=False),
    Column("request", Str, nullable=False),
    Column("subject", Str),
    Column("client", Str),
    Column("organization", Str),
    Column("interaction", Str, nullable=False),  # read | vread | search | create | update | delete | history | ...
    Column("type", Str),
    Column("resource", Str),  # the id
    Column("version", Integer),
    Column("patient", Str),  # the one patient it was about; of several each is in audit_patient
    Column("query", Str),
    Column("status", Integer, nullable=False),
    Column("launch", Str),  # the authorization, or the launch from an EHR, under which an app asked
    Column("emergency", Str),  # break_glass.id, when that alone opened the record
    Index("ix_audit_patient", "patient", "at"),
    Index("ix_audit_subject", "subject", "at"),
    Index("ix_audit_client", "client", "at"),
    Index("ix_audit_interaction", "interaction", "at"),
    Index("ix_audit_emergency", "at", **_only("emergency IS NOT NULL")),
    Index("ix_audit_launch", "launch", **_only(OPENED)),
    Index("ix_audit_at", "at"),
)

audit_patient = Table(  # every patient of an interaction that showed several: a page of a search may speak of many
    "audit_patient",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=False),  # audit.n
    Column("patient", Str, primary_key=True),
    Column("at", Big, nullable=False),  # audit.at: what one patient's trail is ordered by
    Index("ix_audit_patient_patient", "patient", "at"),
    sqlite_with_rowid=False,
)

audit_seal = Table(  # the hash chain over the audit rows, in a table of its own: an audit row is never touched again
    "audit_seal",
    metadata,
    Column("seal", Big, primary_key=True, autoincrement=False),  # 1, 2, 3 … without a gap
    Column("n", Big, nullable=False, unique=True),  # audit.n
    Column("hash", LargeBinary, nullable=False),  # sha256(hash of the seal before | the row)
)

break_glass = Table(  # somebody opened a record that is not theirs, and said why
    "break_glass",
    metadata,
    Column("id", Str, primary_key=True),
    Column("subject", Str, nullable=False),  # the person
    Column("patient", Str, nullable=False),
    Column("reason", Str, nullable=False),  # a code, see domain
    Column("note", Str, nullable=False),  # in the person's own words
    Column("started", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("ended", Big),
    Column("reviewed", Big),
    Column("reviewer", Str),
    Index("ix_break_glass_subject", "subject", "patient", "expires"),
    Index("ix_break_glass_started", "started"),
)
