"""What kind of thing waits, by the next action that the rules name and the gate that asks for it."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

from carecoord.domain.gates.gate import GateName

Kind = Literal["referral", "coverage", "authorization", "visit", "document", "agreement", "mention"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Tab = Kind | Literal["message"]  # who stands in for mentions has the messages too; they are listed apart
TABS: Final[tuple[Tab, ...]] = (
    "referral", "coverage", "authorization", "visit", "message", "document", "agreement", "mention",
)  # fmt: skip
_OF_GATE: Final[dict[GateName, Kind]] = {
    "coverage": "coverage",
    "authorization": "authorization",
    "agreement": "agreement",
    "information": "document",
    "appointment": "visit",
    "loop": "referral",
}
_OF_ACTION: Final[dict[str, Kind]] = {  # where the action is of another kind than its gate
    **dict.fromkeys(
        ("send-referral", "reroute", "chase-performer", "close-referral", "resume-order", "settle-conflict"), "referral"
    ),
    **dict.fromkeys(("choose-performer", "name-site"), "referral"),
    "confirm-visit": "visit",
    "acknowledge-report": "document",
}


def kind(gate: str | None, action: str | None) -> Kind:
    """The kind of what waits on a case: its headline gate and the code of its next action, as its row has them."""
    if action in _OF_ACTION:
        return _OF_ACTION[action]
    return next((of for name, of in _OF_GATE.items() if name == gate), "referral")


def signs(kinds: Iterable[Tab]) -> tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...]]:
    """By what `kind` tells these kinds: the actions that are theirs; the gates that are theirs where the action is none
    of those that tell their kind whatever asks for them, None for no gate; and all of these actions."""
    wanted = frozenset(kinds)
    actions = tuple(action for action, of in _OF_ACTION.items() if of in wanted)
    gates = tuple(gate for gate, of in _OF_GATE.items() if of in wanted)
    return actions, (*gates, *((None,) if kind(None, None) in wanted else ())), tuple(_OF_ACTION)


def performers_kind(stage: str) -> Kind:
    """The kind of what waits for the clinic that is to see the patient."""
    if stage in ("scheduled", "no-show", "appointment-cancelled"):
        return "visit"
    return "document" if stage == "visit-done" else "referral"
