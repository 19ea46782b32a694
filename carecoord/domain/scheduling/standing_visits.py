"""The appointment gate of a visit that stands where it should not: the order was withdrawn, or somebody who takes part
has answered no."""

from datetime import datetime
from functools import partial
from typing import Final

from carecoord.domain.gates.gate import Action, Gate
from carecoord.domain.referrals.visits import Booking, Visits
from carecoord.domain.scheduling.gate_input import GateInput, proof_of, still_booked, who_of
from carecoord.words.sentence import dated, sentence

TO_CALL_OFF: Final = "appointment.to-call-off"
CALL_OFF: Final = Action("call-off", sentence("do.call-off"))


def withdrawn(matter: GateInput, booking: Booking | None) -> Gate:
    """Nothing more is wanted. What still stands of a visit is somebody's move: the patient would go there in vain, and
    the clinic keeps its time for nobody."""
    order, standing = matter.referral, standing_visit(matter.visits, matter.now)
    if standing is None:
        proof = (order.evidence, *proof_of(booking))
        over = sentence("appointment.withdrawn", still=still_booked(booking))
        return Gate(rule="appointment.withdrawn", state="not-needed", reason=over, evidence=proof)
    said = {
        "booked": sentence("appointment.to-call-off", day=dated(standing.day)),
        "held": sentence("appointment.to-call-off.held", day=dated(standing.day)),
    }.get(standing.kind, sentence("appointment.to-call-off.waiting"))
    return Gate(
        rule=TO_CALL_OFF, state="open", reason=said, evidence=(order.evidence, standing.evidence),
        action=CALL_OFF, who="coordinator", due_label=sentence("due.call-off"),
    )  # fmt: skip


def standing_visit(visits: Visits, now: datetime) -> Booking | None:
    """What is still to come of the visits of an order that is withdrawn: booked, else held, else waited for."""
    ahead = [each for each in visits.open if each.start and each.start > now]
    held = [b for b in visits.bookings if b.kind == "held" and (b.start is None or b.start > now)]
    waits = [b for b in visits.bookings if b.kind == "waiting"]
    return next(iter((*ahead, *held, *waits)), None)


def declining(matter: GateInput, booking: Booking) -> Gate:
    """The patient or the clinic has answered that it will not take place: whoever books calls the visit off, or finds
    another time."""
    asks = partial(Gate, state="open", who="coordinator", due=booking.start)
    day, proof = dated(booking.day), (booking.evidence, *(each.evidence for each in booking.declines))
    if any(each.by == "patient" for each in booking.declines):
        return asks(
            rule="appointment.patient-declines", reason=sentence("appointment.patient-declines", day=day),
            evidence=proof, action=Action("answer-cancel", sentence("do.answer-cancel")),
            due_label=sentence("due.answer-cancel"),
        )  # fmt: skip
    said = sentence("appointment.clinic-declines", who=who_of(matter), day=day)
    return asks(
        rule="appointment.clinic-declines", reason=said, evidence=proof,
        action=Action("replace-visit", sentence("do.answer-cancel")), due_label=sentence("due.replace-visit"),
    )  # fmt: skip
