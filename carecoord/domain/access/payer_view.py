"""What a payer's clerk sees of a case: one table for every road on which a payer looks at cases, and the values that
hold nothing else.

A payer knows what was sent to it and what it said: the requests for authorization with the orders that they name, its
answers, the papers with them, and how the agreement between it and the clinic stands today. It was told nothing of the
visit, of other payers, or of who works on the referral, and of why the patient is referred only by an order that it was
sent (decision 27). So the case is judged anew from what it was told alone: a sentence can not give away what the rules
did not know."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, tzinfo
from typing import Any, Final

from carecoord.domain.access import payer_patient
from carecoord.domain.agreements.records import Records
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.clearance.deadlines import changes_at
from carecoord.domain.clearance.facts import Facts
from carecoord.domain.clearance.parts import seen_by
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.approval import approved, numbered
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.dtr import disclosed
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.prior_auth.ruling import AuthorizationState
from carecoord.domain.referrals.case import Case, orders
from carecoord.domain.resource.codes import FORM_WANTED, PAPER_WANTED, has
from carecoord.domain.resource.days import local, midnight
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.resource.memory import interned, remembered
from carecoord.domain.resource.parties import Directory, Party
from carecoord.domain.timeline import timeline
from carecoord.domain.timeline.events import MISTAKEN, Logged
from carecoord.fhir.instants import FOREVER, micros
from carecoord.words.sentence import Sentence, Value, dated, sentence

GATES: Final = frozenset({  # rules by which a gate may speak to the payer; a bad standing is told as much as a good one
    "authorization.submitted",
    "authorization.pended",
    "authorization.contact",
    "authorization.error",
    "authorization.denied",
    "authorization.unclear",
    "authorization.payer-says-none",
    "authorization.approved",
    "authorization.part-unclear",
    "authorization.closed",
    "agreement.plan",
    "agreement.silent",
    "agreement.network",
    "agreement.excluded",
    "agreement.excluded-in-part",
    "agreement.site",
    "agreement.specialty",
    "agreement.ended",
    "agreement.later",
    "agreement.contract",
    "agreement.suspended",
    "agreement.awaited",
    "agreement.unknown",
    "agreement.not-credentialed",
    "agreement.stale",
    "agreement.licence",
    "agreement.barred",
    "agreement.perhaps-barred",
    "agreement.locum",
    "agreement.in-network",
})  # fmt: skip
EVENTS: Final = frozenset({"authorization", "coverage", "agreement", "document"})  # kinds, of what the payer was told
FACETS: Final = {"authorization": "payer_authorization", "contract": "payer_agreement", "priority": "priority"}
SORTS: Final = frozenset({"due", "patient", "specialty"})
TABS: Final = frozenset({"open", "payer", "late", "decide", "closed"})
CELLS: Final = (  # of its list as a file
    "number", "patient_name", "member_id", "specialty", "priority", "placer_name", "performer_name", "payer_name",
    "plan_name", "authorization", "authorization_note", "agreement", "agreement_note", "due", "due_label",
)  # fmt: skip
REQUEST: Final = (  # of a request for authorization in its queue: no visit, and no number of the clinic
    "root", "claim", "patient", "state", "number", "service", "code", "expedited", "patient_name", "birth_date",
    "gender", "member_id", "plan_name", "provider", "payer_agreement", "payer_agreement_number",
    "payer_agreement_until", "papers", "asked", "attached", "received", "due", "decided", "proposed", "extended",
    "level",
)  # fmt: skip
QUEUE_CELLS: Final = (  # of that queue as a file
    "number", "patient_name", "member_id", "plan_name", "service", "code", "provider", "payer_agreement_number",
    "state", "expedited", "level", "papers", "asked", "attached", "received", "due", "decided",
)  # fmt: skip
LETTER: Final = (  # that a letter to the member names beside what was asked and answered: nowhere they live or call
    "payer", "phone", "day", "number", "patient", "member", "opening",
)  # fmt: skip
_ORDER: Final = (
    "resourceType", "id", "meta", "identifier", "status", "intent", "category", "priority", "code", "subject",
    "authoredOn", "requester", "performerType", "locationReference",
)  # fmt: skip
NOBODYS: Final[Mapping[str, str]] = {}  # names of EHRs: a payer is told of none
_REASON: Final = ("reasonCode", "reasonReference")  # of an order that a request names


@dataclass(frozen=True, slots=True)
class PayerRow:
    """A row of the worklist as its payer sees it. `moves`: the next move is the payer's, and the clock its own."""

    id: str
    number: str
    open: bool
    patient_name: str
    birth_date: str | None
    gender: str | None
    member_id: str | None
    specialty: str
    priority: str
    placer_name: str | None
    performer_name: str | None
    payer_name: str | None
    plan_name: str | None
    authorization_state: str | None
    authorization_note: str | None
    agreement_state: str | None
    agreement_note: str | None
    moves: bool
    due_at: int | None
    due_label: str | None
    clock_start: int | None


_OWN: Final = {"authorization_state": "payer_authorization", "authorization_note": "payer_authorization_note",
               "agreement_state": "payer_agreement", "agreement_note": "payer_agreement_note",
               "open": "payer_open", "moves": "payer_moves", "due_at": "payer_due", "due_label": "payer_due_label",
               "clock_start": "payer_clock_start"}  # fmt: skip


def payer_row(row: Mapping[Any, Any]) -> PayerRow:
    """What of a row of the worklist its payer sees."""
    return PayerRow(**{one.name: row[_OWN.get(one.name, one.name)] for one in fields(PayerRow)})


@dataclass(frozen=True, slots=True)
class Told:
    """Of a case only what went to the payer of its card or came from it, and how it stands by that alone."""

    case: Case
    judged: Clearance


@dataclass(frozen=True)
class PayerCase:
    """What a payer was told of a case, and how it stands by that alone. `case`: only what was sent to it or came from
    it. `asks`: the papers that it waits for, as (words, due)."""

    case: Case
    known: Directory
    gates: tuple[Gate, ...]
    documents: tuple[Json, ...]
    asks: tuple[tuple[Value, datetime | None], ...]
    agreement: str  # its number


def payer_case(told: Told) -> PayerCase:
    """The case as the payer of its card sees it."""
    case, judged = told.case, told.judged
    asks = [ask for ask in judged.papers if ask.by == "payer" and ask.state != "attached"]
    number = judged.participation.number
    notices = tuple(each for each in case.records.versions if number and each.number == number)
    bare = replace(case, records=Records(versions=notices), locations=())
    return PayerCase(
        bare, judged.facts.parties, tuple(gates(judged)), timeline.disclosed(case),
        tuple((ask.words, ask.due) for ask in asks), number,
    )  # fmt: skip


def events(told: PayerCase, zone: tzinfo, logged: Iterable[Logged]) -> tuple[timeline.Event, ...]:
    """What happened, as far as the payer was told of it, newest first. logged: what the log says of the case. Of its
    requests for authorization the payer knows when they came to it: not when they were drafted, nor that we think no
    more of one; nor who at an office did what."""
    heard = [one for one in logged if one.type != "Claim" or one.state in ("submitted", MISTAKEN)]
    happened = timeline.timeline(told.case, told.known, zone, told.agreement, heard)
    return tuple(replace(event, by="") for event in happened if event.kind in EVENTS)


def references(told: PayerCase) -> set[str]:
    """What the gates and the papers name, and the order that was sent, `Type/id`."""
    sent = {key(told.case.order)} if names_order(told.case) else set[str]()
    named = {proof.reference for gate in told.gates for proof in gate.evidence}
    return sent | named | {key(each) for each in told.documents}


def names_order(told: Case) -> bool:
    """Whether a request that was sent names the order itself. Then the order went with it: "All resources referenced by
    the Claim" are in the Bundle of a request (Da Vinci PAS 2.2.1, PAS Request Bundle)."""
    return any(key(told.order) in orders(each) for each in told.claims)


def told_to_payer(case: Case, found: Clearance, policy: Policy, on: date | None = None) -> Told | None:
    """What the payer of its card was told of a case, judged for today or the day that it asks about: no day of a visit
    is known to it. None where no request went to it. found: the whole judgement."""
    told = sent_to_payer(case, found.facts, found.card)
    return judged_alone(told, found.now, policy, on) if told else None


def judged_alone(told: Case, now: datetime, policy: Policy, on: date | None = None) -> Told:
    """A case of which only this was told, judged by that."""
    return Told(told, clear(told, now, policy, on=on or local(now, policy.zone)))


def sent_to_payer(case: Case, known: Facts, card: Card | None) -> Case | None:
    """Of a case what the payer of its card was told; None where no request went to it."""
    payer = card.payer if card else None
    if card is None or payer is None:
        return None
    own = {each.key for each in known.cards if payer.same(each.payer)}
    asked = [
        r for r in known.requests
        if r.linked and r.state != "draft" and (payer.same(r.payer) if r.payer else not own.isdisjoint(r.coverages))
    ]  # fmt: skip
    if not asked:
        return None
    ids = frozenset[str]().union(*(request.claims for request in asked), (request.key for request in asked))
    claims = tuple(each for each in case.claims if key(each) in ids and text(each, "status") != "draft")
    sent = {key(each) for each in claims}
    answers = tuple(each for each in case.responses if target(item(each, "request")) in ids or key(each) in ids)
    kept = own | {key(each) for each in answers}
    named = any(key(case.order) in orders(each) for each in claims)
    wishes = tuple(each for each in case.tasks if _asks_for_paper(each, sent))
    insurance = tuple(each for each in items(case.order, "insurance") if target(each) in kept)
    return interned(Case(
        _order(case.order, named, seen_by(known.referral), insurance), _person(case.patient),
        tasks=wishes, answers=disclosed.forms(case.answers, claims, wishes),
        coverages=tuple(each for each in case.coverages if key(each) in own),
        eligibility=tuple(each for each in case.eligibility if _cards_of(each) & own),
        inquiries=tuple(each for each in case.inquiries if _cards_of(each) & own),
        claims=claims, responses=answers, documents=timeline.disclosed(replace(case, claims=claims)),
        organizations=case.organizations, locations=case.locations, practitioners=case.practitioners, roles=case.roles,
        records=case.records, policies=case.policies, systems=NOBODYS,
    ))  # fmt: skip


@remembered
def _order(order: Json, named: bool, performers: tuple[Party, ...], insurance: tuple[Json, ...]) -> Json:
    """The order as far as it is told, named or not by what was sent; it goes to the clinic and clinician of now."""
    told = {name: order[name] for name in (*_ORDER, *(_REASON if named else ())) if name in order}
    return told | {"performer": [_reference(each) for each in performers], "insurance": [*insurance]}


@remembered
def _person(patient: Json | None) -> Json | None:
    return {name: value for name, value in (patient or {}).items() if name in payer_patient.ELEMENTS} or None


def gates(judged: Clearance) -> Iterable[Gate]:
    """The gates that speak to the payer, each without what others are to do about it."""
    ruling, agreement = judged.ruling, judged.gate("agreement")
    gate = ruling.gate
    if gate.rule not in GATES and ruling.line:
        gate = _granted(ruling.line, gate, judged.date)
    for each in (gate, replace(agreement, reason=judged.participation.reason)):
        if each.rule in GATES:
            yield (
                each
                if each.who == "payer"
                else replace(
                    each, action=None, who=None, due=None, due_label=None, since=None, waits_on=None, spans=(),
                    offers=(),
                )
            )


def _granted(line: Line, gate: Gate, day: date | None) -> Gate:
    """What was granted, by its days alone: what else a visit needs is the clinics' to see to."""
    rule, last, number = "authorization.approved", line.days.last, numbered(line)
    if gate.rule == "authorization.dates-unclear":
        return Gate(rule=rule, state="unknown", reason=gate.reason, evidence=line.evidence)
    if day is None or line.days.holds(day):
        return Gate(rule=rule, state="met", reason=approved(line), evidence=line.evidence)
    said = sentence("authorization.approved.ahead", number=number, day=dated(line.days.start))
    if last and last < day:
        said = sentence("authorization.approved.ended", number=number, day=dated(last))
    return Gate(rule=rule, state="open", reason=said, evidence=line.evidence)


def authorization(judged: Clearance, policy: Policy) -> tuple[AuthorizationState, Sentence | None]:
    """(state, remark) of what the payer was asked and answered, as it stands today."""
    line = judged.ruling.line
    if line is None:
        return judged.ruling.chip, judged.ruling.remark
    today, end = local(judged.now, policy.zone), line.days.end
    if end and end <= today:
        return "expired", sentence("remark.ended", day=dated(line.days.last))
    until = sentence("remark.until", day=dated(line.days.last)) if end else None
    return "approved" if line.state == "approved" else "partly", until


def turns_at(judged: Clearance, policy: Policy) -> datetime | None:
    """When time alone may change what the payer sees."""
    line = judged.ruling.line
    untils: tuple[date | None, ...] = (judged.participation.until, line.days.end if line else None)
    ends = [_over_at(request, each, policy) for request in _asked(judged) for each in request.lines]
    moments = [changes_at(judged.facts, untils, True, judged.now, judged.facts.policy), *ends]
    return min((each for each in moments if each is not None and each > judged.now), default=None)


def is_open(judged: Clearance, policy: Policy) -> bool:
    """Whether something may still come of what the payer was asked: it is to decide, its approval runs, or its denial
    can be appealed. That the patient was seen, or will not be, it was not told."""
    return any(not _is_over(each, judged.now, policy) for each in _asked(judged))


def moves(judged: Clearance, policy: Policy) -> tuple[Gate, ...]:
    """The gates by which the next move is the payer's, whoever else has to move first, the soonest due first: asking
    for a paper does not stop its clock."""
    if not is_open(judged, policy):
        return ()
    waiting = (gate for gate in judged.gates if gate.who == "payer" and gate.unmet)
    return tuple(sorted(waiting, key=lambda gate: FOREVER if gate.due is None else micros(gate.due)))


def _asked(judged: Clearance) -> list[Request]:
    return [each for each in judged.facts.requests if each.linked and each.state != "draft"]


def _is_over(request: Request, now: datetime, policy: Policy) -> bool:
    if request.state == "cancelled":
        return True
    answered = request.state == "answered" and bool(request.lines)
    ends = [_over_at(request, line, policy) for line in request.lines]
    return answered and all(end is not None and end <= now for end in ends)


def _over_at(request: Request, line: Line, policy: Policy) -> datetime | None:
    """From when on nothing more can come of a line of an answer; None where nobody can say yet."""
    if line.state in ("cancelled", "not-required"):
        return request.decided
    if line.state == "denied":
        return request.appeal_by
    return midnight(line.days.end, policy.zone) if line.state in GRANTED and line.days.end else None


def _reference(party: Party) -> Json:
    system, _, value = party.key().partition("|")
    logical = {"identifier": {"system": system, "value": value}} if value else {}
    return {**({"reference": party.reference} if party.reference else logical), "display": party.name}


def _asks_for_paper(task: Json, claims: set[str]) -> bool:
    code = item(task, "code")
    wish = has(code, *PAPER_WANTED) or has(code, *FORM_WANTED)
    return wish and target(item(task, "reasonReference")) in claims


def _cards_of(answer: Json) -> set[str]:
    return {target(item(each, "coverage")) for each in items(answer, "insurance")}
