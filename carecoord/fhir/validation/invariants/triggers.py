"""What must be there for an invariant to be broken: most ask something of one element, and hold where it is not given.

An expression is worked out with that element away and nothing known of the rest; if it is true all the same, the
element is a trigger, and the invariant need not be looked at where it is absent.
"""

from collections.abc import Iterator
from typing import Final, Literal

from carecoord.fhir.validation.invariants.compile import says_truth
from carecoord.fhir.validation.invariants.grammar import Node

Known = bool | None | Literal["unknown"]
_UNKNOWN: Final = "unknown"


def trigger(tree: Node) -> str | None:
    """The element of the context without which the invariant holds, if there is one."""
    return next((name for name in _names(tree) if _truth(tree, name) is True), None)


def _names(node: Node) -> Iterator[str]:
    """Elements of the context itself, in the order in which the expression speaks of them."""
    if node.kind == "name":
        yield node.name
    if node.left:
        yield from _names(node.left)
    if node.kind == "operator":
        for each in node.arguments:
            yield from _names(each)


def _truth(node: Node, away: str) -> Known:
    if node.kind == "operator":
        return _operator(node, away)
    if node.kind != "call" or not says_truth(node):
        return None if _empty(node, away) else _UNKNOWN
    if node.name == "not" and node.left:
        inner = _truth(node.left, away)
        return not inner if isinstance(inner, bool) else inner
    if node.left is None or not _empty(node.left, away):
        return _UNKNOWN
    return {"exists": False, "empty": True, "all": True, "isDistinct": True, "hasValue": False,
            "startsWith": False, "contains": False, "matches": False}.get(node.name)


def _operator(node: Node, away: str) -> Known:
    left, right = node.operands()
    if node.name not in ("implies", "or", "and"):
        return None if node.name in ("=", "!=", "<=", ">=", "<", ">") and _nothing(left, right, away) else _UNKNOWN
    a, b = _truth(left, away), _truth(right, away)
    if node.name == "implies":
        a = not a if isinstance(a, bool) else a
    if node.name == "and":
        return False if False in (a, b) else a if a == b else _UNKNOWN
    return True if True in (a, b) else a if a == b else _UNKNOWN


def _nothing(left: Node, right: Node, away: str) -> bool:
    return any(_empty(side, away) for side in (left, right))


def _empty(node: Node, away: str) -> bool:
    """Whether a collection is surely empty."""
    if node.kind == "name":
        return node.name == away
    if node.kind == "step" or (node.kind == "call" and node.name in ("where", "select", "first", "tail", "trace")):
        return node.left is not None and _empty(node.left, away)
    return False
