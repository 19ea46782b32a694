"""Writing down a note, and a contact with the patient, the clinic or the payer: a call, a letter, a fax, a visit."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from auth.grant import Grant
from carecoord.actions.acts import work
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.actions.inbox.seat import seat
from carecoord.domain.contacts import acts, mentions
from carecoord.domain.contacts.acts import Contact, How, Outcome
from carecoord.domain.contacts.mentions import Unread
from carecoord.domain.resource.elements import Json, item, target
from carecoord.domain.resource.parties import Party
from carecoord.domain.worklist import acts as worklist_acts
from carecoord.errors import Conflict, Unprocessable
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
    """Write a note to whoever works on the referral. Colleagues who are named in it (`@Reyes`) have it before them
    until they take it up; whoever writes has taken up what named them here. Raises Unprocessable for a name that is
    nobody's, or several people's."""

    def plan(acting: Acting) -> Planned:
        known = work.colleagues(acting.turn.conn, grant) if "@" in words else []
        colleagues = {each.id: each for each in known}
        named, unread = mentions.named(words, [(each.id, each.name) for each in colleagues.values()])
        if unread:
            raise Unprocessable(_unknown(unread[0]), "note")
        to = [colleagues[id].reference | {"display": colleagues[id].name} for id in named if id != grant.subject]
        talk = acts.note(acting.case, acting.id, acting.person, words, acting.turn.now, to)
        said = sentence("act.noted.to", whom=", ".join(each["display"] for each in to)) if to else sentence("act.noted")
        return Planned([talk, *taken_up(acting)], said)

    return perform(world, grant, request, submission, "note", plan)


def receive(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Take up the notes on a referral in which one is named, oneself or one's team, without a word. Raises Conflict
    where there are none."""

    def plan(acting: Acting) -> Planned:
        taken = taken_up(acting)
        if not taken:
            raise Conflict(sentence("refusals.no-note-here-waits-for"), "http.act")
        return Planned(taken, sentence("act.received"))

    return perform(world, grant, request, submission, "receive", plan)


def taken_up(acting: Acting) -> list[Json]:
    """The notes in which the one who acts is named, their team or whom they stand in for, and the messages to these, as
    they are once taken up."""
    waiting = [talk for talk in acting.case.talks if mentions.open_for(talk)]
    own = {*seat(acting.turn).named()} if waiting else set()
    return [mentions.received(talk, own, acting.turn.now) for talk in waiting if own & {*mentions.open_for(talk)}]


def _unknown(unread: Unread) -> str:
    """Why a name can not be meant, and what to write."""
    if unread.candidates:
        several = " or ".join(unread.candidates[:3])
        return f"“@{unread.said}” could be {several}: write the given name before it, @Given Family."
    return f"Nobody of your office is called “{unread.said}”. Write @ and a family name, or a blank after the @."


def contact(world: World, grant: Grant, request: str, submission: Submission, said: Logged) -> Done:
    """Write down a contact. The day of the next touch is the referring office's: others can not set it. Raises
    Unprocessable for somebody whom this referral does not know."""

    def plan(acting: Acting) -> Planned:
        to = _to(acting, said.whom)
        what = Contact(said.how, said.outcome, to, said.who, said.reference, said.note, said.number)
        written = [acts.contact(acting.case, acting.id, acting.person, what, acting.turn.now)]
        if said.touch:
            if "requester" not in acting.sides:
                raise Unprocessable(sentence("refusals.next-touch-set-by-office"), "touch")
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
        raise Unprocessable(sentence("refusals.this-referral-names-nobody-such"), "whom")
    return called(party)


def called(party: Party) -> Json:
    """A Reference to an organization or a person by what identifies it."""
    system, _, value = party.key().partition("|")
    logical = {"identifier": {"system": system, "value": value}} if value else {}
    return {"type": party.reference.partition("/")[0] or "Organization", **logical, "display": party.name}
