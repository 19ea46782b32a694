"""The part of FHIRPath that says where in a resource something stands: steps, indexes, where(), extension(), and the
conditions in them.

Clause: FHIRPath 2.0 sections 3 to 6, FHIR R4 fhirpath.html. A patch needs the places, to change what stands there; the
libraries give copies of the values. So this reads the paths that point, whole and in bounded time, and refuses in
words what computes (arithmetic, aggregates, resolve()).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from carecoord.errors import Invalid
from carecoord.fhir.definitions import read

Json = dict[str, Any]


@dataclass(eq=False)
class Place:
    """Where a value stands: the property of an object, and which of its values where it is a list. type: its FHIR
    datatype. choice: the element that the property is one datatype of (`value` of valueQuantity). Of a resource itself,
    owner is None and root the resource."""

    owner: Json | None
    name: str
    index: int | None
    type: str
    choice: str | None = None
    root: Any = None

    @property
    def value(self) -> Any:
        """What stands there; None where only the extensions of a primitive do."""
        if self.owner is None:
            return self.root
        held = self.owner.get(self.name)
        if self.index is None:
            return held
        return held[self.index] if isinstance(held, list) and self.index < len(held) else None

    @property
    def inside(self) -> Json | None:
        """The object that holds the children: of a primitive, the one beside it (`_birthDate`)."""
        if isinstance(self.value, dict):
            return self.value
        beside = (self.owner or {}).get(f"_{self.name}")
        if self.index is not None:
            beside = beside[self.index] if isinstance(beside, list) and self.index < len(beside) else None
        return beside if isinstance(beside, dict) else None


Items = list[Any]  # places, and plain values of literals and functions
Expression = Callable[[Items], Items]  # from the context to what is found

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`]+`)"
    r"|(?P<this>\$this|%resource|%context)|(?P<sign>!=|[.()\[\]=~,]))"
)
_LONGEST: Final = 1000  # characters of a path
_DEEPEST: Final = 20  # brackets within brackets
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


@lru_cache(maxsize=512)
def path(source: str) -> Callable[[Json], list[Place]]:
    """Read a path; what it gives finds the places in a resource. Raises Invalid."""
    if len(source) > _LONGEST:
        raise Invalid(f"A path has at most {_LONGEST} characters.")
    reader = _Reader(source)
    expression = reader.expression()
    reader.end()

    def find(resource: Json) -> list[Place]:
        found = expression([Place(None, "", None, str(resource.get("resourceType")), root=resource)])
        if not all(isinstance(item, Place) for item in found):
            raise Invalid(f"{source[:80]!r} computes a value; a patch needs the path of an element.")
        return found

    return find


def table(type: str) -> dict[str, list[Any]]:
    """The elements of a type: name -> (datatype, least, most, flags, binding, choice); nothing of an unknown one."""
    found: dict[str, list[Any]] = read("structures")["elements"].get(type, {})
    return found


def element(type: str, name: str) -> tuple[str, bool] | None:
    """The datatype of an element, and whether it repeats; None where the type has no such property."""
    row = table(type).get(name)
    return (row[0], row[2] != 1) if row else None


def children(place: Place, name: str) -> list[Place]:
    """The places right below, of an element or of whichever type a choice has."""
    inside = place.inside
    if inside is None:
        return []
    owner = place.type if isinstance(place.value, dict) else "Element"
    if owner == "Resource":
        owner = str(inside.get("resourceType"))
    known = table(owner)
    named = [prop for prop, row in known.items() if name in (prop, row[5])]
    found = []
    for prop in named:
        held, beside = inside.get(prop), inside.get(f"_{prop}")
        if held is None and beside is None:
            continue
        if isinstance(held, list) or isinstance(beside, list):
            count = max(len(part) for part in (held, beside) if isinstance(part, list))
            found += [Place(inside, prop, n, known[prop][0], known[prop][5]) for n in range(count)]
        else:
            found.append(Place(inside, prop, None, known[prop][0], known[prop][5]))
    return found


class _Reader:
    """The grammar, by descent."""

    def __init__(self, source: str) -> None:
        self.source, self.at, self.depth = source, 0, 0
        self.kind, self.word = "", ""
        self.next()

    def next(self) -> None:
        rest = _TOKEN.match(self.source, self.at)
        if rest is None:
            if self.source[self.at :].strip():
                raise self.odd()
            self.kind, self.word = "end", ""
            return
        self.at = rest.end()
        self.kind = str(rest.lastgroup)
        self.word = rest[self.kind]

    def odd(self, why: str = "") -> Invalid:
        place = self.source[max(0, self.at - 20) : self.at + 20]
        hint = "steps, [n], where(), extension(), first(), last(), ofType(), =, !=, and, or, exists(), empty(), not()"
        return Invalid(f"The path is not understood{why} near {place!r}. A patch path may use {hint}.")

    def take(self, word: str) -> bool:
        if self.word == word and self.kind in ("sign", "name"):
            self.next()
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            raise self.odd(f" ({word!r} is missing)")

    def end(self) -> None:
        if self.kind != "end":
            raise self.odd()

    def expression(self) -> Expression:
        """or, and, then comparison: each binds tighter than the one before."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Invalid(f"A path is nested at most {_DEEPEST} deep.")
        found = self.either("or", lambda: self.either("and", self.comparison, all), any)
        self.depth -= 1
        return found

    def either(self, word: str, part: Callable[[], Expression], how: Callable[[Iterable[bool]], bool]) -> Expression:
        parts = [part()]
        while self.take(word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return lambda items: [how(_is_true(one(items)) for one in parts)]

    def comparison(self) -> Expression:
        left = self.operand()
        for sign in ("=", "~", "!="):
            if self.take(sign):
                right = self.operand()
                return lambda items: _compared(left(items), right(items), sign != "!=")
        return left

    def operand(self) -> Expression:
        kind, word = self.kind, self.word
        if kind in ("text", "number"):
            self.next()
            literal = _unquoted(word) if kind == "text" else Decimal(word)
            return lambda items: [literal]
        if kind == "name" and word in ("true", "false"):
            self.next()
            return lambda items: [word == "true"]
        if self.take("("):
            start = self.expression()
            self.need(")")
        elif kind == "this":
            self.next()
            start = lambda items: items  # noqa: E731
        elif kind == "name":
            start = self.step(first=True)
        else:
            raise self.odd()
        return self.further(start)

    def further(self, before: Expression) -> Expression:
        while True:
            if self.take("."):
                before = _then(before, self.step())
            elif self.take("["):
                if self.kind != "number" or not self.word.isdigit():
                    raise self.odd(" (an index is a whole number)")
                n = int(self.word)
                self.next()
                self.need("]")
                before = _then(before, lambda items, n=n: items[n : n + 1])  # type: ignore[misc]
            else:
                return before

    def step(self, first: bool = False) -> Expression:
        name = self.word.strip("`")
        if self.kind != "name":
            raise self.odd()
        self.next()
        if self.take("("):
            if name not in _FUNCTIONS:
                raise self.odd(f" ({name}() is not one that points)")
            given = None if self.word == ")" and self.kind == "sign" else self.argument(name)
            self.need(")")
            return _FUNCTIONS[name](given)
        return lambda items: _below(items, name, first)

    def argument(self, function: str) -> Any:
        """What stands between the brackets: a type's name, or an expression."""
        if function not in ("ofType", "as"):
            return self.expression()
        parts = [self.word]
        self.next()
        while self.take("."):
            parts.append(self.word)
            self.next()
        return parts[-1].strip("`")


def _then(one: Expression, other: Expression) -> Expression:
    return lambda items: other(one(items))


def _below(items: Items, name: str, first: bool) -> Items:
    """The children of that name; a path may begin with the type of what it starts from."""
    places = [item for item in items if isinstance(item, Place)]
    if (
        first
        and places
        and all(one.owner is None and name in (one.type, "Resource", "DomainResource") for one in places)
    ):
        return list(places)
    return [child for place in places for child in children(place, name)]


def _plain(item: Any) -> Any:
    return item.value if isinstance(item, Place) else item


def _is_true(items: Items) -> bool:
    """As FHIRPath takes a collection for a condition: nothing is no, one value that is no boolean is yes."""
    found = [_plain(item) for item in items]
    return len(found) == 1 and found[0] is not False


def _compared(left: Items, right: Items, wanted: bool) -> Items:
    if not left or not right:
        return []
    ones, others = [_plain(item) for item in left], [_plain(item) for item in right]
    same = len(ones) == len(others) and all(
        isinstance(one, bool) == isinstance(other, bool) and one == other
        for one, other in zip(ones, others, strict=True)
    )
    return [same == wanted]


def _where(condition: Any) -> Expression:
    if condition is None:
        raise Invalid("where() needs a condition.")
    return lambda items: [item for item in items if _is_true(condition([item]))]


def _extension(url: Any) -> Expression:
    if url is None:
        raise Invalid("extension() needs the url of the extension.")

    def find(items: Items) -> Items:
        wanted = [_plain(item) for item in url(items)]
        return [one for one in _below(items, "extension", False) if isinstance(one.value, dict)
                and wanted == [one.value.get("url")]]  # fmt: skip

    return find


def _of_type(name: Any) -> Expression:
    return lambda items: [item for item in items if isinstance(item, Place) and item.type == name]


def _exists(condition: Any) -> Expression:
    return lambda items: [any(condition is None or _is_true(condition([item])) for item in items)]


def _words(test: Callable[[str, str], bool]) -> Callable[[Any], Expression]:
    """A function from a text to a condition, such as startsWith."""

    def made(given: Any) -> Expression:
        if given is None:
            raise Invalid("A function of texts needs one.")
        return lambda items: [
            test(one, other)
            for one, other in [(_plain(one), _plain(other)) for one in items[:1] for other in given(items)[:1]]
            if isinstance(one, str) and isinstance(other, str)
        ]

    return made


_FUNCTIONS: Final[dict[str, Callable[[Any], Expression]]] = {
    "where": _where,
    "extension": _extension,
    "ofType": _of_type,
    "as": _of_type,
    "exists": _exists,
    "first": lambda given: lambda items: items[:1],
    "last": lambda given: lambda items: items[-1:],
    "single": lambda given: lambda items: items,
    "empty": lambda given: lambda items: [not items],
    "not": lambda given: lambda items: [not _is_true(items)] if items else [],
    "startsWith": _words(str.startswith),
    "endsWith": _words(str.endswith),
    "contains": _words(str.__contains__),
}


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), word[1:-1], flags=re.DOTALL)
