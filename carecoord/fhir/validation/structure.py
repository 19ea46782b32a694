"""The structure of R4 resources: every element, how many of it, of which datatype, and the codes of required bindings.

Clause: FHIR R4 json.html, conformance-rules.html#cardinality, terminologies.html#required, extensibility.html; judged
by HL7's own 4.0.1 definitions (definitions/structures.json.gz), and by their invariants (invariants/rules.py) where the
structure is good. A type is compiled once, on first use, into closures
that walk a resource of it; they raise nothing, whatever JSON they are given.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from carecoord.errors import Issue
from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES, UNSTORED
from carecoord.fhir.validation.findings import Findings, Place, Ruled, ruled
from carecoord.fhir.validation.invariants.rules import rules
from carecoord.fhir.validation.invariants.values import Scope
from carecoord.fhir.validation.primitives import TESTS
from carecoord.fhir.validation.targets import of as targets
from carecoord.fhir.validation.targets import stray

DEEPEST = 50  # levels of nesting: real resources have about 10
_MOST = 100  # issues listed of one resource
_SHOWN = 12  # codes listed in one issue

# Systems whose codes HL7 does not publish: the shape of a code is all that can be judged.
_SHAPES = {
    "urn:ietf:bcp:13": (re.compile(r"[\w.+-]+/[\w.+-]+( ?;.*)?"), "a MIME type such as application/pdf"),
    "urn:iso:std:iso:4217": (re.compile(r"[A-Z]{3}"), "a currency such as USD"),
}


Check = Callable[[Any, Place, str, int, Findings], None]
Test = Callable[[Any], str | None]


@dataclass(slots=True)
class Element:
    """An element as its owner sees it. `shown`: its FHIRPath name, `value` of valueQuantity."""

    check: Check
    many: bool
    primitive: bool
    shown: str
    choice: str | None


@dataclass(slots=True)
class Shape:
    """All that a resource type, datatype or backbone element may and must hold."""

    resource: bool
    elements: dict[str, Element] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    required_choices: list[str] = field(default_factory=list)
    rules: Ruled = ()


def walk(resource: dict[str, Any], type_: str) -> list[Issue]:
    """Every fault in the structure of a resource whose `resourceType` is `type_`, one of ours; where there is none,
    every invariant that it breaks."""
    issues = Findings(Scope(resource, resource))
    _walk(_shape(type_), resource, Place(None, type_, -1, 0), issues)
    return issues.told()[:_MOST]


def _walk(shape: Shape, value: dict[str, Any], at: Place, issues: Findings) -> None:
    elements = shape.elements
    chosen: dict[str, str] | None = None
    for name, inner in value.items():
        element = elements.get(name)
        if element is None:
            element = _besides(shape, name, value, at, issues)
            if element is None:
                continue
        elif element.many:
            _each(element, inner, value.get(f"_{name}") if element.primitive else None, at, issues)
        else:
            element.check(inner, at, element.shown, -1, issues)
        if element.choice:
            chosen = chosen or {}
            if chosen.setdefault(element.choice, name.lstrip("_")) != name.lstrip("_"):
                text = f"Only one of {chosen[element.choice]} and {name.lstrip('_')} can be given."
                _add(issues, "structure", text, at, element.choice)
    for name in shape.required:
        if name not in value and f"_{name}" not in value:
            _add(issues, "required", f"{name} is missing and must be given.", at, elements[name].shown)
    for choice in shape.required_choices:
        if not chosen or choice not in chosen:
            ways = [name for name, element in elements.items() if element.choice == choice]
            _add(issues, "required", f"One of {', '.join(ways[:_SHOWN])} must be given.", at, choice)
    if shape.rules and not issues:
        issues.judge(shape.rules, value, at)


def _each(element: Element, items: Any, besides: Any, at: Place, issues: Findings) -> None:
    if items.__class__ is not list:
        return _add(issues, "structure", "must be an array.", at, element.shown)
    if not items:
        return _add(issues, "structure", "is an empty array; leave it out instead.", at, element.shown)
    for index, item in enumerate(items):
        if item is None and besides.__class__ is list and index < len(besides) and besides[index]:
            continue  # json.html#primitive: null holds the place of a value that only has an id or extensions
        element.check(item, at, element.shown, index, issues)
    return None


def _besides(shape: Shape, name: str, value: dict[str, Any], at: Place, issues: Findings) -> Element | None:
    """A property that is no element: `resourceType`, the `_name` of a primitive, or a stranger."""
    inner = value[name]
    if name == "resourceType" and shape.resource:
        return None
    element = shape.elements.get(name[1:]) if name[:1] == "_" else None
    if element is None or not element.primitive:
        text = f"{_short(name)} is not an element of {at.name}."
        _add(issues, "structure", text, at, _short(name))
        return None
    beside = value.get(name[1:])
    if not element.many:
        _element(inner, beside is not None, at, element.shown, -1, issues)
    elif inner.__class__ is not list or not any(inner):
        _add(issues, "structure", f"{name} must be an array beside the values.", at, element.shown)
    else:
        for index, item in enumerate(inner):
            if item is not None:
                has_value = beside.__class__ is list and index < len(beside) and beside[index] is not None
                _element(item, has_value, at, element.shown, index, issues)
    return element


def _element(value: Any, has_value: bool, at: Place, name: str, index: int, issues: Findings) -> None:
    """The id and extensions of a primitive; beside a value an id alone will do (ele-1)."""
    if has_value and value.__class__ is dict and value.keys() == {"id"}:
        _walk(_shape("Element"), value, Place(at, name, index, at.depth + 1), issues)
    else:
        _datatype("Element")(value, at, name, index, issues)


@cache
def _shape(owner: str) -> Shape:
    table = read("structures")["elements"][owner]
    shape = Shape(resource=owner[0].isupper() and "." not in owner and "meta" in table)
    shape.rules = ruled((*(rules("DomainResource", "DomainResource") if "contained" in table else ()),
                         *rules(owner, owner)))  # fmt: skip
    for name, (datatype, least, most, _flags, binding, choice) in table.items():
        primitive = datatype in TESTS
        check = _primitive(datatype, binding) if primitive else _complex(datatype, binding)
        check = _ruled(_targeted(check, owner, name), ruled(rules(f"{owner}:{name}", datatype)))
        attribute = name == "id" or (owner, name) == ("Extension", "url")  # in XML; such a one can not be extended
        shape.elements[name] = Element(check, most == 0, primitive and not attribute, choice or name, choice)
        if least and choice not in shape.required_choices:
            (shape.required_choices if choice else shape.required).append(choice or name)
    return shape


def _primitive(datatype: str, binding: str | None) -> Check:
    test = _code(binding) if binding else TESTS[datatype]
    code = "code-invalid" if binding else "value"

    def check(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
        reason = test(value)
        if reason:
            _add(issues, code, f"{name} {reason}.", at, name, index)

    return check


def _ruled(check: Check, own: Ruled) -> Check:
    """The check of an element that has invariants of its own, beside those of its datatype."""

    def check_ruled(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
        check(value, at, name, index, issues)
        if not issues:
            issues.judge(own, value, Place(at, name, index, at.depth + 1))

    return check_ruled if own else check


def _targeted(check: Check, owner: str, property_: str) -> Check:
    """The check of a Reference that may point at some types only."""
    allowed = targets(owner, property_)

    def check_targeted(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
        check(value, at, name, index, issues)
        if value.__class__ is dict and (reason := stray(value, allowed)):
            _add(issues, "value", f"{name} {reason}.", at, name, index)

    return check_targeted if allowed else check


def _complex(datatype: str, binding: str | None) -> Check:
    if datatype == "Resource":
        return _contained
    check = _datatype(datatype)
    return _bound(check, datatype, binding) if binding else check


@cache
def _datatype(datatype: str) -> Check:
    """The check of a complex datatype or backbone element; its shape is compiled on first use, since some hold
    themselves."""
    shape: Shape | None = None

    def check(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
        nonlocal shape
        if shape is None:
            shape = _shape(datatype)
        if value.__class__ is not dict:
            _add(issues, "structure", f"must be an object: a {datatype}.", at, name, index)
        elif not value or (len(value) == 1 and "id" in value):  # ele-1: an element has a value or children
            _add(issues, "structure", "is empty; leave it out instead.", at, name, index)
        elif at.depth >= DEEPEST:
            _add(issues, "too-long", f"is nested deeper than {DEEPEST} levels.", at, name, index)
        else:
            _walk(shape, value, Place(at, name, index, at.depth + 1), issues)

    return check


def _contained(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
    type_ = value.get("resourceType") if value.__class__ is dict else None
    if name == at.name == "contained":  # dom-2
        _add(issues, "structure", "stands in a contained resource, which can not contain others.", at, name, index)
    elif type_.__class__ is not str or not _is_resource(type_):
        _add(issues, "structure", "must be a resource, with the resourceType of one of R4.", at, name, index)
    else:
        outer = issues.scope
        issues.scope = outer.within(value) if name == "contained" else Scope(value, value)
        _walk(_shape(type_), value, Place(at, name, index, at.depth + 1), issues)
        issues.scope = outer


def _is_resource(type_: str) -> bool:
    return type_ in TYPES or type_ in UNSTORED


@cache
def _codes(binding: str) -> dict[str, frozenset[str] | None]:
    rows = read("structures")["codes"].get(binding, {})
    return {system: None if codes is None else frozenset(codes) for system, codes in rows.items()}


def _code(binding: str) -> Test:
    """A `code` bound to a value set: its system is implied."""
    systems = _codes(binding)
    known = frozenset().union(*(codes for codes in systems.values() if codes))
    shapes = [_SHAPES[system] for system, codes in systems.items() if codes is None and system in _SHAPES]
    plain = TESTS["code"]
    wanted = f"one of {_listed(known)}" if known else " or ".join(words for _, words in shapes)

    def test(value: Any) -> str | None:
        if value.__class__ is str and value in known:
            return None
        reason = plain(value)
        if reason or not wanted or any(shape.fullmatch(value) for shape, _ in shapes):
            return reason
        return f"is {_short(value)!r}; give {wanted}"

    return test


def _bound(check: Check, datatype: str, binding: str) -> Check:
    """A Coding, Quantity or CodeableConcept bound to a value set: (one of) its codings is from there."""
    systems = _codes(binding)
    words = ", ".join(f"{_listed(codes)} of {system}" if codes else system for system, codes in systems.items())

    def is_good(coding: Any) -> bool:
        system, code = (coding.get("system"), coding.get("code")) if coding.__class__ is dict else (None, None)
        if system.__class__ is not str or code.__class__ is not str or system not in systems:
            return False
        codes = systems[system]
        return codes is None or code in codes

    def check_bound(value: Any, at: Place, name: str, index: int, issues: Findings) -> None:
        check(value, at, name, index, issues)
        if not systems or value.__class__ is not dict:
            return
        codings = value.get("coding") if datatype == "CodeableConcept" else [value]
        if codings.__class__ is not list or not any(is_good(coding) for coding in codings):
            _add(issues, "code-invalid", f"{name} must have a code from {words}.", at, name, index)

    return check_bound


def _listed(codes: Iterable[str]) -> str:
    ordered = sorted(codes)
    return ", ".join(ordered[:_SHOWN]) + (f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else "")


def _short(text: str) -> str:
    plain = text.encode("ascii", "backslashreplace").decode() if not text.isprintable() else text
    return plain if len(plain) <= 60 else f"{plain[:60]}..."


def _add(issues: Findings, code: str, text: str, at: Place, name: str, index: int = -1) -> None:
    if len(issues) <= _MOST:
        where = str(Place(at, name, index, 0))
        text = text if text[0].isupper() or text.startswith(name) else f"{name} {text}"
        issues.append(Issue("error", code, text, where))
