"""What happened to a referral, newest first: the course of its Tasks, the payer's answers, visits, talks and papers, in
one line of events."""

from collections.abc import Iterable
from datetime import tzinfo

from carecoord.domain.referrals.case import Case, linked
from carecoord.domain.resource.elements import Json, item, items, key, target, targets
from carecoord.domain.resource.memory import remembered
from carecoord.domain.resource.parties import Directory
from carecoord.domain.timeline.events import MISTAKEN, Event, Logged, Teller

__all__ = ["Event", "disclosed", "documents", "timeline"]


def timeline(
    case: Case, known: Directory, zone: tzinfo, agreement: str | None, logged: Iterable[Logged], *, inner: bool = False
) -> tuple[Event, ...]:
    """Every event of the case, newest first.

    `agreement`: the number of the agreement that the case stands on, whose notice belongs to its story. `logged`: what
    the log says of `sources`, in its order; what it says of others is passed over. `inner`: also to whom of the
    referring office the work was given, which is that office's own matter.
    """
    tell, wanted = Teller(case, known, zone, inner), sources(case, agreement)
    ours = [one for one in logged if f"{one.type}/{one.resource}" in wanted]
    last = {(one.type, one.resource): one.state for one in ours if one.kind not in ("clearance", "conflict")}
    news: dict[object, Logged] = {}
    for one in ours:
        beginning = not one.before or one.state == "notice"  # told anew where its date was put right
        which = (one.kind, one.before, one.state, None if beginning else one.version, one.payload.get("element"))
        if last.get((one.type, one.resource)) != MISTAKEN:
            news[one.type, one.resource, which] = one
    found = [(event, one.n) for one in news.values() if (event := tell.tell(one))]
    return tuple(event for event, _ in sorted(found, key=lambda pair: (pair[0].at, pair[1]), reverse=True))


def sources(case: Case, agreement: str | None) -> set[str]:
    """The resources, `Type/id`, whose changes tell what happened to a case."""
    contracts = (each.key for each in case.records.versions if agreement and each.number == agreement)
    return {*concerning(case), *contracts}


@remembered
def concerning(case: Case) -> frozenset[str]:
    """The resources, `Type/id`, whose changes are part of what happened to a case; of its agreement only the caller
    knows."""
    order, asked = case.order, linked(case.order, case.claims, case.responses)
    cards = set(targets(order, "insurance"))
    answers = (a for a in case.responses if target(item(a, "request")) in asked or key(a) in cards)
    covered = (
        answer for answer in case.eligibility
        if cards & {to for each in items(answer, "insurance") for to in targets(each, "coverage")}
    )  # fmt: skip
    parts = (case.tasks, case.appointments, case.replies, case.reports, case.talks, documents(case), answers, covered)
    claims = (claim for claim in case.claims if key(claim) in asked)
    return frozenset([key(order), *(key(each) for part in (*parts, claims) for each in part)])


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
        to
        for claim in case.claims
        if key(claim) in asked and claim.get("status") != "draft"
        for info in items(claim, "supportingInfo")
        for to in targets(info, "valueReference")
    }
    return tuple(each for each in case.documents if key(each) in sent)
