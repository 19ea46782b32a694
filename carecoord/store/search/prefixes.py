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

_SPANS: dict[str, Steps] = {  # a stored range [low, high)
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
INSTANTS: dict[str, Steps] = {  # a stored instant
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

_AT_MOMENT: dict[str, Steps] = {  # where a moment is asked for: what reaches it is at or after it, and at or before
    "ge": (Step("high", ">", "a"),),
    "le": (Step("low", "<", "b"),),
}
_BEFORE = Step("low", "from", "before")  # a single date can not be longer than `before` is before a
_SECOND = 1_000_000  # microseconds
_YEAR = 368 * 86_400 * _SECOND  # the longest there is, in a zone that changes sides of the date line as well
LONGEST = {"instant": _SECOND, "date": _YEAR, "dateTime": _YEAR}


def spans(prefix: str, is_moment: bool, single: bool = False) -> Steps:
    """What a prefix means for a stored range. is_moment: asked to the second or finer. single: the parameter's values
    are single dates, of which `before` bounds the length."""
    steps = _AT_MOMENT.get(prefix, _SPANS[prefix]) if is_moment else _SPANS[prefix]
    return (*steps, _BEFORE) if single and prefix in ("gt", "ge") else steps
