"""From a resource to the rows of its search index, by the official search parameters.

Clause: FHIR R4 search.html. Each type's paths are compiled once into one tree of closures, so that parameters that
share the beginning of a path share the walk, and a property that is absent costs nothing.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from carecoord.errors import NotFound
from carecoord.fhir.search.params import Component, Param, Path, compartment, key, params
from carecoord.fhir.search.values import clip, is_about, refers
from carecoord.fhir.search.writers import WRITERS, Keys, Rows
from carecoord.fhir.service_base import NOWHERE, Base
from carecoord.fhir.types import TYPES

__all__ = ["Index", "clip", "extract", "refers"]

Visit = Callable[[Any, Rows], None]
Side = tuple[str, str, float, float]

_POINTS = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/(\d{1,9}))?$")
_COLUMNS = {"_id", "_lastUpdated"}  # columns of the resource table, not index rows
_ABOUT = ("patient", "subject", "beneficiary")  # whom it is about, before whoever else of the compartment took part
_NOBODY = Keys(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Index:
    """The rows of one resource, each in the order of its table's columns, without the resource's own number.

    token (key, code, system); string (key, folded, exact); date (key, low, high) half open, microseconds; number (key,
    low, high, code, system); reference (key, id, type, url): either id and type, or url; uri (key, value); pair (key,
    code, system, code2, system2, low, high). `patient` is the id of the one Patient that the resource is about.
    """

    token: tuple[tuple[int, str, str], ...]
    string: tuple[tuple[int, str, str], ...]
    date: tuple[tuple[int, int, int], ...]
    number: tuple[tuple[int, float, float, str, str], ...]
    reference: tuple[tuple[int, str, str, str], ...]
    uri: tuple[tuple[int, str], ...]
    pair: tuple[tuple[int, str, str, str, str, float, float], ...]
    patient: str | None


def extract(resource: dict[str, Any], base: Base) -> Index:
    """The index rows of a resource. Values of the wrong shape are passed over. Raises NotFound for a type that is not
    ours."""
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in TYPES:
        raise NotFound(f"{type_!r} is not a resource type of this server.")
    rows = Rows(base)
    _plan(type_)(resource, rows)
    return Index(
        tuple(rows.token),
        tuple(rows.string),
        tuple(rows.date),
        tuple(rows.number),
        tuple(rows.reference),
        tuple(rows.uri),
        tuple(rows.pair),
        _patient(type_, resource, rows),
    )


def pointed_at(resource: dict[str, Any], params: Sequence[Param]) -> Iterator[tuple[str, str, int | None]]:
    """(type, id, version or None) of every reference that a resource has where these reference parameters look."""
    for param in params:
        for path in param.paths if param.type == resource.get("resourceType") else ():
            for value in _reached(resource, path.steps):
                text = value.get("reference") if isinstance(value, dict) else None
                match = _POINTS.search(text) if isinstance(text, str) else None
                if match:
                    yield match[1], match[2], int(match[3]) if match[3] else None


def _reached(value: Any, steps: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list):
        yield from (inner for one in value for inner in _reached(one, steps))
    elif not steps:
        yield value
    elif steps[0][0] == "?":
        found: list[Any] = []
        _test(steps[0], lambda one, _: found.append(one))(value, Rows(NOWHERE))
        yield from (inner for one in found for inner in _reached(one, steps[1:]))
    elif isinstance(value, dict) and steps[0] in value:
        yield from _reached(value[steps[0]], steps[1:])


def _patient(type_: str, resource: dict[str, Any], rows: Rows) -> str | None:
    if type_ == "Patient":
        own = resource.get("id")
        return own if isinstance(own, str) else None
    about, others = _patient_keys(type_)
    patients = [row for row in rows.reference if row[2] == "Patient"]
    found = {row[1] for row in patients if row[0] in about} or {row[1] for row in patients if row[0] in others}
    return found.pop() if len(found) == 1 else None


@cache
def _patient_keys(type_: str) -> tuple[frozenset[int], frozenset[int]]:
    known = params(type_)
    about = frozenset(known[code].key for code in _ABOUT if code in known)
    return about, frozenset(known[code].key for code in compartment(type_)) - about


@dataclass
class _Node:
    """One step of the tree: what to write of the value reached, and where to go on from there."""

    writers: list[Visit] = field(default_factory=list)
    pairs: list[Param] = field(default_factory=list)
    below: dict[str, "_Node"] = field(default_factory=dict)

    def at(self, steps: tuple[str, ...]) -> "_Node":
        node = self
        for step in steps:
            node = node.below.setdefault(step, _Node())
        return node


@cache
def _plan(type_: str) -> Visit:
    root = _Node()
    for param in params(type_).values():
        if param.code not in _COLUMNS:
            _plant(root, param)
    return _compile(root)


def _plant(root: _Node, param: Param) -> None:
    derived = (f"{param.code}:{name}" for name in ("text", "identifier", "parts", "text:parts"))
    keys = Keys(param.key, *(key(param.type, code) for code in derived))
    for path in param.paths:
        node = root.at(path.steps)
        if param.kind == "composite":
            node.pairs.append(param)
        else:
            node.writers.append(_writer(param.kind, path, keys))


def _writer(kind: str, path: Path, keys: Keys) -> Visit:
    return partial(WRITERS[kind, path.datatype], keys)


def _compile(node: _Node) -> Visit:
    here = (*node.writers, *(_test(step, _compile(to)) for step, to in node.below.items() if step[0] == "?"))
    below = {step: _compile(to) for step, to in node.below.items() if step[0] != "?"}
    if node.pairs:
        here = (*here, _pairs(node.pairs))

    def visit(value: Any, rows: Rows) -> None:
        for one in value if value.__class__ is list else (value,):
            for write in here:
                write(one, rows)
            if below and one.__class__ is dict:
                for name, inner in one.items():
                    go_on = below.get(name)
                    if go_on:
                        go_on(inner, rows)

    return visit


def _test(step: str, go_on: Visit) -> Visit:
    name, _, wanted = step[1:].partition("=")

    def is_type(value: Any, rows: Rows) -> None:
        if is_about(value, wanted):
            go_on(value, rows)

    def is_some(value: Any, rows: Rows) -> None:
        if value.__class__ is dict:
            go_on(any(value.get(one, False) is not False for one in wanted.split(",")), rows)

    def is_equal(value: Any, rows: Rows) -> None:
        if value.__class__ is dict and value.get(name) == wanted:
            go_on(value, rows)

    return {"is": is_type, "some": is_some}.get(name, is_equal)


def _pairs(params: list[Param]) -> Visit:
    """Composites of two parts: every value of the first beside every value of the second, from the same element. Many
    share a part (Observation.code), which is then walked once."""
    parts = {component: _Part(component) for param in params for component in param.components}
    plans = [(param.key, parts[param.components[0]], parts[param.components[1]]) for param in params]

    def visit(value: Any, rows: Rows) -> None:
        if value.__class__ is not dict:
            return
        known: dict[_Part, list[Side]] = {}
        for number, first, second in plans:
            if value.keys().isdisjoint(second.starts) or value.keys().isdisjoint(first.starts):
                continue
            for code, system, _, _ in first.sides(value, rows.base, known):
                for code2, system2, low, high in second.sides(value, rows.base, known):
                    rows.pair.add((number, code, system, code2, system2, low, high))

    return visit


class _Part:
    """One part of a composite: the properties it may start from, and how to read its values."""

    def __init__(self, component: Component) -> None:
        root = _Node()
        for path in component.paths:
            root.at(path.steps).writers.append(_writer(component.kind, path, _NOBODY))
        self.starts = {path.steps[0] for path in component.paths}
        self.visit = _compile(root)

    def sides(self, value: Any, base: Base, known: dict["_Part", list[Side]]) -> list[Side]:
        """The values of this part in an element; `known` keeps those already read."""
        found = known.get(self)
        if found is None:
            rows = Rows(base)
            self.visit(value, rows)
            found = known[self] = _sides(rows)
        return found


def _sides(rows: Rows) -> list[Side]:
    """What a part of a pair comes to: a token is (code, system), a reference ("Type/id" or its url, ""), a string
    (folded, ""), a quantity its unit and range, a date its range."""
    return [
        *((code, system, 0.0, 0.0) for _, code, system in rows.token),
        *((f"{type_}/{id_}" if id_ else url, "", 0.0, 0.0) for _, id_, type_, url in rows.reference),
        *((code, system, low, high) for _, low, high, code, system in rows.number),
        *(("", "", float(low), float(high)) for _, low, high in rows.date),
        *((folded, "", 0.0, 0.0) for _, folded, _ in rows.string if not rows.token),
    ]
