"""From a value of a FHIR datatype to index rows: one small writer for each pair of parameter kind and datatype.

Clause: FHIR R4 search.html#token, #string, #date, #quantity, #reference, #uri (which parts of a datatype each indexes).
A writer takes any JSON value and writes nothing for one of the wrong shape: what the rules refused may be stored
flagged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from carecoord.fhir.instants import EVER, FOREVER, span
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.values import LONGEST, clip, refers, windows
from carecoord.fhir.service_base import Base

_CURRENCIES = "urn:iso:std:iso:4217"
LARGEST = 1.7976931348623157e308  # the largest double: "no upper limit"; its negative, no lower one


@dataclass(slots=True)
class Rows:
    """Index rows being gathered, as sets: the same value twice is one row."""

    base: Base
    token: set[tuple[int, str, str]] = field(default_factory=set)
    string: set[tuple[int, str, str]] = field(default_factory=set)
    date: set[tuple[int, int, int]] = field(default_factory=set)
    number: set[tuple[int, float, float, str, str]] = field(default_factory=set)
    reference: set[tuple[int, str, str, str]] = field(default_factory=set)
    uri: set[tuple[int, str]] = field(default_factory=set)
    pair: set[tuple[int, str, str, str, str, float, float]] = field(default_factory=set)


@dataclass(frozen=True)
class Keys:
    """The keys that a parameter's rows carry: its own, those of its :text and :identifier, and those of the parts of
    long strings among its own and its :text."""

    own: int
    text: int
    identifier: int
    parts: int
    text_parts: int


Writer = Callable[[Keys, Any, Rows], None]


def _text(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, str) and value:
        _words(keys.text, keys.text_parts, value, rows)


def _words(key: int, parts: int, value: str, rows: Rows) -> None:
    folded = fold(value)
    rows.string.add((key, clip(folded), clip(value)))
    if len(folded) * 4 > LONGEST:
        rows.string.update((parts, clip(part), "") for part in windows(folded))


def _token(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, str) and value:
        rows.token.add((keys.own, clip(value), ""))


def _boolean(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, bool):
        rows.token.add((keys.own, "true" if value else "false", ""))


def _coding(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, dict):
        code, system = value.get("code"), value.get("system")
        if isinstance(code, str):
            rows.token.add((keys.own, clip(code), clip(system) if isinstance(system, str) else ""))
        if "display" in value:
            _text(keys, value["display"], rows)


def _concept(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, dict):
        for coding in _many(value.get("coding")):
            _coding(keys, coding, rows)
        if "text" in value:
            _text(keys, value["text"], rows)


def _identifier(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, dict):
        known, system, kind = value.get("value"), value.get("system"), value.get("type")
        if isinstance(known, str):
            rows.token.add((keys.own, clip(known), clip(system) if isinstance(system, str) else ""))
        if isinstance(kind, dict):  # search.html#token: ":text" on an Identifier means the text of its type
            _text(keys, kind.get("text"), rows)


def _contact(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, dict):
        _token(keys, value.get("value"), rows)


def _string(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, str) and value:
        _words(keys.own, keys.parts, value, rows)


def _strings(*properties: str) -> Writer:
    def write(keys: Keys, value: Any, rows: Rows) -> None:
        if isinstance(value, dict):
            for name in properties:
                for part in _many(value.get(name)):
                    _string(keys, part, rows)

    return write


def _date(keys: Keys, value: Any, rows: Rows) -> None:
    found = _span(value, rows)
    if found:
        rows.date.add((keys.own, *found))


def _period(keys: Keys, value: Any, rows: Rows) -> None:
    found = _bounds(value, rows)
    if found:
        rows.date.add((keys.own, *found))


def _timing(keys: Keys, value: Any, rows: Rows) -> None:
    """A Timing counts from its first event or bound to its last (search.html#date)."""
    if not isinstance(value, dict):
        return
    repeat = value.get("repeat")
    spans = [_span(event, rows) for event in _many(value.get("event"))]
    spans.append(_bounds(repeat.get("boundsPeriod"), rows) if isinstance(repeat, dict) else None)
    found = [span for span in spans if span]
    if found:
        rows.date.add((keys.own, min(low for low, _ in found), max(high for _, high in found)))


def _span(value: Any, rows: Rows) -> tuple[int, int] | None:
    try:
        return span(value, rows.base.zone) if isinstance(value, str) else None
    except ValueError:
        return None


def _bounds(value: Any, rows: Rows) -> tuple[int, int] | None:
    if not isinstance(value, dict):
        return None
    start, end = _span(value.get("start"), rows), _span(value.get("end"), rows)
    if start or end:
        return start[0] if start else EVER, end[1] if end else FOREVER
    return None


def _quantity(keys: Keys, value: Any, rows: Rows) -> None:
    """ "<5 mg" is every amount below 5. The unit counts as a code without a system where it says something else."""
    amount = _number(value)
    if amount is None:
        return
    mark = value.get("comparator")
    low = -LARGEST if mark in ("<", "<=") else amount
    high = LARGEST if mark in (">", ">=") else amount
    for code, system in _units(value):
        rows.number.add((keys.own, low, high, code, system))


def _range(keys: Keys, value: Any, rows: Rows) -> None:
    if not isinstance(value, dict):
        return
    low, high = _number(value.get("low")), _number(value.get("high"))
    if low is None and high is None:
        return
    for code, system in _units(value["high"] if low is None else value["low"]):
        rows.number.add((keys.own, -LARGEST if low is None else low, LARGEST if high is None else high, code, system))


def _money(keys: Keys, value: Any, rows: Rows) -> None:
    """An amount of a currency, which is its unit."""
    amount = _number(value)
    if amount is not None:
        code = value.get("currency")
        coded = isinstance(code, str) and code
        rows.number.add((keys.own, amount, amount, clip(code) if coded else "", _CURRENCIES if coded else ""))


def _plain(keys: Keys, value: Any, rows: Rows) -> None:
    amount = _number({"value": value})
    if amount is not None:
        rows.number.add((keys.own, amount, amount, "", ""))


def _number(quantity: Any) -> float | None:
    value = quantity.get("value") if isinstance(quantity, dict) else None
    if not isinstance(value, (int, Decimal, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # an int beyond any double
        return LARGEST if value > 0 else -LARGEST
    except ValueError:  # a signalling NaN, which can not even be compared
        return None
    return max(-LARGEST, min(LARGEST, number)) if number == number else None


def _units(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    code, unit, system = value.get("code"), value.get("unit"), value.get("system")
    coded = isinstance(code, str) and code
    if coded:
        yield clip(str(code)), clip(system) if isinstance(system, str) else ""
    if isinstance(unit, str) and unit and unit != code:
        yield clip(unit), ""
    elif not coded:
        yield "", ""


def _reference(keys: Keys, value: Any, rows: Rows) -> None:
    if not isinstance(value, dict):
        return
    reference, identifier = value.get("reference"), value.get("identifier")
    if isinstance(reference, str):
        _target(keys, reference, rows)
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = identifier.get("system")
        rows.token.add((keys.identifier, clip(identifier["value"]), clip(system) if isinstance(system, str) else ""))


def _target(keys: Keys, reference: Any, rows: Rows) -> None:
    if not isinstance(reference, str) or not reference or reference[0] == "#":
        return
    local = refers(reference, rows.base.prefix)
    if local:
        rows.reference.add((keys.own, local[1], local[0], ""))
    else:
        rows.reference.add((keys.own, "", "", clip(reference.split("/_history/")[0])))


def _canonical(keys: Keys, value: Any, rows: Rows) -> None:
    """A canonical is found with its |version and without."""
    if isinstance(value, str):
        _target(keys, value, rows)
        _target(keys, value.partition("|")[0], rows)


def _uri(keys: Keys, value: Any, rows: Rows) -> None:
    if isinstance(value, str) and value:
        rows.uri.add((keys.own, clip(value)))


def _versioned_uri(keys: Keys, value: Any, rows: Rows) -> None:
    _uri(keys, value, rows)
    if isinstance(value, str) and "|" in value:
        _uri(keys, value.partition("|")[0], rows)


def _position(keys: Keys, value: Any, rows: Rows) -> None:
    """Location.position, for `near`: latitude as low, longitude as high."""
    if isinstance(value, dict):
        latitude, longitude = _number({"value": value.get("latitude")}), _number({"value": value.get("longitude")})
        if latitude is not None and longitude is not None:
            rows.pair.add((keys.own, "", "", "", "", latitude, longitude))


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


WRITERS: dict[tuple[str, str], Writer] = {
    **{("token", name): _token for name in ("code", "id", "string")},
    ("token", "boolean"): _boolean,
    ("token", "Coding"): _coding,
    ("token", "CodeableConcept"): _concept,
    ("token", "Identifier"): _identifier,
    ("token", "ContactPoint"): _contact,
    **{("string", name): _string for name in ("string", "markdown")},
    ("string", "HumanName"): _strings("family", "given", "prefix", "suffix", "text"),
    ("string", "Address"): _strings("line", "city", "district", "state", "postalCode", "country", "text"),
    **{("date", name): _date for name in ("date", "dateTime", "instant")},
    ("date", "Period"): _period,
    ("date", "Timing"): _timing,
    **{("quantity", name): _quantity for name in ("Quantity", "Age", "Duration")},
    ("quantity", "Range"): _range,
    ("quantity", "Money"): _money,
    **{("number", name): _plain for name in ("decimal", "integer", "positiveInt", "unsignedInt")},
    ("number", "Range"): _range,
    ("reference", "Reference"): _reference,
    ("reference", "canonical"): _canonical,
    ("reference", "uri"): _target,
    **{("uri", name): _uri for name in ("uri", "url")},
    ("uri", "canonical"): _versioned_uri,
    ("special", "Location.position"): _position,
}
