"""A call of coverage requirements discovery answered, from the payer's rules and from who takes part in its networks.
What did not come along is asked of the EHR that calls; where that fails, a card says so.

Clauses: CDS Hooks 2.0; Da Vinci CRD 2.2.1 (hook-9, hook-10, hook-13: 400 for a card of no payer of ours, for none and
for several; 412 where what has to be known did not come along and can not be asked for)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import msgspec

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements import participation
from carecoord.actions.clearance import rule_lines
from carecoord.actions.prior_auth.crd import ehr_queries
from carecoord.actions.prior_auth.pas.explode import partner
from carecoord.actions.worklist import project
from carecoord.domain.agreements.participation import Result
from carecoord.domain.clearance import parts
from carecoord.domain.coverage.same_coverage import differ
from carecoord.domain.prior_auth import question
from carecoord.domain.prior_auth.crd import coverage_information, satisfaction, services
from carecoord.domain.prior_auth.crd.coverage_information import Verdict
from carecoord.domain.prior_auth.crd.satisfaction import Wanted
from carecoord.domain.prior_auth.crd.services import Call
from carecoord.domain.prior_auth.decisions import Line, lines
from carecoord.domain.prior_auth.dtr import package
from carecoord.domain.prior_auth.pas import inquiry
from carecoord.domain.prior_auth.pas.answer import numbers
from carecoord.domain.prior_auth.pas.request import references
from carecoord.domain.prior_auth.question import Known, Question
from carecoord.domain.prior_auth.requests import focal
from carecoord.domain.prior_auth.requirements import Requirement, requirement
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.prior_auth.ruling import NETWORK
from carecoord.domain.questionnaires.form import canonical
from carecoord.domain.resource.days import Days, local, sure
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, pairs, target, text
from carecoord.domain.resource.parties import Party, directory, is_payer
from carecoord.errors import Invalid, NotFound, Stale
from carecoord.fhir import code_systems
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import writing
from carecoord.store.prior_auth import authorizations, exchanges
from carecoord.store.prior_auth.exchanges import Exchange
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

_PLAN: Final = "plan"
_PARTIES: Final = ("Organization", "Location", "Practitioner", "PractitionerRole")
_OURS: Final = "carecoord"  # who speaks where no payer does


@dataclass(frozen=True)
class _Card:
    coverage: Json
    payer: Party
    plan: str


def answered(world: World, asker: Grant, service: str, body: Json, request: str) -> Json:
    """The cards and actions. Raises Invalid (400), NotFound for a service that there is none of, Stale (412)."""
    if service not in services.SERVICES:
        raise NotFound("There is no such service.", "http.url")
    began = world.clock()
    body, trouble = ehr_queries.completed(world, service, body)
    with looking(world, asker, request) as turn:
        try:
            found = _judged(turn, service, body)
        except (Invalid, Stale):
            if trouble is None:
                raise
            found = coverage_information.unread(say(trouble), _OURS)
        row = _row(turn, began, service, json.dumps(services.without_token(body)), json.dumps(found))
    with writing(world.engine) as conn:
        exchanges.keep(conn, row)
    return found


def _judged(turn: Turn, service: str, body: Json) -> Json:
    call = services.read(service, body)
    card = _card(turn, call)
    day = local(turn.now, turn.world.base.zone)
    verdicts = [_verdict(turn, call, card, order, day) for order in call.orders]
    return coverage_information.answer(verdicts, day, card.payer.name, call.wants)


def _row(turn: Turn, began: datetime, service: str, sent: bytes, answer: bytes) -> Exchange:
    """The call with its answer: payers are asked later what they said."""
    now, ended = micros(began), micros(turn.world.clock())
    digest = hashlib.sha256(sent).digest()
    return Exchange(
        turn.world.new_id(), now, ended - now, True, service, services.VERSIONS[-1], partner(turn), None, digest, 200,
        None, {}, sent, answer, {},
    )  # fmt: skip


def _card(turn: Turn, call: Call) -> _Card:
    """The one card that counts, and its payer as we know it."""
    cards = [each for each in call.named("Coverage") if text(each, "status") in ("", "active")]
    if not call.along:
        raise Stale("The prefetch is missing, and no token to ask for it came along.", "prefetch")
    if len(cards) != 1:
        raise Invalid(f"The call brings {len(cards)} active Coverages: send one.", "prefetch.coverage")
    card = cards[0]
    for reference in items(card, "payor"):
        named = call.along.get(target(reference), {})
        keys = identifiers(named) | identifiers({"identifier": [item(reference, "identifier")]})
        rows = [row for row in registry.identified(turn.conn, "Organization", pairs(keys)) if not row.deleted]
        payers = [each for each in (json.loads(row.body) for row in rows) if is_payer(each)]
        if payers:
            party = next(iter(directory(payers).values()))
            return _Card(card, party, _plan(card))
    raise Invalid("The payer of this Coverage is none of this server's.", "Coverage.payor")


def _plan(card: Json) -> str:
    kinds = ((text(c, "code"), text(each, "value")) for each in items(card, "class")
             for c in items(item(each, "type"), "coding"))  # fmt: skip
    return next((value for kind, value in kinds if kind == _PLAN), "")


def _verdict(turn: Turn, call: Call, card: _Card, order: Json, day: date) -> Verdict:
    wanted = services.codings(order)
    performers = _performers(call, order)
    payers = [each for each in card.payer.keys if "|" in each]
    plans = [card.plan] if card.plan else None
    rules = rule_lines.find(turn.conn, payers, plans, [code for _, code in wanted], performers)
    told = question.ordered(order, call.named("Location"))
    known = replace(told, codes=wanted, providers=frozenset(performers))
    span = satisfaction.span(order, day, turn.world.base.zone)
    need = _need(turn, card, known, rules, performers, span)
    if not satisfaction.throughout([sure(card.coverage.get("period"), turn.world.base.zone)], span):
        need = Requirement(None, sentence("discovery.card"))
    origin = next((rule.origin for rule in rules if rule.evidence in need.evidence and rule.origin), "")
    forms = _forms(turn, need, card.payer)
    satisfied = _satisfied(turn, call, card, _wanted(call, order, known, span)) if need.needed else ""
    return Verdict(order, card.coverage, need, say(need.reason), origin, forms, satisfied)


def _need(
    turn: Turn, card: _Card, known: Known, rules: Sequence[Rule], performers: list[str], span: Days
) -> Requirement:
    """What is needed on the days of an order: on any of them an authorization, else what nobody can tell of one of
    them, else what holds of all. What is for no last day is judged as of its first."""
    first = span.start or local(turn.now, turn.world.base.zone)
    ahead = {day for day in question.edges(rules, known) if span.holds(day)} | {span.last or first}
    needs = [
        requirement(Question(known=known, payer=card.payer, plan=card.plan, day=day, network=network), rules)
        for day in sorted({first} | (ahead if span.end else set()))
        for network in [NETWORK[_network(turn, card, performers, day)]]
    ]
    needed = (each for each in needs if each.needed)
    return next(needed, None) or next((each for each in needs if each.answer is None), needs[0])


def _forms(turn: Turn, need: Requirement, payer: Party) -> tuple[str, ...]:
    """The payer's forms for the papers that are wanted, by canonical."""
    if not need.papers:
        return ()
    kept = [json.loads(row.body) for row in registry.every(turn.conn, "Questionnaire") if row.body]
    return tuple(canonical(each) for each in package.for_papers(kept, need.papers, frozenset(payer.keys)))


def _wanted(call: Call, order: Json, known: Known, span: Days) -> Wanted:
    sites = [target(each) for each in (*items(order, "locationReference"), *services.performers(order))]
    there = [each for each in call.named("Location") if key(each) in sites]
    places = frozenset[str]().union(*(known.sites.get(key(each), frozenset()) for each in there))
    codes = frozenset((code_systems.canonical(system), code) for system, code in known.codes)
    return Wanted(
        known=replace(known, codes=codes, places=known.places or places or None),
        days=span,
        performers=frozenset[str]().union(*map(identifiers, services.doers(call, order))),
        sites=frozenset[str]().union(*map(identifiers, there)),
    )


def _satisfied(turn: Turn, call: Call, card: _Card, wanted: Wanted) -> str:
    """The number of an authorization of this member at this payer that covers what is wanted and of which there is
    something left; the asker has to see the request itself."""
    zone = turn.world.base.zone
    for each in sorted(_members(turn, call, card.coverage)):
        rows = turn.seen(read.of_patient(turn.conn, each, ["Claim", "ClaimResponse"]), "r")
        stored = [json.loads(row.body) for row in rows if not row.deleted]
        claims = [one for one in stored if one["resourceType"] == "Claim" and _is_under(turn, one, card)]
        answers = [one for one in stored if one["resourceType"] == "ClaimResponse"]
        books = {row.claim: row.lines for row in authorizations.of_patient(turn.conn, each)} if claims else {}
        for chain in inquiry.chains(claims, answers):
            answer = satisfaction.answer(chain, zone)
            if answer is None:
                continue
            left = [line["left"] for line in msgspec.json.decode(books.get(key(chain[0]), "[]"))]
            granted = _lines(turn, chain[0], answer)
            found = satisfaction.number(granted, left, wanted)
            if found is not None and (said := found or satisfaction.only(granted, numbers(answer))):
                return said
    return ""


def _lines(turn: Turn, claim: Json, answer: Json) -> tuple[Line, ...]:
    """The lines of an answer as the gate of a case reads them."""
    named = [each.split("/", 1) for one in (claim, answer) for each in references(one) if each.count("/") == 1]
    given = _kept(turn, named)
    behind = [target(item(each, name)).split("/", 1) for each in given for name in ("practitioner", "organization")]
    given += _kept(turn, behind)
    kinds = {name: tuple(each for each in given if each["resourceType"] == name) for name in _PARTIES}
    known = parts.known(kinds["Organization"], kinds["Location"], kinds["Practitioner"])
    roles = parts.roles(kinds["PractitionerRole"], known)
    return lines(claim, answer, known, roles, project.policy(turn.world.settings))


def _kept(turn: Turn, named: Iterable[Sequence[str]]) -> list[Json]:
    """The parties of these names."""
    wanted = dict.fromkeys((each[0], each[1]) for each in named if len(each) == 2 and each[0] in _PARTIES)
    return [json.loads(row.body) for row in read.many(turn.conn, list(wanted)) if not row.deleted]


def _members(turn: Turn, call: Call, coverage: Json) -> set[str]:
    """The records here of whom a call is about, by id: whose card has the numbers of this one, and who is the same
    person; the ids of an EHR are not ours."""
    keys = identifiers(coverage)
    cards = registry.identified(turn.conn, "Coverage", pairs(sorted(keys))) if keys else []
    found = {target(item(json.loads(row.body), "beneficiary")) for row in cards if not row.deleted}
    known = {each.partition("/")[2] for each in found}
    number = text(coverage, "subscriberId")
    known |= set(authorizations.patients_of_number(turn.conn, number)) if number else set()
    rows = read.many(turn.conn, [("Patient", id) for id in sorted(known - {""})]) if call.person else []
    people = [json.loads(row.body) for row in rows if not row.deleted]
    return {text(each, "id") for each in people if satisfaction.is_same_person(call.person, each)}


def _is_under(turn: Turn, claim: Json, card: _Card) -> bool:
    """Whether a request went to the payer of a card, and not under another plan or member number of it."""
    kind, _, id = target(item(claim, "insurer")).partition("/")
    row = read.get(turn.conn, kind, id) if kind == "Organization" else None
    if row is None or row.deleted or identifiers(json.loads(row.body)).isdisjoint(card.payer.keys):
        return False
    named = [("Coverage", each.partition("/")[2]) for each in focal(claim) if each.startswith("Coverage/")]
    held = [json.loads(each.body) for each in read.many(turn.conn, named) if not each.deleted]
    return not held or any(not differ(card.coverage, each) for each in held)


def _performers(call: Call, order: Json) -> list[str]:
    """The identifiers of who is to do it, `system|value`."""
    references = [target(each) for each in services.performers(order)]
    references += [call.performer] if call.performer else []
    found = frozenset[str]().union(*(identifiers(call.along.get(each, {})) for each in references))
    return sorted(found)


def _network(turn: Turn, card: _Card, performers: list[str], day: date) -> Result:
    """Whether one of these takes part in the networks of the plan on the day."""
    payer = card.payer.key()
    for each in performers:
        if not card.plan or not payer:
            break
        try:
            return participation.result(turn, {"provider": each, "plan": card.plan, "payer": payer}, day)
        except (Invalid, NotFound):  # nobody whom the register knows
            continue
    return "unknown"
