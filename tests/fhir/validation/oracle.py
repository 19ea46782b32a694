"""fhirpathpy as the judge of the official invariants, as they are written, at every place of a resource."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fhirpathpy import compile as compiled
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.engine.util import get_data
from fhirpathpy.models import models

from carecoord.fhir.definitions import read
from carecoord.fhir.validation.primitives import TESTS

Json = dict[str, Any]
Place = tuple[str, str, Any, str, Json, Json]

# What it can not read: resolve() and htmlChecks() are no functions of it, and `as` takes one item only.
UNREAD = frozenset({"ctm-1", "txt-1", "txt-2", "dom-3"})


def verdicts(resource: Json) -> dict[tuple[str, str], bool]:
    """Of each invariant that can be judged here, by its key and where (a FHIRPath expression): whether it holds."""
    return {
        (key, where): holds(expression, type, value, own, root)
        for place, type, value, where, own, root in _values(resource)
        for key, _human, expression in read("rules")["invariants"].get(place, ())
        if key not in UNREAD and not has_bare(value)
    }


def has_bare(value: Any) -> bool:
    """Whether a primitive somewhere within has extensions beside it, which the oracle stumbles over."""
    if isinstance(value, list):
        return any(map(has_bare, value))
    return isinstance(value, dict) and any(name[0] == "_" or has_bare(inner) for name, inner in value.items())


def _values(resource: Json) -> Iterator[Place]:
    """Each place where invariants may be: its name, its type, the value, its path, the resource that it stands in, and
    the one that this is contained in."""
    yield from _resource(resource, resource, resource["resourceType"])


def _resource(resource: Json, root: Json, where: str) -> Iterator[Place]:
    type = resource["resourceType"]
    if "contained" in read("structures")["elements"][type]:
        yield "DomainResource", type, resource, where, resource, root
    yield from _object(type, resource, where, resource, root)


def _object(type: str, value: Json, where: str, own: Json, root: Json) -> Iterator[Place]:
    yield type, type, value, where, own, root
    table = read("structures")["elements"][type]
    for name, inner in value.items():
        row = table.get(name.removeprefix("_"))
        if row is None:
            continue
        kind = "Element" if name[0] == "_" else row[0]
        shown = row[5] or name.removeprefix("_")
        many = inner.__class__ is list
        for n, each in enumerate(inner if many else [inner]):
            path = f"{where}.{shown}[{n}]" if many else f"{where}.{shown}"
            if each is None:
                continue
            if kind == "Resource":
                yield from _resource(each, root if name == "contained" else each, path)
                continue
            if name[0] != "_":
                yield f"{type}:{name}", kind, each, path, own, root
            if kind not in TESTS:
                yield from _object(kind, each, path, own, root)


def holds(expression: str, type: str, value: Any, own: Json, root: Json) -> bool:
    """Whether an expression is true of a value of that type. own: the resource that it stands in; root: the one that
    this is contained in."""
    named = {"resource": own, "rootResource": root, "context": value}
    node = value if isinstance(value, dict) and "resourceType" in value else ResourceNode.create_node(value, type)
    return _compiled(expression)(node, named) == [True]


def _has_value(items: list[Any]) -> list[bool]:
    return [len(items) == 1 and not isinstance(get_data(items[0]), dict) and get_data(items[0]) is not None]


def _text(test: Callable[[str, str], bool]) -> dict[str, Any]:
    """Of the empty collection HL7's own validator says false, as `compile.py` does."""

    def tested(items: list[Any], wanted: str) -> list[bool]:
        held = get_data(items[0]) if items else None
        return [isinstance(held, str) and test(held, wanted)]

    return {"fn": tested, "arity": {1: ["String"]}}


_FUNCTIONS = {
    "hasValue": {"fn": _has_value, "arity": {0: []}},
    "trace": {"fn": lambda items, _name: items, "arity": {1: ["String"]}},
    "startsWith": _text(str.startswith),
    "contains": _text(str.__contains__),
}


@cache
def _compiled(expression: str) -> Callable[..., list[Any]]:
    return compiled(expression, models["r4"], {"userInvocationTable": _FUNCTIONS})
