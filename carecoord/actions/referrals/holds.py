"""A free time of a clinic held for a referral while it is sent, and given back when the clinic says no, or says nothing
for as long as the office holds a time. Of two who want the last one, one has it and the other is told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from auth.grant import Grant
from carecoord.actions.access.turn import changing
from carecoord.actions.acts import act
from carecoord.actions.acts.act import Acting, Deed, Planned
from carecoord.actions.referrals import finder
from carecoord.domain.access import verbs
from carecoord.domain.referrals.candidates import Candidate
from carecoord.domain.resource.codes import HOLD
from carecoord.domain.resource.elements import Json, item, target, targets, text
from carecoord.domain.scheduling import holds
from carecoord.errors import Conflict
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros, moment
from carecoord.store.database.engine import alone
from carecoord.store.referrals import performers
from carecoord.store.resources import read
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

FIELD: Final = "hold"  # of the form, where a time is free no longer
_ENDING: Final = "carecoord"  # who gives back a time that nobody answered for, as its Provenance names them


@dataclass(frozen=True)
class Hold:
    """What somebody wants held: at which clinic (`Organization/id`), and which of its free times."""

    performer: str
    starts: datetime


def taken(acting: Acting, order: Json, task: Json, chosen: Candidate, starts: datetime) -> Json:
    """The hold of a time that is free at the clinic whom the Task asks. Raises Conflict where it is free no longer."""
    turn = acting.turn
    local = starts.astimezone(acting.zone)
    diaries = finder.diaries(turn, chosen)
    for id in performers.free_at(turn.conn, diaries, micros(starts)):
        alone(turn.conn, f"Slot/{id}")  # of two who take it at once the second reads what the first has written
        row = read.get(turn.conn, "Slot", id)
        slot = json.loads(row.body) if row and not row.deleted else {}
        if text(slot, "status") == "free":
            until = holds.end(chosen.judged.facts.policy, turn.now, local)
            return holds.held(order, task, f"hold-{acting.id}", slot, until, turn.now)
    free = performers.first_free(turn.conn, diaries, micros(max(turn.now, starts))).values()
    if not free:
        raise Conflict(sentence("refusals.time-taken-no-other", when=local, name=chosen.party.name), FIELD)
    after = moment(min(free)).astimezone(acting.zone)
    raise Conflict(sentence("refusals.time-taken", when=local, name=chosen.party.name, next=after), FIELD)


def said(hold: Json, sent: Sentence, zone: ZoneInfo) -> Sentence:
    """What is told of a referral that was sent, and of the time that is held for it."""
    starts = datetime.fromisoformat(text(hold, "start")).astimezone(zone)
    until = (holds.until(hold) or starts).astimezone(zone)
    if until >= starts:
        return sentence("act.referral-sent-held.to-it", sent=sent, when=starts)
    return sentence("act.referral-sent-held", sent=sent, when=starts, until=until)


def release(world: World, id: str) -> None:
    """Give back a time (Appointment id) that was held, if it still is and its time is over or the clinic said no."""
    with changing(world, Grant(HOLD, roles=frozenset(verbs.holders("cancel")), name=_ENDING), "") as turn:
        row = read.get(turn.conn, "Appointment", id)
        visit = json.loads(row.body) if row and not row.deleted else {}
        until = holds.until(visit)
        if until is None:
            return
        asked = [json.loads(each.body) for each in read.many(turn.conn, [("Task", one) for one in holds.tasks(visit)])]
        if until > turn.now and not _came_to_nothing(asked):
            return  # it was held longer, and a later job sees to that
        order = next((to for to in targets(visit, "basedOn") if to.startswith("ServiceRequest/")), "")
        office = next((to for each in asked if (to := target(item(each, "requester")))), "")
        own = turn.by(replace(turn.grant, organization=office.removeprefix("Organization/") or None))
        deed = Deed(own, world.new_id(), order.removeprefix("ServiceRequest/"))
        act.write(deed, "cancel", Planned([holds.lapsed(visit)], sentence("act.given-back")))


def _came_to_nothing(asked: Sequence[Json]) -> bool:
    return bool(asked) and all(text(each, "status") in holds.ENDED for each in asked)
