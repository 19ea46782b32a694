"""The records of one person: those in whose place one stands, the one that stands in its place, and what holds for all
of them. Two belong together where both say so (`domain.patients.links.stands_for`)."""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.access.turn import Turn
from carecoord.domain.patients import links
from carecoord.domain.resource.elements import Json, key
from carecoord.fhir import text as json
from carecoord.store.guests import links as guest_links
from carecoord.store.resources import read
from carecoord.store.resources.read import Row

TYPE: Final = "Patient"
_DEEP: Final = 20  # records that may stand behind one


def behind(turn: Turn, patient: Json) -> list[Json]:
    """The records in whose place one stands, those behind them included, as far as the asker may see them."""
    found: dict[str, Json] = {}
    leading = [patient]
    while leading and len(found) < _DEEP:
        wanted = {to for each in leading for to in links.replaces(each)} - {key(patient), *found}
        rows = turn.seen_there(TYPE, _rows(turn.conn, wanted), "r") if wanted else []
        leading = [each for each in _bodies(rows) if any(links.stands_for(one, each) for one in leading)]
        found |= {key(each): each for each in leading}
    return list(found.values())


def before(turn: Turn, patient: Json) -> Json | None:
    """The record that stands in the place of this one, where the asker may see it."""
    rows = _rows(turn.conn, links.replaced_by(patient))
    found = next((row for row in rows if links.stands_for(json.loads(row.body), patient)), None)
    return json.loads(found.body) if found and turn.sees_there(TYPE, found) else None


def has_leader(conn: Connection, patient: Json) -> bool:
    """Whether a record says that another one stands in its place that is still there: a deleted one leads nobody."""
    return bool(_rows(conn, links.replaced_by(patient)))


def behind_others(conn: Connection, people: Sequence[Json]) -> frozenset[str]:
    """Those of the records, `Patient/id`, in whose place another one stands."""
    named = {to for each in people for to in links.replaced_by(each)}
    leading = {key(each): each for each in _bodies(_rows(conn, named))}
    return frozenset(
        key(each)
        for each in people
        if any(to in leading and links.stands_for(leading[to], each) for to in links.replaced_by(each))
    )


def has_stopped(conn: Connection, patient: str) -> bool:
    """Whether the person of a record, by its id, has asked for no more messages, by a link of any of their records."""
    return guest_links.has_stopped(conn, [name.partition("/")[2] for name in _person(conn, f"{TYPE}/{patient}")])


def _person(conn: Connection, name: str) -> set[str]:
    """A record with all that stand for it or behind it, whoever may see them."""
    found, reached = {name}, _bodies(_rows(conn, [name]))
    while reached and len(found) < _DEEP:
        wanted = {to for each in reached for to in links.replaces(each) + links.replaced_by(each)} - found
        others = _bodies(_rows(conn, wanted))
        reached = [
            other
            for other in others
            if any(links.stands_for(each, other) or links.stands_for(other, each) for each in reached)
        ]
        found |= {key(each) for each in reached}
    return found


def _rows(conn: Connection, names: Iterable[str]) -> list[Row]:
    ids = [to.partition("/")[2] for to in names if to.startswith(f"{TYPE}/")]
    return read.many(conn, [(TYPE, id) for id in ids])


def _bodies(rows: Iterable[Row]) -> list[Json]:
    return [json.loads(row.body) for row in rows]
