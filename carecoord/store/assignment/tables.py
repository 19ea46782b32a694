"""By which rules an office gives new work to people and teams. Times are integers: microseconds since 1970-01-01
UTC."""

from sqlalchemy import Boolean, Column, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

assignment_rule = Table(
    "assignment_rule",
    metadata,
    Column("id", Str, primary_key=True),
    Column("office", Str, nullable=False),  # id of the Organization whose new work it gives away
    Column("position", Integer, nullable=False),  # the first that fits decides; 0: it was let go
    Column("name", Str, nullable=False),
    Column("target", Str, nullable=False),  # an account, `Type/id` of a team, or the whole office
    Column("spread", Boolean, nullable=False),  # to whom of the team has the least open work
    Column("active", Boolean, nullable=False),
    Column("wanted", Str, nullable=False),  # JSON: trait -> values
    Column("letters", Str, nullable=False),  # `a-f`, folded; empty: any name
    Column("recorded", Big, nullable=False),
    Column("by", Str, nullable=False),  # the account that said so last
    Index("assignment_rule_office", "office", "position"),
)
