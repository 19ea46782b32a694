"""What a patient sees by their link of one referral, and does: takes a time that the clinic offers, says whether they
come, asks, and stops messages; through the same tables of states and the same door as anybody's act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.actions.guests import access
from carecoord.actions.messages.messages import note_read
from carecoord.actions.patients.records import has_stopped
from carecoord.actions.worklist import project
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.guests import acts
from carecoord.domain.guests.journey import starts
from carecoord.domain.messages import acts as message_acts
from carecoord.domain.messages.threads import Message, by_person, thread
from carecoord.domain.referrals import offers
from carecoord.domain.referrals.case import Case, order_named
from carecoord.domain.resource.elements import Json, key, target, text
from carecoord.domain.resource.parties import Directory, directory
from carecoord.domain.resource.present import Present
from carecoord.domain.scheduling import acts as visit_acts
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.guests import links as kept
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True)
class Journey:
    """A referral as its patient sees it, or a relative whom they let know. `visit`: the visit that is booked; `offers`:
    times to choose from; `said`: what the patient last answered to the visit, `accepted` or `declined`, empty where
    nothing; `messages`: the reader's and those to them, the newest first; `stopped`: the patient wants no more; `seen`:
    the versions that its forms are shown with. There is no paper in it, and no word of a report."""

    now: datetime
    row: Row[Any]
    case: Case
    known: Directory
    clearance: Clearance
    visit: Json | None
    offers: Sequence[Json]
    said: str
    messages: Sequence[Message]
    stopped: bool
    seen: str

    def present(self, zone: ZoneInfo) -> Present:
        """What the period of a telephone is held against."""
        return Present(self.now, zone)


def journey(world: World, grant: Grant, request: str) -> Journey:
    """The referral of a patient's link. Raises NotFound where the link is no longer good. What was written to them
    counts as read. Audited as a read."""
    with changing(world, grant, request) as turn:
        found = _opened(turn)
        note_read(turn, found.messages, {grant.fhir_user or ""})
        kind, order = order_named(grant.only or "")
        told = event(turn.now, request, "read", by=grant, type=kind, resource=order, patient=found.row.patient)
        world.journal.append(told)
        return found


def choose(world: World, grant: Grant, request: str, submission: Submission, visit: str) -> Done:
    """Take one of the times that the clinic offers (`Appointment/id`): the others lapse. Raises Unprocessable for one
    that is not offered."""

    def plan(acting: Acting) -> Planned:
        offered = {key(each): each for each in _offers(acting.case)}
        if visit not in offered:
            raise Unprocessable(sentence("refusals.this-time-not-offered-any"), "visit")
        start = starts(offered[visit], acting.zone)
        if start is None:
            raise Conflict(sentence("refusals.time-that-was-offered-can"), "visit")
        taken = visit_acts.confirmed(offered[visit], start)
        over = [
            visit_acts.ended(each, "cancel", "Another time was taken.") for id, each in offered.items() if id != visit
        ]
        return Planned([taken, *over], sentence("act.chosen", when=start.astimezone(acting.zone)))

    return perform(world, grant, request, submission, "choose", plan)


def attend(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Say that they are coming."""

    def plan(acting: Acting) -> Planned:
        reply = acts.reply(_visit(acting), acting.id, acting.row.patient, "accepted")
        return Planned([reply], sentence("act.attends"))

    return perform(world, grant, request, submission, "attend", plan)


def ask_to_move(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Say that they can not come then, and when they can: the office finds another time. The visit stands until it
    has."""

    def plan(acting: Acting) -> Planned:
        reply = acts.reply(_visit(acting), acting.id, acting.row.patient, "declined", words)
        return Planned([reply], sentence("act.asks-to-move"), words)

    return perform(world, grant, request, submission, "ask-to-move", plan)


def stop_messages(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Say that they want no more messages: nothing is sent to them from then on; their page stays."""

    def plan(acting: Acting) -> Planned:
        kept.stop_messages(acting.turn.conn, grant.launch or "", micros(acting.turn.now))
        office = message_acts.office(acting.clearance)
        words, now = "The patient wants no more messages.", acting.turn.now
        talk = message_acts.message(acting.case, acting.id, acting.person, office, words, now, "messages-stopped")
        return Planned([talk], sentence("act.messages-stopped"))

    return perform(world, grant, request, submission, "stop-messages", plan)


def _visit(acting: Acting) -> Json:
    if acting.visit is None:
        raise Conflict(sentence("refusals.no-visit-booked"), "http.act")
    return acting.visit


def _offers(case: Case) -> list[Json]:
    """The times that the clinic offers, the earliest first."""
    found = [each for each in case.appointments if text(each, "status") == "proposed" and text(each, "start")]
    return sorted(found, key=lambda each: (text(each, "start"), key(each)))


def _opened(turn: Turn) -> Journey:
    row, case = access.opened(turn)
    judged = clear(case, turn.now, project.policy(turn.world.settings))
    visit, me = offers.current_visit(case, judged), f"Patient/{row.patient}"
    offered = _offers(case) if visit is None else []
    mine = [each for each in case.replies if target(each.get("actor", {})) == me and _of(each, visit)]
    said = max(mine, key=lambda each: str(each["meta"].get("lastUpdated", "")), default={})
    seen = " ".join(f"{key(each)}:{each['meta']['versionId']}" for each in (visit or {}, *offered) if each)
    return Journey(
        turn.now, row, case, directory([*case.organizations, *case.locations, *case.practitioners]), judged, visit,
        offered, text(said, "participantStatus"), thread(case, by_person(turn.grant.fhir_user or me)),
        has_stopped(turn.conn, row.patient), seen,
    )  # fmt: skip


def _of(reply: Json, visit: Json | None) -> bool:
    """Whether a reply speaks of the visit, at the time that it has now."""
    if visit is None or target(reply.get("appointment", {})) != key(visit):
        return False
    return text(reply, "start") in ("", text(visit, "start"))
