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
        raise Forbidden(sentence("refusals.only-clinicians-and-coordinators-signed"))
    if reason not in REASONS:
        raise Invalid(sentence("refusals.choose-reason-why-you-need"), "reason")
    said = " ".join(note.split())
    if len(said) < SHORTEST or len(set(said.casefold())) < 4:
        raise Invalid(sentence("refusals.say-in-your-own-words", shortest=SHORTEST), "note")
    if len(said) > LONGEST:
        raise Invalid(sentence("refusals.say-it-in-at-most", longest=LONGEST, n=len(said)), "note")
    return said
