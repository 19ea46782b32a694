"""A visit recorded by hand, by either side: booked, moved, called off, arrived, missed. Where the clinic records it,
its Task goes on with it."""

from dataclasses import replace
from datetime import datetime

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.access.verbs import Verb
from carecoord.domain.referrals import acts as referral_acts
from carecoord.domain.referrals import offers, stages, states
from carecoord.domain.resource.elements import Json
from carecoord.domain.scheduling import acts, replies
from carecoord.errors import Conflict
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

STAGE_VERB = {"book": "schedule", "move": "reschedule", "cancel": "cancel-appointment", "no-show": "no-show"}


def book(world: World, grant: Grant, request: str, submission: Submission, start: datetime) -> Done:
    """Record that a visit is booked. A time that is held for it is booked itself; other times that are held, and a
    place on a waiting list, are given back."""

    def plan(acting: Acting) -> Planned:
        acting.demand_recordable()
        if acting.visit:
            raise Conflict(sentence("refusals.visit-booked-already-move-it"), "http.act")
        performer = acting.clearance.facts.referral.performer
        place = performer.name if performer else "the clinic"
        awaited = offers.awaited_visits(acting.case, acting.clearance)
        kept = next((each for each in awaited if acts.is_at(each, start)), None)
        visit = (
            acts.confirmed(kept, start) if kept else acts.booked(acting.case, acting.id, place, start, acting.turn.now)
        )
        over = [acts.ended(each, "cancel", "Booked for another time.") for each in awaited if each is not kept]
        planned = _planned(acting, "book", visit, sentence("act.booked", when=start))
        return replace(planned, resources=[*planned.resources, *over])

    return perform(world, grant, request, submission, "book", plan)


def move(world: World, grant: Grant, request: str, submission: Submission, start: datetime) -> Done:
    """Record that the visit is at another time."""

    def plan(acting: Acting) -> Planned:
        visit = _visit(acting)
        planned = _planned(acting, "move", acts.moved(visit, start), sentence("act.moved", when=start))
        # a no that names no time was said of the time that is given up now: it does not stand against the new one
        old = {name: visit[name] for name in ("start", "end") if name in visit}
        spoken = [each | old for each in replies.undated(visit, acting.case.replies)]
        return replace(planned, resources=[*planned.resources, *spoken])

    return perform(world, grant, request, submission, "move", plan)


def cancel(world: World, grant: Grant, request: str, submission: Submission, reason: str) -> Done:
    """Record that the visit was called off, and why; where none is booked, give back the time that is held, or take the
    patient off the waiting list. Neither is a visit, so that the Task stays where it is."""

    def plan(acting: Acting) -> Planned:
        if acting.awaited:
            waits = acting.awaited["status"] == "waitlist"
            said = sentence("act.off-list") if waits else sentence("act.given-back")
            return Planned([acts.ended(acting.awaited, "cancel", reason)], said, reason)
        visit = acts.ended(_visit(acting), "cancel", reason)
        return _planned(acting, "cancel", visit, sentence("act.called-off"), reason)

    return perform(world, grant, request, submission, "cancel", plan)


def arrive(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Record that the patient came."""
    return _came(world, grant, request, submission, "arrive", sentence("act.arrived"))


def no_show(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Record that the patient did not come."""
    return _came(world, grant, request, submission, "no-show", sentence("act.no-show"))


def _came(world: World, grant: Grant, request: str, submission: Submission, verb: Verb, said: Sentence) -> Done:
    def plan(acting: Acting) -> Planned:
        visit = _visit(acting)
        booking = acting.clearance.booking
        if booking and booking.start and booking.start > acting.turn.now:
            raise Conflict(sentence("refusals.time-visit-has-not-come"), "http.act")
        return _planned(acting, verb, acts.ended(visit, verb), said)

    return perform(world, grant, request, submission, verb, plan)


def _visit(acting: Acting) -> Json:
    if acting.visit is None:
        raise Conflict(sentence("refusals.no-visit-booked"), "http.act")
    return acting.visit


def _planned(acting: Acting, verb: Verb, visit: Json, said: Sentence, why: str = "") -> Planned:
    """The visit and, where it is the clinic's to say, the stage of its Task."""
    task, to = acting.task, STAGE_VERB.get(verb)
    legal = states.legal(stages.stage(task), acting.side, states.workflow(task)) if task else ()
    if to and to in legal and "performer" in acting.sides:
        now = acting.turn.now
        return Planned([visit, referral_acts.moved(task, to, acting.side, now)], said, why)
    return Planned([visit], said, why)
