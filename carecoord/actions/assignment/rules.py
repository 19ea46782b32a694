"""The rules of an office by which new work is given away: said by its supervisor, tried on the work of the last days
before they are kept, put into an order, let go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts.work import TEAM, Colleague
from carecoord.actions.assignment import arrivals as newly
from carecoord.actions.assignment import book
from carecoord.actions.assignment.placement import Crew
from carecoord.actions.assignment.traits import arrivals
from carecoord.actions.supervision import load
from carecoord.domain.assignment.rules import Arrival, AssignmentRule, Trait, deciding
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import text
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.assignment import rules as kept
from carecoord.store.audit.events import record
from carecoord.store.database import outbox
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TRIED: Final = 1000  # of the newest referrals, on which rules are tried
DAYS: Final = 30
MOST: Final = 100  # rules of one office
LONGEST: Final = 80  # characters of a name
PRIORITIES: Final = ("stat", "asap", "urgent", "routine")


@dataclass(frozen=True)
class Trial:
    """On how many referrals of the last days rules were tried, and how many each would have decided, rule's id -> n;
    under "" those that stay nobody's. `earlier`: how many the tried rule fits that an earlier one takes."""

    n: int
    decided: Mapping[str, int]
    earlier: int = 0


@dataclass(frozen=True)
class RuleBook:
    """The rules of the asker's office, what can be asked of referrals (trait -> value -> its name), to whom they can go
    (those that are teams can be spread over), and how the rules would have decided lately."""

    rules: Sequence[AssignmentRule]
    offered: Mapping[Trait, Mapping[str, str]]
    crew: Sequence[Colleague]
    trial: Trial
    nobodys: int


def look(world: World, grant: Grant, request: str, tried: AssignmentRule | None = None) -> RuleBook:
    """The rules. tried: a rule that is not kept yet, tried with the others. Raises Forbidden. Audited as a search that
    showed nobody."""
    load.demand(grant)
    with looking(world, grant, request) as turn:
        found = _book(turn, tried)
        world.journal.append(event(turn.now, request, "search", by=grant, type="ServiceRequest", query="assignment"))
        return found


def save(world: World, grant: Grant, request: str, rule: AssignmentRule) -> None:
    """Keep a rule: a new one (`seen` 0) behind the others, or a changed one. Raises Forbidden, Unprocessable with the
    field, Conflict where somebody else changed it meanwhile."""
    load.demand(grant)
    with changing(world, grant, request) as turn:
        office = _office(grant)
        _judge(Crew(turn), rule)
        if not rule.seen and len(book.of_offices(turn.conn, [office])) >= MOST:
            raise Unprocessable(sentence("refusals.office-has-at-most-rules", most=MOST), "name")
        if not book.keep(turn.conn, office, rule, grant.subject, micros(turn.now)):
            raise Conflict(sentence("refusals.somebody-else-has-changed-this"), "seen")
        _noted(turn, "assignment-say", rule.name)


def remove(world: World, grant: Grant, request: str, id: str) -> None:
    """Let a rule go. Raises Forbidden, NotFound."""
    load.demand(grant)
    with changing(world, grant, request) as turn:
        rule = _one(turn.conn, _office(grant), id)
        kept.remove(turn.conn, _office(grant), id)
        _noted(turn, "assignment-remove", rule.name)


def advance(world: World, grant: Grant, request: str, id: str) -> None:
    """Let a rule be asked before the one that stood before it. Raises Forbidden, NotFound."""
    load.demand(grant)
    with changing(world, grant, request) as turn:
        office = _office(grant)
        rule = _one(turn.conn, office, id)
        ids = [each.id for each in book.of_offices(turn.conn, [office])]
        at = ids.index(id)
        if at:
            ids[at - 1], ids[at] = ids[at], ids[at - 1]
            kept.reorder(turn.conn, office, ids)
            _noted(turn, "assignment-order", rule.name)


def sweep(world: World, grant: Grant, request: str) -> int:
    """Have the open referrals that nobody has given away by the rules, the oldest first; returns how many are looked
    at. Raises Forbidden."""
    load.demand(grant)
    with changing(world, grant, request) as turn:
        ids = kept.nobodys(turn.conn, turn.office().organizations, TRIED)
        for id in ids:
            outbox.add(turn.conn, newly.JOB, id, b"", turn.now)
        _noted(turn, "assignment-sweep", str(len(ids)))
        return len(ids)


def _book(turn: Turn, tried: AssignmentRule | None) -> RuleBook:
    conn, ours = turn.conn, turn.office().organizations
    rules, crew = book.of_offices(conn, ours), Crew(turn)
    rows = kept.newest(conn, ours, TRIED)
    lately = arrivals(conn, rows)
    names: dict[Trait, dict[str, str]] = {
        "specialty": {row.specialty_sort: row.specialty for row in rows if row.specialty_sort},
        "payer": {row.payer_key: row.payer_name or row.payer_key for row in rows if row.payer_key},
        "performer": {row.performer: row.performer_name or row.performer for row in rows if row.performer},
        "priority": {each: each for each in PRIORITIES},
        "language": {each.traits["language"]: each.spoken for each in lately if each.traits["language"]},
    }
    for rule in [*rules, *([tried] if tried else [])]:  # what a rule asks stays to be seen when nothing has it any more
        for trait, values in rule.wanted.items():
            names[trait] |= {value: value for value in values if value not in names[trait]}
    offered = {trait: dict(sorted(each.items(), key=lambda pair: pair[1].lower())) for trait, each in names.items()}
    offered["priority"] = names["priority"]
    fresh = _of_days(turn, lately)
    trial = _trial(crew, rules, tried, fresh)
    return RuleBook(rules, offered, list(crew.known.values()), trial, len(kept.nobodys(conn, ours, TRIED)))


def _of_days(turn: Turn, lately: Sequence[Arrival]) -> list[Arrival]:
    """Those of them that were ordered in the last days."""
    since = turn.now - timedelta(days=DAYS)
    refs = [order_named(each.case) for each in lately]
    orders = {f"{row.type}/{row.id}": json.loads(row.body) for row in read.many(turn.conn, refs)}
    found = []
    for each, ref in zip(lately, refs, strict=True):
        order = orders.get("/".join(ref), {})
        at = moment(text(order, "authoredOn") or text(order.get("meta", {}), "lastUpdated"), turn.world.base.zone)
        if at is not None and at >= since:
            found.append(each)
    return found


def _trial(
    crew: Crew, rules: Sequence[AssignmentRule], tried: AssignmentRule | None, arrived: Iterable[Arrival]
) -> Trial:  # fmt: skip
    """tried stands in the place of the rule of the same id, else behind all."""
    order = list(rules)
    if tried:
        same = [n for n, each in enumerate(order) if each.id == tried.id]
        order = [tried if each.id == tried.id else each for each in order] if same else [*order, tried]
    possible = crew.possible(order)
    decided: dict[str, int] = {}
    n = earlier = 0
    for each in arrived:
        n += 1
        rule = deciding(possible, each)
        decided[rule.id if rule else ""] = decided.get(rule.id if rule else "", 0) + 1
        earlier += bool(tried and rule and rule.id != tried.id and replace(tried, active=True).fits(each))
    return Trial(n, decided, earlier)


def _judge(crew: Crew, rule: AssignmentRule) -> None:
    if not 0 < len(rule.name) <= LONGEST or not rule.name.isprintable():
        raise Unprocessable(sentence("refusals.give-rule-name-at-most", longest=LONGEST), "name")
    if rule.to not in crew.known:
        raise Unprocessable(sentence("refusals.choose-somebody-your-office-or"), "to")
    if rule.spread and rule.to != TEAM and "/" not in rule.to:
        raise Unprocessable(sentence("refusals.only-work-team-spread-over"), "to")


def _one(conn: Connection, office: str, id: str) -> AssignmentRule:
    for rule in book.of_offices(conn, [office]):
        if rule.id == id:
            return rule
    raise NotFound(sentence("refusals.there-no-such-rule-your"), "http.id")


def _office(grant: Grant) -> str:
    if not grant.organization:
        raise Unprocessable(sentence("refusals.your-account-belongs-no-office"), "name")
    return grant.organization


def _noted(turn: Turn, what: str, said: str) -> None:
    record(turn.conn, [event(turn.now, turn.request, what, by=turn.grant, query=said)])
