"""What of our changes an EHR is told, and why it may not be."""

from collections.abc import Container
from typing import Final, Literal

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


def is_told(type: str, held: bool, deleted: bool, source: str | None, loaded: bool) -> bool:
    """Whether a change of ours is to be told at all. What an EHR does not hold is told when it was made here: what says
    that it comes from elsewhere (`source`), or was loaded from a file, is a record of what others did."""
    if type not in TOLD:
        return False
    return held or not (deleted or source or loaded)


def hindrance(verb: Verb, writes: Container[str], asks_to_write: bool) -> Why:
    """Why the EHR is not told, as far as is known without asking it. writes: what it lets us do to the type."""
    if verb not in writes:
        return "no-write"
    return "" if asks_to_write else "read-only"
