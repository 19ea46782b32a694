"""The table of questions about cards that were put to payers: one row for each that names a payer here.

Instants are microseconds.
"""

from sqlalchemy import Column, Index, Table

from carecoord.store.database.tables import Big, Str, metadata

eligibility_question = Table(
    "eligibility_question",
    metadata,
    Column("id", Str, primary_key=True),  # of the CoverageEligibilityRequest
    Column("payer", Str, nullable=False),  # the id of the Organization that is asked
    Column("patient", Str, nullable=False),
    Column("asked", Big, nullable=False),
    Column("answered", Big),  # when the first answer was made; none: it waits
    Index("eligibility_question_payer", "payer", "answered", "asked", "id"),
    Index("eligibility_question_patient", "patient", "payer"),
)
