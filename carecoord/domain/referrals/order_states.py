"""The states of an order (ServiceRequest, DeviceRequest), for every road.

Clauses: FHIR R4 request.html#statemachine (RequestStatus); COW: "only the party that created the Request may change
it". A performer who declines, or is asked to stop, changes the Task: the order stays active and goes to another.
`order_move` tells what verb a plain change means, `keep` being one that leaves the status as it is."""

from typing import Final, Literal

from carecoord.domain.resource import moves
from carecoord.domain.resource.elements import Json, text
from carecoord.domain.resource.moves import BOTH, Move, Side

OrderVerb = Literal["draft", "sign", "hold", "resume", "complete", "revoke", "void", "keep"]

_R: Final[frozenset[Side]] = frozenset({"requester"})
STATES = ("draft", "active", "on-hold", "completed", "revoked", "entered-in-error", "unknown")
TABLE: Final = {
    ("new", "draft"): (Move("draft", BOTH),),
    ("new", "sign"): (Move("active", BOTH),),  # a clinic types in what came by fax
    ("draft", "sign"): (Move("active", _R),),
    ("active", "hold"): (Move("on-hold", _R),),
    ("on-hold", "resume"): (Move("active", _R),),
    ("active", "complete"): (Move("completed", _R),),
    ("on-hold", "complete"): (Move("completed", _R),),
    ("draft", "revoke"): (Move("revoked", _R),),
    ("active", "revoke"): (Move("revoked", _R),),
    ("on-hold", "revoke"): (Move("revoked", _R),),
    ("unknown", "sign"): (Move("active", _R),),
    ("unknown", "complete"): (Move("completed", _R),),
    ("unknown", "revoke"): (Move("revoked", _R),),
    **{(state, "void"): (Move("entered-in-error", _R),) for state in STATES if state != "entered-in-error"},
    **{(state, "keep"): (Move(state, _R),) for state in STATES},
}


def order_move(before: Json, after: Json) -> OrderVerb:
    """What a plain change of an order means (`before` empty: a new one), legal or not."""
    start, to = text(before, "status") if before else "new", text(after, "status")
    return "keep" if start == to else moves.between(TABLE, start, to) or "draft"  # type: ignore[return-value]


def judge_order(before: Json, after: Json, side: Side) -> None:
    """Refuse a change of an order that the table does not have (`before` empty: a new one).

    Raises Conflict (409) naming the legal verbs; Forbidden (403), for any change by another than the requester.
    """
    start = text(before, "status") if before else "new"
    moves.advance(TABLE, start, order_move(before, after), side, where=f"{after.get('resourceType')}.status")
