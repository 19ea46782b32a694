"""Requests for prior authorization and what the payer answered, line by line.

A request is a chain of Claims (the first and its updates); the newest speaks, an update without an answer is
"submitted" while what was approved before stays good (Da Vinci PAS 2.2.1: updates carry every item ever sent). Codes:
X12 306 A1 certified, A2 partial, A3 not certified, A4 pended, A6 modified, CT contact payer, C cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.domain.calendar import moment
from carecoord.domain.case import Case, linked
from carecoord.domain.gate import Evidence
from carecoord.domain.lines import Line, certification, lines, trouble
from carecoord.domain.parties import Directory, Party, Role, party
from carecoord.domain.policy import Policy
from carecoord.domain.reading import Json, code_of, evidence, extension, item, items, key, target, targets, text
from carecoord.domain.terms import HL7, LEVEL_OF_SERVICE, PAS


@dataclass(frozen=True, slots=True)
class Request:
    """One chain. state: draft | submitted | answered | cancelled | error. `due` is when the payer must have decided."""

    key: str
    claims: frozenset[str]
    state: str
    created: datetime | None
    decided: datetime | None
    due: datetime | None
    expedited: bool
    payer: Party | None
    coverage: str
    lines: tuple[Line, ...]
    reason: str
    evidence: tuple[Evidence, ...]
    linked: bool


def requests(case: Case, known: Directory, roles: Mapping[str, Role], policy: Policy) -> tuple[Request, ...]:
    """Every chain of the patient, newest first; `linked` tells those that speak of this order."""
    claims = {key(each): each for each in case.claims if text(each, "status") != "entered-in-error"}
    named = linked(case.order, case.claims, case.responses)
    answers: dict[str, list[Json]] = {}
    for each in case.responses:
        if text(each, "status") == "active":
            answers.setdefault(target(item(each, "request")), []).append(each)
    found = [
        _request(chain, answers, bool(named & {key(c) for c in chain}), known, roles, policy)
        for chain in _chains(claims)
    ]
    found += [
        _unasked(each, known, roles, policy)
        for id, each in _orphans(answers, claims)
        if key(each) in targets(case.order, "insurance")
    ]
    return tuple(sorted(found, key=lambda r: (r.created is not None and r.created.timestamp(), r.key), reverse=True))


def _chains(claims: Mapping[str, Json]) -> list[list[Json]]:
    """The claims of each chain, newest first. An update names the claim before it (Claim.related)."""
    before = {
        id: next((to for r in items(c, "related") if (to := target(item(r, "claim"))) in claims), "")
        for id, c in claims.items()
    }
    found: dict[str, list[Json]] = {}
    for id, claim in claims.items():
        root, seen = id, {id}
        while before[root] and before[root] not in seen:
            root = before[root]
            seen.add(root)
        found.setdefault(min(seen) if before[root] else root, []).append(claim)
    return [
        sorted(chain, key=lambda c: (_depth(key(c), before), text(c, "created")), reverse=True)
        for chain in found.values()
    ]


def _depth(id: str, before: Mapping[str, str]) -> int:
    seen: set[str] = set()
    while before[id] and id not in seen:
        seen.add(id)
        id = before[id]
    return len(seen)


def _orphans(answers: Mapping[str, list[Json]], claims: Mapping[str, Json]) -> list[tuple[str, Json]]:
    """Answers to claims that we do not hold (a payer's feed of decisions), the newest for each claim."""
    return [(id, _newest(found)) for id, found in answers.items() if id not in claims]


def _newest(answers: Sequence[Json]) -> Json:
    return max(answers, key=lambda each: (text(each, "created"), key(each)))


def _request(
    chain: Sequence[Json],
    answers: Mapping[str, list[Json]],
    linked_: bool,
    known: Directory,
    roles: Mapping[str, Role],
    policy: Policy,
) -> Request:
    head = chain[0]
    answered = next((claim for claim in chain if key(claim) in answers), None)
    answer = _newest(answers[key(answered)]) if answered else None
    found = lines(answered, answer, known, roles, policy) if answered and answer else ()
    state = _state(head, answer if answered is head else None)
    created = moment(text(head, "created"), policy.zone)
    fast = _expedited(head)
    allowed = policy.decision_expedited if fast else policy.decision_standard
    proof = (evidence(head, "status"), *((evidence(answer, "outcome"),) if answer else ()))
    return Request(
        key(head),
        frozenset(key(claim) for claim in chain),
        state,
        created,
        moment(text(answer, "created"), policy.zone) if answer else None,
        created + allowed if created else None,
        fast,
        party(item(head, "insurer"), known),
        _coverage(head),
        () if state == "cancelled" else found,
        trouble(answer) if answer else "",
        proof,
        linked_,
    )


def _unasked(answer: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> Request:
    """An answer without its request: the order itself names it."""
    at = moment(text(answer, "created"), policy.zone)
    state = "error" if text(answer, "outcome") == "error" else "answered"
    return Request(
        key(answer),
        frozenset(),
        state,
        at,
        at,
        at + policy.decision_standard if at else None,
        False,
        party(item(answer, "insurer"), known),
        _coverage(answer),
        lines({}, answer, known, roles, policy),
        trouble(answer),
        (evidence(answer, "outcome"),),
        True,
    )


def _state(head: Json, answer: Json | None) -> str:
    if text(head, "status") == "draft":
        return "draft"
    if text(head, "status") == "cancelled" or certification(head) == "3":
        return "cancelled"
    if answer is None:
        return "submitted"
    return "error" if text(answer, "outcome") == "error" else "answered"


def _expedited(claim: Json) -> bool:
    level = item(extension(claim, f"{PAS}/extension-levelOfServiceCode"), "valueCodeableConcept")
    return (
        code_of(item(claim, "priority"), f"{HL7}/processpriority") == "stat" or code_of(level, LEVEL_OF_SERVICE) == "U"
    )


def _coverage(element: Json) -> str:
    insurance = items(element, "insurance")
    focal = next((each for each in insurance if each.get("focal")), insurance[0] if insurance else {})
    return target(item(focal, "coverage"))
