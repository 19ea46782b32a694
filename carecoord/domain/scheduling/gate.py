"""The appointment gate: a visit is booked inside the requested window, not before the approval starts, nor after it or
the agreement ends. While the performer still has to act, its clock runs; without a Task nobody tracks it, so we
book."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final

from carecoord.domain.gates.gate import Action, Evidence, Gate
from carecoord.domain.gates.rules import rule
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.visits import Booking, BookingKind
from carecoord.domain.resource.days import midnight, shifted
from carecoord.domain.scheduling.gate_input import GateInput, proof_of, still_booked, who_of
from carecoord.domain.scheduling.standing_visits import declining, withdrawn
from carecoord.words.sentence import Sentence, Value, because, dated, sentence

BOOK = Action("book", sentence("do.book"))
MOVE = Action("move", sentence("do.move"))
REBOOK = Action("rebook", sentence("do.rebook"))
SETTLE = Action("settle-conflict", sentence("do.settle-conflict"))
RESUME = Action("resume-order", sentence("do.resume-order"))


def gate(matter: GateInput) -> Gate:
    """Judge the case's visit. What rests on nothing else rests on the stage, and a clock starts with it."""
    found, order = _judged(matter), matter.referral
    since = order.stage_since if found.due else None
    return replace(found, evidence=found.evidence or (order.stage_evidence,), since=since)


def _judged(matter: GateInput) -> Gate:
    if matter.conflict:
        return Gate(
            rule="appointment.conflict",
            state="unknown",
            reason=matter.conflict,
            evidence=matter.conflict_evidence,
            action=SETTLE,
            who="coordinator",
            due_label=sentence("due.settle-conflict"),
        )
    order, booking, done = matter.referral, matter.booking, matter.visits.done
    if done and not booking:
        said = sentence("appointment.done", day=dated(done[-1].day))
        return Gate(rule="appointment.done", state="met", reason=said, evidence=(done[-1].evidence,))
    if order.withdrawn:
        return withdrawn(matter, booking)
    if matter.died:
        return Gate(
            rule="appointment.died",
            state="blocked",
            reason=sentence("appointment.died", still=still_booked(booking)),
            evidence=(matter.died, *proof_of(booking)),
            action=Action("close-referral", sentence("do.close-referral")),
            who="coordinator",
        )
    if order.stage == "cancel-requested":
        return _cancelling(matter, booking)
    return _standing(matter, booking) if booking else _unbooked(matter)


def _standing(matter: GateInput, booking: Booking) -> Gate:
    """A visit is booked: what the order and its performer say against it, before what its day does."""
    order = matter.referral
    if order.status == "on-hold":
        return _on_hold(booking, (order.evidence, booking.evidence))
    if order.stage in CAME_BACK:
        return _returned(matter, booking)
    if booking.declines:
        return declining(matter, booking)
    if _lost(matter, booking):
        return Gate(
            rule="appointment.lost",
            state="unknown",
            reason=_denied(matter, booking),
            evidence=(order.stage_evidence, booking.evidence),
            action=SETTLE,
            who="coordinator",
            due_label=sentence("due.settle-conflict"),
        )
    return _booked(matter, booking)


def _on_hold(booking: Booking | None, proof: tuple[Evidence, ...]) -> Gate:
    said = sentence("appointment.on-hold", still=still_booked(booking))
    return Gate(
        rule="appointment.on-hold", state="blocked", reason=said, evidence=proof, action=RESUME, who="clinician"
    )


def _lost(matter: GateInput, booking: Booking) -> bool:
    """Whether the performer has said that the visit came to nothing, which its appointment does not know: not when
    another appointment tells which visit was meant, nor when one was missed before this one's time."""
    order = matter.referral
    explained = any(each.kind in ("missed", "cancelled") for each in matter.visits.bookings)
    if order.stage not in LOST or explained:
        return False
    since, start = order.stage_since, booking.start
    return not (order.stage == "no-show" and since and start and since < start)


def _cancelling(matter: GateInput, booking: Booking | None) -> Gate:
    """A cancellation was asked for and is not confirmed: it speaks whatever else is booked, held or in the way."""
    return Gate(
        rule="appointment.cancel-requested",
        state="pending",
        reason=sentence("appointment.cancel-requested", who=who_of(matter), still=still_booked(booking)),
        evidence=(matter.referral.stage_evidence, *proof_of(booking)),
        action=_chase(matter),
        who="performer",
        due=matter.due("acknowledge"),
        due_label=sentence("due.confirm-cancellation"),
    )


def _chase(matter: GateInput) -> Action:
    return Action("chase-performer", sentence("do.chase-performer", who=who_of(matter)))


def _denied(matter: GateInput, booking: Booking) -> Sentence:
    """The performer says that the visit came to nothing."""
    if LOST[matter.referral.stage] == "missed":
        return sentence("appointment.lost.missed", who=who_of(matter), still=still_booked(booking))
    return sentence("appointment.lost.cancelled", who=who_of(matter), still=still_booked(booking))


def _booked(matter: GateInput, booking: Booking) -> Gate:
    day = booking.day or matter.today
    for check in (_approval, _agreement, _window):
        if found := check(matter, day):
            reason, name, proof = found
            return Gate(
                rule=rule("appointment", name),
                state="open",
                reason=reason,
                evidence=(booking.evidence, *proof),
                action=MOVE,
                who="coordinator",
                due_label=sentence("due.move"),
            )
    said = sentence("appointment.booked", day=day)
    return Gate(rule="appointment.booked", state="met", reason=said, evidence=(booking.evidence,))


Found = tuple[Sentence, str, tuple[Evidence, ...]] | None


def _approval(matter: GateInput, day: date) -> Found:
    line = matter.ruling.line
    if line is None or matter.ruling.gate.rule != "authorization.dates":
        return None
    span = line.near(day)
    if span.last and day > span.last:
        late = (day - span.last).days
        return sentence("appointment.after-approval", n=late, day=span.last), "after-approval", line.evidence
    return sentence("appointment.before-approval", day=dated(span.start)), "before-approval", line.evidence


def _agreement(matter: GateInput, day: date) -> Found:
    if matter.participation.kind == "ended" and matter.participation.until:
        said = sentence("appointment.after-agreement", day=shifted(matter.participation.until, -1))
        return said, "after-agreement", matter.participation.evidence
    return None


def _window(matter: GateInput, day: date) -> Found:
    window = matter.referral.window
    if window.end and day >= window.end:
        said = sentence("appointment.after-window", n=(day - window.end).days + 1, day=dated(window.last))
        return said, "after-window", (matter.referral.evidence,)
    if window.start and day < window.start:
        said = sentence("appointment.before-window", day=window.start)
        return said, "before-window", (matter.referral.evidence,)
    return None


def _unbooked(matter: GateInput) -> Gate:
    """Nothing is booked: what stands in the way first."""
    order = matter.referral
    if order.stage == "advice-given":
        return Gate(rule="appointment.advice", state="not-needed", reason=sentence("appointment.advice"))
    if order.stage == "draft":
        return Gate(
            rule="appointment.draft",
            state="open",
            reason=sentence("appointment.draft"),
            action=Action("send-referral", sentence("do.send-referral")),
            who="coordinator",
            due=matter.due("send"),
            due_label=sentence("due.send-referral"),
        )
    if order.status == "on-hold":
        return _on_hold(None, ())
    if order.stage in CAME_BACK or (order.tracked and not order.performer):
        return _returned(matter)
    held = next((b for b in matter.visits.bookings if b.kind in ("held", "waiting")), None)
    if held:
        return _held(matter, held)
    if matter.shut:
        return _shut(matter.shut)
    if order.tracked and order.stage in WAITS:
        return _waits(matter)
    return _to_book(matter)


def _held(matter: GateInput, held: Booking) -> Gate:
    kept = held.kind == "held" and held.day
    return Gate(
        rule=rule("appointment", held.kind),
        state="pending",
        reason=sentence("appointment.held", day=held.day) if kept and held.day else sentence("appointment.waiting"),
        evidence=(held.evidence,),
        action=Action("confirm-slot", sentence("do.confirm-slot")),
        who="performer",
        due=matter.due("book"),
        due_label=sentence("due.confirm-visit"),
    )


def _shut(by: Gate) -> Gate:
    return Gate(
        rule="appointment.shut",
        state="blocked",
        reason=sentence("appointment.shut", reason=by.reason),
        evidence=by.evidence,
        action=by.action,
        who=by.who,
        waits_on=by.name,
    )


def _waits(matter: GateInput) -> Gate:
    """The performer's move, by its own clock."""
    said, clock, label = WAITS[matter.referral.stage]
    return Gate(
        rule=rule("appointment", matter.referral.stage),
        state="pending",
        reason=said(who_of(matter)),
        action=_chase(matter),
        who="performer",
        due=matter.due(clock),
        due_label=label,
    )


CAME_BACK: Final[tuple[Stage, ...]] = ("declined", "failed", "cancelled", "error")
TRIAGE = sentence("due.triage")
# What is awaited of the performer, its clock, and the name of that.
WAITS: Final[dict[Stage, tuple[Callable[[Value], Sentence], str, Sentence]]] = {
    "sent": (lambda who: sentence("appointment.sent", who=who), "acknowledge", sentence("due.acknowledge")),
    "in-triage": (lambda who: sentence("appointment.in-triage", who=who), "triage", TRIAGE),
    "awaiting-information": (lambda who: sentence("appointment.awaiting-information", who=who), "triage", TRIAGE),
    "waitlisted": (lambda who: sentence("appointment.waitlisted", who=who), "book", sentence("due.offer-slot")),
}
# What became of the visit.
LOST: Final[dict[Stage, BookingKind]] = {"no-show": "missed", "appointment-cancelled": "cancelled"}


def _returned(matter: GateInput, booking: Booking | None = None) -> Gate:
    """The performer said no, or could not: somebody else is to be asked."""
    by, why, still = matter.referral.declined, because(matter.referral.stage_reason), still_booked(booking)
    to = matter.referral.next_candidate
    return Gate(
        rule="appointment.returned",
        state="open",
        reason=sentence("appointment.returned.declined", who=by, why=why, still=still)
        if by
        else sentence("appointment.returned", why=why, still=still),
        evidence=(matter.referral.stage_evidence, *proof_of(booking)),
        action=Action("reroute", sentence("do.reroute", who=to) if to else sentence("do.choose-performer.another")),
        who="coordinator",
        due=matter.due("reroute"),
        due_label=sentence("due.reroute"),
    )


def _to_book(matter: GateInput) -> Gate:
    """Our move. What the last appointment came to says how to put it."""
    window = matter.referral.window
    lost = next((b for b in reversed(matter.visits.bookings) if b.kind in ("missed", "cancelled")), None)
    kind = lost.kind if lost else LOST.get(matter.referral.stage)
    ends = midnight(window.end, matter.policy.zone) if window.end else None
    due = min((d for d in (matter.due("book"), ends) if d), default=None)
    ours = partial(Gate, state="open", who="coordinator", due=due, due_label=sentence("due.book"))
    if kind:
        said = _came_to_nothing(kind, lost.day if lost else None)
        return ours(rule=rule("appointment", kind), reason=said, evidence=proof_of(lost), action=REBOOK)
    if window.end and matter.today >= window.end:
        said = sentence("appointment.window-over", day=dated(window.last))
        return ours(rule="appointment.window-over", reason=said, action=BOOK)
    said = sentence("appointment.none")
    if window.end:
        said = sentence("appointment.none.wanted", day=dated(window.last))
    return ours(rule="appointment.none", reason=said, action=BOOK)


def _came_to_nothing(kind: BookingKind, day: date | None) -> Sentence:
    """The patient did not come, or the visit was cancelled; on which day, where that is known."""
    if kind == "missed":
        return sentence("appointment.missed.day", day=day) if day else sentence("appointment.missed")
    return sentence("appointment.cancelled.day", day=day) if day else sentence("appointment.cancelled")
