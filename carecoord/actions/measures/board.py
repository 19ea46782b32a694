"""The measures as somebody sees them: of the referrals that their office makes, without those of patients whose
Consents keep them from the asker. Added up from the rows of days; nothing is counted here, and nothing is written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.measures import count
from carecoord.domain.access import verbs
from carecoord.domain.measures.definitions import FACETS, MEASURES, Definition, Name
from carecoord.domain.measures.figures import DAY, Figure, Tally, figure, joined, without
from carecoord.domain.resource.days import add_months, local, shifted
from carecoord.errors import Forbidden, Invalid
from carecoord.fhir.instants import moment
from carecoord.store.measures import days, observations, third_free
from carecoord.words.sentence import sentence
from carecoord.world import World

SPANS: Final = (30, 90, 365)  # days that a figure may be of
MONTHS: Final = 13
Choices = tuple[tuple[str, tuple[str, ...]], ...]
_Daily = Mapping[tuple[str, int], Tally]


@dataclass(frozen=True)
class Asked:
    """What is looked at: whole days, both ends in, and what they are narrowed to: (one of FACETS, its alternatives)."""

    first: date
    last: date
    choices: Choices = ()


@dataclass(frozen=True)
class Measured:
    """A measure: of the days that were asked for, and of each month, (its first day, figure), the oldest first."""

    definition: Definition
    figure: Figure
    months: Sequence[tuple[date, Figure]]


@dataclass(frozen=True)
class Board:
    """`counted`: when the log was last followed to its end; None: never. `choices`: (value, what people call it)."""

    now: datetime
    asked: Asked
    counted: datetime | None
    measures: Mapping[Name, Measured]
    choices: Mapping[str, Sequence[tuple[str, str]]]


def yesterday(world: World) -> date:
    """The last day that is over: figures are of whole days."""
    return shifted(local(world.clock(), world.base.zone), -1)


def asked(world: World, span: int, choices: Choices = ()) -> Asked:
    """The last so many days, up to yesterday."""
    last = yesterday(world)
    return Asked(shifted(last, 1 - span), last, choices)


def board(world: World, grant: Grant, asked: Asked, request: str) -> Board:
    """All measures. Raises Forbidden. Audited as a search that showed nobody."""
    demand(grant)
    with looking(world, grant, request) as turn:
        said = count.counted_at(turn.conn)
        offices, start = turn.office().organizations, _months(asked.last)[0]
        daily = _daily(turn, offices, min(asked.first, start), asked)
        found = {name: _measured(each, daily, asked) for name, each in MEASURES.items() if not each.diaries}
        found |= {name: _ahead(turn, each, asked) for name, each in MEASURES.items() if each.diaries}
        since = start.toordinal()
        choices = {facet: days.choices(turn.conn, offices, facet, since) for facet in FACETS}
        world.journal.append(event(turn.now, request, "search", by=grant, type="ServiceRequest", query="measures"))
        ordered = {name: found[name] for name in MEASURES}
        return Board(turn.now, asked, moment(said) if said else None, ordered, choices)


def demand(grant: Grant) -> None:
    """Raise Forbidden for whom no figures of an office are meant."""
    if not verbs.may(grant.roles, "see-measures"):
        raise Forbidden(sentence("refusals.measures-office-for-those-who"), "http.role")


def checked(choices: Iterable[tuple[str, Sequence[str]]]) -> Choices:
    """What figures are narrowed to, in the order of the facets. Raises Invalid for what is no facet."""
    given = {name: tuple(dict.fromkeys(values)) for name, values in choices if values}
    for name in given:
        if name not in FACETS:
            raise Invalid(
                sentence("refusals.measures-can-not-be-narrowed", name=repr(name), facets=", ".join(FACETS)),
                f"http.{name}",
            )
    return tuple((name, given[name]) for name in FACETS if name in given)


def _months(last: date) -> list[date]:
    """The first days of the months that are drawn, the oldest first."""
    here = last.replace(day=1)
    return [add_months(here, back) for back in range(1 - MONTHS, 1)]


def _daily(turn: Turn, offices: Sequence[str], since: date, asked: Asked) -> _Daily:
    """What each measure counted on each day. By one facet it stands in the rows of days; by several, each counts."""
    first, last = since.toordinal(), asked.last.toordinal()
    withheld = turn.denied().cases()
    if len(asked.choices) > 1:
        rows = observations.counted(turn.conn, offices, first, last, asked.choices)
        return _by_day(row for row in rows if row.patient not in withheld)
    facet, values = asked.choices[0] if asked.choices else ("", ("",))
    found: dict[tuple[str, int], list[Tally]] = {}
    for row in days.found(turn.conn, offices, first, last, facet, values):
        found.setdefault((row.measure, row.day), []).append(Tally(row.n, row.hits, tuple(days.decode(row.spread))))
    daily = {key: joined(tallies) for key, tallies in found.items()}
    kept = observations.of_patients(turn.conn, withheld, offices, first, last) if withheld else []
    mine = (row for row in kept if all(getattr(row, name) in values for name, values in asked.choices))
    return daily | {key: without(daily[key], hidden) for key, hidden in _by_day(mine).items() if key in daily}


def _by_day(rows: Iterable[Any]) -> dict[tuple[str, int], Tally]:
    found: dict[tuple[str, int], list[Any]] = {}
    for row in rows:
        found.setdefault((row.measure, row.day), []).append(row)
    return {key: tally(each) for key, each in found.items()}


def tally(rows: Sequence[Any]) -> Tally:
    """What observations come to."""
    values = tuple(row.value for row in rows if row.value is not None)
    return Tally(len(rows), sum(1 for row in rows if row.hit), values)


def _measured(what: Definition, daily: _Daily, asked: Asked) -> Measured:
    mine = {day: counted for (name, day), counted in daily.items() if name == what.name}
    months: dict[date, list[Tally]] = {first: [] for first in _months(asked.last)}
    for day, counted in mine.items():
        month = date.fromordinal(day).replace(day=1)
        if month in months:
            months[month].append(counted)
    here = joined(each for day, each in mine.items() if asked.first.toordinal() <= day <= asked.last.toordinal())
    drawn = [(month, figure(what, joined(each))) for month, each in months.items()]
    return Measured(what, figure(what, here), drawn)


def _ahead(turn: Turn, what: Definition, asked: Asked) -> Measured:
    """How far ahead clinics have their third free slot: as last looked at, and at the end of each month."""
    months, offices = _months(asked.last), turn.office().organizations
    clinics = observations.clinics(turn.conn, offices, months[0].toordinal(), asked.last.toordinal(), asked.choices)
    today = local(turn.now, turn.world.base.zone)
    found: dict[int, list[int]] = {}
    for row in third_free.between(turn.conn, clinics, months[0].toordinal(), today.toordinal()):
        found.setdefault(row.day, []).append(row.days * DAY)
    by_month = {date.fromordinal(day).replace(day=1): day for day in sorted(found)}

    def of(day: int | None) -> Figure:
        values = found.get(day, []) if day is not None else []
        return figure(what, Tally(len(values), len(values), tuple(values)))

    return Measured(what, of(max(found, default=None)), [(month, of(by_month.get(month))) for month in months])
