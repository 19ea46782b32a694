"""Requests for prior authorization and what the payer answered, line by line.

A request is a chain of Claims (the first and its updates); the newest speaks, an update without an answer is "submitted"
while what was approved before stays good (Da Vinci PAS 2.2.1: updates carry every item ever sent). Codes: X12 306
A1 certified, A2 partial, A3 not certified, A4 pended, A6 modified, CT contact payer, C cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.domain.calendar import ALWAYS, Days, days, moment
from carecoord.domain.case import Case, linked
from carecoord.domain.gate import Evidence
from carecoord.domain.parties import Directory, Party, Role, party
from carecoord.domain.policy import Policy
from carecoord.domain.reading import (
    Json, code_of, codes, evidence, extension, extensions, item, items, key, number, target, targets, text, words,
)
from carecoord.domain.requirement import Codes
from carecoord.domain.terms import HL7, LEVEL_OF_SERVICE, PAS, REVIEW_ACTION

STATES = {  # X12 306 review action -> the state of a line
    "A1": "approved", "A2": "partly", "A6": "modified", "A3": "denied", "A4": "pended", "CT": "contact", "C": "cancelled",
    "NA": "not-required",
}
GRANTED = {"approved", "partly", "modified"}


@dataclass(frozen=True, slots=True)
class Line:
    """One service of an answer. `units` None: not counted. `provider`, `site` None: whoever, wherever."""

    state: str
    codes: Codes
    code_end: str
    service: str
    number: str
    days: Days
    units: float | None
    asked_units: float | None
    provider: Party | None
    site: Party | None
    reason: str
    evidence: tuple[Evidence, ...]

    def covers(self, wanted: Codes) -> bool:
        """Whether the line is for one of these services: the same code, a code in its range, or any service."""
        if not self.codes or any(code == "not-applicable" for _, code in self.codes):
            return True
        if self.codes & wanted:
            return True
        return bool(self.code_end) and any(
            system == other and start <= code <= self.code_end and len(code) == len(start)
            for system, start in self.codes for other, code in wanted
        )


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
    claims = {key(each): each for each in case.claims if each.get("status") != "entered-in-error"}
    named = linked(case.order, case.claims, case.responses)
    answers: dict[str, list[Json]] = {}
    for each in case.responses:
        if each.get("status") == "active":
            answers.setdefault(target(item(each, "request")), []).append(each)
    found = [_request(chain, answers, bool(named & {key(c) for c in chain}), known, roles, policy)
             for chain in _chains(claims)]
    found += [_unasked(each, known, roles, policy) for id, each in _orphans(answers, claims)
              if key(each) in targets(case.order, "insurance")]
    return tuple(sorted(found, key=lambda r: (r.created is not None and r.created.timestamp(), r.key), reverse=True))


def _chains(claims: Mapping[str, Json]) -> list[list[Json]]:
    """The claims of each chain, newest first. An update names the claim before it (Claim.related)."""
    before = {id: next((to for r in items(c, "related") if (to := target(item(r, "claim"))) in claims), "")
              for id, c in claims.items()}
    found: dict[str, list[Json]] = {}
    for id, claim in claims.items():
        root, seen = id, {id}
        while before[root] and before[root] not in seen:
            root = before[root]
            seen.add(root)
        found.setdefault(min(seen) if before[root] else root, []).append(claim)
    return [sorted(chain, key=lambda c: (_depth(key(c), before), text(c, "created")), reverse=True) for chain in found.values()]


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


def _request(chain: Sequence[Json], answers: Mapping[str, list[Json]], linked_: bool, known: Directory,
             roles: Mapping[str, Role], policy: Policy) -> Request:
    head = chain[0]
    answered = next((claim for claim in chain if key(claim) in answers), None)
    answer = _newest(answers[key(answered)]) if answered else None
    lines = _lines(answered, answer, known, roles, policy) if answered and answer else ()
    state = _state(head, answer if answered is head else None)
    created = moment(text(head, "created"), policy.zone)
    fast = _expedited(head)
    allowed = policy.decision_expedited if fast else policy.decision_standard
    proof = (evidence(head, "status"), *((evidence(answer, "outcome"),) if answer else ()))
    return Request(
        key(head), frozenset(key(claim) for claim in chain), state, created,
        moment(text(answer, "created"), policy.zone) if answer else None, created + allowed if created else None, fast,
        party(item(head, "insurer"), known), _coverage(head), () if state == "cancelled" else lines,
        _trouble(answer) if answer else "", proof, linked_,
    )


def _unasked(answer: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> Request:
    """An answer without its request: the order itself names it."""
    at = moment(text(answer, "created"), policy.zone)
    state = "error" if answer.get("outcome") == "error" else "answered"
    return Request(
        key(answer), frozenset(), state, at, at, at + policy.decision_standard if at else None, False,
        party(item(answer, "insurer"), known), _coverage(answer), _lines({}, answer, known, roles, policy),
        _trouble(answer), (evidence(answer, "outcome"),), True,
    )


def _state(head: Json, answer: Json | None) -> str:
    if head.get("status") == "draft":
        return "draft"
    if head.get("status") == "cancelled" or _certification(head) == "3":
        return "cancelled"
    if answer is None:
        return "submitted"
    return "error" if answer.get("outcome") == "error" else "answered"


def _certification(element: Json) -> str:
    return code_of(item(extension(element, f"{PAS}/extension-certificationType"), "valueCodeableConcept"))


def _expedited(claim: Json) -> bool:
    level = item(extension(claim, f"{PAS}/extension-levelOfServiceCode"), "valueCodeableConcept")
    return code_of(item(claim, "priority"), f"{HL7}/processpriority") == "stat" or code_of(level, LEVEL_OF_SERVICE) == "U"


def _coverage(element: Json) -> str:
    insurance = items(element, "insurance")
    focal = next((each for each in insurance if each.get("focal")), insurance[0] if insurance else {})
    return target(item(focal, "coverage"))


def _trouble(answer: Json) -> str:
    errors = [words(item(each, "code")) for each in items(answer, "error")]
    notes = [text(each, "text") for each in items(answer, "processNote")]
    return next((each for each in (*errors, *notes, text(answer, "disposition")) if each), "")


def _lines(claim: Json, answer: Json, known: Directory, roles: Mapping[str, Role], policy: Policy) -> tuple[Line, ...]:
    """One line for each item of the answer; a modified item speaks through what the payer added in its place."""
    asked = {each.get("sequence"): each for each in items(claim, "item") if not _cancelled(each)}
    reader = _Reader(claim, answer, known, roles, policy)
    found, replaced = [], []
    for each in items(answer, "item"):
        wish = asked.get(each.get("itemSequence"), {})
        instead = [add for add in items(answer, "addItem") if each.get("itemSequence") in (add.get("itemSequence") or ())]
        replaced += instead
        state = _action(each)
        if claim and not wish:
            continue
        found += [reader.line(state, add, wish, each) for add in instead] or [reader.line(state, each, wish, {})]
    found += [reader.line(_action(add), add, {}, {}) for add in items(answer, "addItem") if add not in replaced]
    if not found:
        granted = "approved" if answer.get("preAuthRef") else "unclear"
        whole = {"queued": "pended", "complete": granted}.get(text(answer, "outcome"), "unclear")
        found = [reader.line(whole, {}, wish, {}) for wish in asked.values() or [{}]]
    return tuple(found)


def _cancelled(line: Json) -> bool:
    marks = (each for each in items(line, "modifierExtension") if str(each.get("url", "")).endswith("-infoCancelled"))
    return any(each.get("valueBoolean") is True for each in marks) or _certification(line) == "3"


def review_action(adjudication: Json) -> Json:
    """The payer's decision in one adjudication, a CodeableConcept of X12 306, empty when it holds none."""
    review = extension(adjudication, f"{PAS}/extension-reviewAction")
    return item(extension(review, f"{PAS}/extension-reviewActionCode"), "valueCodeableConcept")


def _review(line: Json) -> Json:
    """The adjudication that holds the decision."""
    return next((each for each in items(line, "adjudication") if review_action(each)), {})


def _action(line: Json) -> str:
    return STATES.get(code_of(review_action(_review(line)), REVIEW_ACTION), "unclear")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a line from the granted element, what was asked for, and the item that the granted one replaces."""

    claim: Json
    answer: Json
    known: Directory
    roles: Mapping[str, Role]
    policy: Policy

    def line(self, state: str, granted: Json, asked: Json, replaced: Json) -> Line:
        detail = extension(granted, f"{PAS}/extension-itemAuthorizedDetail")
        said = item(extension(detail, "productOrServiceCode"), "valueCodeableConcept")
        # On an item the detail repeats what was asked for; on an added item it is what was granted.
        code = item(granted, "productOrService") or item(asked, "productOrService") or said
        wanted = number(item(asked, "quantity"), "value")
        units = (number(item(extension(detail, "quantity"), "valueQuantity"), "value"),
                 number(item(granted, "quantity"), "value"), wanted)
        end = item(extension(asked, f"{PAS}/extension-productOrServiceCodeEnd"), "valueCodeableConcept")
        review = extension(_review(granted) or _review(replaced), f"{PAS}/extension-reviewAction")
        reason = words(item(extension(review, "reasonCode"), "valueCodeableConcept"))
        return Line(
            state, codes(code), code_of(end), words(code), text(extension(review, "number"), "valueString")
            or text(self.answer, "preAuthRef"), self._days(granted, replaced),
            next((each for each in units if each is not None), None), wanted, self._provider(granted), self._site(asked),
            reason or (_trouble(self.answer) if state == "denied" else ""), self._proof(granted),
        )

    def _days(self, granted: Json, replaced: Json) -> Days:
        for element in (granted, replaced):
            if period := extension(element, f"{PAS}/extension-itemPreAuthPeriod").get("valuePeriod"):
                return days(period, self.policy.zone)
        return days(self.answer["preAuthPeriod"], self.policy.zone) if self.answer.get("preAuthPeriod") else ALWAYS

    def _provider(self, granted: Json) -> Party | None:
        named = extensions(granted, f"{PAS}/extension-itemAuthorizedProvider")
        references = [item(extension(each, "provider"), "valueReference") for each in named] + items(granted, "provider")
        team = [item(each, "provider") for each in items(self.claim, "careTeam")]
        for reference in (*references, *(() if references else team)):
            role = self.roles.get(target(reference))
            found = (role.organization or role.practitioner) if role else party(reference, self.known)
            if found:
                return found
        return None

    def _site(self, asked: Json) -> Party | None:
        return party(item(asked, "locationReference"), self.known)

    def _proof(self, granted: Json) -> tuple[Evidence, ...]:
        sequence = granted.get("itemSequence")
        where = f"item.where(itemSequence={sequence})" if isinstance(sequence, int) else "addItem" if granted else "preAuthRef"
        period = "item.extension(itemPreAuthPeriod)" if extension(granted, f"{PAS}/extension-itemPreAuthPeriod") else "preAuthPeriod"
        return evidence(self.answer, where), evidence(self.answer, period)
