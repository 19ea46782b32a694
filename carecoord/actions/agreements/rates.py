"""Rates between their forms: lines of a schedule, and rows in which the few that bear on a service are found at once.
Who may see them the turn says, for every road: pages, exports, operations, the Contract itself."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection

from carecoord.actions.access.turn import Turn
from carecoord.domain.agreements.rates import RateLine, Schedule, faults
from carecoord.domain.prior_auth.code_ranges import normal, stem, stems
from carecoord.domain.resource.days import Days
from carecoord.errors import Invalid
from carecoord.fhir.code_systems import canonical
from carecoord.fhir.instants import micros
from carecoord.store.agreements import rates
from carecoord.store.agreements.rates import ABOUT, KEPT, Line, Place, Replaced
from carecoord.store.agreements.register import NO_END, NO_START, NOW
from carecoord.store.database.engine import alone
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence

_words = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Held:
    """A schedule as it is kept: under which key, and how many lines it has."""

    schedule: Schedule
    key: str
    size: int


def put_lines(conn: Connection, schedule: Schedule, lines: Iterable[RateLine], now: datetime) -> Replaced:
    """Let the lines of a schedule be these from now on, in the caller's transaction: those that stand there stay, those
    that are gone end, and the same lines again change nothing. Lines are read one by one: there may be a million.

    Raises Invalid for the first line that is not sound (`domain/agreements/rates.faults`); nothing is to be kept then.
    """
    key, at = key_of(schedule), micros(now)
    alone(conn, f"rates {key}")
    rates.put_schedule(conn, key, _about(schedule), at)
    return rates.put_lines(conn, key, map(_written, _sound(lines)), at)


def end(conn: Connection, schedule: Schedule, now: datetime) -> Replaced:
    """Let there be no such schedule from now on. What it said before stays known as it was."""
    key, at = key_of(schedule), micros(now)
    alone(conn, f"rates {key}")
    rates.end_schedule(conn, key, at)
    return rates.put_lines(conn, key, (), at)


def visible(turn: Turn, contract: str, at: int | None = None) -> list[Held]:
    """The schedules of a version of an agreement, `Contract/id`, as far as the asker may see rates; none is also what
    somebody is told who may not."""
    if not turn.sees_rates(contract):
        return []
    at = NOW if at is None else at
    found = rates.schedules(turn.conn, [contract.removeprefix("Contract/")], at)
    return [Held(_schedule(about), key, rates.size(turn.conn, key, at)) for key, about in found]


def of_contract(conn: Connection, contract: str) -> list[Schedule]:
    """The schedules of a version of an agreement, for who may see them."""
    found = rates.schedules(conn, [contract.removeprefix("Contract/")], NOW)
    return [_schedule(about) for _, about in found]


def lines(
    turn: Turn, held: Held, most: int, after: Place | None = None, at: int | None = None
) -> list[tuple[Place, RateLine]]:
    """The next lines of a schedule that `visible` has shown, in the order of their codes, each with where it stands."""
    found = rates.page(turn.conn, held.key, most, NOW if at is None else at, after)
    return [(place, read(line)) for place, line in found]


def kept(turn: Turn, held: Held, most: int) -> list[Line]:
    """The first lines of a schedule that `visible` has shown, as the values of KEPT: a RateLine each costs more than
    all else where there are many."""
    return [line for _, line in rates.page(turn.conn, held.key, most, NOW)]


def key_of(schedule: Schedule) -> str:
    """What the lines of a schedule are kept under."""
    said = f"{schedule.contract}\n{schedule.name}".encode(errors="surrogatepass")
    return hashlib.blake2b(said, digest_size=12).hexdigest()


def found(
    conn: Connection, contracts: Sequence[str], code: str, at: int | None = None
) -> list[tuple[Schedule, RateLine]]:
    """The lines under these versions, `Contract/id`, the one in force first, that may speak of a code, each with its
    schedule, whatever their days; and those of the schedules of no agreement that they refer to. A schedule takes the
    place of the one of its name in the versions before."""
    at = NOW if at is None else at
    newest: dict[str, tuple[int, str, Line]] = {}
    for key, about in rates.schedules(conn, (each.removeprefix("Contract/") for each in contracts), at):
        schedule = _schedule(about)
        mine = (contracts.index(schedule.contract), key, about)
        newest[schedule.name] = min(mine, newest.get(schedule.name, mine))
    lines = _lines(conn, {key: about for _, key, about in newest.values()}, code, at)
    names = {line.reference for _, line in lines if line.reference}
    return lines + _lines(conn, dict(rates.shared(conn, names, at)), code, at)


def _lines(conn: Connection, of: Mapping[str, Line], code: str, at: int) -> list[tuple[Schedule, RateLine]]:
    known = {key: _schedule(about) for key, about in of.items()}
    rows = rates.find(conn, sorted(known), normal(code), stems(code), at)
    return [(known[key], read(line)) for key, _, line in rows]


def _sound(lines: Iterable[RateLine]) -> Iterator[RateLine]:
    for n, line in enumerate(lines, 1):
        for field, why in faults(line):
            raise Invalid(sentence("refusals.line", n=line.line or n, field=field, why=say(why)), "http.body")
        yield line


def _about(schedule: Schedule) -> Line:
    """A schedule as the values of ABOUT."""
    contract = schedule.contract.removeprefix("Contract/")
    return contract, schedule.name, schedule.network, schedule.plan, schedule.business, schedule.currency


def _schedule(about: Line) -> Schedule:
    said: dict[str, Any] = dict(zip(ABOUT, about, strict=True))
    return Schedule(**said | {"contract": f"Contract/{said['contract']}" if said["contract"] else ""})


def _written(line: RateLine) -> tuple[str, str, Line]:
    """(digest, stem, values of KEPT) of a line."""
    start, end = line.days.start, line.days.end
    said: dict[str, Any] = {
        "valid_from": start.toordinal() if start else NO_START,
        "valid_to": end.toordinal() if end else NO_END,
        "system": canonical(line.system),
        "code": normal(line.code),
        "code_end": normal(line.code_end),
        **{name: _number(value) for name, value in line.numbers.items()},
        **{name: _encode(sorted(getattr(line, name))).decode() for name in ("modifiers", "places", "specialties")},
    }
    values = tuple(said[name] if name in said else getattr(line, name) for name in KEPT)
    digest = hashlib.blake2b(_encode(values), digest_size=16).hexdigest()
    return digest, stem(line.code, line.code_end), values


def read(values: Line) -> RateLine:
    """A line from the values of KEPT."""
    said: dict[str, Any] = dict(zip(KEPT, values, strict=True))
    start, end = said.pop("valid_from"), said.pop("valid_to")
    said |= {name: frozenset(_words(said[name])) for name in ("modifiers", "places", "specialties")}
    said |= {
        name: Decimal(said[name]) if said[name] else None for name in ("amount", "percent", "factor", "least", "most")
    }
    days = Days(
        None if start == NO_START else date.fromordinal(start), None if end == NO_END else date.fromordinal(end)
    )
    return RateLine(days=days, **said | {"lesser_of": bool(said["lesser_of"])})


def _number(value: Decimal | None) -> str:
    """A number as one text for every way of writing it: 85, 85.0 and 85.00 are one rate."""
    return "" if value is None else f"{value.normalize():f}"
