"""The appointment gate: a visit is booked inside the requested window, not before the approval starts, nor after it or
the agreement ends. While the performer still has to act, its clock runs; without a Task nobody tracks it, so we
book."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from carecoord.domain.agreements.participation import Participation
from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState
from carecoord.domain.gates.policy import Policy
from carecoord.domain.gates.rules import rule as rule_id
from carecoord.domain.prior_auth.ruling import Ruling
from carecoord.domain.referrals.referral import Referral
from carecoord.domain.referrals.visits import Booking, Visits
from carecoord.domain.resource.days import local, midnight, shifted
from carecoord.words.sentence import Sentence, Value, because, dated, sentence

BOOK = Action("book", "Book a visit")
MOVE = Action("move", "Move the visit")
REBOOK = Action("rebook", "Book again")


@dataclass(frozen=True, slots=True)
class Matter:
    """`ruling` and `participation` are those of the booked day, or of the best day when nothing is booked. `shut`: the
    gate that no day of the window gets past, if there is one. `died`: what
    says that the patient has. `conflict`: what the sources say that can not both be."""

    referral: Referral
    visits: Visits
    booking: Booking | None
    ruling: Ruling
    participation: Participation
    shut: Gate | None
    died: Evidence | None
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
    order, booking, done = matter.referral, matter.booking, matter.visits.done
    if done and not booking:
        last = done[-1]
        said = sentence("appointment.done", day=dated(last.day))
        return _gate(matter, "met", said, "done", evidence=(last.evidence,))
    if order.withdrawn:
        said = sentence("appointment.withdrawn", still=_still(booking))
        return _gate(matter, "not-needed", said, "withdrawn", evidence=(order.evidence, *_proof(booking)))
    if matter.died:
        said = sentence("appointment.died", still=_still(booking))
        close = Action("close-referral", "Tell the clinician and close")
        return _gate(matter, "blocked", said, "died", close, "coordinator", evidence=(matter.died, *_proof(booking)))
    if order.stage == "cancel-requested":
        return _cancelling(matter, booking)
    return _standing(matter, booking) if booking else _unbooked(matter)


def _standing(matter: Matter, booking: Booking) -> Gate:
    """A visit is booked: what the order and its performer say against it, before what its day does."""
    order, proof = matter.referral, (matter.referral.stage_evidence, booking.evidence)
    if order.status == "on-hold":
        resume = Action("resume-order", "Ask whether to go on")
        said = sentence("appointment.on-hold", still=_still(booking))
        return _gate(matter, "blocked", said, "on-hold", resume, "clinician", evidence=(order.evidence, *proof[1:]))
    if order.stage in CAME_BACK:
        return _returned(matter, booking)
    if _lost(matter, booking):
        said = _denied(matter, booking)
        settle = Action("settle-conflict", "Ask which is true")
        return _gate(matter, "unknown", said, "lost", settle, "coordinator", label="Settle conflict", evidence=proof)
    return _booked(matter, booking)


def _lost(matter: Matter, booking: Booking) -> bool:
    """Whether the performer has said that the visit came to nothing, which its appointment does not know: not when
    another appointment tells which visit was meant, nor when one was missed before this one's time."""
    order = matter.referral
    explained = any(each.kind in ("missed", "cancelled") for each in matter.visits.bookings)
    if order.stage not in LOST or explained:
        return False
    since, start = order.stage_since, booking.start
    return not (order.stage == "no-show" and since and start and since < start)


def _cancelling(matter: Matter, booking: Booking | None) -> Gate:
    """A cancellation was asked for and is not confirmed: it speaks whatever else is booked, held or in the way."""
    said = sentence("appointment.cancel-requested", who=_who(matter), still=_still(booking))
    ask, due = Action("chase-performer", f"Ask {_who(matter)}"), matter.due("acknowledge")
    proof = (matter.referral.stage_evidence, *_proof(booking))
    label = "Confirm cancellation"
    return _gate(matter, "pending", said, "cancel-requested", ask, "performer", due, label, evidence=proof)


def _denied(matter: Matter, booking: Booking) -> Sentence:
    """The performer says that the visit came to nothing."""
    if LOST[matter.referral.stage] == "missed":
        return sentence("appointment.lost.missed", who=_who(matter), still=_still(booking))
    return sentence("appointment.lost.cancelled", who=_who(matter), still=_still(booking))


def _still(booking: Booking | None) -> Value:
    """The booked visit that a sentence about something else has to mention; nothing where there is none."""
    return sentence("visit.still-booked", day=dated(booking.day)) if booking else ""


def _proof(booking: Booking | None) -> tuple[Evidence, ...]:
    return (booking.evidence,) if booking else ()


def _who(matter: Matter) -> Value:
    return matter.referral.performer.name if matter.referral.performer else sentence("performer.unnamed")


def _gate(
    matter: Matter,
    state: GateState,
    reason: Sentence | str,
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
    return _gate(matter, "met", sentence("appointment.booked", day=day), "booked", evidence=(booking.evidence,))


Found = tuple[Sentence, str, tuple[Evidence, ...]] | None


def _approval(matter: Matter, day: date) -> Found:
    line = matter.ruling.line
    if line is None or matter.ruling.gate.rule != "authorization.dates":
        return None
    if line.days.last and day > line.days.last:
        late = (day - line.days.last).days
        return sentence("appointment.after-approval", n=late, day=line.days.last), "after-approval", line.evidence
    return sentence("appointment.before-approval", day=dated(line.days.start)), "before-approval", line.evidence


def _agreement(matter: Matter, day: date) -> Found:
    if matter.participation.kind == "ended" and matter.participation.until:
        said = sentence("appointment.after-agreement", day=shifted(matter.participation.until, -1))
        return said, "after-agreement", matter.participation.evidence
    return None


def _window(matter: Matter, day: date) -> Found:
    window = matter.referral.window
    if window.end and day >= window.end:
        said = sentence("appointment.after-window", n=(day - window.end).days + 1, day=dated(window.last))
        return said, "after-window", (matter.referral.evidence,)
    if window.start and day < window.start:
        said = sentence("appointment.before-window", day=window.start)
        return said, "before-window", (matter.referral.evidence,)
    return None


def _unbooked(matter: Matter) -> Gate:
    """Nothing is booked: what stands in the way first."""
    order = matter.referral
    if order.stage == "advice-given":
        return _gate(matter, "not-needed", sentence("appointment.advice"), "advice")
    if order.stage == "draft":
        send, due = Action("send-referral", "Send the referral"), matter.due("send")
        said = sentence("appointment.draft")
        return _gate(matter, "open", said, "draft", send, "coordinator", due, "Send referral")
    if order.status == "on-hold":
        resume, said = Action("resume-order", "Ask whether to go on"), sentence("appointment.on-hold", still="")
        return _gate(matter, "blocked", said, "on-hold", resume, "clinician")
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
    said = sentence("appointment.held", day=held.day) if kept and held.day else sentence("appointment.waiting")
    ask, due, proof = Action("confirm-slot", "Ask to confirm"), matter.due("book"), (held.evidence,)
    return _gate(matter, "pending", said, held.kind, ask, "performer", due, "Confirm visit", evidence=proof)


def _shut(matter: Matter, by: Gate) -> Gate:
    said = sentence("appointment.shut", reason=by.reason)
    return _gate(matter, "blocked", said, "shut", by.action, by.who, waits_on=by.name, evidence=by.evidence)


def _waits(matter: Matter) -> Gate:
    """The performer's move, by its own clock."""
    who = _who(matter)
    said, clock, label = WAITS[matter.referral.stage]
    ask = Action("chase-performer", f"Ask {who}")
    return _gate(matter, "pending", said(who), matter.referral.stage, ask, "performer", matter.due(clock), label)


CAME_BACK = ("declined", "failed", "cancelled", "error")
WAITS: dict[str, tuple[Callable[[Value], Sentence], str, str]] = {  # stage -> what is awaited, its clock and label
    "sent": (lambda who: sentence("appointment.sent", who=who), "acknowledge", "Acknowledge"),
    "in-triage": (lambda who: sentence("appointment.in-triage", who=who), "triage", "Triage"),
    "awaiting-information": (lambda who: sentence("appointment.awaiting-information", who=who), "triage", "Triage"),
    "waitlisted": (lambda who: sentence("appointment.waitlisted", who=who), "book", "Offer a slot"),
}
LOST = {"no-show": "missed", "appointment-cancelled": "cancelled"}  # stage -> what became of the visit


def _returned(matter: Matter, booking: Booking | None = None) -> Gate:
    """The performer said no, or could not: somebody else is to be asked."""
    by, why = matter.referral.declined, because(matter.referral.stage_reason)
    label = (
        f"Send it to {matter.referral.next_candidate}" if matter.referral.next_candidate else "Choose another performer"
    )
    still = _still(booking)
    said = (
        sentence("appointment.returned.declined", who=by, why=why, still=still)
        if by
        else sentence("appointment.returned", why=why, still=still)
    )
    reroute, due = Action("reroute", label), matter.due("reroute")
    proof = (matter.referral.stage_evidence, *_proof(booking))
    return _gate(matter, "open", said, "returned", reroute, "coordinator", due, "Re-route", evidence=proof)


def _to_book(matter: Matter) -> Gate:
    """Our move. What the last appointment came to says how to put it."""
    window = matter.referral.window
    lost = next((b for b in reversed(matter.visits.bookings) if b.kind in ("missed", "cancelled")), None)
    kind = lost.kind if lost else LOST.get(matter.referral.stage)
    ends = midnight(window.end, matter.policy.zone) if window.end else None
    due = min((d for d in (matter.due("book"), ends) if d), default=None)
    if kind:
        said = _came_to_nothing(kind, lost.day if lost else None)
        return _gate(matter, "open", said, kind, REBOOK, "coordinator", due, "Book visit", evidence=_proof(lost))
    if window.end and matter.today >= window.end:
        said, rule = sentence("appointment.window-over", day=dated(window.last)), "window-over"
    elif window.end:
        said, rule = sentence("appointment.none.wanted", day=dated(window.last)), "none"
    else:
        said, rule = sentence("appointment.none"), "none"
    return _gate(matter, "open", said, rule, BOOK, "coordinator", due, "Book visit")


def _came_to_nothing(kind: str, day: date | None) -> Sentence:
    """The patient did not come, or the visit was cancelled; on which day, where that is known."""
    if kind == "missed":
        return sentence("appointment.missed.day", day=day) if day else sentence("appointment.missed")
    return sentence("appointment.cancelled.day", day=day) if day else sentence("appointment.cancelled")
