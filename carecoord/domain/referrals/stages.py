"""How far a referral has come by its Task: our own stage codes, those of BSeR, a partner's own words, and where none of
them says it Task.status alone.

Clause: FHIR R4 Task.businessStatus ("Contains business-specific nuances of the business state"): a Task that is
in-progress may be a no-show, a visit that was called off, or a cancellation that somebody asked for."""

import re
from collections.abc import Iterable
from typing import Final, Literal, get_args

from carecoord.domain.resource.codes import ABORT, STAGE, has
from carecoord.domain.resource.elements import Json, code_of, item, items, key, target, text, words
from carecoord.fhir.code_systems import canonical

Stage = Literal[
    "draft", "sent", "in-triage", "awaiting-information", "awaiting-authorization", "accepted", "contacting-patient",
    "waitlisted", "in-progress", "scheduled", "no-show", "appointment-cancelled", "visit-done", "cancel-requested",
    "advice-given", "report-received", "declined", "cancelled", "failed", "error",
]  # fmt: skip
_STAGES: Final[dict[str, Stage]] = {code: code for code in get_args(Stage)}
BY_STATUS: Final[dict[str, Stage]] = {  # Task.status -> the stage it means when no businessStatus says more
    "draft": "draft",
    "requested": "sent",
    "received": "in-triage",
    "accepted": "accepted",
    "ready": "accepted",
    "in-progress": "in-progress",
    "on-hold": "waitlisted",
    "completed": "report-received",
    "rejected": "declined",
    "cancelled": "cancelled",
    "failed": "failed",
    "entered-in-error": "error",
}
ENDED: Final[dict[str, set[Stage]]] = {  # Task.status that has the last word, and the stages that say the same
    "completed": {"report-received", "advice-given"},
    "rejected": {"declined"},
    "cancelled": {"cancelled"},
    "failed": {"failed"},
    "entered-in-error": {"error"},
}
WRITTEN: Final[dict[Stage, tuple[str, ...]]] = {  # each Task.status that a stage is written with, the usual one first
    "draft": ("draft",),
    "sent": ("requested",),
    "in-triage": ("received",),
    "awaiting-information": ("received", "in-progress"),
    "awaiting-authorization": ("accepted", "received"),
    "accepted": ("accepted", "ready"),
    "contacting-patient": ("accepted", "ready"),
    "waitlisted": ("on-hold",),
    "in-progress": ("in-progress",),
    "scheduled": ("in-progress",),
    "no-show": ("in-progress",),
    "appointment-cancelled": ("in-progress",),
    "visit-done": ("in-progress",),
    "cancel-requested": ("in-progress", "on-hold"),  # COW: the work may rest meanwhile
    "advice-given": ("completed",),
    "report-received": ("completed",),
    "declined": ("rejected",),
    "cancelled": ("cancelled",),
    "failed": ("failed",),
    "error": ("entered-in-error",),
}
# And those that partners may have: BSeR starts as received, Gravity has no received, a wait may be on-hold.
_ALSO: Final[dict[Stage, tuple[str, ...]]] = {
    "sent": ("received",),
    "in-triage": ("requested",),
    "awaiting-information": ("requested", "on-hold"),
    "awaiting-authorization": ("on-hold",),
}
BAD_NEWS: Final[set[Stage]] = {
    "no-show", "appointment-cancelled", "cancel-requested", "declined", "cancelled", "failed", "error",
}  # fmt: skip
BSER = "https://hl7.org/fhir/us/bser/CodeSystem/"
BSER_STAGES: Final[dict[str, Stage]] = {
    "2.0": "sent",
    "3.0": "accepted",
    "4.0": "declined",
    "5.1": "in-progress",  # TID 31-34 go by it, though their own code system lacks it
    "5.1.1": "scheduled",
    "5.1.2": "no-show",
    "5.1.3": "appointment-cancelled",
    "5.1.4": "visit-done",
    "5.2": "cancel-requested",
    "6.0": "cancelled",
    "7.0": "report-received",
}
_PATTERNS: Final[tuple[tuple[str, Stage], ...]] = (  # what partners write, in this order
    (r"cancel\w* (was |is |has been )?(request|ask|pending)", "cancel-requested"),
    (r"(request|ask)\w* (for |to |a |of )*cancel", "cancel-requested"),
    (r"no ?shows?\b|unattended|(did not|didn t|failed to|not) (attend|come|arrive|show)|\bdna\b|missed", "no-show"),
    (r"cancel|called off", "appointment-cancelled"),
    (r"declin|reject|refus", "declined"),
    (r"(unable|could not|cannot|can not|not able) (to )?(be )?(contact|reach)|unreachable", "contacting-patient"),
    (r"wait(ing)? ?list", "waitlisted"),
    (r"(await|need|missing|waiting for) ?\w* ?(more )?(info|document|record)", "awaiting-information"),
    (r"(await|need|pending|waiting for) ?\w* ?(prior )?auth", "awaiting-authorization"),
    (r"^(service request event |appointment |visit |event )?(re)?(scheduled|booked)$", "scheduled"),
    (r"^(patient |visit |appointment |service request event )?(seen|done|attended|completed?)$", "visit-done"),
)
PARTNER_WORDS = tuple((re.compile(pattern), stage) for pattern, stage in _PATTERNS)


def stage(task: Json) -> Stage:
    """The stage that a coordination Task says. A status that ends the Task has the last word; a business status that
    nobody can read leaves the status to speak. So does a code of ours that its status contradicts: we write both
    together, so somebody who does not know our codes has changed the status since. But bad news stays."""
    status = text(task, "status")
    business = item(task, "businessStatus")
    own = _own(business)
    said = own or _partners(business)
    if status in ENDED:
        return said if said and said in ENDED[status] else BY_STATUS[status]
    fitting = WRITTEN[own] + _ALSO.get(own, ()) if own else ()
    if fitting and own not in BAD_NEWS and status in BY_STATUS and status not in fitting:
        return BY_STATUS[status]
    return said or BY_STATUS.get(status, "sent")


def unread(task: Json) -> str:
    """A business status in the partner's own words that no stage is known for, empty when there is none."""
    said = item(task, "businessStatus")
    return "" if _said(said) or text(task, "status") in ENDED else words(said)


def _own(business: Json) -> Stage | None:
    """The stage that our own code says; a code that is none of ours says nothing."""
    return _STAGES.get(code_of(business, STAGE))


def _said(business: Json) -> Stage | None:
    """The stage of a business status, None when it says none that we know."""
    return _own(business) or _partners(business)


def _partners(business: Json) -> Stage | None:
    """The stage that a partner's business status says, by the codes of BSeR or in words."""
    if not business:
        return None
    for coding in items(business, "coding"):
        if canonical(text(coding, "system")).startswith(BSER) and text(coding, "code") in BSER_STAGES:
            return BSER_STAGES[text(coding, "code")]
    coded = (text(each, name) for each in items(business, "coding") for name in ("display", "code"))
    for each in (text(business, "text"), *coded):
        plainly = " ".join(re.findall(r"[^\W_]+", each.casefold()))
        if found := next((stage for pattern, stage in PARTNER_WORDS if pattern.search(plainly)), None):
            return found
    return None


def cancelling(task: Json, tasks: Iterable[Json], order: Json) -> Json | None:
    """The request to cancel that lies on a coordination Task or its order (COW: a Task with code abort), unless it was
    turned down."""
    focus = {key(task), key(order)}
    refused = ("rejected", "cancelled", "failed", "entered-in-error", "draft")
    asked = (t for t in tasks if has(item(t, "code"), *ABORT) and target(item(t, "focus")) in focus)
    return next((each for each in asked if text(each, "status") not in refused), None)
