"""The search parameters of our types, as data: the official ones, and one of our own.

Clause: FHIR R4 searchparameter-registry.html, search.html; compartmentdefinition-patient.html.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from carecoord.errors import NotFound
from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES


@dataclass(frozen=True)
class Path:
    """Where a value stands: JSON properties from the top, with tests between them (see definitions/searches.py)."""

    steps: tuple[str, ...]
    datatype: str


@dataclass(frozen=True)
class Component:
    """A part of a composite parameter: its own kind, and its paths from the element that holds all parts."""

    kind: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Param:
    """A search parameter of one type.

    kind: token, string, date, number, quantity, reference, uri, composite or special. key: the number its index rows
    carry. url: its official definition. targets: the types a reference may point at, those that we do not hold among
    them; every type that we hold where the standard says any.
    """

    type: str
    code: str
    kind: str
    key: int
    url: str
    targets: tuple[str, ...]
    paths: tuple[Path, ...]
    components: tuple[Component, ...]


def key(type: str, code: str) -> int:
    """The positive 32-bit number that index rows of a parameter carry, the same on every machine for ever. `code` may
    be derived: "code:text", "subject:identifier". A test asserts that no two collide."""
    return zlib.crc32(f"{type}.{code}".encode()) & 0x7FFFFFFF


# R4 finds a Contract by authority, signer and subject, and by no parameter those whom an offer names, where as a rule a
# provider stands. Ours finds it by any of its parties (contracts.md 1.1); terms may be nested so deep.
_NESTED = 4
_PARTIES = ["Group", "Location", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]
_OURS: dict[str, list[list[Any]]] = {
    "Contract": [[
        "party", "reference", "https://carecoord.example/fhir/SearchParameter/Contract-party", _PARTIES,
        [[steps, "Reference"] for steps in (
            ["authority"], ["subject"], ["signer", "party"],
            *(["term", *["group"] * n, "offer", "party", "reference"] for n in range(_NESTED)),
        )], [],
    ]],
}  # fmt: skip


@cache
def params(type: str) -> Mapping[str, Param]:
    """The parameters of a type by code, `_id`, `_lastUpdated`, `_tag`, `_profile`, `_security` and `_source` among them
    (`_id` and `_lastUpdated` have no index rows: they are columns of the resource). Raises NotFound for other types."""
    if type not in TYPES:
        raise NotFound(f"{type!r} is not a resource type of this server.")
    rows = sorted([*read("search")["params"][type], *_OURS.get(type, ())])
    return MappingProxyType({row[0]: _param(type, *row) for row in rows})


@cache
def compartment(type: str) -> tuple[str, ...]:
    """The codes of the reference parameters that put a resource of this type in a patient's compartment; none: it is
    never in one. A Patient is in its own compartment besides."""
    return tuple(read("search")["compartment"].get(type, ()))


@cache
def single_dates() -> frozenset[int]:
    """The keys of the date parameters of which a resource has at most one value: no step of their paths is a list, and
    several paths are the types of one choice. (The others: six of R4's 136.)"""
    dates = (param for type in TYPES for param in params(type).values() if param.kind == "date")
    places = {param.key: {_element(param.type, path) for path in param.paths} for param in dates}
    return frozenset(key for key, found in places.items() if len(found) == 1 and () not in found)


def _element(owner: str, path: Path) -> tuple[str, ...]:
    """The names on the way, a choice as one whatever its type; nothing where there is a list on the way."""
    elements = read("structures")["elements"]
    names = []
    for step in path.steps:
        datatype, _, most, _, _, choice = elements.get(owner, {}).get(step, (None, 0, 0, "", None, None))
        if most != 1:
            return ()
        names.append(choice or step)
        owner = datatype
    return tuple(names)


def _param(
    type: str, code: str, kind: str, url: str, targets: list[str], paths: list[Any], components: list[Any]
) -> Param:
    return Param(
        type,
        code,
        kind,
        key(type, code),
        url,
        tuple(TYPES) if targets == ["*"] else tuple(targets),
        _paths(paths),
        tuple(Component(kind, _paths(ways)) for kind, ways in components),
    )


def _paths(rows: list[Any]) -> tuple[Path, ...]:
    return tuple(Path(tuple(steps), datatype) for steps, datatype in rows)
