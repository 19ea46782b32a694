"""The coverage gate: is the patient insured on the date, and who says so?

The card alone (its period) makes it met, unconfirmed; the payer's own answer confirms it while it is young. Once the
payer has been asked, an answer that has grown old is no confirmation any more, whatever the card says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.calendar import NEVER, Days, counted, days, moment, spoken
from carecoord.domain.case import Case
from carecoord.domain.gate import Action, Evidence, Gate
from carecoord.domain.parties import Directory, Party, party
from carecoord.domain.policy import Policy
from carecoord.domain.reading import Json, evidence, item, items, key, target, text
from carecoord.domain.terms import HL7, SELF_PAY, has

RUN = Action("run-eligibility", "Run eligibility")
ASK_CARD = Action("ask-card", "Ask the patient for the new card")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the payer said about a card: `inforce` is None when it could not say."""

    evidence: Evidence
    at: datetime | None
    inforce: bool | None
    benefit: Days
    words: str


@dataclass(frozen=True, slots=True)
class Card:
    """One Coverage. `plan` is the value of its plan class; `answer` the latest of the payer; `asked` when a question
    was put to the payer that has no answer yet."""

    key: str
    evidence: Evidence
    status: str
    order: int
    days: Days
    payer: Party | None
    plan: str
    plan_name: str
    self_pay: bool
    answer: Answer | None
    asked: datetime | None
    question: Evidence | None

    @property
    def payer_name(self) -> str:
        """What people call the payer."""
        return (self.payer.name if self.payer else "") or "the payer"

    def active(self, day: date) -> bool:
        """Whether the card claims the day."""
        return self.status == "active" and self.days.holds(day)


def cards(case: Case, known: Directory, policy: Policy) -> tuple[Card, ...]:
    """The patient's cards, by order of priority."""
    found = [_card(each, case, known, policy) for each in case.coverages if text(each, "status") != "entered-in-error"]
    return tuple(sorted(found, key=lambda card: (card.order, card.key)))


def _card(coverage: Json, case: Case, known: Directory, policy: Policy) -> Card:
    me, zone = key(coverage), policy.zone
    plan = next((c for c in items(coverage, "class") if has(item(c, "type"), f"{HL7}/coverage-class", "plan")), {})
    answers = [
        _answer(r, i, policy)
        for r in case.eligibility
        if text(r, "status") == "active"
        for i in items(r, "insurance")
        if target(item(i, "coverage")) == me
    ]
    answer = max(answers, key=lambda a: (a.at is not None and a.at.timestamp(), a.evidence.reference), default=None)
    answered = {target(item(r, "request")) for r in case.eligibility}
    questions = [
        (at, evidence(q, "created"))
        for q in case.inquiries
        if text(q, "status") == "active"
        and key(q) not in answered
        and me in (target(item(i, "coverage")) for i in items(q, "insurance"))
        if (at := moment(text(q, "created"), zone)) and not (answer and answer.at and answer.at >= at)
    ]
    asked, question = max(questions, key=lambda pair: pair[0], default=(None, None))
    order = coverage.get("order")
    return Card(
        me,
        evidence(coverage, "period"),
        text(coverage, "status"),
        order if isinstance(order, int) else 99,
        days(coverage.get("period"), zone) if coverage.get("period") else NEVER,
        next((p for p in (party(each, known) for each in items(coverage, "payor")) if p), None),
        text(plan, "value"),
        text(plan, "name") or text(plan, "value"),
        has(item(coverage, "type"), *SELF_PAY),
        answer,
        asked,
        question,
    )


def _answer(response: Json, insurance: Json, policy: Policy) -> Answer:
    inforce = insurance.get("inforce")
    clean = text(response, "outcome") == "complete" and isinstance(inforce, bool)
    return Answer(
        evidence(response, "insurance.inforce"),
        moment(text(response, "created"), policy.zone),
        inforce if clean else None,
        days(insurance.get("benefitPeriod"), policy.zone),
        text(response, "disposition"),
    )


def choose(found: Sequence[Card], named: Sequence[str], day: date) -> Card | None:
    """The card for a day: of those the order names the first that is active then, else of all the patient's; when none
    is, the one to speak about: what the order names, else the one that ended last."""
    ranked = [*(card for card in found if card.key in named), *(card for card in found if card.key not in named)]
    active = next((card for card in ranked if card.active(day)), None)
    if active or not ranked:
        return active
    own = [card for card in ranked if card.key in named] or ranked
    return max(own, key=lambda card: (card.status == "active", card.days.end or date.max))


def gate(card: Card | None, day: date, now: datetime, policy: Policy) -> Gate:
    """Judge one day."""
    if card is None:
        action = Action("ask-card", "Ask the patient for the insurance card")
        return Gate(
            "coverage", "unknown", "No coverage is known for this patient.", "coverage.none", (), action, "coordinator"
        )
    answers = (rule(card, day, now, policy) for rule in RULES)
    return next((found for found in answers if found), None) or _by_period(card)


def _self_pay(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if not (card.self_pay and card.status == "active"):
        return None
    return Gate("coverage", "not-needed", "The patient pays for this visit.", "coverage.self-pay", (card.evidence,))


def _inactive(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if card.active(day):
        return None
    payer, claims = card.payer_name, card.days
    state, action = "open", ASK_CARD
    if card.status != "active":
        reason, rule = f"The {payer} coverage is {card.status or 'not active'}.", "coverage.status"
    elif claims == NEVER:
        state, reason, rule, action = "unknown", f"The {payer} card gives no dates.", "coverage.dates", RUN
    elif claims.end and claims.end <= day:
        reason, rule = f"{payer} coverage ends {spoken(claims.last)}, before the visit.", "coverage.ended"
    else:
        reason, rule = f"{payer} coverage starts {spoken(claims.start)}, after the visit.", "coverage.later"
    return Gate("coverage", state, reason, rule, (card.evidence,), action, "coordinator", due_label=action.label)


def _refused(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if card.asked or not card.answer or card.answer.inforce is not False:
        return None
    reason = f"{card.payer_name} says the coverage is not in force."
    return Gate(
        "coverage",
        "blocked",
        reason,
        "coverage.not-in-force",
        (card.answer.evidence, card.evidence),
        ASK_CARD,
        "coordinator",
        due_label="New card",
        since=card.answer.at,
    )


def _asked(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if not card.asked or not card.question or _confirms(card, day, now, policy):
        return None
    reason = f"{card.payer_name} has been asked about the coverage and has not answered yet."
    return Gate(
        "coverage",
        "pending",
        reason,
        "coverage.asked",
        (card.question, card.evidence),
        Action("call-payer", "Ask the payer again"),
        "payer",
        card.asked + policy.eligibility_reply,
        "Eligibility answer",
        card.asked,
    )


def _confirmed(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    if not card.answer or not card.answer.at or not _confirms(card, day, now, policy):
        return None
    reason = f"{card.payer_name} confirmed the coverage on {_on(card.answer.at, policy)}."
    return Gate("coverage", "met", reason, "coverage.confirmed", (card.evidence, card.answer.evidence))


def _confirms(card: Card, day: date, now: datetime, policy: Policy) -> bool:
    answer = card.answer
    young = bool(answer and answer.at and now < answer.at + policy.eligibility_age)
    return bool(answer and answer.inforce and young and answer.benefit.holds(day))


def _unproven(card: Card, day: date, now: datetime, policy: Policy) -> Gate | None:
    answer = card.answer
    if not answer:
        return None
    since = answer.at
    if answer.inforce is None or answer.at is None:
        reason, rule = f"{card.payer_name} could not say whether the coverage is in force.", "coverage.unclear"
    elif not answer.benefit.holds(day):
        reason, rule = f"{card.payer_name}'s answer does not reach the date of the visit.", "coverage.benefit-period"
    else:
        since = answer.at + policy.eligibility_age
        age = counted(policy.eligibility_age.days, "day")
        reason, rule = f"The eligibility answer of {_on(answer.at, policy)} is older than {age}.", "coverage.stale"
    return Gate(
        "coverage",
        "unknown",
        reason,
        rule,
        (answer.evidence, card.evidence),
        RUN,
        "coordinator",
        due_label="Eligibility check",
        since=since,
    )


def _by_period(card: Card) -> Gate:
    reason = f"Active by the {card.payer_name} card; not confirmed with the payer."
    return Gate("coverage", "met", reason, "coverage.by-period", (card.evidence,), RUN, "coordinator")


def _on(at: datetime, policy: Policy) -> str:
    return spoken(at.astimezone(policy.zone).date())


RULES = (_self_pay, _inactive, _refused, _asked, _confirmed, _unproven)
