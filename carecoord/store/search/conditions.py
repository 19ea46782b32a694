"""Conditions on index rows: what a search asks, as shapes that know the names of their values, and the values apart.

The same question with other values has the same shape, so its statement is made once (see statements.py). Shapes are
plain tuples, for they are looked up by hash on every search.
"""

from typing import Any, Literal, NamedTuple

NEAR = ("_latitude", "_longitude", "_shrink", "_radius")  # ends of the names of the values that `near` compares with


class Test(NamedTuple):
    """A column compared with the value of that name. op: = < <= > >= in among like. near: `low` and `high` are a place
    within a circle. from: >= that follows from the other tests, and is there to begin a walk along the column."""

    column: str
    op: str
    value: str


class Either(NamedTuple):
    """At least one of two tests."""

    tests: tuple[Test, Test]


Alternative = tuple[Test | Either, ...]


class Rows(NamedTuple):
    """The resource has a row in this table, under the key of that name, that passes every test of an alternative. In
    the table `resource` the key is the type."""

    table: str
    key: str
    any_of: tuple[Alternative, ...]


class No(NamedTuple):
    """The condition does not hold."""

    condition: "Condition"
    kind: Literal["no"] = "no"


class Every(NamedTuple):
    """All of the conditions hold: true when there are none."""

    conditions: tuple["Condition", ...]
    kind: Literal["every"] = "every"


class Some(NamedTuple):
    """At least one of the conditions holds: false when there are none."""

    conditions: tuple["Condition", ...]
    kind: Literal["some"] = "some"


class Refers(NamedTuple):
    """It refers, under that key, to a resource of that type that meets the condition."""

    key: str
    type: str
    condition: "Condition"
    kind: Literal["refers"] = "refers"


class Whose(NamedTuple):
    """It refers, under that key, to a resource of the types of that name, about a patient who meets the condition."""

    key: str
    types: str
    condition: "Condition"
    kind: Literal["whose"] = "whose"


class Referred(NamedTuple):
    """A resource that meets the condition refers to it, under that key."""

    key: str
    condition: "Condition"
    kind: Literal["referred"] = "referred"


class Attached(NamedTuple):
    """A resource that meets the condition gives, under that key, its address as that of a file: `Binary/id`, alone or
    behind our own base of that name."""

    key: str
    base: str
    condition: "Condition"
    kind: Literal["attached"] = "attached"


Condition = Rows | No | Every | Some | Refers | Whose | Referred | Attached

_LEADING = {"ix_token": {"code"}, "ix_reference": {"id", "url"}, "ix_uri": {"value"}, "ix_pair": {"code"}}


def is_drivable(condition: Condition) -> bool:
    """Whether the resources that meet it can be listed from an index."""
    match condition:
        case Rows():
            return True
        case Refers() | Whose() | Referred():
            return is_drivable(condition.condition)
        case Some():
            return bool(condition.conditions) and all(map(is_drivable, condition.conditions))
        case Every():
            return any(map(is_drivable, condition.conditions))
        case No() | Attached():
            return False


def is_ordered(condition: Condition) -> bool:
    """Whether an index lists them in the order of their numbers, as it does the rows of one leading value."""
    if not isinstance(condition, Rows) or len(condition.any_of) != 1 or condition.table not in _LEADING:
        return False
    equal = {test.column for test in condition.any_of[0] if isinstance(test, Test) and test.op == "="}
    return equal >= _LEADING[condition.table]


class Values(dict[str, Any]):
    """The values of a statement by name. Names count up in the order of asking, so that equal shapes agree on them."""

    def name(self, value: Any) -> str:
        """Keep a value under a new name."""
        name = f"v{len(self)}"
        self[name] = value
        return name
