"""What a payer's metrics count: the requests of a chain with what was decided first on each and what an appeal came to,
from the events of its Claims and answers. Pure, and without a now: the same events give the same, whenever they are
read.

A request is what the payer has to decide once: a first Claim with the updates that came before it was decided. An
extension, and an update of what was decided, is another request. An appeal is none: what it came to stands with the
request that it is against.

Clauses: CMS-0057-F, 42 CFR 422.122(c), 438.210(f), 440.230(e), 457.732(c), 156.223(c)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from carecoord.domain.resource.elements import Json
from carecoord.domain.timeline.events import Logged
from carecoord.fhir.instants import micros

DECIDED: Final = frozenset({"approved", "modified", "partly", "denied", "not-required"})
_MISTAKEN: Final = frozenset({"deleted", "entered-in-error"})
_GONE: Final = frozenset({"deleted", "void", "cancelled", "draft"}) | _MISTAKEN


class Learnt(Logged, Protocol):
    """An event with the instant (microseconds) at which we learnt of it."""

    @property
    def recorded(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Counted:
    """One request. claim: its first Claim, `Claim/id`; root: the first of its chain. payer: `Organization/id`.
    received, decided, appealed, redecided: microseconds. outcome: what was decided first, a state of its life, empty
    while nothing is. extended: who had the clock extended before that. by: rule, human, or nothing. appeal: what the
    newest decision on an appeal against it came to. withdrawn: taken back before it was decided."""

    claim: str
    root: str
    payer: str
    expedited: bool
    received: int
    decided: int | None = None
    outcome: str = ""
    extended: str = ""
    by: str = ""
    appealed: int | None = None
    redecided: int | None = None
    appeal: str = ""
    withdrawn: bool = False


@dataclass(slots=True)
class _Claim:
    key: str
    state: str = ""
    came: int | None = None
    here: bool = False  # whether the server saw it come
    said: Json = field(default_factory=dict)


@dataclass(slots=True)
class _Answer:
    request: str = ""
    state: str = ""
    told: int | None = None
    learnt: int = 0
    said: Json = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer as it counts: when it was given."""

    at: int
    outcome: str
    extended: str
    by: str


def counted(events: Iterable[Learnt]) -> list[Counted]:
    """The requests of these chains, by their events in the order of the log. What was entered in error never was; what
    is for drugs alone, or for what was done already, is not counted."""
    claims, answers = dict[str, _Claim](), dict[str, _Answer]()
    for one in events:
        if one.type == "Claim":
            _note_claim(claims.setdefault(f"Claim/{one.resource}", _Claim(f"Claim/{one.resource}")), one)
        elif one.type == "ClaimResponse":
            _note_answer(answers.setdefault(one.resource, _Answer()), one)
    said: dict[str, list[_Said]] = {}
    for each in answers.values():
        if each.state not in _MISTAKEN and (claim := claims.get(each.request)) and each.told is not None:
            at = each.learnt if claim.here else each.told
            outcome, extended = str(each.said.get("outcome", each.state)), str(each.said.get("extended", ""))
            said.setdefault(each.request, []).append(_Said(at, outcome, extended, each.by))
    real = {key: each for key, each in claims.items() if each.state not in _MISTAKEN and each.came is not None}
    chains = _chains(real)
    return [each for chain in chains for each in _of_chain(chain, said)]


def _note_claim(claim: _Claim, one: Learnt) -> None:
    claim.said = claim.said | dict(one.payload.get("metric", {}))
    claim.state = one.state
    if one.state == "submitted" and (claim.came is None or not one.before):
        claim.came = one.at
    if at := claim.said.get("received"):
        claim.came, claim.here = micros(datetime.fromisoformat(str(at))), True


def _note_answer(answer: _Answer, one: Learnt) -> None:
    answer.said = answer.said | dict(one.payload.get("metric", {}))
    answer.request = str(one.payload.get("request", "")) or answer.request
    answer.by = str(one.payload.get("by", "")) or answer.by
    answer.state = one.state
    if one.state != "draft" and answer.told is None:
        answer.told, answer.learnt = one.at, one.recorded


def _chains(claims: Mapping[str, _Claim]) -> Iterator[list[_Claim]]:
    """Each chain from its first Claim on; of two that follow the same one, in the order in which they came."""
    after: dict[str, list[_Claim]] = {}
    heads = []
    for each in claims.values():
        before = str(each.said.get("follows", ""))
        if before in claims and before != each.key:
            after.setdefault(before, []).append(each)
        else:
            heads.append(each)
    for head in heads:
        chain, waiting = list[_Claim](), [head]
        while waiting:
            each = waiting.pop(0)
            chain.append(each)
            waiting += sorted(after.pop(each.key, ()), key=lambda one: one.came or 0)
        yield chain


def _of_chain(chain: Sequence[_Claim], said: Mapping[str, Sequence[_Said]]) -> Iterator[Counted]:
    root, held = chain[0].key, list[Counted]()
    left_out = False
    for claim in chain:
        asks, open_ = claim.said.get("asks", ""), bool(held) and not held[-1].decided
        told = sorted(said.get(claim.key, ()), key=lambda one: one.at)
        if asks == "withdraw":
            if open_ and not left_out:
                held[-1] = replace(held[-1], withdrawn=True)
            continue
        if asks == "appeal":
            if held and not left_out:
                held[-1] = _appealed(held[-1], claim, told)
            continue
        if left_out and asks == "update":  # of what is not counted
            continue
        goes_on = open_ and asks == "update" and not held[-1].withdrawn
        if not goes_on:
            left_out = bool(claim.said.get("drug")) or asks == "retro"
            if left_out:
                continue
            payer, fast = str(claim.said.get("payer", "")), bool(claim.said.get("expedited"))
            held.append(Counted(claim.key, root, payer, fast, claim.came or 0))
        held[-1] = _decided(replace(held[-1], expedited=bool(claim.said.get("expedited"))), claim, told)
    yield from held


def _decided(request: Counted, claim: _Claim, told: Sequence[_Said]) -> Counted:
    """A request with the answers to one of its Claims."""
    first = next((each for each in told if each.outcome in DECIDED), None)
    before = [each.extended for each in told if each.extended and (first is None or each.at <= first.at)]
    extended = before[0] if before and not request.extended else request.extended
    if first is None:
        return replace(request, extended=extended, withdrawn=claim.state in _GONE)
    at = max(first.at, request.received)
    return replace(request, decided=at, outcome=first.outcome, extended=extended, by=first.by)


def _appealed(request: Counted, claim: _Claim, told: Sequence[_Said]) -> Counted:
    """A request with an appeal against it."""
    last = next((each for each in reversed(told) if each.outcome in DECIDED), None)
    begun = request.appealed if request.appealed is not None else claim.came
    if last is None:
        return replace(request, appealed=begun)
    return replace(request, appealed=begun, redecided=last.at, appeal=last.outcome)
