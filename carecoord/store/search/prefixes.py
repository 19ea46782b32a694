"""What the prefixes of dates and quantities mean for rows of an index: search.html#prefix, as data.

A pair of steps is "or". Where a step follows from the others, it bounds the walk along an index.
"""

from typing import NamedTuple


class Step(NamedTuple):
    """A column, an operator, and which value: a, b the ends of the asked range [a, b), v the number asked."""

    column: str
    op: str
    value: str


Steps = tuple[Step | tuple[Step, Step], ...]

SPANS: dict[str, Steps] = {  # a stored range [low, high)
    "eq": (Step("low", ">=", "a"), Step("low", "<", "b"), Step("high", "<=", "b")),
    "ne": ((Step("low", "<", "a"), Step("high", ">", "b")),),
    "gt": (Step("high", ">", "b"),),
    "lt": (Step("low", "<", "a"),),
    "ge": (Step("high", ">", "a"), (Step("high", ">", "b"), Step("low", ">=", "a"))),
    "le": (Step("low", "<", "b"), (Step("low", "<", "a"), Step("high", "<=", "b"))),
    "sa": (Step("low", ">=", "b"),),
    "eb": (Step("high", "<=", "a"),),
    "ap": (Step("low", "<", "b"), Step("high", ">", "a")),
}
MOMENTS: dict[str, Steps] = {  # a stored instant
    "eq": (Step("updated", ">=", "a"), Step("updated", "<", "b")),
    "ne": ((Step("updated", "<", "a"), Step("updated", ">=", "b")),),
    "gt": (Step("updated", ">=", "b"),),
    "lt": (Step("updated", "<", "a"),),
    "ge": (Step("updated", ">=", "a"),),
    "le": (Step("updated", "<", "b"),),
    "sa": (Step("updated", ">=", "b"),),
    "eb": (Step("updated", "<", "a"),),
    "ap": (Step("updated", ">=", "a"), Step("updated", "<", "b")),
}
AMOUNTS: dict[str, Steps] = {  # a stored range from low to high, both included
    "eq": (Step("low", ">=", "a"), Step("low", "<", "b"), Step("high", "<", "b")),
    "ne": ((Step("low", "<", "a"), Step("high", ">=", "b")),),
    "gt": (Step("high", ">", "v"),),
    "lt": (Step("low", "<", "v"),),
    "ge": (Step("high", ">=", "v"),),
    "le": (Step("low", "<=", "v"),),
    "sa": (Step("low", ">", "v"),),
    "eb": (Step("high", "<", "v"),),
    "ap": (Step("low", "<=", "b"), Step("high", ">=", "a")),
}

DATES: dict[str, Steps] = {  # a stored range that is a single date, which can not be longer than `before` is before a
    **SPANS,
    "gt": (*SPANS["gt"], Step("low", "from", "before")),
    "ge": (*SPANS["ge"], Step("low", "from", "before")),
}
_SECOND = 1_000_000  # microseconds
LONGEST = {"instant": _SECOND, "date": 366 * 86_400 * _SECOND, "dateTime": 366 * 86_400 * _SECOND}
