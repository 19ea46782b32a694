"""What a clinic without an account sees of the one referral that it was sent, and does with it: through the same tables
of states and the same door as anybody's act, signed by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, find, perform
from carecoord.actions.documents import open as documents_open
from carecoord.actions.documents.open import File
from carecoord.actions.guests import access
from carecoord.actions.messages.messages import note_read
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.contacts import acts as contact_acts
from carecoord.domain.documents import audience
from carecoord.domain.guests import acts
from carecoord.domain.messages.threads import Message, by_office, thread
from carecoord.domain.referrals import acts as referral_acts
from carecoord.domain.referrals import offers
from carecoord.domain.referrals.case import Case, order_named
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.resource.parties import Directory, directory
from carecoord.domain.scheduling import acts as visit_acts
from carecoord.domain.timeline.timeline import documents
from carecoord.domain.worklist import next_step
from carecoord.errors import Conflict, NotFound
from carecoord.fhir.instants import micros
from carecoord.store.resources import read
from carecoord.store.worklist import rows as worklist_rows
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True)
class Request:
    """The one referral, as the clinic sees it: what it was asked, who the patient is, the papers that it was sent.
    `verbs`: the acts that are possible now; `offers`: the times that it offered and nobody has taken; `messages`: those
    that it sent or was sent; `answers`: to what it asked; `seen`: the versions that its forms are shown with."""

    now: datetime
    row: Row[Any]
    case: Case
    known: Directory
    clearance: Clearance
    documents: Sequence[Json]
    verbs: frozenset[Verb]
    offers: Sequence[Json]
    messages: Sequence[Message]
    answers: Sequence[Json]
    seen: str


def request(world: World, grant: Grant, request: str) -> Request:
    """The referral of a clinic's link. Raises NotFound where it is no longer theirs. Audited as a read of the order."""
    with changing(world, grant, request) as turn:
        found = _opened(turn)
        note_read(turn, found.messages, {f"Organization/{id}" for id in turn.office().organizations})
        case = turn.grant.only or ""
        kind, order = order_named(case)
        told = event(turn.now, request, "read", by=grant, type=kind, resource=order, patient=found.row.patient)
        world.journal.append(told)
        return found


def receipt(world: World, grant: Grant, act: str, request: str) -> Done:
    """What was done by this link, by the id of the act; also where the referral is no longer theirs by it. Raises
    NotFound for an act that is not."""
    with looking(world, grant, request) as turn:
        done = find(turn, act)
        if done is None:
            raise NotFound(sentence("refusals.nothing-was-done-so-by"), "http.act")
        return done


def paper(world: World, grant: Grant, id: str, n: int, request: str) -> File:
    """The n-th file (from 1) of a paper of the referral. Raises NotFound for any other."""
    with looking(world, grant, request) as turn:
        found = next((each for each in _opened(turn).documents if each.get("id") == id), None)
        if found is None:
            raise NotFound(sentence("refusals.there-no-such-paper"), "http.id")
        told = event(turn.now, request, "read", by=grant, type="DocumentReference", resource=id, shown=[_whose(turn)])
        world.journal.append(told)
        return documents_open.of_document(turn, found, n)


def accept(world: World, grant: Grant, request: str, submission: Submission, times: Sequence[datetime]) -> Done:
    """Accept the referral, and offer times for the visit, of which the patient takes one."""

    def plan(acting: Acting) -> Planned:
        now = acting.turn.now
        task = referral_acts.moved(acting.task, "accept", acting.side, now)
        offered = acts.offered(acting.case, acting.id, _place(acting), times, now)
        said = sentence("act.accepted-offered", n=len(times)) if times else sentence("act.accepted")
        return Planned([task, *offered], said)

    return perform(world, grant, request, submission, "accept", plan)


def offer(world: World, grant: Grant, request: str, submission: Submission, times: Sequence[datetime]) -> Done:
    """Offer times for the visit after the referral was accepted; those that were offered before lapse. Raises Conflict
    once a visit is booked, or before the referral is accepted."""

    def plan(acting: Acting) -> Planned:
        if "offer" not in offers.offered(acting.case, acting.clearance, acting.sides):
            raise Conflict(sentence("refusals.no-times-wanted-now-see"), "http.act")
        now = acting.turn.now
        made = acts.offered(acting.case, acting.id, _place(acting), times, now)
        held = (each for each in acting.case.appointments if each.get("status") == "proposed")
        over = [visit_acts.ended(each, "cancel", "Other times are offered.") for each in held]
        return Planned([*made, *over], sentence("act.offered", n=len(times)))

    return perform(world, grant, request, submission, "offer", plan)


def _place(acting: Acting) -> str:
    performer = acting.clearance.facts.referral.performer
    return performer.name if performer else ""


def _whose(turn: Turn) -> str | None:
    found = access.row(turn, turn.grant.only or "")
    return found.patient if found else None


def _opened(turn: Turn) -> Request:
    row, case = access.opened(turn)
    case, rules = withheld.without(turn, case, row.patient), project.policy(turn.world.settings)
    judged = clear(case, turn.now, rules)
    sides = access.sides(turn, row)
    possible = offers.offered(case, judged, sides)
    ours = turn.office().organizations
    papers = [each for each in documents(case) if audience.is_seen(each, ours)]
    held = read.many(turn.conn, [("DocumentReference", str(each["id"])) for each in papers])
    spared = {each.id for each in turn.unwithheld(held)}
    papers = [each for each in papers if each["id"] in spared]
    shown = worklist_rows.with_columns(row, next_step.performers_columns(dict(row._mapping), micros(turn.now)))
    task, visit = offers.current_task(case, judged), offers.current_visit(case, judged)
    versions = " ".join(f"{key(each)}:{each['meta']['versionId']}" for each in (task, visit or {}, case.order) if each)
    return Request(
        turn.now, shown if row.open else row, case,
        directory([*case.organizations, *case.locations, *case.practitioners]), judged, papers,
        frozenset(verb for verb in verbs.acts(turn.grant.roles, sides) if verb in possible),
        [each for each in case.appointments if each.get("status") == "proposed"],
        [each for each in thread(case, by_office(ours)) if each.kind in ("message", "documents")],
        contact_acts.answers(case, task), versions,
    )  # fmt: skip
