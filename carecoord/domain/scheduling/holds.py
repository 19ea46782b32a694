"""A free time of a clinic that is held for a referral until the clinic answers, some days at most: an Appointment that
is pending, with its end beside it. Pure.

Clauses: FHIR R4 appointment.html (pending: "some or all of the participants have not finalized their acceptance"),
slot.html (busy-tentative); IHE ITI-116 ($hold, which gives a hold an end); referrals.md 1.9."""

from datetime import UTC, datetime
from typing import Final

from carecoord.domain.gates.policy import Policy
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, targets, text
from carecoord.domain.scheduling import acts

HELD_UNTIL: Final = f"{EXTENSION}/held-until"  # of an Appointment: when it lapses, if nobody books it before
TERM: Final = "hold"  # of a policy: how long a time is held at most
ENDED: Final = frozenset({"rejected", "cancelled", "failed", "entered-in-error"})  # a Task that came to nothing


def end(policy: Policy, now: datetime, starts: datetime) -> datetime:
    """Until when a time that is taken now is held: as long as the office says, and never longer than it lies ahead."""
    return min(policy.after(now, TERM), starts)


def held(order: Json, task: Json, id: str, slot: Json, until: datetime, now: datetime) -> Json:
    """The hold of a Slot for the patient of an order, for as long as the Task by which a clinic is asked is open."""
    site = next((each for each in items(order, "locationReference") if target(each)), None)
    where = site or {"display": text(item(task, "owner"), "display") or "Clinic"}
    return {
        "resourceType": "Appointment",
        "id": id,
        "extension": [{"url": HELD_UNTIL, "valueInstant": until.isoformat(timespec="seconds")}],
        "status": "pending",
        "supportingInformation": [{"reference": key(task)}],
        "basedOn": [{"reference": key(order)}],
        "created": now.isoformat(timespec="seconds"),
        "start": text(slot, "start"),
        "end": text(slot, "end"),
        "slot": [{"reference": key(slot)}],
        "participant": [
            {"actor": {"reference": target(item(order, "subject"))}, "status": "needs-action"},
            {"actor": where, "status": "needs-action"},
        ],
    }


def until(visit: Json) -> datetime | None:
    """When a hold lapses; None of what is no hold, or none any more."""
    if text(visit, "status") != "pending":
        return None
    return moment(text(extension(visit, HELD_UNTIL), "valueInstant"), UTC)


def tasks(visit: Json) -> list[str]:
    """The Tasks (ids) for whose answer a time is held."""
    return [to.removeprefix("Task/") for to in targets(visit, "supportingInformation") if to.startswith("Task/")]


def lapsed(visit: Json) -> Json:
    """The hold given back."""
    return acts.ended(visit, "cancel")
