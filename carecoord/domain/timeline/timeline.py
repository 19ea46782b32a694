"""What happened to a referral, newest first: the course of its Tasks, the payer's answers, visits, talks and papers, in
one line of events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from carecoord.domain.agreements.versions import number_of
from carecoord.domain.referrals.case import Case, coordinates, linked
from carecoord.domain.resource.elements import Json, item, items, key, target, targets
from carecoord.domain.resource.parties import Directory
from carecoord.domain.timeline.events import Event, Teller

__all__ = ["Event", "disclosed", "documents", "timeline"]


def timeline(
    case: Case,
    known: Directory,
    zone: tzinfo,
    agreement: str | None,
    talks: Iterable[Json],
    versions: Mapping[str, Sequence[Json]],
) -> tuple[Event, ...]:
    """Every event of the case, newest first.

    `talks`: the Communications about it. `versions`: for each Task, `Task/id`, its versions as stored, newest first.
    `agreement`: the number of the agreement that the case stands on, whose notice belongs to its story.
    """
    tell, order = Teller(case, known, zone), case.order
    course = [task for task in case.tasks if coordinates(task)]
    asked = linked(order, case.claims, case.responses)
    cards = set(targets(order, "insurance"))
    found = [*tell.order()]
    for task in case.tasks:
        found += tell.task(versions.get(key(task)) or (task,)) if task in course else tell.errand(task)
    for claim in case.claims:
        found += tell.claim(claim) if key(claim) in asked else ()
    for answer in case.responses:
        found += tell.answer(answer) if target(item(answer, "request")) in asked or key(answer) in cards else ()
    for each in case.appointments:
        found += tell.visit(each)
    for each in case.eligibility:
        found += (
            tell.eligibility(each)
            if cards & {t for i in items(each, "insurance") for t in targets(i, "coverage")}
            else ()
        )
    for each in talks:
        found += tell.talk(each)
    for each in documents(case):
        found += tell.document(each)
    for each in case.reports:
        found += tell.report(each)
    for each in case.agreements:
        found += tell.notice(each) if agreement and number_of(each) == agreement else ()
    return tuple(sorted(set(found), key=lambda event: (event.at, event.kind, event.reference), reverse=True))


def concerning(case: Case) -> set[str]:
    """The resources, `Type/id`, whose changes are part of what happened to a case; of the Communications about it, and
    of its agreement, only the caller knows."""
    order, asked = case.order, linked(case.order, case.claims, case.responses)
    cards = set(targets(order, "insurance"))
    answers = (a for a in case.responses if target(item(a, "request")) in asked or key(a) in cards)
    covered = (
        answer for answer in case.eligibility
        if cards & {to for each in items(answer, "insurance") for to in targets(each, "coverage")}
    )  # fmt: skip
    parts = (case.tasks, case.appointments, case.reports, documents(case), answers, covered)
    claims = (claim for claim in case.claims if key(claim) in asked)
    return {key(order), *(key(each) for part in (*parts, claims) for each in part)}


def documents(case: Case) -> tuple[Json, ...]:
    """The documents about this order: named by it, or naming it; those that replace nothing wrong or gone."""
    named = {key(case.order), *(target(each) for each in items(case.order, "supportingInfo"))}
    return tuple(
        each
        for each in case.documents
        if each.get("status") == "current"
        and (key(each) in named or named & set(targets(item(each, "context"), "related")))
    )


def disclosed(case: Case) -> tuple[Json, ...]:
    """The documents that went to the payer with a request for authorization about this order."""
    asked = linked(case.order, case.claims, case.responses)
    sent = {
        to for claim in case.claims if key(claim) in asked and claim.get("status") != "draft"
        for info in items(claim, "supportingInfo") for to in targets(info, "valueReference")
    }
    return tuple(each for each in case.documents if key(each) in sent)
