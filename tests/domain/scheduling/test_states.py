"""The tables of Appointment and Slot, cell by cell, against tables written by hand from referrals.md 1.9."""

import pytest

from carecoord.domain.referrals.order_states import TABLE as ORDERS
from carecoord.domain.referrals.order_states import order_move
from carecoord.domain.resource import moves
from carecoord.domain.scheduling.states import SLOTS, advance, lacks, legal, move, slot_move
from carecoord.errors import Conflict, Forbidden

# status -> verb: where it leads; * only for the two organizations, not for the patient
BY_HAND = {
    "new": "propose:proposed* hold:pending wait:waitlist book:booked",
    "proposed": "hold:pending wait:waitlist book:booked cancel:cancelled void:entered-in-error*",
    "pending": "propose:proposed* book:booked cancel:cancelled void:entered-in-error*",
    "waitlist": "hold:pending book:booked cancel:cancelled void:entered-in-error*",
    "booked": "move:booked arrive:arrived* check-in:checked-in* no-show:noshow* cancel:cancelled "
    "void:entered-in-error*",
    "arrived": "check-in:checked-in* fulfil:fulfilled* cancel:cancelled* void:entered-in-error*",
    "checked-in": "fulfil:fulfilled* cancel:cancelled* void:entered-in-error*",
    "fulfilled": "void:entered-in-error*",
    "noshow": "void:entered-in-error*",
    "cancelled": "void:entered-in-error*",
    "entered-in-error": "",
}
VERBS = {"propose", "hold", "wait", "book", "move", "arrive", "check-in", "fulfil", "no-show", "cancel", "void"}
SIDES = ("requester", "performer", "patient", "either", "other")


@pytest.mark.parametrize("status", BY_HAND)
@pytest.mark.parametrize("side", SIDES)
def test_exactly_the_listed_moves_of_a_visit_are_legal(status: str, side: str) -> None:
    rows = dict(each.split(":") for each in BY_HAND[status].split())
    mine = {v for v, to in rows.items() if side != "other" and not (side == "patient" and to.endswith("*"))}
    kept = {"keep"} if status != "new" and side != "other" else set()
    assert set(legal(status, side)) == mine | kept
    for verb in VERBS:
        if verb in mine:
            assert advance(status, verb, side) == rows[verb].rstrip("*")
        else:
            with pytest.raises(Forbidden if verb in rows else Conflict):
                advance(status, verb, side)


def test_what_ended_is_never_booked_again() -> None:
    with pytest.raises(Conflict, match=r"It is noshow: there is no 'book' from there\. Legal from noshow: void\."):
        advance("noshow", "book", "either")


def visit(status: str, **more: object) -> dict:
    return {"resourceType": "Appointment", "status": status} | more


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [
        ({}, visit("booked"), "book"),
        ({}, visit("fulfilled"), "fulfil"),
        (visit("pending"), visit("booked"), "book"),
        (visit("booked", start="2026-12-01T09:00:00Z"), visit("booked", start="2026-12-02T09:00:00Z"), "move"),
        (visit("booked"), visit("booked", comment="ride wanted"), "keep"),
        (visit("booked"), visit("noshow"), "no-show"),
        (visit("cancelled"), visit("booked"), "book"),
        (visit("fulfilled"), visit("proposed"), "propose"),
    ],
)  # fmt: skip
def test_a_plain_change_of_a_visit_is_read_as_a_verb(before: dict, after: dict, verb: str) -> None:
    assert move(before, after) == verb


def test_a_booked_visit_is_called_off_with_a_reason_and_a_hold_may_lapse_without() -> None:
    why = {"text": "Patient is ill"}
    said = ("A visit that was called off says why: give Appointment.cancelationReason.",)
    assert lacks(visit("booked"), visit("cancelled")) == lacks(visit("arrived"), visit("cancelled")) == said
    assert lacks(visit("booked"), visit("cancelled", cancelationReason=why)) == ()
    assert lacks(visit("pending"), visit("cancelled")) == ()


SLOT = {
    "new": {"open": "free", "hold": "busy-tentative", "book": "busy", "block": "busy-unavailable"},
    "free": {"hold": "busy-tentative", "book": "busy", "block": "busy-unavailable", "void": "entered-in-error"},
    "busy-tentative": {"book": "busy", "free": "free", "void": "entered-in-error"},
    "busy": {"free": "free", "void": "entered-in-error"},
    "busy-unavailable": {"open": "free", "void": "entered-in-error"},
    "entered-in-error": {},
}


@pytest.mark.parametrize("status", SLOT)
def test_exactly_the_listed_moves_of_a_slot_are_legal(status: str) -> None:
    verbs = set(moves.legal(SLOTS, status, "either")) - {"keep"}
    assert {verb: moves.advance(SLOTS, status, verb, "either").to for verb in verbs} == SLOT[status]


def test_a_slot_on_leave_is_opened_before_it_is_booked() -> None:
    leave, busy = {"status": "busy-unavailable"}, {"status": "busy"}
    assert slot_move(leave, busy) == "book"
    with pytest.raises(Conflict, match="Legal from busy-unavailable: open, void"):
        moves.advance(SLOTS, "busy-unavailable", "book", "either")


ORDER = {  # by hand: FHIR R4 RequestStatus; all the requester's
    "new": {"draft": "draft", "sign": "active"},
    "draft": {"sign": "active", "revoke": "revoked", "void": "entered-in-error"},
    "active": {"hold": "on-hold", "complete": "completed", "revoke": "revoked", "void": "entered-in-error"},
    "on-hold": {"resume": "active", "complete": "completed", "revoke": "revoked", "void": "entered-in-error"},
    "completed": {"void": "entered-in-error"},
    "revoked": {"void": "entered-in-error"},
    "entered-in-error": {},
    "unknown": {"sign": "active", "complete": "completed", "revoke": "revoked", "void": "entered-in-error"},
}


@pytest.mark.parametrize("status", ORDER)
def test_exactly_the_listed_moves_of_an_order_are_legal_and_its_performer_may_change_nothing(status: str) -> None:
    verbs = set(moves.legal(ORDERS, status, "requester")) - {"keep"}
    assert {verb: moves.advance(ORDERS, status, verb, "requester").to for verb in verbs} == ORDER[status]
    assert set(moves.legal(ORDERS, status, "performer")) == (set(ORDER["new"]) if status == "new" else set())


def test_a_revoked_order_is_not_signed_again() -> None:
    revoked, active = {"status": "revoked"}, {"status": "active"}
    assert order_move(revoked, active) in ("sign", "resume")
    with pytest.raises(Conflict, match=r"Legal from revoked: void\."):
        moves.advance(ORDERS, "revoked", order_move(revoked, active), "requester")
