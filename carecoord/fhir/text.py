"""JSON text in and out, without losing a digit.

Clause: FHIR R4 json.html#2.6.2 (a property appears once) and datatypes.html#decimal ("the precision of the decimal
value has significance": 100.50 is not 100.5), so numbers with a fraction or an exponent become Decimal and print as
they came.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from carecoord.errors import Invalid


class Spelt(Decimal):
    """A Decimal that Python would print in another spelling than it came in: 0.0000000 (0E-7), 1e2 (1E+2)."""

    spelling: str

    def __deepcopy__(self, memo: object) -> "Spelt":
        return self  # Decimal's own way makes a new one from its text, and forgets the spelling


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if str(value) == text:
        return value
    spelt = Spelt(value)
    spelt.spelling = text
    return spelt


def _spelling(value: Any) -> msgspec.Raw:
    if isinstance(value, Spelt):
        return msgspec.Raw(value.spelling.encode())
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_decoder = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_spelling)
_sorter = msgspec.json.Encoder(decimal_format="number", enc_hook=_spelling, order="sorted")
DEEPEST = 100  # objects and arrays within each other
_TOO_DEEP = f"The body is nested too deep to be a FHIR resource: at most {DEEPEST} levels."
_MARK = b"\xef\xbb\xbf"


def loads(data: bytes) -> dict[str, Any]:
    """Read one JSON object from UTF-8 bytes. Numbers with a fraction or exponent are Decimal, whole numbers int.

    Raises Invalid (400) saying what is wrong and at which byte: no JSON, a value that is not an object, a property
    given twice, NaN or Infinity, lone surrogates, a number or a depth beyond all reason.
    """
    value = values(data)
    if not isinstance(value, dict):
        raise Invalid(f"The body must be one JSON object, not {_NAMES.get(type(value), 'a number')}.")
    return value


def values(data: bytes) -> Any:
    """Read any JSON value, an array of operations for one. Raises as `loads`."""
    data = data.removeprefix(_MARK)
    try:
        value = _decoder.decode(data)
        _judge_depth(data, value)
        again = _encoder.encode(value)
    except UnicodeDecodeError as e:
        raise Invalid(f"The body is not UTF-8 text ({e.reason} at byte {e.start} of a string). Send UTF-8.") from e
    except InvalidOperation as e:
        raise Invalid("The body holds a number whose exponent is beyond all reason.") from e
    except RecursionError as e:
        raise Invalid(_TOO_DEEP) from e
    except msgspec.MsgspecError as e:
        raise Invalid(f"The body is not JSON: {str(e).removeprefix('JSON is malformed: ')}.") from e
    # A property given twice loses one of its pair on decoding, and with it at least two quotation marks.
    if _quotes(data) != _quotes(again):
        _refuse_twins(data)
    return value


def _judge_depth(data: bytes, value: Any) -> None:
    """Raise Invalid for more than DEEPEST values within each other: a limit of ours, for the interpreter's own differs
    from one Python to the next. What has fewer brackets than that is not walked."""
    if data.count(b"{") + data.count(b"[") <= DEEPEST:
        return
    depth, level = 0, [value]
    while level:
        depth += 1
        if depth > DEEPEST:
            raise Invalid(_TOO_DEEP)
        inside = (child for each in level for child in (each.values() if isinstance(each, dict) else each))
        level = [child for child in inside if isinstance(child, (dict, list))]


def dumps(resource: dict[str, Any]) -> bytes:
    """Write JSON bytes, keys in their order, Decimals as they came, digit for digit (100.50 stays 100.50).

    Raises Invalid where the value can not be JSON: lone surrogates, a foreign type, or nested beyond all reason.
    """
    return _write(_encoder, resource)


def canonical(resource: dict[str, Any] | list[Any]) -> bytes:
    """JSON bytes with every object's keys sorted: the same for the same content in another order. Raises as dumps."""
    return _write(_sorter, resource)


def _write(encoder: msgspec.json.Encoder, resource: dict[str, Any] | list[Any]) -> bytes:
    try:
        return encoder.encode(resource)
    except RecursionError as e:
        raise Invalid("The resource is nested too deep to be written.") from e
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError) as e:
        raise Invalid(f"The resource can not be written as JSON: {e}.") from e


_NAMES: dict[type, str] = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}


def _quotes(data: bytes) -> int:
    """Count the quotation marks that open or close a string."""
    count = data.count(b'"')
    return count - data.replace(rb"\\", b"").count(rb"\"") if b"\\" in data else count


def _refuse_twins(data: bytes) -> None:
    def once(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                at = data.rfind(json.dumps(name).encode())
                place = f" (second one near byte {at})" if at >= 0 else ""
                raise Invalid(f"The property {name!r} is given twice in one object{place}.")
            seen.add(name)

    json.JSONDecoder(object_pairs_hook=once, parse_float=str, parse_int=str).decode(data.decode())
