"""The table of the log: what happened to cases, a row an event, added in the transaction of the change that made it.

Times are integers: microseconds since 1970-01-01 UTC. Rows are added and never changed; triggers refuse it.
"""

from sqlalchemy import Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

event = Table(
    "event",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("at", Big, nullable=False),  # when it happened; when we learnt of it, where nobody says
    Column("said", Str),  # the FHIR date or dateTime that `at` was read from; none: nobody said when
    Column("recorded", Big, nullable=False),  # when we learnt of it: the write's instant
    Column("subject", Str),  # who: a person, a service, or `ehr:name`
    Column("client", Str),
    Column("organization", Str),
    Column("request", Str),  # as in the audit
    Column("patient", Str),
    Column("case_id", Str),  # the order's id; an event about several orders is a row for each
    Column("kind", Str, nullable=False),
    Column("before", Str, nullable=False),  # the state before, empty where there was nothing
    Column("state", Str, nullable=False),  # the state since
    Column("type", Str, nullable=False),
    Column("resource", Str, nullable=False),  # the id
    Column("version", Integer, nullable=False),
    Column("reason", Str),  # in the words of whoever gave one
    Column("payload", Str, nullable=False),  # JSON: what a sentence about it needs, never the sentence
    Index("ix_event_case", "case_id", "n"),
    Index("ix_event_patient", "patient", "n"),
    Index("ix_event_resource", "type", "resource", "n"),
)
