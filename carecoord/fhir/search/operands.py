"""What a search argument compares with: a single value read by the kind of its parameter.

Clause: FHIR R4 search.html#prefix, #number, #date, #string, #token, #reference, #composite, #quantity, #uri, #escaping.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

from carecoord.errors import Invalid
from carecoord.fhir.instants import period
from carecoord.fhir.search.extract import clip, refers
from carecoord.fhir.search.params import Param
from carecoord.fhir.service_base import Base

_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-+\d])")
_NUMBER = re.compile(r"[-+]?\d{1,40}(\.\d{1,40})?([eE][-+]?\d{1,2})?", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_SECOND = 1_000_000  # microseconds
_TENTH = Decimal("0.1")  # search.html#prefix: "approximately" is within a tenth of the value
_KILOMETRES = {"": 1.0, "km": 1.0, "m": 0.001, "[mi_i]": 1.609344, "[mi_us]": 1.609347, "[ft_i]": 0.0003048}
_NEAR = 50.0  # kilometres, where the search says no distance: the standard leaves it to us


@dataclass(frozen=True, slots=True)
class Absent:
    """:missing: whether the element must be absent."""

    absent: bool


@dataclass(frozen=True, slots=True)
class Code:
    """A token. system None: whichever; "": none. code None: whichever of the system."""

    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """A string as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A prefix and a date's range [low, high) in microseconds.

    is_moment: it was asked to the second or finer, so that "at or after" means just that; of a day, a month or a year
    the standard has a range, which a stored range that only reaches into it neither equals nor passes."""

    prefix: str
    low: int
    high: int

    @property
    def is_moment(self) -> bool:
        return self.high - self.low <= _SECOND


@dataclass(frozen=True, slots=True)
class Amount:
    """A prefix, a number, and the range [low, high) that its digits imply (100 is 99.5 to 100.5), or for `ap` that is
    near enough. system and code: the unit; None: whichever."""

    prefix: str
    value: float
    low: float
    high: float
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What a reference points at: an id of ours, of a type or of whichever; or a url elsewhere."""

    type: str | None
    id: str
    url: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A point in degrees, and the distance in kilometres within which something is near it."""

    latitude: float
    longitude: float
    kilometres: float


@dataclass(frozen=True, slots=True)
class Pair:
    """The two parts of a composite."""

    first: "Operand"
    second: "Operand"


Operand = Absent | Code | Words | Span | Amount | Target | Uri | Place | Pair


def parts(text: str, mark: str, most: int = -1) -> list[str]:
    r"""Split at a mark that has no backslash before it, at most so often. What is split stays escaped."""
    if "\\" not in text:
        return text.split(mark, most)
    pieces = [""]
    escaped = False
    for char in text:
        if char == mark and not escaped and (most < 0 or len(pieces) <= most):
            pieces.append("")
        else:
            pieces[-1] += char
        escaped = char == "\\" and not escaped
    return pieces


def plain(text: str) -> str:
    r"""Undo the escapes \, \$ \| and \\."""
    return re.sub(r"\\([,$|\\])", r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    r"""What makes search take a text as it is: a backslash before each of , $ | and \."""
    return re.sub(r"([\\,$|])", r"\\\1", text)


def read_code(text: str) -> Code:
    """`code`, `system|code`, `|code` (of no system) or `system|`."""
    system, *rest = (clip(plain(piece)) for piece in parts(text, "|", 1))
    if not rest:
        return Code(None, system)
    if not system and not rest[0]:
        raise Invalid("A token needs a code or a system: write code, system|code, |code or system|.")
    return Code(system, rest[0] or None)


def read_words(text: str) -> Words:
    """A string."""
    return Words(plain(text))


def read_uri(text: str) -> Uri:
    """A uri."""
    return Uri(plain(text))


def read_span(text: str, zone: tzinfo) -> Span:
    """A date of any precision behind a prefix. Near a date means within its own length before and after it: a day for
    a day, a month for a month, and never less than a second (the standard suggests a tenth of the time between then and
    now, which no page of results would share with the next)."""
    prefix, rest = _prefixed(text)
    try:
        low, high = period(rest.replace(" ", "+"), zone)  # a + in a query that nobody escaped
    except ValueError as e:
        raise Invalid(f"{e}.") from None
    length = max(high - low, _SECOND)
    return Span(prefix, low - length, high + length) if prefix == "ap" else Span(prefix, low, high)


def read_amount(text: str) -> Amount:
    """`5.4`, `5.4|system|code` or `5.4||code`, behind a prefix."""
    number, *unit = parts(text, "|", 2)
    prefix, digits = _prefixed(number)
    if not _NUMBER.fullmatch(digits):
        raise Invalid(f"{digits!r} is not a number; write 5.4, 5.4|system|code or 5.4||code.")
    if len(unit) == 1:
        raise Invalid("A quantity is number|system|code, or number||code for whichever system.")
    value = Decimal(digits)
    half = Decimal((0, (5,), int(value.as_tuple().exponent) - 1))
    slack = max(half, abs(value) * _TENTH) if prefix == "ap" else half
    system, code = (clip(plain(piece)) or None for piece in unit) if unit else (None, None)
    return Amount(prefix, float(value), float(value - slack), float(value + slack), system, code)


def _prefixed(text: str) -> tuple[str, str]:
    match = _PREFIX.match(text)
    return (match[1], text[2:]) if match else ("eq", text)


def read_reference(text: str, base: Base, param: Param, type: str) -> Target:
    """`id`, `Type/id` or a url; ours is as good as a relative one. type: the one that the modifier asks for, or
    empty."""
    target = _target(plain(text), base)
    if target.url:
        return target
    if not target.id:
        raise Invalid(f"{text!r} is no reference: write id, Type/id or a url.")
    if type and target.type and target.type != type:
        raise Invalid(f"{param.code}:{type} can not be {text!r}.")
    if target.type and target.type not in param.targets:
        raise Invalid(f"{param.type}.{param.code} does not refer to {target.type}, but to {', '.join(param.targets)}.")
    only = param.targets[0] if len(param.targets) == 1 else None
    return Target(target.type or type or only, target.id, "")


def _target(text: str, base: Base) -> Target:
    local = refers(text, base.prefix)
    if local:
        return Target(local[0], local[1], "")
    if _ID.fullmatch(text):
        return Target(None, text, "")
    return Target(None, "", clip(text.split("/_history/")[0]) if ":" in text else "")


def read_pair(text: str, base: Base, param: Param) -> Pair:
    """`first$second`, each read by the kind of its component."""
    pieces = parts(text, "$")
    if len(pieces) != len(param.components) or not all(pieces):
        raise Invalid(f"{param.code} takes two values with a $ between them.")
    first, second = (
        _part(piece, base, component.kind) for piece, component in zip(pieces, param.components, strict=True)
    )
    return Pair(first, second)


def _part(text: str, base: Base, kind: str) -> Operand:
    if kind != "reference":
        return read(kind, text, base)
    target = _target(plain(text), base)
    if not target.url and not target.type:
        raise Invalid(f"{text!r} is no reference: inside a pair write Type/id or a url.")
    return target


def read_place(text: str) -> Place:
    """`latitude|longitude|distance|unit`, the last two may be left out."""
    pieces = [plain(piece) for piece in parts(text, "|")]
    if not 2 <= len(pieces) <= 4 or not all(_NUMBER.fullmatch(piece) for piece in pieces[:2]):
        raise Invalid("Write latitude|longitude|distance|unit, such as 40.71|-74.00|10|km.")
    latitude, longitude = float(pieces[0]), float(pieces[1])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Invalid(f"{latitude}|{longitude} is not a place on earth.")
    given = pieces[2] if len(pieces) > 2 else ""
    unit = pieces[3] if len(pieces) > 3 else ""
    if unit not in _KILOMETRES or (given and not _NUMBER.fullmatch(given)):
        raise Invalid(f"A distance is a number of km, m, [mi_i], [mi_us] or [ft_i], not {given}|{unit}.")
    return Place(latitude, longitude, abs(float(given)) * _KILOMETRES[unit] if given else _NEAR)


def read(kind: str, text: str, base: Base) -> Operand:
    """A value of a kind of parameter, but of references and composites."""
    return read_span(text, base.zone) if kind == "date" else _READERS[kind](text)


_READERS: dict[str, Callable[[str], Operand]] = {
    "token": read_code,
    "string": read_words,
    "uri": read_uri,
    "number": read_amount,
    "quantity": read_amount,
    "special": read_place,
}
