"""What of our changes an EHR is told, and why it may not be."""

from collections.abc import Container
from typing import Final, Literal

from carecoord.domain.contacts.attempts import KINDS
from carecoord.domain.documents.audience import is_kept
from carecoord.domain.resource.codes import WORK, has
from carecoord.domain.resource.elements import Json, item, items, text

# Orders, the work on them, visits, letters and papers: what an office and a clinic tell each other. What else is
# changed here of an EHR's record stays here, and stands.
TOLD: Final = frozenset({"Task", "ServiceRequest", "Appointment", "Communication", "DocumentReference"})

Verb = Literal["create", "update", "delete"]
Why = Literal[
    "",  # nothing is in the way
    "no-write",  # this EHR takes no such write
    "read-only",  # we ask it for reading only
    "no-scope",  # it did not grant us what the write takes
    "conflict",  # it waits until a conflict is settled
    "gone",  # the EHR holds it no longer
    "refused",  # the EHR said no, in its own words
    "no-answer",  # the EHR is away, or failed; it is tried again
]


def verb(held: bool, deleted: bool) -> Verb:
    """What telling the EHR comes to. held: it knows the resource."""
    return "delete" if deleted else "update" if held else "create"


def is_told(type: str) -> bool:
    """Whether a change of ours to what an EHR holds is to be told it at all."""
    return type in TOLD


def is_told_anew(resource: Json, loaded: bool) -> bool:
    """Whether what was made here, of which the EHR knows nothing, is to be told: not an order that is still being
    written, not what says that it comes from
    elsewhere (`meta.source`) or was loaded from a file, which is a record of what others did, not the office's own log
    of notes and calls, which says what nobody else was meant to read, not the Task that says who of the office works on
    a referral and until when it rests, and not a clinic's document that it keeps."""
    if resource.get("resourceType") not in TOLD or loaded or text(item(resource, "meta"), "source"):
        return False
    if is_kept(resource) or has(item(resource, "code"), *WORK):
        return False
    if resource["resourceType"] == "ServiceRequest" and text(resource, "status") == "draft":
        return False
    codings = (each for category in items(resource, "category") for each in items(category, "coding"))
    return not any(text(each, "system") == KINDS for each in codings)


def hindrance(verb: Verb, writes: Container[str], asks_to_write: bool) -> Why:
    """Why the EHR is not told, as far as is known without asking it. writes: what it lets us do to the type."""
    if verb not in writes:
        return "no-write"
    return "" if asks_to_write else "read-only"
