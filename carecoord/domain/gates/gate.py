"""What a gate says: one of six states, why, by which rule, on what evidence, and whose move it is until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, cast, get_args

from carecoord.domain.gates.rules import gate_of
from carecoord.words.sentence import Sentence

GateName = Literal["coverage", "authorization", "agreement", "information", "appointment", "loop"]
NAMES: Final[tuple[GateName, ...]] = get_args(GateName)
Mover = Literal["coordinator", "clinician", "payer", "contracts", "performer", "patient"]  # whose move it can be

# Best first. `unknown` stands below `open`: somebody has to find out before anybody can act. It is never shown as met.
GateState = Literal["met", "not-needed", "pending", "open", "unknown", "blocked"]
RANK: Final[dict[GateState, int]] = {"met": 0, "not-needed": 0, "pending": 1, "open": 2, "unknown": 3, "blocked": 4}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a statement rests: `Type/id`, its version, and the element (FHIRPath) that says it."""

    reference: str
    version: str | None
    element: str


@dataclass(frozen=True, slots=True)
class Action:
    """The next thing to do: a stable code for buttons and filters, a label for people."""

    code: str
    label: Sentence


@dataclass(frozen=True, slots=True)
class Span:
    """Days of the requested window, first and last included, on which a gate has one state."""

    first: date
    last: date
    state: GateState
    reason: Sentence


@dataclass(frozen=True, slots=True)
class Offer:
    """Another performer who is in network on the date."""

    reference: str
    name: str
    agreement: str
    until: date | None
    kilometres: float | None = None  # from where the patient lives, where both are known


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """`who` is whose move it is. `due` is what the clock named `due_label` runs to, and `since` where it started.
    `waits_on` names the gate whose move this one waits for. `spans` says how the answer differs inside the requested
    window, when it does. Making one by a rule that is not in the list of rules raises LookupError: who may see a gate
    is decided by its rule."""

    rule: str
    state: GateState
    reason: Sentence
    evidence: tuple[Evidence, ...] = ()
    action: Action | None = None
    who: Mover | None = None
    due: datetime | None = None
    due_label: Sentence | None = None
    since: datetime | None = None
    waits_on: GateName | None = None
    spans: tuple[Span, ...] = ()
    offers: tuple[Offer, ...] = ()

    def __post_init__(self) -> None:
        gate_of(self.rule)

    @property
    def name(self) -> GateName:
        """Which of the six: its rule says it."""
        return cast(GateName, gate_of(self.rule))

    @property
    def unmet(self) -> bool:
        """Whether somebody still has to move."""
        return RANK[self.state] > 0


def best(gates: Iterable[Gate]) -> Gate:
    """The gate with the best state, the first of equals."""
    return min(gates, key=lambda gate: RANK[gate.state])
