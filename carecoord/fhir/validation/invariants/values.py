"""What stands below a value of a resource, for compiled invariants: JSON as it came, of a structure that is good.

An item is an object, a primitive's value, or a `Bare`: a primitive that has extensions alone, which exists and is
equal to nothing that has a value (FHIR R4 fhirpath.html#variables: "hasValue").
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from carecoord.fhir import text
from carecoord.fhir.definitions import read
from carecoord.fhir.validation.primitives import TESTS

Types = frozenset[str]
_ANY = "Resource"
_EVERY_RESOURCE = "Patient"  # what an invariant asks of any resource (meta, id, contained) stands in each type alike


@dataclass(frozen=True)
class Bare:
    """A primitive without a value: what stands beside it."""

    beside: Any


@dataclass(slots=True)
class Scope:
    """What an invariant can name beside the value that it is of: the resource that this stands in, the one that holds
    that resource where it is contained, and the value itself while the expression is at others. local: the references
    to what is contained (`#x`) that were met on the way. kept: what was found once of these and is asked for again,
    for each of a hundred thousand elements it may be; of_root: the same, of the root."""

    resource: Any
    root: Any
    context: Any = None
    local: set[str] = field(default_factory=set)
    kept: dict[Any, Any] = field(default_factory=dict)
    of_root: dict[str, set[str]] = field(default_factory=dict)

    def within(self, resource: Any) -> "Scope":
        """That of a contained resource."""
        return Scope(resource, self.root, None, self.local, of_root=self.of_root)

    def at(self, value: Any) -> "Scope":
        """The same, of a value whose invariants are judged later."""
        return Scope(self.resource, self.root, value, self.local, of_root=self.of_root)


@dataclass(frozen=True)
class Properties:
    """The JSON properties of one element of some types: several of a choice. types: what they lead to."""

    plain: tuple[str, ...]
    primitive: tuple[str, ...]
    types: Types

    @property
    def names(self) -> tuple[str, ...]:
        """Every property by which the element can be there."""
        return (*self.plain, *self.primitive, *(f"_{name}" for name in self.primitive))


def properties(types: Iterable[str], name: str, only: str | None = None) -> Properties:
    """The properties of an element by its FHIRPath name (`value`). only: of a choice, that datatype."""
    table = read("structures")["elements"]
    rows = [
        (property_, row[0])
        for type in sorted(types)
        for property_, row in table.get(_EVERY_RESOURCE if type == _ANY else type, {}).items()
        if name == (row[5] or property_) and (only is None or row[0].lower() == only.lower())
    ]
    return Properties(
        tuple(dict.fromkeys(property_ for property_, kind in rows if kind not in TESTS)),
        tuple(dict.fromkeys(property_ for property_, kind in rows if kind in TESTS)),
        frozenset(kind for _, kind in rows),
    )


def children(of: Properties) -> Callable[[Any], list[Any]]:
    """A function from an object to the items of an element."""
    if not of.primitive and len(of.plain) == 1:
        (name,) = of.plain

        def plain(value: Any) -> list[Any]:
            inner = value.get(name)
            return [] if inner is None else inner if inner.__class__ is list else [inner]

        return plain

    def any_of_them(value: Any) -> list[Any]:
        found: list[Any] = []
        for name in of.plain:
            inner = value.get(name)
            if inner is not None:
                found += inner if inner.__class__ is list else [inner]
        for name in of.primitive:
            found += _primitives(value.get(name), value.get(f"_{name}"))
        return found

    return any_of_them


def _primitives(value: Any, beside: Any) -> Iterator[Any]:
    if value.__class__ is not list and beside.__class__ is not list:
        if value is not None or beside is not None:
            yield Bare(beside) if value is None else value
        return
    values, besides = value or [], beside or []
    for n in range(max(len(values), len(besides))):
        inner = values[n] if n < len(values) else None
        next_to_it = besides[n] if n < len(besides) else None
        if inner is not None or next_to_it is not None:
            yield Bare(next_to_it) if inner is None else inner


def distinct(items: list[Any]) -> list[Any]:
    """Each once, in their order."""
    return list({mark(item): item for item in reversed(items)}.values())[::-1]


def mark(item: Any) -> Any:
    """What is the same of equal items, and can be looked up."""
    if item.__class__ is Bare:
        return Bare, text.canonical(item.beside)
    return text.canonical(item) if isinstance(item, dict | list) else item


def below(value: Any) -> Iterator[tuple[str, Any]]:
    """Every value within one, with the property that it stands in, the values within contained resources too."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        for name, inner in held.items():
            for each in inner if inner.__class__ is list else (inner,):
                yield name, each
                if each.__class__ is dict:
                    waiting.append(each)
