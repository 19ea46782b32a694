"""Compiles the tree of an invariant into closures over JSON.

Clause: FHIRPath 2.0; FHIR R4 fhirpath.html. A truth is True, False or None, which stands for the empty collection. The
types of everything are known from the place of the invariant, so nothing is looked up while it runs.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from carecoord.fhir.validation.invariants import order
from carecoord.fhir.validation.invariants.grammar import Node
from carecoord.fhir.validation.invariants.values import Bare, Scope, Types, children, distinct, mark, properties

Truth = Callable[[Any, Any], bool | None]
Items = Callable[[Any, Any], list[Any]]

TRUTHS: Final = frozenset({
    "implies", "or", "xor", "and", "in", "contains", "=", "!=", "<=", ">=", "<", ">", "is",
    "exists", "empty", "not", "all", "isDistinct", "hasValue", "startsWith", "matches",
})  # fmt: skip
_UCUM: Final = "http://unitsofmeasure.org"
_DATES: Final = frozenset({"date", "dateTime", "instant"})
_WRITTEN_OUT: Final = 100  # digits
_STRING: Final = frozenset({"string"})
_BOOLEAN: Final = frozenset({"boolean"})
_INTEGER: Final = frozenset({"integer"})
_LITERALS: Final = {str: _STRING, bool: _BOOLEAN, int: _INTEGER}


def says_truth(node: Node) -> bool:
    """Whether a node is a truth by itself, not a collection that can be read as one."""
    return node.kind in ("operator", "call") and node.name in TRUTHS


class Compiler:
    """Compiles for one place. context: the types of the value there; resource: the type of resource that it stands
    in, where all such values do in one."""

    def __init__(self, context: Types, resource: str | None) -> None:
        self.context, self.resource = context, frozenset({resource} if resource else ())

    def truth(self, node: Node, types: Types) -> Truth:
        """What is true of a value of these types."""
        if not says_truth(node):
            found, _ = self.items(node, types)
            return lambda this, scope: _single_truth(found(this, scope))
        if node.kind == "operator":
            return self._operator(node, types)
        return self._test(node, types)

    def items(self, node: Node, types: Types, only: str | None = None) -> tuple[Items, Types]:
        """What is found from a value of these types, and of which types that is. only: of a choice, that datatype."""
        if says_truth(node):
            truth = self.truth(node, types)
            return lambda this, scope: [] if (is_so := truth(this, scope)) is None else [is_so], _BOOLEAN
        found, to = self._found(node, types, only)
        return (_once(found), to) if node.kind in ("step", "call") and _is_of_the_whole(node) else (found, to)

    def _found(self, node: Node, types: Types, only: str | None) -> tuple[Items, Types]:
        match node.kind:
            case "literal":
                value = [node.value]
                return lambda this, scope: value, _LITERALS[type(node.value)]
            case "variable":
                return self._variable(node.name, types)
            case "name":
                return self._name(node.name, types, only)
            case "step":
                held, of = self._left(node, types)
                return _step(held, of, node.name, only)
            case "operator":
                return self._combined(node, types)
        return self._function(node, types)

    def _variable(self, name: str, types: Types) -> tuple[Items, Types]:
        match name:
            case "$this":
                return lambda this, scope: [this], types
            case "%resource":
                return lambda this, scope: [scope.resource], self.resource
            case "%context":
                return lambda this, scope: [scope.context], self.context
            case "%ucum":
                return lambda this, scope: [_UCUM], _STRING
        raise ValueError(f"{name} is not known")

    def _name(self, name: str, types: Types, only: str | None) -> tuple[Items, Types]:
        if name in types and name[0].isupper():  # `Appointment.status`, said of an Appointment
            return lambda this, scope: [this], types
        of = properties(types, name, only)
        found = children(of)
        return lambda this, scope: found(this), of.types

    # What combines two

    def _operator(self, node: Node, types: Types) -> Truth:
        left, right = node.operands()
        if node.name == "is":
            return self._is(left, right.name, types)
        if node.name in ("implies", "or", "xor", "and"):
            return _logic(node.name, self.truth(left, types), self.truth(right, types))
        if node.name in ("=", "!="):
            return self._equal(left, right, types, node.name == "=")
        (first, of), (second, _) = self.items(left, types), self.items(right, types)
        if node.name == "in":
            return _member(first, _marks(second, right))
        if node.name == "contains":
            return _member(second, _marks(first, left))
        return _ordered(node.name, first, second, of)

    def _equal(self, left: Node, right: Node, types: Types, wanted: bool) -> Truth:
        if says_truth(left) and says_truth(right):
            one, other = self.truth(left, types), self.truth(right, types)

            def same(this: Any, scope: Any) -> bool | None:
                a, b = one(this, scope), other(this, scope)
                return None if a is None or b is None else (a is b) is wanted

            return same
        (first, _), (second, _) = self.items(left, types), self.items(right, types)

        def equal(this: Any, scope: Any) -> bool | None:
            a, b = first(this, scope), second(this, scope)
            return (a == b) is wanted if a and b else None

        return equal

    def _combined(self, node: Node, types: Types) -> tuple[Items, Types]:
        left, right = node.operands()
        if node.name == "as":
            return self.items(left, types, right.name)
        (first, one), (second, other) = self.items(left, types), self.items(right, types)
        match node.name:
            case "|":
                return lambda this, scope: distinct(first(this, scope) + second(this, scope)), one | other
            case "&":
                return lambda this, scope: [_text(first(this, scope)) + _text(second(this, scope))], _STRING
        return lambda this, scope: _sum(first(this, scope), second(this, scope)), _INTEGER  # "+", of counts alone

    # Functions

    def _left(self, node: Node, types: Types) -> tuple[Items, Types]:
        return self.items(_inner(node), types)

    def _test(self, node: Node, types: Types) -> Truth:
        match node.name:
            case "exists" | "empty":
                return self._exists(node, types, node.name == "exists")
            case "not":
                truth = self.truth(_inner(node), types)
                return lambda this, scope: None if (is_so := truth(this, scope)) is None else not is_so
            case "is":
                return self._is(_inner(node), node.arguments[0].name, types)
        held, of = self._left(node, types)
        match node.name:
            case "all":
                each = self.truth(node.arguments[0], of)
                return lambda this, scope: all(each(item, scope) is True for item in held(this, scope))
            case "isDistinct":
                return lambda this, scope: len(distinct(items := held(this, scope))) == len(items)
            case "hasValue":
                return lambda this, scope: len(items := held(this, scope)) == 1 and not isinstance(items[0], Bare)
        wanted, _ = self.items(node.arguments[0], types)
        return _of_text(_TEXTS[node.name], held, wanted)

    def _exists(self, node: Node, types: Types, wanted: bool) -> Truth:
        if node.left and node.left.kind == "name" and node.left.name not in types:  # by far the most
            names = frozenset(properties(types, node.left.name).names)
            if not names:  # not of this datatype among those of a choice
                return lambda this, scope: not wanted
            if len(names) == 1:
                (name,) = names
                return lambda this, scope: (name in this) is wanted
            return lambda this, scope: names.isdisjoint(this) is not wanted
        held, _ = self._left(node, types)
        return lambda this, scope: bool(held(this, scope)) is wanted

    def _is(self, left: Node, type: str, types: Types) -> Truth:
        whole, of = self.items(left, types)
        if of == {"Resource"}:
            return lambda this, scope: items[0]["resourceType"] == type if (items := whole(this, scope)) else None
        part, _ = self.items(left, types, type)
        return lambda this, scope: bool(part(this, scope)) if whole(this, scope) else None

    def _function(self, node: Node, types: Types) -> tuple[Items, Types]:
        held, of = self._left(node, types)
        match node.name:
            case "where":
                truth = self.truth(node.arguments[0], of)
                return lambda this, scope: [item for item in held(this, scope) if truth(item, scope)], of
            case "select":
                part, to = self.items(node.arguments[0], of)
                return lambda this, scope: [x for item in held(this, scope) for x in part(item, scope)], to
            case "repeat":
                part, to = self.items(node.arguments[0], of | self.items(node.arguments[0], of)[1])
                return lambda this, scope: _repeated(held(this, scope), part, scope), to
            case "first":
                return lambda this, scope: held(this, scope)[:1], of
            case "tail":
                return lambda this, scope: held(this, scope)[1:], of
            case "count":
                return lambda this, scope: [len(held(this, scope))], _INTEGER
            case "trace":
                return held, of
            case "toInteger":
                return lambda this, scope: _integer(held(this, scope)), _INTEGER
            case "toString":
                return lambda this, scope: [_shown(item) for item in held(this, scope)[:1]], _STRING
            case "iif":
                return self._if(node, types)
        return self._with(node, held, of, types)

    def _with(self, node: Node, held: Items, of: Types, types: Types) -> tuple[Items, Types]:
        argument, also = self.items(node.arguments[0], types)
        match node.name:
            case "combine":
                return lambda this, scope: held(this, scope) + argument(this, scope), of | also
            case "intersect":
                among = _marks(argument, node.arguments[0])
                return lambda this, scope: [x for x in held(this, scope) if mark(x) in among(this, scope)], of
            case "replaceMatches":
                pattern, instead = (each.value for each in node.arguments)
                return lambda this, scope: [
                    re.sub(pattern, instead, text) for text in held(this, scope) if isinstance(text, str)
                ], of
        raise ValueError(f"{node.name}() is not known")

    def _if(self, node: Node, types: Types) -> tuple[Items, Types]:
        asked, then = self.truth(node.arguments[0], types), self.items(node.arguments[1], types)[0]
        return lambda this, scope: then(this, scope) if asked(this, scope) else [], _BOOLEAN


def _inner(node: Node) -> Node:
    return node.left or Node("variable", "$this")


def _step(held: Items, of: Types, name: str, only: str | None) -> tuple[Items, Types]:
    to = properties(of, name, only)
    found = children(to)
    return lambda this, scope: [inner for item in held(this, scope) for inner in found(item)], to.types


def _logic(name: str, left: Truth, right: Truth) -> Truth:
    def either(this: Any, scope: Any) -> bool | None:
        if (a := left(this, scope)) is True:
            return True
        b = right(this, scope)
        return True if b is True else None if a is None or b is None else False

    def both(this: Any, scope: Any) -> bool | None:
        if (a := left(this, scope)) is False:
            return False
        b = right(this, scope)
        return False if b is False else None if a is None or b is None else True

    def implies(this: Any, scope: Any) -> bool | None:
        if (a := left(this, scope)) is False:
            return True
        b = right(this, scope)
        return True if b is True else None if a is None or b is None else False

    def one(this: Any, scope: Any) -> bool | None:
        a, b = left(this, scope), right(this, scope)
        return None if a is None or b is None else a is not b

    return {"or": either, "and": both, "implies": implies, "xor": one}[name]


def _is_of_the_whole(node: Node) -> bool:
    """Whether a path begins at %resource or %context, so that it leads to the same from every element."""
    if node.kind == "variable":
        return node.name in ("%resource", "%context")
    return node.left is not None and not node.arguments and _is_of_the_whole(node.left)


def _once(found: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def kept(this: Any, scope: Any) -> Any:
        if found not in scope.kept:
            scope.kept[found] = found(this, scope)
        return scope.kept[found]

    return kept


def _marks(found: Items, node: Node) -> Callable[[Any, Any], set[Any]]:
    def marks(this: Any, scope: Any) -> set[Any]:
        return {mark(item) for item in found(this, scope)}

    return _once(marks) if _is_of_the_whole(node) else marks


def _member(one: Items, among: Callable[[Any, Any], set[Any]]) -> Truth:
    """Whether one is among others; of several, any: FHIRPath takes one only, but tim-9 asks it of a list."""

    def member(this: Any, scope: Any) -> bool | None:
        others = among(this, scope)
        return any(mark(item) in others for item in items) if (items := one(this, scope)) else None

    return member


def _ordered(name: str, first: Items, second: Items, of: Types) -> Truth:
    compare = order.dates if of & _DATES else order.quantities if "Quantity" in of else order.numbers
    passes = {"<=": (-1, 0), ">=": (0, 1), "<": (-1,), ">": (1,)}[name]

    def ordered(this: Any, scope: Any) -> bool | None:
        a, b = first(this, scope), second(this, scope)
        if not a or not b or isinstance(a[0], Bare) or isinstance(b[0], Bare):
            return None
        standing = compare(a[0], b[0])
        return standing is None or standing in passes

    return ordered


def _starts(text: str, wanted: str) -> bool:
    return text.startswith(wanted)


def _holds(text: str, wanted: str) -> bool:
    return wanted in text


def _matches(text: str, pattern: str) -> bool:
    return re.search(pattern, text, re.DOTALL) is not None


_TEXTS: Final = {"startsWith": _starts, "contains": _holds, "matches": _matches}


def _of_text(test: Callable[[str, str], bool], held: Items, wanted: Items) -> Truth:
    """What is not there begins with nothing and holds nothing: FHIRPath has that empty, but then a Reference without
    `reference` broke ref-1, and HL7's own validator has it false."""

    def tested(this: Any, scope: Any) -> bool:
        a, b = held(this, scope), wanted(this, scope)
        return bool(a and b) and isinstance(a[0], str) and isinstance(b[0], str) and test(a[0], b[0])

    return tested


def _single_truth(items: list[Any]) -> bool | None:
    """FHIRPath 2.0 section 5.4: one item that is no truth stands for "there is one"."""
    return (items[0] if items[0].__class__ is bool else True) if items else None


def _text(items: list[Any]) -> str:
    return str(items[0]) if items and not isinstance(items[0], Bare) else ""


def _sum(first: list[Any], second: list[Any]) -> list[Any]:
    return [first[0] + second[0]] if first and second else []


def _integer(items: list[Any]) -> list[Any]:
    return [int(item) for item in items[:1] if isinstance(item, str) and re.fullmatch(r"[+-]?\d{1,20}", item, re.ASCII)]


def _shown(item: Any) -> Any:
    """A decimal written out; one with a great exponent would fill the memory, and is only asked for its point."""
    if isinstance(item, Decimal) and abs(int(item.as_tuple().exponent)) > _WRITTEN_OUT:
        return "0." if int(item.as_tuple().exponent) < 0 else "0"
    return item if isinstance(item, Bare) else format(Decimal(str(item)), "f")


def _repeated(items: list[Any], part: Items, scope: Scope) -> list[Any]:
    found: list[Any] = []
    while items:
        items = [inner for item in items for inner in part(item, scope)]
        found += items
    return found
