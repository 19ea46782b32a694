"""The table of the payers' rules about authorization: one row for each service, plan and diagnosis of a line.

Two times: from when until when the rule holds (days, half open, no day: without end), and from when until when we knew
it so (microseconds, half open). Rows are added and ended, never changed, so that what was known at an instant can be
asked for ever.
"""

from sqlalchemy import Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

PRESENT = 2**63 - 1  # `recorded_to` of what is known now

authorization_rule = Table(
    "authorization_rule",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("source", Str, nullable=False),  # `PlanDefinition/id`: the book, or the cover of imported lines
    Column("version", Str),  # of the book, when the line came in
    Column("recorded_from", Big, nullable=False),
    Column("recorded_to", Big, nullable=False),
    Column("stem", Str, nullable=False),  # what all codes of the range begin with; empty: any code
    Column("line", Str, nullable=False),  # the line within its source, as people find it there
    Column("element", Str, nullable=False),  # where it stands in the source (FHIRPath)
    Column("payer", Str, nullable=False),  # system|value
    Column("provider", Str, nullable=False),  # system|value of the one that is exempt; this and the rest empty: any
    Column("plan", Str, nullable=False),
    Column("business", Str, nullable=False),  # line of business
    Column("system", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("code_end", Str, nullable=False),  # the last code of a range
    Column("modifiers", Str, nullable=False),  # a JSON list, as are places, specialties and papers
    Column("places", Str, nullable=False),
    Column("setting", Str, nullable=False),
    Column("age_from", Integer),
    Column("age_to", Integer),  # the last age that is meant
    Column("sex", Str, nullable=False),
    Column("diagnosis", Str, nullable=False),
    Column("diagnosis_end", Str, nullable=False),
    Column("visit_from", Integer),
    Column("network", Str, nullable=False),  # in | out | any
    Column("specialties", Str, nullable=False),
    Column("vendor", Str, nullable=False),
    Column("valid_from", Str),  # YYYY-MM-DD
    Column("valid_to", Str),
    Column("lead_days", Integer),
    Column("papers", Str, nullable=False),
    Column("answer", Str, nullable=False),
    Column("title", Str, nullable=False),
    Column("origin", Str, nullable=False),  # where the payer says so
    Column("retrieved", Str, nullable=False),  # the day on which that was read
    Index("ix_authorization_rule_key", "payer", "stem", "plan", "provider", "recorded_to"),
    Index("ix_authorization_rule_source", "source", "recorded_to"),
)
