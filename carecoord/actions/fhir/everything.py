"""Patient/$everything: all that is about a patient, and what that refers to, as far as the asker may see each of it.

Clause: FHIR R4 patient-operation-everything.html, compartmentdefinition-patient.html. `start` and `end` are about the
dates of care: what has none comes along, for nothing says that it lies outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import cache
from itertools import product
from typing import Final
from urllib.parse import urlencode

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.fhir.read import address, known
from carecoord.actions.fhir.type_walk import Leg, walk
from carecoord.errors import Forbidden, Gone, Invalid
from carecoord.fhir import bundle
from carecoord.fhir.bundle import Found
from carecoord.fhir.instants import instant, micros, period
from carecoord.fhir.operations import arguments
from carecoord.fhir.search.params import compartment, params
from carecoord.fhir.search.query import CURSOR, NOTHING, Filter, Include, limits, parse
from carecoord.fhir.types import TYPES
from carecoord.store.resources.read import Row
from carecoord.world import World

Pairs = Sequence[tuple[str, str]]
Way = tuple[tuple[str, str], ...]

ARGUMENTS: Final = ("start", "end", "_since", "_type", "_count", CURSOR)
# By which parameter a type tells when the care was: the first of these that a resource has.
_CARE: Final = (
    "date", "clinical-date", "occurrence", "occurrence-date", "period", "effective-time", "started", "sent",
    "onset-date", "start-date", "authored", "authoredon", "authored-on", "datewritten", "event-date", "created",
    "issued", "recorded-date", "recorded", "whenhandedover", "whenprepared", "execution", "issue-date",
)  # fmt: skip
_FIRST = micros(datetime.min.replace(tzinfo=UTC))
_LAST = micros(datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True)
class _Asked:
    """The arguments. since: a FHIR dateTime. cared: the bounds of the dates of care, as search values."""

    types: tuple[str, ...]
    named: bool
    since: str | None
    cared: tuple[str, ...]
    count: int | None
    cursor: str | None


def everything(world: World, asker: Asker, id: str | None, pairs: Pairs, *, request: str = "") -> bytes:
    """A page of the record as a searchset. id: of the patient; None: of all whom the asker sees.

    Raises Invalid naming the argument, Forbidden, NotFound, Gone.
    """
    with looking(world, asker, request) as turn, noted(turn, "everything", "Patient", id, urlencode(pairs)) as shown:
        asked = _asked(arguments(pairs, ARGUMENTS), world.base.zone)
        turn.demand("Patient", "s")
        if id is not None:
            row = known(turn, "Patient", id)
            if row.deleted:
                raise Gone(f"Patient/{id} has been deleted.")
        page = walk(turn, asked.types, lambda type: _leg(turn, type, id, asked), asked.count, asked.cursor)
        others = [row for row in page.included if _is_of_nobody(row)]
        shown += [row.patient for row in (*page.rows, *others)]
        base, path = world.settings.fhir_url, f"Patient/{id}/$everything" if id else "Patient/$everything"
        kept = [(name, value) for name, value in pairs if name != CURSOR]
        links = {"self": address(base, path, pairs)}
        if page.next:
            links["next"] = address(base, path, [*kept, (CURSOR, page.next)])
        matches = [Found(row.type, row.id, turn.told(row).body) for row in page.rows]
        along = [Found(row.type, row.id, turn.told(row).body) for row in others]
        return bundle.searchset(base, matches, along, links=links, warnings=page.issues)


def _asked(given: dict[str, str], zone: tzinfo) -> _Asked:
    named = given.get("_type")
    wanted = set(named.split(",")) if named else set(_record())
    for type in sorted(wanted - set(TYPES)):
        raise Invalid(f"_type: {type[:80]!r} is not a resource type of this server.", "http._type")
    bounds = {name: _period(name, given[name], zone) for name in ("start", "end", "_since") if name in given}
    cared = []  # as moments, so that care which only reaches into the first day, or begins on the last, counts
    if "start" in bounds:
        cared.append(f"ge{_instant(bounds['start'][0])}")
    if "end" in bounds:
        cared.append(f"le{_instant(bounds['end'][1] - 1)}")
    since = _instant(bounds["_since"][0]) if "_since" in bounds else None
    count = given.get("_count")
    if count is not None and not (count.isascii() and count.isdigit()):
        raise Invalid(f"_count is a whole number, not {count[:80]!r}.", "http._count")
    types = tuple(type for type in _record() if type in wanted)
    if not types:
        raise Invalid(f"_type: none of {named!r} is ever in the record of a patient.", "http._type")
    return _Asked(types, bool(named), since, tuple(cared), int(count[:9]) if count else None, given.get(CURSOR))


def _period(name: str, value: str, zone: tzinfo) -> tuple[int, int]:
    try:
        return period(value.replace(" ", "+"), zone)  # a plus sign in an address arrives as a space
    except ValueError as e:
        raise Invalid(f"{name}: {e}.", f"http.{name}") from None


def _instant(at: int) -> str:
    return instant(min(max(at, _FIRST), _LAST))


@cache
def _record() -> tuple[str, ...]:
    """The types of a record, the patient first."""
    return ("Patient", *(type for type in TYPES if type != "Patient" and compartment(type)))


def _leg(turn: Turn, type: str, id: str | None, asked: _Asked) -> Leg | None:
    allowed = turn.filter(type, "s")
    if allowed == NOTHING:
        if asked.named:
            raise Forbidden(f"This access may not search {type}: leave it out of _type.", "http._type")
        return None
    base = turn.world.base
    inside = limits(type, _ways(type, id, asked.cared), base)
    search = parse(type, [("_lastUpdated", f"ge{asked.since}")] if asked.since else [], base, strict=True)
    references = tuple(param for param in params(type).values() if param.kind == "reference")
    search = turn.asked(replace(search, includes=(Include(references, None, False, False),)))
    both: Filter = tuple(one + other for one, other in product(allowed, inside))
    return Leg(search, lambda one: both if one == type else turn.filter(one, "s"))


@cache
def _ways(type: str, id: str | None, cared: tuple[str, ...]) -> tuple[Way, ...]:
    """The ways in which a resource of a type belongs to the record, as search arguments."""
    if type == "Patient":
        return ((("_id", id),),) if id else ((),)
    linked = [code for code in compartment(type) if "Patient" in params(type)[code].targets]
    value = ("", f"Patient/{id}") if id else (":missing", "false")
    ways = [((code + value[0], value[1]),) for code in linked]
    if not cared:
        return tuple(ways)
    dates: list[Way] = []
    none: Way = ()
    for code in [code for code in _CARE if code in params(type) and params(type)[code].kind == "date"]:
        dates.append((*none, *((code, bound) for bound in cared)))
        none = (*none, (f"{code}:missing", "true"))
    return tuple(way + date for way in ways for date in (*dates, none))


def _is_of_nobody(row: Row) -> bool:
    """What is about another patient is no part of this record, whatever refers to it."""
    return row.patient is None and not compartment(row.type)
