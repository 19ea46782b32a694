"""Where two sources disagree. A silent winner would be a lie: the case shows the conflict until somebody settles it.

Two resources are copies of one thing when they share a business identifier, or, for appointments, the order and the
start; they disagree when they come from different systems (meta.source; ours has none) and can not both be true. What
an EHR has cancelled and we have booked for the same time without an identifier in common is no copy: it was booked
again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from carecoord.domain.ehrs import disputes
from carecoord.domain.ehrs.merge import WHOLE
from carecoord.domain.gates.gate import Evidence, GateName
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.review_action import LineState, decided, overall
from carecoord.domain.referrals.case import CLINICAL, Case
from carecoord.domain.referrals.visits import KIND, BookingKind
from carecoord.domain.resource.days import first, moment
from carecoord.domain.resource.elements import Json, evidence, identifiers, items, key, source, text
from carecoord.words.sentence import Sentence, Value, dated, joined, sentence

DECIDED: Final[dict[LineState, Sentence]] = {
    "approved": sentence("conflict.approved"),
    "partly": sentence("conflict.approved-in-part"),
    "denied": sentence("conflict.denied"),
    "modified": sentence("conflict.approved-with-changes"),
}
BECAME: Final[dict[BookingKind, Sentence]] = {  # what became of a visit, by the kind of its appointment
    "booked": sentence("conflict.booked"),
    "cancelled": sentence("conflict.cancelled"),
    "missed": sentence("conflict.missed"),
    "done": sentence("conflict.done"),
}


@dataclass(frozen=True, slots=True)
class Conflict:
    """What can not both be, in one sentence; `about` is the gate that it touches."""

    about: GateName
    words: Sentence
    evidence: tuple[Evidence, ...]


def conflicts(case: Case, policy: Policy) -> tuple[Conflict, ...]:
    """Every disagreement of a case, in a fixed order."""

    def same(one: Json, other: Json) -> bool:
        return _same_visit(one, other, policy)

    found = [
        *_between("appointment", case.appointments, lambda a: _appointment(a, policy), same, case.systems),
        *_between("authorization", case.responses, _decision, lambda one, other: False, case.systems),
        *_disputed(case, policy),
    ]
    return tuple(found)


def _disputed(case: Case, policy: Policy) -> Iterable[Conflict]:
    """What an EHR and we have changed differently of one and the same resource."""
    held = {key(each): each for name in CLINICAL.values() for each in getattr(case, name)} if case.disputes else {}
    for each in case.disputes:
        resource = {key(case.order): case.order, **held}.get(each.key) or case.order
        named = "" if each.element == WHOLE or key(resource) != each.key else each.element
        yield Conflict(disputes.gate(each), disputes.told(each, policy.zone), (evidence(resource, named),))


def _between(
    about: GateName,
    resources: Sequence[Json],
    said: Callable[[Json], Value],
    same: Callable[[Json, Json], bool],
    systems: Mapping[str, str],
) -> Iterable[Conflict]:
    speaking = [each for each in resources if said(each)]
    for one, other in combinations(sorted(speaking, key=lambda each: (source(each), str(each.get("id")))), 2):
        copies = identifiers(one) & identifiers(other) or same(one, other)
        if copies and _system(one, systems) != _system(other, systems) and said(one) != said(other):
            who, theirs, ours = system_name(other, systems), said(other), said(one)
            words = sentence("conflict.ours", who=who, theirs=theirs, ours=ours)
            if source(one):
                words = sentence("conflict.others", who=who, theirs=theirs, other=system_name(one, systems), ours=ours)
            yield Conflict(about, words, (evidence(one, "status"), evidence(other, "status")))


def _system(resource: Json, systems: Mapping[str, str]) -> str:
    """Where a resource came from: an EHR is one system under all its addresses."""
    base = source(resource)
    return systems.get(base.rstrip("/"), base)


def system_name(resource: Json, systems: Mapping[str, str]) -> str:
    """A system by the name that it was added under; one that nobody added by its host."""
    base = source(resource)
    host = base.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    return systems.get(base.rstrip("/")) or host or base


def _same_visit(one: Json, other: Json, policy: Policy) -> bool:
    """Whether two appointments of an order without an identifier in common are still one visit."""
    begins, ends = (moment(text(each, "start"), policy.zone) for each in (one, other))
    again = any(
        not source(mine) and KIND.get(text(mine, "status")) == "booked" and KIND.get(text(old, "status")) != "booked"
        for mine, old in ((one, other), (other, one))
    )
    return begins is not None and begins == ends and not again


def _appointment(appointment: Json, policy: Policy) -> Value:
    kind = KIND.get(text(appointment, "status"))
    start = text(appointment, "start")
    if text(appointment, "status") == "entered-in-error":
        return sentence("conflict.entered-in-error")
    if kind == "booked" and moment(start, policy.zone):
        return sentence("conflict.booked-for", day=dated(first(start, policy.zone)))
    return BECAME.get(kind, "") if kind else ""


def _decision(response: Json) -> Value:
    """Only decisions can contradict: a copy that is still pended is merely late."""
    states = [decided(response, each) for each in items(response, "item")] or [overall(response)]
    final = tuple(dict.fromkeys(DECIDED[state] for state in states if state in DECIDED))
    return joined(final) if final and text(response, "status") == "active" else ""
