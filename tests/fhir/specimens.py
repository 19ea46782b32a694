"""Random resources that are valid by the official 4.0.1 structure, though not by all of its invariants; random harm
done to them, and gentler changes."""

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from random import Random
from typing import Any

from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.primitives import TESTS
from carecoord.fhir.validation.validate import issues

_TEXTS = ["x", "Okâfor", "two words", "a\tb\nc", "123", " lead", "ﬀ 𝄞", "<b>", "_", "a\u00a0b"]
_PRIMITIVES: dict[str, list[Any]] = {
    "string": _TEXTS,
    "markdown": [*_TEXTS, "# head\n\n* item"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
    "code": ["a", "a b", "-", "text/plain"],
    "id": ["a", "A-1.b", "0" * 64],
    "uri": ["http://a.example/x", "urn:oid:1.2", "#frag", "relative/x", "Ünicode", "a:b|c"],
    "url": ["http://a.example/x", "mailto:a@b.example", "mllp://a:1", "Patient/1", "x", "/a", "?"],
    "canonical": ["http://a.example/x|1.0", "#q", "Questionnaire/1"],
    "oid": ["urn:oid:1.2.3", "urn:oid:0.0", "urn:oid:2.16.840.1.113883"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:00000000-0000-1000-8000-000000000000"],
    "base64Binary": ["YQ==", "YWJj", "YW Jj\nYWJj", "/+8="],
    "boolean": [True, False],
    "decimal": [0, -5, 7, Decimal("100.50"), Decimal("0.000"), Decimal("-1E+20"), Decimal("1.5e-7"), Decimal("1e400")],
    "integer": [0, -1, 2147483647, -2147483648],
    "unsignedInt": [0, 1, 2147483647],
    "positiveInt": [1, 2147483647],
    "date": ["2024", "2024-02", "2024-02-29", "0001-01-01", "9999-12-31", "1000", "1900-01"],
    "dateTime": ["2024", "2024-12", "2024-02-29", "2024-02-29T10:00:00Z", "2024-02-29T23:59:60Z",
                 "2024-02-29T10:00:00.123456789-05:30", "2016-12-31T23:59:60.5+14:00", "0001-01-01T00:00:00Z"],
    "instant": ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.1+14:00", "2024-06-30T23:59:60Z",
                "2024-02-29T10:00:00.1234567-00:00"],
    "time": ["00:00:00", "23:59:60", "12:30:45.123", "12:30:45.1234567"],
}  # fmt: skip
assert _PRIMITIVES.keys() == TESTS.keys()


def specimen(random: Random, type_: str, fullness: float = 0.25) -> dict[str, Any]:
    """A valid resource of that type; `fullness` is the share of optional elements that it has at the top."""
    return {"resourceType": type_, **_object(random, type_, fullness, 0)}


def sound(random: Random, type_: str, **elements: Any) -> dict[str, Any]:
    """One that keeps the invariants of its type too, with these elements, and that `json` of Python can write."""
    if type_ == "StructureDefinition":  # by chance hardly ever
        element = {"id": "Basic", "path": "Basic"}
        return {"resourceType": type_, "url": "http://a.example/x", "name": "x", "status": "draft", "kind": "logical",
                "abstract": True, "type": "Basic", "differential": {"element": [element]}} | elements  # fmt: skip
    tries = (specimen(random, type_, 0.15 if n % 2 else 0.0) | elements for n in range(3000))
    return next(each for each in tries if not issues(each) and _is_plain(each))


def _is_plain(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not isinstance(value, Decimal) and all(map(_is_plain, inner))


def part(random: Random, type_: str, fullness: float) -> Any:
    """A value of a datatype, a backbone element or a resource type, by its owner in the table of elements."""
    if type_ in TESTS:
        return random.choice(_PRIMITIVES[type_])
    named = {"resourceType": type_} if type_ in TYPES else {}
    return named | _object(random, type_, fullness, 0)


def _elements(owner: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = read("structures")["elements"][owner]
    return found


def _object(random: Random, owner: str, fullness: float, depth: int) -> dict[str, Any]:
    table, out = _elements(owner), {}
    groups: dict[str, list[str]] = {}
    for name, row in table.items():
        groups.setdefault(row[5] or name, []).append(name)
    for names in groups.values():
        least = table[names[0]][1]
        share = fullness if depth == 0 else 0.12 / depth if depth < 4 else 0.0
        if least or random.random() < share:
            name = random.choice(names)
            out.update(_property(random, name, table[name], fullness, depth))
    if not (out.keys() - {"id"}) and owner != "Resource":
        name = next(name for name, row in table.items() if row[0] in TESTS and name != "id") if any(
            row[0] in TESTS and name != "id" for name, row in table.items()) else "extension"  # fmt: skip
        out.update(_property(random, name, table[name], fullness, depth))
    return out


def _property(random: Random, name: str, row: list[Any], fullness: float, depth: int) -> dict[str, Any]:
    datatype, _least, most, _flags, binding, _choice = row
    beside = {"extension": [{"url": "http://a.example/why", "valueCode": "unknown"}]}
    if datatype in TESTS and name not in ("id", "url") and random.random() < 0.1:
        if most:
            return {f"_{name}": beside} | (
                {name: _value(random, datatype, binding, 9)} if random.random() < 0.5 else {}
            )
        return {name: [_value(random, datatype, binding, 9), None], f"_{name}": [None, beside]}
    if most:
        return {name: _value(random, datatype, binding, depth)}
    return {name: [_value(random, datatype, binding, depth) for _ in range(random.choice([1, 1, 2]))]}


def _value(random: Random, datatype: str, binding: str | None, depth: int) -> Any:
    if datatype == "Resource":
        return {"resourceType": "Medication", "id": "m", "status": "active"}
    codes = _codes(binding) if binding else {}
    if codes:
        system, known = random.choice(sorted(codes.items()))
        coding = {"system": system, "code": random.choice(known)}
        if datatype == "code":
            return coding["code"]
        return {"coding": [coding]} if datatype == "CodeableConcept" else coding
    if datatype in TESTS:
        return random.choice(_PRIMITIVES[datatype])
    return _object(random, datatype, 0.0, depth + 1)


def _codes(binding: str) -> dict[str, list[str]]:
    rows = read("structures")["codes"].get(binding, {})
    shapes = {"urn:ietf:bcp:13": ["text/plain", "application/fhir+json"], "urn:iso:std:iso:4217": ["USD"]}
    return {system: codes or shapes.get(system, ["x"]) for system, codes in rows.items()}


_HARM: list[Any] = [
    None, True, False, 0, -1, 7, 10**400, Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"),
    float("nan"), float("inf"), 1.5, "", " ", "x", "\ud800", "\0", "x" * 5000, "2024-02-30", "é" * 300, [], {},
    [None], [[]], [{}], {"": 1},
    {"resourceType": "Patient"}, {"resourceType": 5}, {"resourceType": "Nonsense"}, {"id": "x"}, [1, "x", None, {}],
    {"extension": 5}, {"coding": 5}, {"coding": [None]}, {"system": [], "code": {}}, {"_": 1}, {"\ud800": 1},
]  # fmt: skip
_NAMES = ["", "_", "__", "id", "_id", "status", "_status", "extension", "resourceType", "contained", "foo", "x\ud800",
          "class", "for_fhir", "gender__ext", "fhir_comments", "resource_type", "valueString", "value", "\0",
          "n" * 3000]  # fmt: skip


def harmed(random: Random, resource: dict[str, Any]) -> dict[str, Any]:
    """The same resource with one to four parts replaced, added, renamed, doubled, wrapped or removed."""
    for _ in range(random.randint(1, 4)):
        resource = _harm(random, resource)
    return resource


def _harm(random: Random, value: Any) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.8:
        name = random.choice(list(value))
        change = random.random()
        if change < 0.6:
            return {**value, name: _harm(random, value[name])}
        if change < 0.7:
            return {key: inner for key, inner in value.items() if key != name}
        if change < 0.85:
            return {**value, random.choice(_NAMES): random.choice(_HARM)}
        return {(random.choice(_NAMES) if key == name else key): inner for key, inner in value.items()}
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        return [*value[:place], _harm(random, value[place]), *value[place + 1 :]]
    return random.choice([*_HARM, [value], {"x": value}])


_EXTENDED = {"extension": [{"url": "http://a.example/why", "valueCode": "unknown"}]}
_PARTS: list[Any] = [{"text": "x"}, {"display": "x"}, {"reference": "Patient/1"}, _EXTENDED, {"value": 5}, [], {}]
_LEAVES = [each for values in _PRIMITIVES.values() for each in values] + ["", " ", None, "2024-02-30", "urn:uuid:1", -1]


def mutant(random: Random, resource: dict[str, Any]) -> dict[str, Any]:
    """The same resource with one small change, of a kind that a judge may well let pass: a part left out, said twice,
    said by an extension alone, taken from elsewhere in it, or with another value."""
    changed = deepcopy(resource)
    spots = [spot for spot in _spots(changed) if spot[1] != "resourceType"]
    if not spots:
        return changed
    (holder, name), (other, place) = random.choice(spots), random.choice(spots)
    match random.randrange(6):
        case 0:
            del holder[name]
        case 1 if isinstance(holder[name], list):
            holder[name] += deepcopy(holder[name][:1])
        case 2:
            holder[name] = deepcopy(other[place])
        case 3 if isinstance(name, str) and not isinstance(holder[name], dict | list):
            del holder[name]
            holder[f"_{name.removeprefix('_')}"] = deepcopy(_EXTENDED)
        case _:
            whole = isinstance(holder[name], dict | list)
            holder[name] = deepcopy(random.choice([*_PARTS, [holder[name]]] if whole else _LEAVES))
    return changed


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and its name or number there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield value, name
        yield from _spots(each)
