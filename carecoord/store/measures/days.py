"""What the observations come to on each day, for all of an office and for each value of each facet: what a page is
added up from, however many cases there are. Each row is made of the observations of its day, and made anew when one of
them changes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, delete, func, select

from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.measures.observations import Key
from carecoord.store.measures.tables import day_row, observation

_LABELS: Final = {  # facet -> the column of the case's row that says what people call its value
    "specialty": "specialty", "clinic": "performer_name", "payer": "payer_name", "coordinator": "owner_name",
    "urgency": "priority",
}  # fmt: skip
_FETCHED: Final = 5000
_c, _d = observation.c, day_row.c
_counted = select(
    _c.placer, _c.measure, _c.day, _c.hit, _c.value, *(_c[facet] for facet in _LABELS),
    *(case.c[label].label(f"{facet}_label") for facet, label in _LABELS.items()),
).outerjoin_from(observation, case, case.c.rid == _c.rid)  # fmt: skip
_in_order = _counted.order_by(_c.placer, _c.measure, _c.day)
_of_day = _counted.where(
    _c.placer == bindparam("placer"), _c.measure == bindparam("measure"), _c.day == bindparam("day")
)
_gone = delete(day_row).where(
    _d.placer == bindparam("placer"), _d.measure == bindparam("measure"), _d.day == bindparam("day")
)
_columns = (_d.measure, _d.day, _d.choice, _d.label, _d.n, _d.hits, _d.spread)
_found: Select[Any] = select(*_columns).where(
    OneOf(_d.placer, "placers"), _d.facet == bindparam("facet"), OneOf(_d.choice, "choices"),
    _d.day.between(bindparam("first"), bindparam("last")),
)  # fmt: skip
_choices = (
    select(_d.choice, func.max(_d.label))
    .where(OneOf(_d.placer, "placers"), _d.facet == bindparam("facet"), _d.choice != "", _d.day >= bindparam("first"))
    .group_by(_d.choice)
)
_clinics = select(_d.choice).where(_d.facet == "clinic", _d.choice != "", _d.day >= bindparam("first")).distinct()
_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(list[int]).decode


def remake(conn: Connection, keys: Iterable[Key]) -> None:
    """Make the rows of these days anew."""
    for key in sorted(set(keys)):
        asked = key._asdict()
        conn.execute(_gone, asked)
        bulk.insert(conn, day_row, list(_rows(key, conn.execute(_of_day, asked).all())))


def remake_all(conn: Connection) -> None:
    """Make every row anew, in one walk over the observations."""
    conn.execute(delete(day_row))
    # of this statement alone: set on the connection, PostgreSQL would be asked for a cursor over whatever comes next
    rows = conn.execute(_in_order, execution_options={"yield_per": _FETCHED})
    waiting: list[tuple[Any, ...]] = []
    for key, of_day in groupby(rows, key=lambda row: Key(row.placer, row.measure, row.day)):
        waiting += _rows(key, list(of_day))
        if len(waiting) > _FETCHED:
            bulk.insert(conn, day_row, waiting)
            waiting = []
    bulk.insert(conn, day_row, waiting)


def _rows(key: Key, counted: Sequence[Row[Any]]) -> Iterator[tuple[Any, ...]]:
    if not counted:
        return
    for facet in ("", *_LABELS):
        held: dict[str, list[Row[Any]]] = {}
        for row in counted:
            held.setdefault(getattr(row, facet) if facet else "", []).append(row)
        for choice, rows in sorted(held.items()):
            label = next((said for row in rows if facet and (said := getattr(row, f"{facet}_label"))), choice)
            spread = sorted(row.value for row in rows if row.value is not None)
            hits = sum(1 for row in rows if row.hit)
            yield key.placer, facet, choice, key.measure, key.day, label, len(rows), hits, _encode(spread).decode()


def found(
    conn: Connection, placers: Sequence[str], first: int, last: int, facet: str = "", choices: Sequence[str] = ("",)
) -> list[Row[Any]]:  # fmt: skip
    """measure, day, choice, label, n, hits, spread of these days, both ends in: of all, or of a facet's values."""
    asked = {"placers": listed(placers), "facet": facet, "choices": listed(choices), "first": first, "last": last}
    return list(conn.execute(_found, asked))


def choices(conn: Connection, placers: Sequence[str], facet: str, first: int) -> list[tuple[str, str]]:
    """The values that a facet has had since a day, with what people call them, by that."""
    rows = conn.execute(_choices, {"placers": listed(placers), "facet": facet, "first": first})
    return sorted(((value, label) for value, label in rows), key=lambda pair: (pair[1].casefold(), pair[0]))


def clinics(conn: Connection, first: int) -> list[str]:
    """The clinics (ids) to which anybody has referred since a day."""
    return sorted(conn.scalars(_clinics, {"first": first}))
