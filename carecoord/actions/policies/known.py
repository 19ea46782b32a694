"""The policies of those whom a case is about, as they stand or were known at an instant: the one place where they are
read."""

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection

from carecoord.domain.policies.lines import Line
from carecoord.domain.resource.days import Days
from carecoord.store.agreements.register import NO_END, NO_START, NOW
from carecoord.store.policies import lines
from carecoord.store.policies.lines import Row

EVERYBODY = ""


def policies(conn: Connection, organizations: Iterable[str], as_of: int | None = None) -> list[Line]:
    """What those with these keys (`lines.key_of`) have said, and what is said for everybody (EVERYBODY)."""
    return [line_of(row) for row in lines.find(conn, organizations, NOW if as_of is None else as_of)]


def line_of(row: Row) -> Line:
    """A row as the rules read it."""
    start = None if row.valid_from == NO_START else date.fromordinal(row.valid_from)
    end = None if row.valid_to == NO_END else date.fromordinal(row.valid_to)
    return Line(row.organization, row.business, row.name, row.value, Days(start, end))
