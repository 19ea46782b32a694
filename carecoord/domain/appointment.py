"""The appointment gate: a visit is booked inside the requested window, not before the approval starts, nor after it or
the agreement ends. While the performer still has to act, its clock runs; without a Task nobody tracks it, so we
book."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.calendar import counted, local, midnight, shifted, spoken
from carecoord.domain.gate import Action, Evidence, Gate
from carecoord.domain.participation import Participation
from carecoord.domain.policy import Policy
from carecoord.domain.referral import Referral
from carecoord.domain.rules import rule as rule_id
from carecoord.domain.ruling import Ruling
from carecoord.domain.visits import Booking, Visits

BOOK = Action("book", "Book a visit")
MOVE = Action("move", "Move the visit")
REBOOK = Action("rebook", "Book again")


@dataclass(frozen=True, slots=True)
class Matter:
    """`ruling` and `participation` are those of the booked day, or of the best day when nothing is booked. `shut`: the
    gate that no day of the window gets past, if there is one. `conflict`: what the sources say that can not both be."""

    referral: Referral
    visits: Visits
    booking: Booking | None
    ruling: Ruling
    participation: Participation
    shut: Gate | None
    conflict: str
    conflict_evidence: tuple[Evidence, ...]
    now: datetime
    policy: Policy

    @property
    def today(self) -> date:
        """The local day."""
        return local(self.now, self.policy.zone)

    def due(self, clock: str) -> datetime | None:
        """When the present stage's step is due: what the Task itself says, else the clock of the policy."""
        since = self.referral.stage_since
        allowed = self.referral.clock(getattr(self.policy, clock))
        return self.referral.stage_due or (since + allowed if since else None)


def gate(matter: Matter) -> Gate:
    """Judge the case's visit."""
    if matter.conflict:
        settle = Action("settle-conflict", "Ask which is true")
        return _gate(
            matter,
            "unknown",
            matter.conflict,
            "conflict",
            settle,
            "coordinator",
            label="Settle conflict",
            evidence=matter.conflict_evidence,
        )
    if matter.booking:
        return _booked(matter, matter.booking)
    if matter.visits.done:
        last = matter.visits.done[-1]
        return _gate(matter, "met", f"The visit took place on {spoken(last.day)}.", "done", evidence=(last.evidence,))
    if matter.referral.withdrawn:
        return _gate(
            matter, "not-needed", "The referral has been withdrawn.", "withdrawn", evidence=(matter.referral.evidence,)
        )
    if matter.referral.stage == "advice-given":
        return _gate(matter, "not-needed", "Advice was given: no visit is needed.", "advice")
    return _unbooked(matter)


def _gate(
    matter: Matter,
    state: str,
    reason: str,
    rule: str,
    action: Action | None = None,
    who: str | None = None,
    due: datetime | None = None,
    label: str | None = None,
    waits_on: str | None = None,
    evidence: Sequence[Evidence] = (),
) -> Gate:
    proof = tuple(evidence) or (matter.referral.stage_evidence,)
    since = matter.referral.stage_since if due else None
    id = rule_id("appointment", rule)
    return Gate("appointment", state, reason, id, proof, action, who, due, label, since, waits_on)


def _booked(matter: Matter, booking: Booking) -> Gate:
    day = booking.day or matter.today
    on = spoken(day)
    for check in (_approval, _agreement, _window):
        if found := check(matter, day):
            reason, rule, evidence = found
            return _gate(
                matter,
                "open",
                reason,
                rule,
                MOVE,
                "coordinator",
                label="Move the visit",
                evidence=(booking.evidence, *evidence),
            )
    return _gate(matter, "met", f"Booked for {on}.", "booked", evidence=(booking.evidence,))


Found = tuple[str, str, tuple[Evidence, ...]] | None


def _approval(matter: Matter, day: date) -> Found:
    line = matter.ruling.line
    if line is None or matter.ruling.gate.rule != "authorization.dates":
        return None
    if line.days.last and day > line.days.last:
        n = counted((day - line.days.last).days, "day")
        return f"Booked {n} after the approval ends ({spoken(line.days.last)}).", "after-approval", line.evidence
    return f"Booked before the approval starts ({spoken(line.days.start)}).", "before-approval", line.evidence


def _agreement(matter: Matter, day: date) -> Found:
    if matter.participation.kind == "ended" and matter.participation.until:
        last = spoken(shifted(matter.participation.until, -1))
        return f"Booked after the agreement ends ({last}).", "after-agreement", matter.participation.evidence
    return None


def _window(matter: Matter, day: date) -> Found:
    window = matter.referral.window
    if window.end and day >= window.end:
        n = counted((day - window.end).days + 1, "day")
        return (
            f"Booked {n} after the requested window ends ({spoken(window.last)}).",
            "after-window",
            (matter.referral.evidence,),
        )
    if window.start and day < window.start:
        return (
            f"Booked before the requested window starts ({spoken(window.start)}).",
            "before-window",
            (matter.referral.evidence,),
        )
    return None


def _unbooked(matter: Matter) -> Gate:
    """Nothing is booked: what stands in the way first."""
    order = matter.referral
    if order.stage == "draft":
        send, due = Action("send-referral", "Send the referral"), matter.due("send")
        return _gate(
            matter, "open", "The referral has not been sent.", "draft", send, "coordinator", due, "Send referral"
        )
    if order.status == "on-hold":
        resume = Action("resume-order", "Ask whether to go on")
        return _gate(matter, "blocked", "The order is on hold.", "on-hold", resume, "clinician")
    if order.stage in CAME_BACK or (order.tracked and not order.performer):
        return _returned(matter)
    held = next((b for b in matter.visits.bookings if b.kind in ("held", "waiting")), None)
    if held:
        return _held(matter, held)
    if matter.shut:
        return _shut(matter, matter.shut)
    if order.tracked and order.stage in WAITS:
        return _waits(matter)
    return _to_book(matter)


def _held(matter: Matter, held: Booking) -> Gate:
    kept = held.kind == "held" and held.day
    what = f"held for {spoken(held.day)}, not confirmed" if kept else "on the waiting list"
    ask, due, proof = Action("confirm-slot", "Ask to confirm"), matter.due("book"), (held.evidence,)
    said = f"The visit is {what}."
    return _gate(matter, "pending", said, held.kind, ask, "performer", due, "Confirm visit", evidence=proof)


def _shut(matter: Matter, by: Gate) -> Gate:
    said = f"No day of the window can be booked: {_lower(by.reason)}"
    return _gate(matter, "blocked", said, "shut", by.action, by.who, waits_on=by.name, evidence=by.evidence)


def _waits(matter: Matter) -> Gate:
    """The performer's move, by its own clock."""
    who = matter.referral.performer.name if matter.referral.performer else "the performer"
    said, clock, label = WAITS[matter.referral.stage]
    ask = Action("chase-performer", f"Ask {who}")
    return _gate(matter, "pending", said.format(who), matter.referral.stage, ask, "performer", matter.due(clock), label)


CAME_BACK = ("declined", "failed", "cancelled", "error")
WAITS = {
    "sent": ("Waiting for {} to open the referral.", "acknowledge", "Acknowledge"),
    "in-triage": ("{} is triaging the referral.", "triage", "Triage"),
    "awaiting-information": ("{} can not triage without more information.", "triage", "Triage"),
    "waitlisted": ("On the waiting list of {}.", "book", "Offer a slot"),
    "cancel-requested": ("Waiting for {} to confirm the cancellation.", "acknowledge", "Confirm cancellation"),
}


def _lower(reason: str) -> str:
    """A sentence inside another keeps its names: only a common first word loses its capital."""
    first, _, rest = reason.partition(" ")
    return f"{first.lower()} {rest}" if first in ("The", "No", "All", "Visit", "Agreement", "Our", "Which") else reason


def _returned(matter: Matter) -> Gate:
    """The performer said no, or could not: somebody else is to be asked."""
    by = ", ".join(matter.referral.declined)
    why = f": {matter.referral.stage_reason.rstrip('.')}" if matter.referral.stage_reason else ""
    label = (
        f"Send it to {matter.referral.next_candidate}" if matter.referral.next_candidate else "Choose another performer"
    )
    said = f"{by} declined{why}." if by else f"The referral came back{why}."
    return _gate(
        matter, "open", said, "returned", Action("reroute", label), "coordinator", matter.due("reroute"), "Re-route"
    )


def _to_book(matter: Matter) -> Gate:
    """Our move. What the last appointment came to says how to put it."""
    window = matter.referral.window
    lost = next((b for b in reversed(matter.visits.bookings) if b.kind in ("missed", "cancelled")), None)
    ends = midnight(window.end, matter.policy.zone) if window.end else None
    due = min((d for d in (matter.due("book"), ends) if d), default=None)
    if lost:
        what = "did not come to" if lost.kind == "missed" else "has lost"
        reason = f"The patient {what} the visit{f' of {spoken(lost.day)}' if lost.day else ''}: book again."
        return _gate(
            matter, "open", reason, lost.kind, REBOOK, "coordinator", due, "Book visit", evidence=(lost.evidence,)
        )
    if window.end and matter.today >= window.end:
        reason, rule = f"The requested window ended on {spoken(window.last)} without a visit.", "window-over"
    else:
        reason, rule = f"No visit is booked{f'; wanted by {spoken(window.last)}' if window.end else ''}.", "none"
    return _gate(matter, "open", reason, rule, BOOK, "coordinator", due, "Book visit")
