"""Writing down a note, or a contact with the patient, the clinic or the payer: the Communication as it is to be.

Who was called at a clinic or a payer stands in it as a logical reference, by identifier: what we wrote down of a call
is ours, and no message to them that their own searches should find."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from carecoord.domain.contacts.attempts import KINDS, MEDIA, MEDIUM, NOTE, NUMBER, OUTCOME
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json, item, items, key, target, text

How = Literal["call", "letter", "fax", "visit"]
Outcome = Literal["reached", "message", "no-answer", "wrong-number"]
NOT_REACHED: Final = {"no-answer": "No answer", "wrong-number": "Wrong number"}


@dataclass(frozen=True, slots=True)
class Contact:
    """What somebody wrote down. `to`: a Reference to whom; `who`: with whom they spoke; `reference`: the other side's
    number for it; `number`: the one that was dialled."""

    how: How
    outcome: Outcome
    to: Json
    who: str = ""
    reference: str = ""
    note: str = ""
    number: str = ""


def note(case: Case, id: str, sender: Json, words: str, now: datetime, named: Sequence[Json] = ()) -> Json:
    """A note to whoever works on the referral, on either side. named: the colleagues who are to take it up."""
    recipients = {"recipient": [*named]} if named else {}
    return _about(case, id, sender, now) | recipients | {
        "category": [{"coding": [{"system": NOTE[0], "code": NOTE[1]}], "text": "Note"}],
        "payload": [{"contentString": words}],
    }


def answer(case: Case, id: str, sender: Json, words: str, now: datetime, task: Json) -> Json:
    """The answer to what a clinic asked by its Task: a note about that Task, whose reason is the question."""
    asked = item(task, "statusReason")
    return note(case, id, sender, words, now) | {
        "about": [{"reference": key(task)}], **({"reasonCode": [asked]} if asked else {}),
    }  # fmt: skip


def answers(case: Case, task: Json) -> list[Json]:
    """The answers to what was asked by a Task, the newest first."""
    found = [each for each in case.talks if task and key(task) in {target(to) for to in items(each, "about")}]
    return sorted(found, key=lambda each: (text(each, "sent"), text(each, "id")), reverse=True)


def contact(case: Case, id: str, sender: Json, said: Contact, now: datetime) -> Json:
    """A contact, or the attempt at one."""
    talk = _about(case, id, sender, now) | {
        "category": [{"coding": [{"system": KINDS, "code": "contact"}], "text": "Contact"}],
        "medium": [{"coding": [{"system": MEDIA, "code": MEDIUM[said.how]}]}],
        "recipient": [said.to, *([{"display": said.who}] if said.who else [])],
        "extension": [
            {"url": OUTCOME, "valueCode": said.outcome},
            *([{"url": NUMBER, "valueString": said.number}] if said.number else []),
        ],
    }
    if said.outcome in NOT_REACHED:
        talk["status"] = "not-done"
        talk["statusReason"] = {"text": NOT_REACHED[said.outcome]}
    if said.reference:
        talk["identifier"] = [{"value": said.reference}]
    if said.note:
        talk["payload"] = [{"contentString": said.note}]
    return talk


def _about(case: Case, id: str, sender: Json, now: datetime) -> Json:
    return {
        "resourceType": "Communication",
        "id": id,
        "status": "completed",
        "subject": {"reference": target(item(case.order, "subject"))},
        "basedOn": [{"reference": key(case.order)}],
        "sent": now.isoformat(timespec="seconds"),
        "sender": sender,
    }
