"""What the contract desk looks at: the register, one agreement, what stands on it. Every road here begins with whose
agreements somebody may see, so that a page, its counts, a search and a file say the same, and of an agreement that is
not theirs what is said of one that is not there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements import lines
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import agreements_of
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json
from carecoord.domain.resource.parties import directory
from carecoord.errors import Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.search.query import NOTHING
from carecoord.store.agreements import papers, roll
from carecoord.store.agreements.roll import Asked
from carecoord.store.resources import read
from carecoord.store.worklist.standings import Standing, standings
from carecoord.words.sentence import sentence
from carecoord.world import World

PAGE: Final = 50
_MOST: Final = 100_000  # lines of a file
_decode = msgspec.json.Decoder(list[tuple[str, str, str]]).decode


@dataclass(frozen=True)
class Line:
    """An agreement as the register lists it. `parties`: (`Type/id`, name, role code); `hangs`: what stands on it;
    `place`: where one of its papers says what was looked for, (id of the document, page)."""

    row: Row[Any]
    parties: Sequence[tuple[str, str, str]]
    hangs: Standing | None = None
    place: tuple[str, int] | None = None


@dataclass(frozen=True)
class Listed:
    """A page of the register on a day. `counts`: by tab and bucket; `more`: whether there are further pages;
    `nowhere`: open referrals that stand on no agreement that is known."""

    now: datetime
    day: date
    lines: Sequence[Line]
    counts: Mapping[str, int]
    more: bool
    nowhere: int


def line(row: Row[Any]) -> Line:
    """A line without what stands on it."""
    return Line(row, _decode(row.parties))


def whose(turn: Turn) -> tuple[str, ...] | None:
    """Those to whose agreements the asker is narrowed, `Organization/id`; None: everybody's. Raises Forbidden for who
    has nothing to do with agreements."""
    if not verbs.may(turn.grant.roles, "see-agreements") or turn.filter("Contract", "s") == NOTHING:
        raise Forbidden(sentence("refusals.agreements-contract-desks"))
    if turn.is_whole("Contract", "s"):
        return None
    return tuple(f"Organization/{id}" for id in turn.office().organizations)


def listed(world: World, grant: Grant, request: str, asked: Asked) -> Listed:
    """The page that is asked for; its day and whose it is are filled in here. Raises Forbidden."""
    day = today(world)
    with looking(world, grant, request) as turn:
        asked = replace(asked, today=day.toordinal(), parties=whose(turn), offices=_readers(turn, asked))
        rows = roll.page(turn.conn, asked, PAGE + 1)
        counts = roll.counts(turn.conn, asked)
        found, nowhere = _lines(turn, rows[:PAGE])
        found = _placed(turn, found, asked)
        now = turn.now
    world.journal.append(event(now, request, "search", by=grant, type="Contract"))
    return Listed(now, day, found, counts, len(rows) > PAGE, nowhere)


def every(world: World, grant: Grant, request: str, asked: Asked) -> tuple[date, list[Line]]:
    """All that is asked for, for a file. Raises Forbidden."""
    day = today(world)
    with looking(world, grant, request) as turn:
        asked = replace(asked, today=day.toordinal(), parties=whose(turn), after=None,
                        offices=_readers(turn, asked))  # fmt: skip
        found = [line(row) for row in roll.page(turn.conn, asked, _MOST)]
        now = turn.now
    world.journal.append(event(now, request, "search", by=grant, type="Contract"))
    return day, found


def today(world: World) -> date:
    """The office's day; the lines that it changes are made anew."""
    day = local(world.clock(), world.base.zone)
    lines.turn(world.engine, day)
    return day


def _lines(turn: Turn, rows: Sequence[Row[Any]]) -> tuple[list[Line], int]:
    """The rows with what stands on each, in numbers, and how many referrals stand on nothing that is known."""
    numbers = sorted({row.number for row in rows})
    found = standings(turn.conn, agreements_of(turn.office()), numbers)
    parties = {row.n: _decode(row.parties) for row in rows}
    same = copies(turn, (key for each in parties.values() for key, _, _ in each))
    made = []
    for row in rows:
        keys = frozenset(key for party, _, _ in parties[row.n] for key in same.get(party, {party}))
        hangs = next((one for one in found if one.agreement == row.number and is_of(one.party, keys)), None)
        made.append(Line(row, parties[row.n], hangs))
    return made, sum(sum(one.states.values()) for one in found if one.agreement is None)


def _readers(turn: Turn, asked: Asked) -> tuple[str, ...]:
    """Whose papers are looked through: the office's own, where one of them says the words."""
    own = turn.office().organizations
    return own if asked.words and papers.say(turn.conn, asked.words, own) else ()


def _placed(turn: Turn, found: list[Line], asked: Asked) -> list[Line]:
    """The lines with where their papers say what was looked for."""
    if not (asked.words and asked.offices):
        return found
    places = papers.places(turn.conn, (each.row.agreement for each in found), asked.words, asked.offices)
    return [replace(each, place=places.get(each.row.agreement)) for each in found]


def is_of(party: str, keys: frozenset[str]) -> bool:
    """Whether a payer, as a Standing tells of it, is one of these."""
    return party in keys or f"Organization/{party}" in keys


def copies(turn: Turn, keys: Iterable[str]) -> dict[str, frozenset[str]]:
    """By `Type/id` all keys of the organizations that are named: of their copies too."""
    named = (key for key in keys if key.startswith("Organization/"))
    return {reference: party.keys for reference, party in directory(resources(turn, named)).items()}


def resources(turn: Turn, keys: Iterable[str]) -> Iterator[Json]:
    """What stands under these keys, of those that are `Type/id`; the directory of who is who is open to all who may see
    agreements."""
    pairs = [(kind, id) for kind, slash, id in (key.partition("/") for key in sorted(set(keys))) if slash]
    return (json.loads(row.body) for row in read.many(turn.conn, pairs))
