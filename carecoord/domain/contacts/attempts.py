"""The contacts about a referral, as they were logged here or told by an EHR: when, whom, how, and what came of it.

Clause: FHIR R4 Communication ("a record of information shared, or an attempt"): status `not-done` for who was not
reached, with its statusReason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from carecoord.domain.resource.codes import CANONICAL, EXTENSION, MESSAGES, has
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, text, words

KINDS = f"{CANONICAL}/CodeSystem/contact"
NOTE = (KINDS, "note")
OUTCOME = f"{EXTENSION}/contact-outcome"
NUMBER = f"{EXTENSION}/contact-number"
MEDIA = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
LETTER_AFTER = 3  # attempts that reached nobody, after which a letter is the better way
ANSWERED = frozenset({"message", "link-locked", "link-wanted"})  # messages that somebody takes up
MEDIUM = {"call": "PHONE", "letter": "MAILWRIT", "fax": "FAXWRIT", "visit": "FACE"}  # how -> its code


@dataclass(frozen=True, slots=True)
class Attempt:
    """One contact. `how`: a key of MEDIUM, or empty for another medium. `reached`: False where nobody was."""

    at: datetime
    how: str
    whom: str
    who: str  # with whom one spoke, as it was written
    outcome: str  # reached, message, no-answer, wrong-number; empty where the log is another's
    reached: bool
    note: str
    reference: str
    number: str
    by: str


def is_note(talk: Json) -> bool:
    """Whether a Communication is a note to colleagues, and no contact with anybody."""
    return any(has(each, *NOTE) for each in items(talk, "category"))


def is_message(talk: Json) -> bool:
    """Whether it was written here to somebody, alone or with documents: that reached nobody's ear."""
    return any(code_of(each, MESSAGES) for each in items(talk, "category"))


def is_written(talk: Json) -> bool:
    """Whether it is a message that waits for whoever it was written to."""
    return any(code_of(each, MESSAGES) in ANSWERED for each in items(talk, "category"))


def attempts(talks: Iterable[Json], zone: tzinfo) -> tuple[Attempt, ...]:
    """The contacts among the Communications about a case, the newest first."""
    found = []
    for talk in talks:
        at = moment(text(talk, "sent") or text(talk, "received"), zone)
        if at and not is_note(talk) and not is_message(talk) and text(talk, "status") != "preparation":
            found.append(_attempt(talk, at))
    return tuple(sorted(found, key=lambda each: each.at, reverse=True))


def wrong_numbers(made: Iterable[Attempt]) -> dict[tuple[str, str], Attempt]:
    """(whose, digits) of the numbers that were wrong when they were last called, and that call (`made`: the newest
    first). Who was reached there since takes it back."""
    found: dict[tuple[str, str], Attempt | None] = {}
    for each in made:
        if each.number and each.outcome in ("reached", "message", "wrong-number"):
            found.setdefault((each.whom, digits(each.number)), each if each.outcome == "wrong-number" else None)
    return {which: each for which, each in found.items() if each}


def digits(number: str) -> str:
    """A telephone number by its digits alone, as it is compared."""
    return "".join(letter for letter in number if letter.isdigit())


def unreached(made: Iterable[Attempt], whom: str) -> int:
    """How often somebody was tried in a row without being reached, since the last time that they were, or were written
    to (`made`: the newest first)."""
    tries = 0
    for each in made:
        if each.whom != whom:
            continue
        if each.outcome not in ("no-answer", "wrong-number"):
            break
        tries += 1
    return tries


def last_word(talks: Iterable[Json], zone: tzinfo) -> datetime | None:
    """When somebody last wrote or said anything about a case, notes among it."""
    times = (moment(text(talk, "sent") or text(talk, "received"), zone) for talk in talks)
    return max((at for at in times if at), default=None)


def _attempt(talk: Json, at: datetime) -> Attempt:
    code = next((found for each in items(talk, "medium") if (found := code_of(each))), "").upper()
    recipients = items(talk, "recipient")
    to, others = (recipients or [{}])[0], recipients[1:]
    return Attempt(
        at=at,
        how=next((how for how, medium in MEDIUM.items() if medium == code), ""),
        whom=text(to, "display"),
        who=next((text(each, "display") for each in others if text(each, "display")), ""),
        outcome=text(extension(talk, OUTCOME), "valueCode"),
        reached=text(talk, "status") != "not-done",
        note=next(filter(None, (text(each, "contentString") for each in items(talk, "payload"))), ""),
        reference=next((text(each, "value") for each in items(talk, "identifier")), ""),
        number=text(extension(talk, NUMBER), "valueString"),
        by=text(item(talk, "sender"), "display") or words(item(talk, "sender")),
    )
