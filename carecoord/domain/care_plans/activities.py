"""How an activity of a plan stands: read from the order, visit or task that it is, never typed twice. Only what is
planned in words alone says its own state.

Clause: FHIR R4 careplan.html (activity.reference, or activity.detail with its status)."""

from dataclasses import dataclass
from typing import Final, Literal

from carecoord.domain.resource.elements import Json, item, text, words

# `kept`: it is not the asker's to see; `gone`: what it points at is not here.
ActivityState = Literal["not-started", "waiting", "booked", "under-way", "done", "missed", "stopped", "kept", "gone"]
_STATES: Final[dict[ActivityState, tuple[str, ...]]] = {  # state -> of Task, Appointment, requests and details
    "not-started": ("draft", "requested", "received", "ready", "not-started", "preparation"),
    "waiting": ("on-hold", "proposed", "pending", "waitlist"),
    "booked": ("booked", "scheduled"),
    "under-way": ("accepted", "in-progress", "active", "arrived", "checked-in"),
    "done": ("completed", "fulfilled"),
    "missed": ("noshow",),
    "stopped": ("cancelled", "rejected", "failed", "revoked", "stopped", "entered-in-error"),
}
_STATE_OF: Final = {status: state for state, statuses in _STATES.items() for status in statuses}
ENDED: Final[frozenset[ActivityState]] = frozenset({"done", "stopped"})


@dataclass(frozen=True, slots=True)
class Activity:
    """`what`: in words; `reference`: `Type/id` of what it is, empty where it is words alone; `case`: the id of the
    referral that it is, or belongs to, empty where there is none; `due`: a FHIR date or dateTime."""

    what: str
    state: ActivityState
    reference: str = ""
    case: str = ""
    due: str = ""


def planned(detail: Json) -> Activity:
    """An activity that is words alone."""
    what = text(detail, "description") or words(item(detail, "code"))
    due = text(item(detail, "scheduledPeriod"), "end") or text(detail, "scheduledString")
    return Activity(what, _STATE_OF.get(text(detail, "status"), "not-started"), due=due)


def linked(reference: str, resource: Json, case: str) -> Activity:
    """An activity that is a resource of its own. case: the referral that it is or belongs to."""
    what = (
        text(resource, "description")
        or words(item(resource, "code"))
        or words(item(resource, "medicationCodeableConcept"))
        or next((words(each) for each in resource.get("serviceType") or [] if isinstance(each, dict)), "")
    )
    state = _STATE_OF.get(text(resource, "status"), "not-started")
    due = text(item(item(resource, "restriction"), "period"), "end") or text(resource, "start")
    return Activity(what, state, reference, case, due)
