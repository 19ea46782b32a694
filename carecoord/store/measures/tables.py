"""What is counted for the measures: a row an observation of a case, and for each day what these come to.

Days are proleptic ordinals. The rows of days are made of the observations alone, and the observations of the log of
events and the worklist's rows: all of it can be thrown away and made anew.
"""

from sqlalchemy import Boolean, Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

observation = Table(
    "measure_observation",
    metadata,
    Column("case_id", Str, primary_key=True),
    Column("measure", Str, primary_key=True),
    Column("resource", Str, primary_key=True),  # what it is about; empty: the case itself
    Column("rid", Big, nullable=False),  # of the case's row
    Column("patient", Str, nullable=False),
    Column("placer", Str, nullable=False),  # the office whose figures these are: an Organization id
    Column("day", Integer, nullable=False),
    Column("hit", Boolean, nullable=False),
    Column("value", Big),
    Column("reason", Str, nullable=False),
    # by what the figures are narrowed, as the case stood when it was counted last
    Column("specialty", Str, nullable=False),
    Column("clinic", Str, nullable=False),
    Column("payer", Str, nullable=False),
    Column("coordinator", Str, nullable=False),
    Column("urgency", Str, nullable=False),
    Index("measure_observation_day", "placer", "measure", "day"),
    Index("measure_observation_patient", "patient"),
)

day_row = Table(
    "measure_day",
    metadata,
    Column("placer", Str, primary_key=True),
    Column("facet", Str, primary_key=True),  # empty: all that the office has
    Column("choice", Str, primary_key=True),  # the facet's value
    Column("measure", Str, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("label", Str, nullable=False),  # what people call the choice
    Column("n", Integer, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("spread", Str, nullable=False),  # JSON: the values, sorted
    Index("measure_day_measure", "placer", "measure", "day"),
    sqlite_with_rowid=False,
)

third_free = Table(  # on which day which clinic had its third free slot how many days ahead
    "measure_third_free",
    metadata,
    Column("clinic", Str, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("days", Integer, nullable=False),
)
