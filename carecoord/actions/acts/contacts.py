"""Writing down a note, and a contact with the patient, the clinic or the payer: a call, a letter, a fax, a visit."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.contacts import acts
from carecoord.domain.contacts.acts import Contact, How, Outcome
from carecoord.domain.resource.elements import Json, item, target
from carecoord.domain.resource.parties import Party
from carecoord.domain.worklist import acts as worklist_acts
from carecoord.errors import Unprocessable
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

Whom = Literal["patient", "performer", "placer", "payer"]


@dataclass(frozen=True, slots=True)
class Logged:
    """A contact as somebody wrote it down. `touch`: the day on which the referral is to be looked at next."""

    whom: Whom
    how: How
    outcome: Outcome
    who: str = ""
    reference: str = ""
    note: str = ""
    number: str = ""
    touch: date | None = None


def note(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Write a note to whoever works on the referral."""

    def plan(acting: Acting) -> Planned:
        talk = acts.note(acting.case, acting.id, acting.person, words, acting.turn.now)
        return Planned([talk], sentence("act.noted"))

    return perform(world, grant, request, submission, "note", plan)


def contact(world: World, grant: Grant, request: str, submission: Submission, said: Logged) -> Done:
    """Write down a contact. The day of the next touch is the referring office's: others can not set it. Raises
    Unprocessable for somebody whom this referral does not know."""

    def plan(acting: Acting) -> Planned:
        to = _to(acting, said.whom)
        what = Contact(said.how, said.outcome, to, said.who, said.reference, said.note, said.number)
        written = [acts.contact(acting.case, acting.id, acting.person, what, acting.turn.now)]
        if said.touch:
            if "requester" not in acting.sides:
                raise Unprocessable("The next touch is set by the office that refers.", "touch")
            held, now = acting.work, acting.turn.now
            if said.touch != held.touch or held.wakes:
                written.append(worklist_acts.changed(acting.case, held, now, acting.office, touch=said.touch))
        return Planned(written, _words(said, to))

    return perform(world, grant, request, submission, "contact", plan)


def _words(said: Logged, to: Json) -> Sentence:
    whom = to["display"]
    logged = {
        "call": sentence("act.contact.call", whom=whom),
        "letter": sentence("act.contact.letter", whom=whom),
        "fax": sentence("act.contact.fax", whom=whom),
        "visit": sentence("act.contact.visit", whom=whom),
    }[said.how]
    return sentence("act.touch", done=logged, day=said.touch) if said.touch else logged


def _to(acting: Acting, whom: Whom) -> Json:
    """Whom it was with: the patient themselves; a clinic or a payer by what identifies it."""
    if whom == "patient":
        return {"reference": target(item(acting.case.order, "subject")), "display": acting.row.patient_name}
    facts, card = acting.clearance.facts, acting.clearance.card
    performer = facts.referral.performer
    parties: dict[str, Party | None] = {
        "performer": (performer.organization or performer.practitioner) if performer else None,
        "placer": facts.referral.placer,
        "payer": card.payer if card else None,
    }
    party = parties.get(whom)
    if party is None:
        raise Unprocessable("This referral names nobody such. Choose somebody else.", "whom")
    return called(party)


def called(party: Party) -> Json:
    """A Reference to an organization or a person by what identifies it."""
    system, _, value = party.key().partition("|")
    logical = {"identifier": {"system": system, "value": value}} if value else {}
    return {"type": party.reference.partition("/")[0] or "Organization", **logical, "display": party.name}
