"""Messages about one referral: one thread between the office that refers, the clinic, the payer, the patient and the
relatives whom the patient lets know, of which each reads their own part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, opened, perform
from carecoord.actions.acts.contacts import taken_up
from carecoord.actions.acts.documents import sendable
from carecoord.actions.messages import notices
from carecoord.actions.messages.family import family
from carecoord.actions.messages.templates import fields, own
from carecoord.actions.patients.records import has_stopped
from carecoord.domain.documents import audience
from carecoord.domain.messages import acts, threads
from carecoord.domain.messages.recipients import Recipient, recipients
from carecoord.domain.messages.templates import Fields, Own
from carecoord.domain.messages.threads import Message, thread
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, key, target
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.messages import receipts
from carecoord.words.sentence import sentence
from carecoord.world import World

_FAMILY: Final = frozenset({"patient", "relative"})


@dataclass(frozen=True, slots=True)
class Written:
    """A message as somebody writes it. `to`: a recipient, `Type/id`; `documents`: `DocumentReference/id`s that go with
    it, to the other side of the referral."""

    to: str
    words: str
    documents: Sequence[str] = ()


@dataclass(frozen=True)
class Conversation:
    """The part of the thread that the asker reads, and to whom they may write. `read`: message -> recipient -> when
    first; `fields`: what templates are filled with, None for who has none; `own`: the words that the office has of its
    own; `documents`: those that can go to the other side; `consent`: the relatives whom nobody may write to, by name,
    for the patient has not let them know; `silent`: those of the family whom nobody may write to, by name, for the
    patient wants no more messages."""

    now: datetime
    case: str
    number: str
    patient: str
    messages: Sequence[Message]
    read: Mapping[str, Mapping[str, int]]
    recipients: Sequence[Recipient]
    patient_record: Json = field(repr=False, default_factory=dict)
    fields: Fields | None = None
    own: Own = field(default_factory=dict)
    documents: Sequence[Json] = ()
    kept_from: Sequence[str] = ()
    silent: Sequence[str] = ()


def open_thread(world: World, grant: Grant, request: str, case: str) -> Conversation:
    """The thread of a case for somebody at a desk, which notes that they have read it. Raises NotFound, Forbidden as
    the act of writing. Audited as a read of the order."""
    with changing(world, grant, request) as turn:
        acting = opened(turn, "", case, "message")
        ours = frozenset(turn.office().organizations)
        payer = "payer" in acting.sides
        case_read = withheld.without(turn, acting.case, acting.row.patient)
        found = thread(case_read, threads.by_payer(ours) if payer else threads.by_office(ours))
        mine = {f"Organization/{id}" for id in ours}
        note_read(turn, found, mine)
        kind, order = order_named(case)
        told = event(turn.now, request, "read", by=grant, type=kind, resource=order, patient=acting.row.patient)
        world.journal.append(told)
        to, kept_from = _recipients(acting)
        family_of = [each for each in to if each.kind in _FAMILY]
        silent = family_of if family_of and has_stopped(turn.conn, acting.row.patient) else []
        to = [each for each in to if each not in silent]
        other = next((each for each in to if each.kind in ("clinic", "office")), None)
        return Conversation(
            turn.now, case, acting.row.number, acting.row.patient_name, found,
            receipts.of(turn.conn, {each.id for each in found}), to, {} if payer else acting.case.patient or {},
            fields(acting) if "requester" in acting.sides else None,
            own(acting) if "requester" in acting.sides else {},
            sendable(acting, other.reference.partition("/")[2]) if other and not payer else (), kept_from,
            [each.name for each in silent],
        )  # fmt: skip


def note_read(turn: Turn, messages: Sequence[Message], parties: set[str]) -> None:
    """Note that these (`Type/id`) have read what was written to them."""
    unread = [(each.id, to) for each in messages for to in map(target, each.to) if to in parties]
    receipts.note(turn.conn, unread, micros(turn.now))


def write(world: World, grant: Grant, request: str, submission: Submission, said: Written) -> Done:
    """Write to somebody who takes part; whoever writes has taken up what was written to them. Raises Unprocessable for
    anybody else, and for documents that can not go to them, Conflict for the family of a patient who wants no more."""

    def plan(acting: Acting) -> Planned:
        to = next((each for each in _recipients(acting)[0] if each.reference == said.to), None)
        if to is None:
            raise Unprocessable(sentence("refusals.choose-whom-it-goes"), "to")
        if to.kind in _FAMILY and has_stopped(acting.turn.conn, acting.row.patient):
            raise Conflict(sentence("refusals.patient-wants-no-messages"), "http.act")
        office = to.reference.partition("/")[2]
        papers = _documents(acting, to, said.documents)
        talk = acts.message(acting.case, acting.id, _sender(acting), [to.named], said.words, acting.turn.now)
        talk["payload"] += [{"contentReference": {"reference": key(each)}} for each in papers]
        offices = offices_of(acting, office if to.kind in ("clinic", "office", "payer") else "")
        sent = [audience.listed(each, [office]) for each in papers if audience.is_listed(each)]
        if to.kind in ("clinic", "patient", "relative"):
            notices.announce(acting.turn.conn, acting.id, acting.turn.now)
        written = [*sent, audience.listed(talk, offices), *taken_up(acting)]
        return Planned(written, sentence("act.message-sent", to=to.name))

    return perform(world, grant, request, submission, "message", plan)


def ask_office(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Write to the office that refers, by a link. Raises Conflict where nobody knows which it is."""

    def plan(acting: Acting) -> Planned:
        to = acts.office(acting.clearance)
        if not to:
            raise Conflict(sentence("refusals.nobody-knows-which-office-refers"), "http.act")
        talk = acts.message(acting.case, acting.id, _sender(acting), to, words, acting.turn.now)
        listed = audience.listed(talk, offices_of(acting))
        return Planned([listed], sentence("act.message-sent", to=str(to[0]["display"])))

    return perform(world, grant, request, submission, "message", plan)


def _sender(acting: Acting) -> Json:
    """Who writes; by a clinic's link, for the clinic."""
    grant = acting.turn.grant
    if grant.only is not None and grant.organization:
        return {"reference": f"Organization/{grant.organization}", **acting.person}
    return acting.person


def offices_of(acting: Acting, to: str = "") -> set[str]:
    """The offices that read a message: whoever writes and is written to, and always the one that refers."""
    placer = acting.clearance.facts.referral.placer
    named = {acting.turn.grant.organization or "", to, acting.row.placer or ""}
    named |= {placer.reference.partition("/")[2]} if placer else set()
    return named - {""}


def _documents(acting: Acting, to: Recipient, wanted: Sequence[str]) -> list[Json]:
    if not wanted:
        return []
    known = {key(each): each for each in sendable(acting, to.reference.partition("/")[2])}
    if to.kind not in ("clinic", "office") or any(each not in known for each in wanted):
        raise Unprocessable(sentence("refusals.these-documents-can-not-go"), "documents")
    return [known[each] for each in wanted]


def _recipients(acting: Acting) -> tuple[list[Recipient], list[str]]:
    """To whom the asker may write, and the names of relatives whom the patient does not let know."""
    turn = acting.turn
    if "requester" not in acting.sides:
        return recipients(acting.clearance, acting.sides, acting.case.patient, ()), []
    kin = family(turn, acting.row.patient)
    found = recipients(acting.clearance, acting.sides, acting.case.patient, kin.told)
    others = recipients(acting.clearance, acting.sides, None, kin.others)
    return found, [each.name for each in others if each.kind == "relative"]
