"""Breaking the glass: who may, for which reasons, for how long. What it opens is in access.opened.

It lifts the narrowing to one's own patients, and what a patient's Consent withholds, for one patient, for an hour, to
read. It never lifts the table of roles: nobody sees a type of resource so that their role does not see anyway.
"""

from datetime import timedelta
from typing import Final

from auth.grant import Grant
from carecoord.domain.access import verbs
from carecoord.errors import Forbidden, Invalid
from carecoord.words.sentence import Sentence, sentence

LASTS: Final = timedelta(hours=1)
SHORTEST: Final = 10  # characters of one's own words
LONGEST: Final = 500

REASONS: Final[dict[str, Sentence]] = {  # code -> what the person chooses from
    "emergency": sentence("glass.emergency"),
    "urgent-referral": sentence("glass.urgent-referral"),
    "on-call": sentence("glass.on-call"),
    "transfer": sentence("glass.transfer"),
    "safety": sentence("glass.safety"),
}


def may_break(grant: Grant) -> bool:
    """Whether somebody may break the glass at all: a clinician or coordinator at the desk, never an app."""
    return grant.client is None and grant.session is not None and verbs.may(grant.roles, "break-glass")


def demand(grant: Grant, reason: str, note: str) -> str:
    """The words to keep. Raises Forbidden for those who may not, Invalid naming the field that says too little."""
    if not may_break(grant):
        raise Forbidden("Only clinicians and coordinators, signed in at the desk, can break the glass.")
    if reason not in REASONS:
        raise Invalid("Choose the reason why you need this record now.", "reason")
    said = " ".join(note.split())
    if len(said) < SHORTEST or len(set(said.casefold())) < 4:
        raise Invalid(f"Say in your own words why you need this record now: at least {SHORTEST} characters.", "note")
    if len(said) > LONGEST:
        raise Invalid(f"Say it in at most {LONGEST} characters; these are {len(said)}.", "note")
    return said
