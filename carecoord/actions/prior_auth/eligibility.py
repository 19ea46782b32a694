"""A payer asked whether a patient's card is good: by somebody at the desk, by an app, or by itself on the days before a
visit. Only the payer's own answer confirms a card: what we hold of it ourselves is never given for one."""

from dataclasses import replace
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from auth.grant import Grant
from carecoord.actions.access.turn import changing
from carecoord.actions.acts import act
from carecoord.actions.acts.act import Acting, Deed, Done, Planned, Submission, performed
from carecoord.actions.clearance import assemble
from carecoord.actions.fhir import interactions
from carecoord.actions.prior_auth.request_acts import Asking, opened
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.coverage import inquiries
from carecoord.domain.coverage.gate import choose
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local, midnight
from carecoord.errors import Conflict
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import rows
from carecoord.words.sentence import sentence
from carecoord.world import World

JOB: Final = "ask-eligibility"  # in the outbox
_EVERY: Final = 3600  # seconds
_PLAN: Final = "rule:eligibility"  # the subject under which it is asked by itself
_NAME: Final = "Plan of inquiries"


def check(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Ask the payer of a request about the day of its next visit, else about today. Raises Conflict where no card is
    known."""

    def plan(acting: Asking) -> Planned:
        return _asked(acting, acting.found.case, acting.found.judged)

    return performed(world, grant, request, submission, "check-eligibility", plan, opened)


def check_for_case(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """The same for a referral, whether or not it wants an authorization."""

    def plan(acting: Acting) -> Planned:
        return _asked(acting, acting.case, acting.clearance)

    return act.perform(world, grant, request, submission, "check-eligibility", plan)


def _asked(acting: Deed, case: Case, judged: Clearance) -> Planned:
    booking = judged.booking
    day = booking.day if booking and booking.day else local(acting.turn.now, acting.zone)
    card = choose(judged.facts.cards, judged.facts.referral.cards, day)
    if card is None or card.payer is None:
        raise Conflict(sentence("refusals.no-card-to-ask-about"), "http.act")
    made = inquiries.asked(acting.id, case.order, card, acting.office, day, acting.turn.now)
    return Planned([made], sentence("act.eligibility-asked", whom=card.payer.name, day=day))


def submit(world: World, grant: Grant, asked: Any, *, request: str) -> bytes:
    """`CoverageEligibilityRequest/$submit`: the question stored, and what there is to say at once: that it was put.
    The payer's answer comes as a CoverageEligibilityResponse of its own."""
    written = interactions.create(world, grant, "CoverageEligibilityRequest", asked, request=request)
    stored = json.loads(written.body)
    return json.dumps(inquiries.queued(world.new_id(), stored, world.clock()))


def order(world: World) -> bool:
    """See to it that a worker looks every hour whether there is a payer to ask today, once there is any case; returns
    whether one does."""
    with reading(world.engine) as conn:
        if JOB in jobs.waiting(conn, JOB):
            return True
        if not rows.are_there(conn):
            return False
    with writing(world.engine) as conn:
        outbox.add(conn, JOB, JOB, msgspec.json.encode({"seconds": _EVERY}), world.clock())
    return True


def ask_planned(world: World) -> int:
    """Ask the payers of the visits whose day it is, each once a day; returns of how many."""
    zone = ZoneInfo(world.settings.timezone)
    today = local(world.clock(), zone)
    with reading(world.engine) as conn:
        found = [
            id
            for first, end in inquiries.days(today)
            for id in rows.with_visit(conn, micros(midnight(first, zone)), micros(midnight(end, zone)))
        ]
    return sum(_ask(world, id, today, zone) for id in dict.fromkeys(found))


def _ask(world: World, id: str, today: date, zone: ZoneInfo) -> bool:
    by = Grant(_PLAN, roles=frozenset(verbs.holders("check-eligibility")), name=_NAME)
    with changing(world, by, "") as turn:
        case = assemble.assemble(turn.conn, id)
        judged = clear(case, turn.now, project.policy(world.settings)) if case else None
        booking = judged.booking if judged else None
        if case is None or judged is None or booking is None or booking.day is None or booking.day < today:
            return False
        referral, day = judged.facts.referral, booking.day
        card, office = choose(judged.facts.cards, referral.cards, day), referral.placer
        if card is None or card.payer is None or card.self_pay or office is None:
            return False
        if inquiries.was_asked(case.inquiries, day, today, zone):
            return False
        own = turn.by(replace(turn.grant, organization=office.reference.partition("/")[2] or None))
        deed = Deed(own, world.new_id(), id)
        made = inquiries.asked(deed.id, case.order, card, deed.office, day, turn.now.astimezone(zone))
        said = sentence("act.eligibility-asked", whom=card.payer.name, day=day)
        act.write(deed, "check-eligibility", Planned([made], said))
        return True
