"""Requests for prior authorization and what the payer answered, line by line.

A request is a chain of Claims (the first and its updates); the newest speaks, an update without an answer is
"submitted" while what was approved before stays good (Da Vinci PAS 2.2.1: updates carry every item ever sent)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, Literal

from carecoord.domain.coverage.business import lines_of_business
from carecoord.domain.coverage.same_coverage import split
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.policies.shipped import MAY_EXTEND
from carecoord.domain.prior_auth.clinic.channels import delivery
from carecoord.domain.prior_auth.decisions import Line, certification, lines, trouble
from carecoord.domain.prior_auth.lifecycle import level, newest, precedent, received
from carecoord.domain.referrals.case import Case, linked, orders
from carecoord.domain.resource.codes import EXTENSION, HL7, LEVEL_OF_SERVICE, PAS
from carecoord.domain.resource.days import local, moment, when
from carecoord.domain.resource.elements import (
    Json,
    code_of,
    evidence,
    extension,
    item,
    items,
    key,
    target,
    targets,
    text,
)
from carecoord.domain.resource.parties import Directory, Party, Role, party

_APPEALS: Final = ("appeal", "appeal.second", "appeal.third")  # the clock of each level
EXTENDED: Final = f"{EXTENSION}/decision-extended"  # of a pended ClaimResponse: who asked, `payer` or `patient`
RequestState = Literal["draft", "submitted", "answered", "cancelled", "error"]


@dataclass(frozen=True, slots=True)
class Request:
    """One chain. `root` is the first of its claims, `Type/id`, by which the authorization goes while its versions come
    and go; `key` the newest. `received`: when the newest came; `due`: until when the payer must have decided, which is
    counted from there, with what the payer's policy adds where its answer says that the time was extended (`extended`:
    who asked for that, empty where nobody has or may); `appeal_by` until when a denial can be appealed, `peer_by`
    until when a clinician may talk it over with the payer's.
    `coverages`: the cards (`Coverage/id`) that are the insurance it names; `elsewhere`: those that certainly are not.
    `orders` speak of it, `own` are those that it names itself; `linked`: this case's order is one of them."""

    key: str
    root: str
    claims: frozenset[str]
    state: RequestState
    received: datetime | None
    decided: datetime | None
    due: datetime | None
    appeal_by: datetime | None
    peer_by: datetime | None
    expedited: bool
    payer: Party | None
    insurer: Payer
    coverages: frozenset[str]
    elsewhere: frozenset[str]
    lines: tuple[Line, ...]
    reason: str
    evidence: tuple[Evidence, ...]
    orders: frozenset[str]
    own: frozenset[str]
    linked: bool
    extended: str = ""


def requests(case: Case, known: Directory, roles: Mapping[str, Role], policy: Policy) -> tuple[Request, ...]:
    """Every chain of the patient, newest first; `linked` tells those that speak of this order."""
    return _Reader(case, known, roles, policy).read()


def _chains(claims: Mapping[str, Json], policy: Policy) -> list[list[Json]]:
    """The claims of each chain, newest first. An update names the claim before it (`lifecycle.precedent`)."""
    before = {id: to if (to := precedent(each)) in claims else "" for id, each in claims.items()}
    found: dict[str, list[Json]] = {}
    for id, claim in claims.items():
        root, seen = id, {id}
        while before[root] and before[root] not in seen:
            root = before[root]
            seen.add(root)
        found.setdefault(min(seen) if before[root] else root, []).append(claim)
    return [
        sorted(chain, key=lambda c: (_depth(key(c), before), when(text(c, "created"), policy.zone)), reverse=True)
        for chain in found.values()
    ]


def _by_coverage(chain: Sequence[Json]) -> list[list[Json]]:
    """A chain in parts of one insurance each: what was approved under one card is not approved under the card that an
    update names, until that is answered."""
    return [list(part) for _, part in groupby(chain, key=lambda claim: sorted(focal(claim)))]


def _depth(id: str, before: Mapping[str, str]) -> int:
    seen: set[str] = set()
    while before[id] and id not in seen:
        seen.add(id)
        id = before[id]
    return len(seen)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the requests of one case."""

    case: Case
    known: Directory
    roles: Mapping[str, Role]
    policy: Policy

    def read(self) -> tuple[Request, ...]:
        case = self.case
        wrong = {key(each) for each in case.claims if text(each, "status") == "entered-in-error"}
        claims = {key(each): each for each in case.claims if key(each) not in wrong}
        answers: dict[str, list[Json]] = {}
        for each in case.responses:
            to = target(item(each, "request"))
            # An answer to a claim for payment or to a request made in error authorizes nothing.
            if text(each, "status") == "active" and text(each, "use") in ("preauthorization", "") and to not in wrong:
                answers.setdefault(to or key(each), []).append(each)
        named = {key(each): linked(each, case.claims, case.responses) for each in self._orders()}
        chains = [_by_coverage(chain) for chain in _chains(claims, self.policy)]
        found = [self._request(part, answers, named, n > 0) for chain in chains for n, part in enumerate(chain)]
        # Answers to claims that we do not hold (a payer's feed of decisions): the orders name them.
        orphans = (each for id, each in answers.items() if id not in claims)
        found += [request for each in orphans if (request := self._unasked(each)).orders]
        return tuple(
            sorted(found, key=lambda r: (r.received is not None and r.received.timestamp(), r.key), reverse=True)
        )

    def _orders(self) -> list[Json]:
        return [self.case.order, *(each.order for each in self.case.others)]

    def _request(
        self, chain: Sequence[Json], answers: Mapping[str, list[Json]], named: Mapping[str, set[str]], replaced: bool
    ) -> Request:
        """replaced: an update under another card took its place, and nobody waits for an answer to it any more."""
        head = chain[0]
        claims = frozenset(key(claim) for claim in chain)
        answered = next((claim for claim in chain if key(claim) in answers), None)
        answer = newest(answers[key(answered)], self.policy.zone) if answered else None
        found = lines(answered, answer, self.known, self.roles, self.policy) if answered and answer else ()
        state = _state(head, answer if answered is head else None)
        state = "cancelled" if replaced and state == "submitted" else state
        came = moment(received(head), self.policy.zone)
        answered_at = moment(text(answer, "created"), self.policy.zone) if answer else None
        fast = is_expedited(head)
        proof = (evidence(head, "status"), *((evidence(answer, "outcome"),) if answer else ()))
        speaking = frozenset(order for order, asked in named.items() if asked & claims)
        payer = party(item(head, "insurer"), self.known)
        coverages, elsewhere = self._cards(payer, head, answer)
        insurer = self._insurer(payer, coverages)
        there = None if delivery(head) else came  # the payer's clock runs from when it has the request
        due, extended = self._decided_by(there, fast, insurer, answer if answered is head else None)
        return Request(
            key(head),
            key(chain[-1]),
            claims,
            state,
            came,
            answered_at,
            due,
            appeal_until(self.policy, answered_at, level(self.case.claims, key(head)), insurer),
            self._until(answered_at, "peer-to-peer", insurer),
            fast,
            payer,
            insurer,
            coverages,
            elsewhere,
            () if state == "cancelled" else found,
            trouble(answer) if answer else "",
            proof,
            speaking,
            frozenset(id for claim in chain for id in orders(claim)),
            key(self.case.order) in speaking,
            extended,
        )

    def _unasked(self, answers: Sequence[Json]) -> Request:
        """Answers without their request, of which the newest holds: the orders themselves name one of them."""
        answer, keys = newest(answers, self.policy.zone), {key(each) for each in answers}
        at = moment(text(answer, "created"), self.policy.zone)
        state: RequestState = "error" if text(answer, "outcome") == "error" else "answered"
        speaking = frozenset(key(each) for each in self._orders() if keys & set(targets(each, "insurance")))
        payer = party(item(answer, "insurer"), self.known)
        coverages, elsewhere = self._cards(payer, answer)
        insurer = self._insurer(payer, coverages)
        return Request(
            key(answer),
            key(answer),
            frozenset(),
            state,
            at,
            at,
            self._until(at, "decision.standard", insurer),
            self._until(at, "appeal", insurer),
            self._until(at, "peer-to-peer", insurer),
            False,
            payer,
            insurer,
            coverages,
            elsewhere,
            lines({}, answer, self.known, self.roles, self.policy),
            trouble(answer),
            (evidence(answer, "outcome"),),
            speaking,
            frozenset(),
            key(self.case.order) in speaking,
        )

    def _insurer(self, payer: Party | None, coverages: frozenset[str]) -> Payer:
        """Whose policy the request's clocks go by."""
        named = [lines_of_business(each) for each in self.case.coverages if key(each) in coverages]
        return Payer(payer, frozenset[str]().union(*named))

    def _decided_by(
        self, came: datetime | None, fast: bool, insurer: Payer, answer: Json | None
    ) -> tuple[datetime | None, str]:
        """Until when the payer must decide, and by whom that was extended: its pended answer says so, and its policy
        says who may and by how long (42 CFR 422.568(b), 422.572(b), 438.210(d))."""
        by = text(extension(answer, EXTENDED), "valueCode") if answer else ""
        return decide_by(self.policy, came, fast, insurer, by)

    def _until(self, at: datetime | None, clock: str, insurer: Payer) -> datetime | None:
        return self.policy.after(at, clock, insurer) if at and self.policy.span(clock, at, insurer) else None

    def _cards(self, payer: Party | None, *said: Json | None) -> tuple[frozenset[str], frozenset[str]]:
        """The cards that are meant: what was asked for, and what the payer's answer names."""
        cards = {key(each): each for each in self.case.coverages if text(each, "status") != "entered-in-error"}
        named = dict.fromkeys(to for each in said if each for to in focal(each))
        return split(cards, list(named), payer, self.known)


def appeal_until(policy: Policy, at: datetime | None, of_level: int, insurer: Payer) -> datetime | None:
    """Until when an answer that was given then can be appealed. of_level: of the appeal that it answers, 0 for none; a
    level of which nobody says how long has as long as the one before it."""
    if at is None:
        return None
    for name in reversed(_APPEALS[: of_level + 1]):
        if policy.span(name, at, insurer):
            return policy.after(at, name, insurer)
    return None


def decide_by(
    policy: Policy, came: datetime | None, fast: bool, insurer: Payer, by: str
) -> tuple[datetime | None, str]:  # fmt: skip
    """Until when the payer must decide what came then, and who had that extended; by: who is said to have, empty for
    nobody."""
    speed = "expedited" if fast else "standard"
    if came is None or not policy.span(f"decision.{speed}", came, insurer):
        return None, ""
    due = policy.after(came, f"decision.{speed}", insurer)
    if not by or by not in MAY_EXTEND[policy.said("extension.by", local(came, policy.zone), insurer)]:
        return due, ""
    return policy.after(due, f"extension.{speed}", insurer), by


def _state(head: Json, answer: Json | None) -> RequestState:
    if text(head, "status") == "draft":
        return "draft"
    if text(head, "status") == "cancelled" or certification(head) == "3":
        return "cancelled"
    if answer is None:
        return "submitted"
    return "error" if text(answer, "outcome") == "error" else "answered"


def is_expedited(claim: Json) -> bool:
    """Whether a request is to be decided fast: by its priority, or its level of service (X12 1338 U)."""
    level = item(extension(claim, f"{PAS}/extension-levelOfServiceCode"), "valueCodeableConcept")
    return (
        code_of(item(claim, "priority"), f"{HL7}/processpriority") == "stat" or code_of(level, LEVEL_OF_SERVICE) == "U"
    )


def focal(element: Json) -> list[str]:
    """The card that a request or an answer is about: the focal one, else the first."""
    insurance = items(element, "insurance")
    focal = [each for each in insurance if each.get("focal") is True] or insurance[:1]
    return [to for each in focal if (to := target(item(each, "coverage")) or text(item(each, "coverage"), "reference"))]
