"""The authorization gate: none is needed, or an approval covers patient, coverage, service, date, performer and site with
units left (units = authorized - booked - used)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.calendar import counted, spoken
from carecoord.domain.coverage import Card
from carecoord.domain.gate import Action, Evidence, Gate
from carecoord.domain.participation import Participation
from carecoord.domain.parties import Party
from carecoord.domain.policy import Policy
from carecoord.domain.prior_auth import GRANTED, Line, Request
from carecoord.domain.referral import Referral
from carecoord.domain.requirement import Requirement, Rule, requirement
from carecoord.domain.visits import Visits

NETWORK = {"in": "in", "out": "out", "excluded": "out", "pending": "unknown", "unknown": "unknown"}
PREPARE = Action("prepare-authorization", "Prepare the request")
CALL = Action("call-payer", "Call the payer")


@dataclass(frozen=True, slots=True)
class Matter:
    """What the gate is judged by on one day. `asked`: papers that the payer waits for, by words."""

    referral: Referral
    card: Card | None
    requests: Sequence[Request]
    visits: Visits
    rules: Sequence[Rule]
    asked: Sequence[str]
    participation: Participation
    site: Party | None
    day: date
    settled: bool  # a visit is booked or asked about for the day, which is not just one of many to choose from
    visit: tuple[Evidence, ...]  # the appointment booked for the day
    now: datetime
    policy: Policy

    @property
    def need(self) -> Requirement:
        """What the payer's rules say."""
        payer, plan = (self.card.payer, self.card.plan) if self.card else (None, "")
        return requirement(self.referral.codes, payer, plan, NETWORK[self.participation.result], self.day, self.rules)


@dataclass(frozen=True, slots=True)
class Ruling:
    """The gate, and what its chip says. `line` is the approved line that speaks, if one does; `left` its units left."""

    gate: Gate
    chip: str
    note: str = ""
    line: Line | None = None
    request: Request | None = None
    need: Requirement | None = None
    left: float | None = None


def ruling(matter: Matter) -> Ruling:
    """Judge one day."""
    card = matter.card
    if card is None:
        return Ruling(Gate("authorization", "unknown", "Which payer decides is not known.", "authorization.no-payer",
                           waits_on="coverage"), "unknown")
    if card.self_pay:
        return Ruling(Gate("authorization", "not-needed", "The patient pays: no payer has to agree.",
                           "authorization.self-pay", (card.evidence,)), "not-required")
    need = matter.need
    if need.needed is False:
        return Ruling(Gate("authorization", "not-needed", f"{need.reason}.", "authorization.rule", need.evidence),
                      "not-required", need=need)
    own = [r for r in matter.requests if r.linked and r.state != "cancelled" and _of_payer(r, card)]
    judged = [_judge(request, matter, need) for request in own]
    met = next((each for each in judged if not each.gate.unmet), None)
    return met or (judged[0] if judged else _nothing(matter, card, need))


def _of_payer(request: Request, card: Card) -> bool:
    if request.payer and card.payer:
        return request.payer.same(card.payer)
    return request.coverage == card.key


def _gate(state: str, reason: str, rule: str, evidence: tuple[Evidence, ...], action: Action | None = None,
          who: str | None = None, due: datetime | None = None, label: str | None = None,
          since: datetime | None = None, waits_on: str | None = None) -> Gate:
    return Gate("authorization", state, reason, f"authorization.{rule}", evidence, action, who, due, label, since, waits_on)


def _nothing(matter: Matter, card: Card, need: Requirement) -> Ruling:
    """No request of this payer for this order."""
    others = [r for r in matter.requests if r.linked and any(line.state in GRANTED for line in r.lines)]
    if others:
        old = others[0].payer.name if others[0].payer else "another payer"
        reason = f"The approval is {old}'s; on {spoken(matter.day)} the patient is with {card.payer_name}: ask them for a new one."
        gate = _gate("open", reason, "payer", (*others[0].evidence, card.evidence), PREPARE, "coordinator", label="Submit authorization")
        return Ruling(gate, "missing", "New payer", need=need)
    if need.needed is None:
        ask = Action("check-requirement", "Ask the payer whether it needs one")
        waits = "agreement" if matter.participation.result in ("unknown", "pending") and need.evidence else None
        gate = _gate("unknown", need.reason, "no-rule", need.evidence, ask, "coordinator", label="Check requirement", waits_on=waits)
        return Ruling(gate, "unknown", "No rule", need=need)
    gate = _gate("open", f"{need.reason}: nothing has been asked for yet.", "missing", need.evidence, PREPARE, "coordinator",
                 label="Submit authorization")
    return Ruling(gate, "missing", "Request needed", need=need)


def _judge(request: Request, matter: Matter, need: Requirement) -> Ruling:
    """One chain of requests: what was granted first, then how the newest claim stands."""
    fitting = [line for line in request.lines if line.covers(matter.referral.codes)]
    granted = [line for line in fitting if line.state in GRANTED]
    spared = next((line for line in fitting if line.state == "not-required"), None)
    if spared:
        gate = _gate("not-needed", "The payer answered that no authorization is needed.", "payer-says-none", spared.evidence)
        return Ruling(gate, "not-required", request=request, need=need)
    checked = [_granted(line, request, matter, need) for line in granted]
    met = next((each for each in checked if not each.gate.unmet), None)
    if met or (checked and request.state == "answered"):
        return met or checked[0]
    return _standing(request, fitting, matter, need)


def _granted(line: Line, request: Request, matter: Matter, need: Requirement) -> Ruling:
    """An approved line: met when every check passes, else open with the sentence of the first that does not."""
    left = units_left(line, matter.visits, matter.day)
    for check in CHECKS:
        if found := check(line, matter, left):
            gate, note = found
            over = line.days.end is not None and line.days.end <= matter.now.astimezone(matter.policy.zone).date()
            chip = "expired" if gate.rule == "authorization.dates" and over else _chip(line)
            return Ruling(gate, chip, note, line, request, need, left)
    number = f" {line.number}" if line.number else ""
    until = f", until {spoken(line.days.last)}" if line.days.end else ""
    words = {"partly": "approved in part", "modified": "approved with changes"}.get(line.state, "approved")
    gate = _gate("met", f"Authorization{number} is {words}{until}.", "approved", line.evidence)
    return Ruling(gate, _chip(line), _left(line, left), line, request, need, left)


def _chip(line: Line) -> str:
    return "approved" if line.state == "approved" else "partly"


def _left(line: Line, left: float | None) -> str:
    if left is not None and line.units is not None and line.units > 1:
        return f"{max(left, 0):g} of {line.units:g} visits left"
    return f"Until {spoken(line.days.last)}" if line.days.end else ""


def units_left(line: Line, visits: Visits, day: date) -> float | None:
    """Authorized minus used minus booked, within the line's days; a visit on `day` that is not booked yet is not taken
    off. None when units are not counted."""
    if line.units is None:
        return None
    used = sum(1 for visit in visits.done if line.days.holds(visit.day))
    booked = sum(1 for each in visits.open if each.day and line.days.holds(each.day))
    return line.units - used - booked


Found = tuple[Gate, str] | None


def _performer(line: Line, matter: Matter, left: float | None) -> Found:
    who = matter.referral.performer
    if line.provider is None or who is None:
        return None
    if line.provider.same(who.organization) or line.provider.same(who.practitioner):
        return None
    reason = f"The approval names {line.provider.name}; the referral is with {who.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the performer")
    return _gate("open", reason, "performer", (*line.evidence, who.evidence), action, "coordinator",
                 label="Change performer"), f"Names {line.provider.name}"


def _site(line: Line, matter: Matter, left: float | None) -> Found:
    site = matter.site
    if line.site is None or site is None or line.site.same(site):
        return None
    reason = f"The approval is for {line.site.name}; the visit is at {site.name}: ask the payer to change it."
    action = Action("change-provider", "Ask the payer to change the site")
    return _gate("open", reason, "site", (*line.evidence, *matter.visit), action, "coordinator", label="Change site"), f"For {line.site.name}"


def _dates(line: Line, matter: Matter, left: float | None) -> Found:
    if line.days.holds(matter.day):
        return None
    last, start = line.days.last, line.days.start
    n = counted(abs((matter.day - (last if last and matter.day > last else start or matter.day)).days), "day")
    if not matter.settled:
        over = bool(last and matter.day > last)
        reason = f"The approval ended on {spoken(last)}: extend it." if over else f"The approval starts on {spoken(start)} only."
        note = f"Ended {spoken(last)}" if over else f"From {spoken(start)}"
    elif last and matter.day > last:
        reason, note = f"Visit is {n} past the approval: extend or move.", f"Visit {n} past it"
    else:
        reason, note = f"Visit is {n} before the approval starts: move it, or ask for an earlier start.", f"Visit {n} before it"
    action = Action("extend-authorization", "Extend the approval")
    return _gate("open", reason, "dates", (*line.evidence, *matter.visit), action, "coordinator", label="Extend approval"), note


def _units(line: Line, matter: Matter, left: float | None) -> Found:
    booked = any(each.day == matter.day for each in matter.visits.open) or any(v.day == matter.day for v in matter.visits.done)
    if left is None or line.units is None or left >= (0 if booked else 1):
        return None
    over = f", {counted(int(-left), 'more')} than allowed" if left < 0 else ""
    reason = f"All {line.units:g} authorized visits are used or booked{over}: ask for more before booking another."
    action = Action("extend-authorization", "Ask for more visits")
    return _gate("open", reason, "units", (*line.evidence, *matter.visit), action, "coordinator", label="Ask for more visits"), _left(line, left)


CHECKS = (_performer, _site, _dates, _units)


def _standing(request: Request, fitting: Sequence[Line], matter: Matter, need: Requirement) -> Ruling:
    """A request that has granted nothing for this service (yet)."""
    payer = request.payer.name if request.payer else "the payer"
    state = request.state
    if state == "answered":
        state = next((each.state for each in fitting if each.state != "cancelled"), "other" if request.lines else "unclear")
    proof = tuple(e for each in fitting[:1] for e in each.evidence) or request.evidence
    gate, note = STANDINGS[state](request, fitting, matter, payer, proof)
    chip = {"draft": "draft", "submitted": "submitted", "pended": "pended", "denied": "denied"}.get(state, "unknown")
    return Ruling(gate, "missing" if state == "other" else chip, note, request=request, need=need)


def _draft(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    action = Action("submit-authorization", "Submit the request")
    reason = f"The request to {payer} is drafted, not sent."
    return _gate("open", reason, "draft", proof, action, "coordinator", label="Submit authorization", since=request.created), ""


def _waiting(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    """Sent or pended: the payer's clock runs, and asking for papers does not stop it."""
    pended = request.state == "answered"
    asked = ", ".join(matter.asked)
    late = request.due is not None and request.due <= matter.now
    said = f"{payer} has the request" + (f" and asks for {asked}" if asked else " and has not decided yet")
    reason = f"{said}; the time to decide is over." if late else f"{said}."
    action = CALL if late else Action("await-decision", "Wait for the decision")
    kind = "72 h expedited" if request.expedited else "7 d standard"
    gate = _gate("pending", reason, "pended" if pended else "submitted", proof, action, "payer", request.due, "Payer decision",
                 request.created, "information" if asked else None)
    return gate, "Info requested" if asked else kind


def _denied(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    why = next((each.reason for each in lines if each.reason), "no reason given")
    due = request.decided + matter.policy.appeal if request.decided else None
    action = Action("appeal", "Appeal, or ask for a peer-to-peer talk")
    gate = _gate("blocked", f"{payer} denied the request: {why.rstrip('.')}.", "denied", proof, action, "coordinator", due,
                 "Appeal filing", request.decided)
    by = spoken(due.astimezone(matter.policy.zone).date()) if due else ""
    return gate, f"Appeal by {by}" if by else ""


def _contact(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    return _gate("open", f"{payer} asks for a call about the request.", "contact", proof, CALL, "coordinator", request.due,
                 "Call the payer", request.decided), "Call the payer"


def _error(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    why = f": {request.reason.rstrip('.')}" if request.reason else ""
    action = Action("correct-request", "Correct and send it again")
    return _gate("open", f"{payer} could not take the request{why}.", "error", proof, action, "coordinator",
                 label="Submit authorization", since=request.decided), "Refused by form"


def _other(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    services = ", ".join(dict.fromkeys(line.service for line in request.lines if line.service)) or "another service"
    reason = f"The request is for {services}; the order asks for {matter.referral.service}: ask for that."
    return _gate("open", reason, "service", proof, PREPARE, "coordinator", label="Submit authorization"), "Other service"


def _unclear(request: Request, lines: Sequence[Line], matter: Matter, payer: str, proof: tuple[Evidence, ...]) -> tuple[Gate, str]:
    return _gate("unknown", f"{payer}'s answer does not say what was decided.", "unclear", proof, CALL, "coordinator",
                 label="Call the payer", since=request.decided), ""


STANDINGS = {
    "draft": _draft, "submitted": _waiting, "pended": _waiting, "denied": _denied, "contact": _contact, "error": _error,
    "other": _other, "unclear": _unclear,
}
