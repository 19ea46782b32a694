"""The coverage gate: is the patient insured on the date, and who says so?

The card alone (its period) makes it met, unconfirmed; the payer's own answer confirms it while it is young, for the
days that the payer was asked about. Once the payer has been asked, an answer that has grown old, or that is about
another day, is no confirmation, whatever the card says.

Clause: FHIR R4 CoverageEligibilityResponse.serviced[x] ("The date or dates when the enclosed suite of services were
performed or completed"); X12 271 answers for the date of service that was asked about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from carecoord.domain.coverage.business import lines_of_business
from carecoord.domain.coverage.services import Service, made, services
from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import HL7, SELF_PAY, has
from carecoord.domain.resource.days import ALWAYS, NEVER, Days, days, doubtful, later, local, moment, sure
from carecoord.domain.resource.elements import Json, evidence, identifiers, item, items, key, target, text, whole
from carecoord.domain.resource.parties import Directory, Party, party
from carecoord.words.sentence import Value, dated, sentence

RUN = Action("run-eligibility", sentence("do.run-eligibility"))
ASK_CARD = Action("ask-card", sentence("do.ask-card"))
ANSWERED = ("complete", "partial")  # outcomes that are the payer's answer; queued and error are none yet
# What a payer says in words when it means "no", whatever inforce says.
NEGATIVE = re.compile(
    r"\b(not|no longer|isn't|no) (\w+ ){0,3}(in.?force|active|eligible|covered|enrolled|found|coverage)\b"
    r"|\b(terminat|inactive|ineligible|cancell?ed|lapsed|expired|denied|rejected)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the payer said about a card: `inforce` is None when it could not say. `served`: the days that it was asked
    about (serviced[x]) and speaks for."""

    evidence: Evidence
    at: datetime | None
    inforce: bool | None
    answered: bool
    served: Days
    benefit: Days
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question put to the payer that has no answer yet, and the days that it is about."""

    at: datetime
    evidence: Evidence
    served: Days


@dataclass(frozen=True, slots=True)
class Card:
    """One Coverage. `plan` is the value of its plan class; `answers` all of the payer, the newest first; `doubt` the
    days that the card claims or not, according to how its dates are read."""

    key: str
    evidence: Evidence
    status: str
    order: int
    days: Days
    doubt: tuple[Days, ...]
    payer: Party | None
    plan: str
    plan_name: str
    self_pay: bool
    identifiers: frozenset[str]
    answers: tuple[Answer, ...]
    inquiries: tuple[Inquiry, ...]
    businesses: frozenset[str] = frozenset()  # the lines of business that it may be of

    @property
    def payer_named(self) -> Value:
        """The payer as a sentence names it."""
        return (self.payer.name if self.payer else "") or sentence("payer.unnamed")

    @property
    def insurer(self) -> Payer:
        """Whose policy its clocks go by."""
        return Payer(self.payer, self.businesses)

    def ages(self, at: datetime, policy: Policy) -> datetime:
        """From when on an answer that the payer gave at an instant confirms nothing any more."""
        return later(at, policy.length("eligibility-age", at, self.insurer))

    def active(self, day: date) -> bool:
        """Whether the card claims the day."""
        return self.status == "active" and self.days.holds(day)

    def doubtful(self, day: date) -> bool:
        """Whether the card claims the day or not according to how its dates are read."""
        return self.status == "active" and any(each.holds(day) for each in self.doubt)

    def answer(self, day: date) -> Answer | None:
        """The newest answer of the payer that speaks for the day."""
        return next((each for each in self.answers if each.served.holds(day)), None)

    def inquiry(self, day: date) -> Inquiry | None:
        """The newest question about the day that no answer about it followed."""
        answer = self.answer(day)
        since = answer.at if answer and answer.answered else None
        return next((q for q in self.inquiries if q.served.holds(day) and not (since and since >= q.at)), None)


def cards(case: Case, known: Directory, policy: Policy) -> tuple[Card, ...]:
    """The patient's cards by order of priority; of equals the one that began last is first."""
    found = [_card(each, case, known, policy) for each in case.coverages if text(each, "status") != "entered-in-error"]
    return tuple(sorted(found, key=lambda card: (card.order, -_begun(card), card.key)))


def _begun(card: Card) -> int:
    return (card.days.start or date.min).toordinal()


def _card(coverage: Json, case: Case, known: Directory, policy: Policy) -> Card:
    me, zone, period = key(coverage), policy.zone, coverage.get("period")
    plan = next((c for c in items(coverage, "class") if has(item(c, "type"), f"{HL7}/coverage-class", "plan")), {})
    order = whole(coverage, "order")
    return Card(
        me,
        evidence(coverage, "period"),
        text(coverage, "status"),
        99 if order is None else order,
        days(period, zone) if period else NEVER,
        doubtful(period, zone),
        next((p for p in (party(each, known) for each in items(coverage, "payor")) if p), None),
        text(plan, "value").strip(),
        text(plan, "name") or text(plan, "value"),
        has(item(coverage, "type"), *SELF_PAY),
        identifiers(coverage),
        _answers(me, case, policy),
        _inquiries(me, case, policy),
        lines_of_business(coverage),
    )


def _answers(card: str, case: Case, policy: Policy) -> tuple[Answer, ...]:
    """The payer's answers about a card, the newest first; what is no answer yet stands behind all that is."""
    found = [
        _answer(response, mine, policy)
        for response in case.eligibility
        if text(response, "status") == "active"
        if (mine := [i for i in items(response, "insurance") if target(item(i, "coverage")) == card])
    ]
    newest = sorted(found, key=lambda a: (a.at is not None and a.at.timestamp(), a.evidence.reference), reverse=True)
    return tuple(sorted(newest, key=lambda answer: not answer.answered))


def _answer(response: Json, insurance: Sequence[Json], policy: Policy) -> Answer:
    """One response. It can not say whether the card is good when it is not finished, when it says both, or when its
    words deny what its flag says."""
    said = {i.get("inforce") for i in insurance if isinstance(i.get("inforce"), bool)}
    clean = text(response, "outcome") == "complete" and len(said) == 1
    denied = True in said and bool(NEGATIVE.search(text(response, "disposition")))
    return Answer(
        evidence(response, "insurance.inforce"),
        made(response, policy.zone),
        said.pop() if clean and not denied else None,
        text(response, "outcome") in ANSWERED,
        _served(response, policy),
        next((d for i in insurance if (d := sure(i.get("benefitPeriod"), policy.zone)) != ALWAYS), ALWAYS),
        services(insurance),
    )


def _served(asked: Json, policy: Policy) -> Days:
    """The days that a question or an answer is about: all of them when it names none."""
    day = asked.get("servicedDate")
    return days({"start": day, "end": day} if day else asked.get("servicedPeriod"), policy.zone)


def _inquiries(card: str, case: Case, policy: Policy) -> tuple[Inquiry, ...]:
    """The questions about a card that the payer has not answered, the newest first."""
    answered = {target(item(r, "request")) for r in case.eligibility if text(r, "outcome") != "queued"}
    found = [
        Inquiry(at, evidence(q, "created"), _served(q, policy))
        for q in case.inquiries
        if text(q, "status") == "active"
        and key(q) not in answered
        and card in (target(item(i, "coverage")) for i in items(q, "insurance"))
        if (at := moment(text(q, "created"), policy.zone))
    ]
    return tuple(sorted(found, key=lambda q: (q.at, q.evidence.reference), reverse=True))


def choose(found: Sequence[Card], named: Sequence[str], day: date) -> Card | None:
    """The card for a day: of those the order names the first that is active then, else of all the patient's; when none
    is, the one to speak about: what the order names, else the one that ended last."""
    ranked = [*(card for card in found if card.key in named), *(card for card in found if card.key not in named)]
    active = [card for card in ranked if card.active(day) or card.doubtful(day)]
    # What is in doubt gives way to another of its payer and rank, and to no card that pays after it.
    sure = (card for card in active if card.order == active[0].order and not card.doubtful(day))
    if active:
        return next((card for card in sure if card.payer and card.payer.same(active[0].payer)), active[0])
    own = [card for card in ranked if card.key in named] or ranked
    return max(own, key=lambda card: (card.status == "active", card.days.end or date.max), default=None)


def rivals(found: Sequence[Card], named: Sequence[str], chosen: Card, day: date) -> list[Card]:
    """Other cards that might be meant as well as the chosen one: active on the day, of the same rank, named by the
    order or not just as that is, and no copy of it."""
    return [
        card
        for card in found
        if card.key != chosen.key
        and card.active(day)
        and card.order == chosen.order
        and (card.key in named) == (chosen.key in named)
        and card.identifiers.isdisjoint(chosen.identifiers)
    ]


def gate(card: Card | None, day: date, now: datetime, policy: Policy) -> Gate:
    """Judge one day."""
    if card is None:
        action = Action("ask-card", sentence("do.ask-card.any"))
        reason = sentence("coverage.none")
        return Gate(rule="coverage.none", state="unknown", reason=reason, action=action, who="coordinator")
    answers = (rule(card, day, now, policy) for rule in RULES)
    return next((found for found in answers if found), None) or _by_period(card)


def _self_pay(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if not (card.self_pay and card.status == "active" and (card.days == NEVER or card.days.holds(day))):
        return None
    said = sentence("coverage.self-pay")
    return Gate(rule="coverage.self-pay", state="not-needed", reason=said, evidence=(card.evidence,))


def _inactive(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if card.active(day) or card.doubtful(day):
        return None
    payer, claims = card.payer_named, card.days
    state: GateState = "open"
    action = ASK_CARD
    if card.status != "active":
        rule = "coverage.status"
        reason = (
            sentence("coverage.status", payer=payer, status=card.status)
            if card.status
            else sentence("coverage.status.none", payer=payer)
        )
    elif claims == NEVER:
        reason, rule = sentence("coverage.dates", payer=payer), "coverage.dates"
        state, action = "unknown", RUN
    elif claims.end and claims.end <= day:
        reason, rule = sentence("coverage.ended", payer=payer, day=dated(claims.last)), "coverage.ended"
    else:
        reason, rule = sentence("coverage.later", payer=payer, day=dated(claims.start)), "coverage.later"
    proof, due = (card.evidence,), action.label
    return Gate(rule=rule, state=state, reason=reason, evidence=proof, action=action, who="coordinator", due_label=due)


def _refused(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    answer = card.answer(day)
    if not answer or answer.inforce is not False or card.inquiry(day):
        return None
    return Gate(
        rule="coverage.not-in-force",
        state="blocked",
        reason=sentence("coverage.not-in-force", payer=card.payer_named),
        evidence=(answer.evidence, card.evidence),
        action=ASK_CARD,
        who="coordinator",
        due_label=sentence("due.new-card"),
        since=answer.at,
    )


def _asked(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    inquiry = card.inquiry(day)
    if not inquiry or _confirms(card, day, now, policy):
        return None
    return Gate(
        rule="coverage.asked",
        state="pending",
        reason=sentence("coverage.asked", payer=card.payer_named),
        evidence=(inquiry.evidence, card.evidence),
        action=Action("call-payer", sentence("do.call-payer.again")),
        who="payer",
        due=policy.after(inquiry.at, "eligibility-reply", card.insurer),
        due_label=sentence("due.eligibility-answer"),
        since=inquiry.at,
    )


def _confirmed(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    answer = card.answer(day)
    if not answer or not answer.at or not _confirms(card, day, now, policy):
        return None
    reason = sentence("coverage.confirmed", payer=card.payer_named, day=local(answer.at, policy.zone))
    proof = (card.evidence, answer.evidence)
    return Gate(rule="coverage.confirmed", state="met", reason=reason, evidence=proof)


def _confirms(card: Card, day: date, now: datetime, policy: Policy) -> bool:
    answer = card.answer(day)
    young = bool(answer and answer.at and now < card.ages(answer.at, policy))
    return bool(answer and answer.inforce and young and answer.benefit.holds(day))


def _doubtful(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if not card.doubtful(day):
        return None
    said = sentence("coverage.dates.unclear", payer=card.payer_named, day=day)
    run = partial(Gate, action=RUN, who="coordinator", due_label=RUN.label)
    return run(rule="coverage.dates", state="unknown", reason=said, evidence=(card.evidence,))


def _unproven(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    """The payer was asked, and what it said does not do for the day."""
    answer = card.answer(day) or next(iter(card.answers), None)
    if not answer:
        return None
    since = answer.at
    if not answer.served.holds(day):
        served, rule = _span(answer.served), "coverage.other-day"
        reason = sentence("coverage.other-day", payer=card.payer_named, served=served, day=day)
    elif answer.inforce is None or answer.at is None:
        reason, rule = sentence("coverage.unclear", payer=card.payer_named), "coverage.unclear"
    elif not answer.benefit.holds(day):
        reason, rule = sentence("coverage.benefit-period", payer=card.payer_named), "coverage.benefit-period"
    else:
        since = card.ages(answer.at, policy)
        told, rule = local(answer.at, policy.zone), "coverage.stale"
        reason = sentence("coverage.stale", day=told, n=policy.length("eligibility-age", answer.at, card.insurer).days)
    return Gate(
        rule=rule,
        state="unknown",
        reason=reason,
        evidence=(answer.evidence, card.evidence),
        action=RUN,
        who="coordinator",
        due_label=sentence("due.eligibility-check"),
        since=since,
    )


def _by_period(card: Card) -> Gate:
    said = sentence("coverage.by-period", payer=card.payer_named)
    run = partial(Gate, action=RUN, who="coordinator")
    return run(rule="coverage.by-period", state="met", reason=said, evidence=(card.evidence,))


def _span(days: Days) -> Value:
    """Days as people say them: one day, or from one to another."""
    if days == NEVER:
        return sentence("span.unreadable")
    if days.start and days.last:
        return days.start if days.start == days.last else sentence("span.between", first=days.start, last=days.last)
    return sentence("span.from", day=days.start) if days.start else sentence("span.until", day=dated(days.last))


RULES = (_self_pay, _inactive, _refused, _asked, _confirmed, _doubtful, _unproven)
