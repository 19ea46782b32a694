"""What of the data behind the asker's cases wants a person: what EHRs sent that the rules doubt, what EHRs and we say
differently, patients who may be written down twice, orders that nobody has or that are no office's. Each row names what
leads to settling it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Act
from carecoord.actions.patients.records import behind_others
from carecoord.actions.worklist.worklist import seen_cases, whole
from carecoord.domain.access import verbs
from carecoord.domain.ehrs.doubts import Doubt
from carecoord.domain.patients import links
from carecoord.domain.referrals import twins
from carecoord.domain.referrals.case import order_named
from carecoord.domain.referrals.twins import Twin
from carecoord.domain.resource.elements import Json, item, key, source, target, text
from carecoord.errors import Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.search.query import CURSOR, parse
from carecoord.store.ehrs import ehrs
from carecoord.store.resources import flags, read
from carecoord.store.search.search import find
from carecoord.store.worklist import quality
from carecoord.store.worklist.query import WorklistQuery
from carecoord.words.sentence import sentence
from carecoord.world import World

_PAGE: Final = 500  # linked patients read at once
SHOWN: Final = 25  # cases of a list of the worklist that are shown here


@dataclass(frozen=True)
class Doubted:
    """A resource in which something is doubted: what, the EHR it came from, and the case that leads to it."""

    resource: Json
    doubts: Sequence[Doubt]
    ehr: str
    case: Row[Any]


@dataclass(frozen=True)
class Pair:
    """Two records that may be of one person, each with a case of theirs, and what settles it."""

    twin: Twin
    records: tuple[Json, Json]
    one: Row[Any]
    other: Row[Any]


@dataclass(frozen=True)
class Merged:
    """A record that stands for another one too. `half`: only one of the two says so."""

    kept: Json
    replaced: Json
    half: bool


@dataclass(frozen=True)
class Unowned:
    """An order of no office's. No patient is named: who looks after EHRs sees none. `requester`: who asked for it."""

    order: str
    ehr: str
    requester: str


@dataclass(frozen=True)
class Quality:
    """Each list as far as the asker's role goes, None where it does not. `conflicts`, `nobodys`: the first cases, with
    how many there are in all."""

    doubted: Sequence[Doubted] | None
    conflicts: tuple[Sequence[Row[Any]], int] | None
    pairs: Sequence[Pair] | None
    merged: Sequence[Merged] | None
    nobodys: tuple[Sequence[Row[Any]], int] | None
    unowned: Sequence[Unowned] | None


def look(world: World, grant: Grant, request: str) -> Quality:
    """What wants a person. Raises Forbidden for who has nothing to do with it. Audited as a search for who is named."""
    if not verbs.may(grant.roles, "see-quality"):
        raise Forbidden(sentence("refusals.data-looked-after-by-coordinators"), "http.act")
    with looking(world, grant, request) as turn:
        mine = whole(grant)
        found = Quality(
            _doubted(turn) if mine else None, _cases(turn, "conflict") if mine else None,
            _pairs(turn) if mine else None, _merged(turn) if mine else None, _cases(turn, "nobody") if mine else None,
            _unowned(turn) if verbs.may(grant.roles, "manage-ehrs") else None,
        )  # fmt: skip
        shown = {each.case.patient for each in found.doubted or ()}
        shown |= {row.patient for each in (found.conflicts, found.nobodys) if each for row in each[0]}
        shown |= {row.patient for pair in found.pairs or () for row in (pair.one, pair.other)}
        shown |= {str(each["id"]) for pair in found.merged or () for each in (pair.kept, pair.replaced)}
        if mine:
            asked = event(turn.now, request, "search", by=grant, shown=sorted(shown), type="Patient", query="quality")
            world.journal.append(asked)
        return found


def done(world: World, grant: Grant, request: str, id: str) -> Act | None:
    """What was done with two records, by the id of the act; None for any other."""
    with looking(world, grant, request) as turn:
        act = provenance.find(turn.conn, id)
        mine = act is not None and act.verb in verbs.LINKAGE and act.subject == grant.subject
        return act if mine else None


def _systems(turn: Turn) -> dict[str, str]:
    return {base: one.name for one in ehrs.every(turn.conn) for base in one.bases}


def _ehr(resource: Json, systems: dict[str, str]) -> str:
    """The EHR that a resource came from, empty for one of ours."""
    came = source(resource)
    return next((name for base, name in systems.items() if came and came.startswith(base)), "")


def _doubted(turn: Turn) -> list[Doubted]:
    scope, systems = turn.cases_seen(), _systems(turn)
    rows = {row.rid: row for row in quality.doubted(turn.conn, scope)}
    bodies = turn.seen(read.many(turn.conn, [(row.type, row.id) for row in rows.values()]), "r")
    said: dict[int, list[Doubt]] = {}
    for each in flags.of(turn.conn, [row.rid for row in bodies]):
        if not each.later:
            name = f"{rows[each.rid].type}/{rows[each.rid].id}"
            said.setdefault(each.rid, []).append(Doubt(name, each.place, each.code == "required"))
    cases = quality.cases_of(turn.conn, scope, (rows[row.rid].patient for row in bodies))
    ordered = sorted((row for row in bodies if row.rid in said), key=lambda row: -row.updated)
    found = ((json.loads(row.body), said[row.rid], cases[rows[row.rid].patient]) for row in ordered)
    return [Doubted(resource, doubts, _ehr(resource, systems), case) for resource, doubts, case in found]


def _cases(turn: Turn, tab: str) -> tuple[Sequence[Row[Any]], int]:
    cases, asked = seen_cases(turn), WorklistQuery(tab)
    return cases.page(asked, SHOWN)[0], cases.count(asked)


def _pairs(turn: Turn) -> list[Pair]:
    scope = turn.cases_seen()
    ids = quality.born_alike(turn.conn, scope)
    rows = turn.seen(read.many(turn.conn, [("Patient", id) for id in ids]), "r")
    people = [person for row in rows if not row.deleted and (person := json.loads(row.body)).get("active") is not False]
    behind = behind_others(turn.conn, people)
    people = [each for each in people if key(each) not in behind]
    people.sort(key=key)
    cases = quality.cases_of(turn.conn, scope, (str(each["id"]) for each in people))
    found = ((each, twin) for n, each in enumerate(people) for twin in twins.twins(each, people[n + 1 :]))
    whose = {key(each): each for each in people}
    return [
        Pair(twin, (one, whose[twin.other]), cases[str(one["id"])], cases[twin.other.partition("/")[2]])
        for one, twin in found
    ]


def _merged(turn: Turn) -> list[Merged]:
    """The records that stand for others, or of which only one of two says so, of patients whom the asker sees: the
    halves first, then whoever was put together last."""
    said = dict.fromkeys(pair for each in _linked(turn) for pair in links.pairs(each))
    ids = sorted({name.partition("/")[2] for pair in said for name in pair})
    rows = turn.seen_there("Patient", read.many(turn.conn, [("Patient", id) for id in ids]), "r")
    held = {f"Patient/{row.id}": json.loads(row.body) for row in rows}
    known = [(held[kept], held[replaced]) for kept, replaced in said if kept in held and replaced in held]
    found = [Merged(kept, replaced, links.is_half(kept, replaced)) for kept, replaced in known]
    return sorted(found, key=lambda each: not each.half)[: quality.MOST]


def _linked(turn: Turn) -> Iterator[Json]:
    """The patients whom a link names, the last changed first: all of them, page by page, for of which kind a link is no
    index tells."""
    pairs = [("link:missing", "false"), ("_sort", "-_lastUpdated"), ("_total", "none")]
    word: str | None = ""
    while word is not None:
        asked = parse("Patient", [*pairs, (CURSOR, word)] if word else pairs, turn.world.base, strict=True)
        page = find(turn.conn, asked, turn.may("s"), page_size=_PAGE)
        yield from (json.loads(row.body) for row in page.rows)
        word = page.next


def _unowned(turn: Turn) -> list[Unowned]:
    systems, found = _systems(turn), []
    for row in read.many(turn.conn, [order_named(id) for id in quality.unowned(turn.conn)]):
        order = json.loads(row.body)
        asked = item(order, "requester")
        who = target(asked) or text(item(asked, "identifier"), "value")
        found.append(Unowned(key(order), _ehr(order, systems), who))
    return found
