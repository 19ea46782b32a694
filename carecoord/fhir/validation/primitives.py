"""The primitive datatypes: whether a JSON value is one, and if not, what would be.

Clause: FHIR R4 datatypes.html#primitive (the regular expressions and limits), json.html#primitive. A test returns
nothing for a good value, else a reason that reads on after the element's name.
"""

import re
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from math import isfinite
from typing import Any

from carecoord.fhir.instants import period
from carecoord.fhir.validation.narrative import harm

Test = Callable[[Any], str | None]

_MOST = 1024 * 1024  # characters of a string
_YEAR = r"(?!0000)\d{4}"
_DATE = rf"{_YEAR}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_ZONED = rf"{_CLOCK}(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))"
_DAY = rf"{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"

# \s of Python knows more kinds of space than the standard's: say them out.
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]").search
_BASE64 = re.compile(r"[0-9a-zA-Z+/]*={0,2}", re.ASCII).fullmatch


def _text(value: Any) -> str | None:
    if value.__class__ is not str:
        return _not("a string", value)
    if not value:
        return "is empty; leave it out instead"
    if _ODD(value):
        return "holds a control character or half a character"
    return f"is longer than {_MOST:,} characters" if len(value) > _MOST else None


def _shaped(pattern: str, wanted: str) -> Test:
    fits = re.compile(pattern, re.ASCII).fullmatch

    def test(value: Any) -> str | None:
        return None if value.__class__ is str and fits(value) else _not(wanted, value)

    return test


def _calendar(pattern: str, wanted: str) -> Test:
    fits = re.compile(pattern, re.ASCII).fullmatch

    def test(value: Any) -> str | None:
        if value.__class__ is not str or not fits(value):
            return _not(wanted, value)
        try:
            period(value, UTC)
        except ValueError:
            return f"is {_shown(value)}, which is not in the calendar"
        return None

    return test


def _whole(least: int, wanted: str) -> Test:
    def test(value: Any) -> str | None:
        if value.__class__ is int and least <= value <= 2147483647:
            return None
        return _not(wanted, value)

    return test


def _decimal(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return None if value.is_finite() else _not("a number", value)
    if value.__class__ is int or (value.__class__ is float and isfinite(value)):
        return None
    return _not("a number", value)


def _boolean(value: Any) -> str | None:
    return None if value is True or value is False else _not("true or false", value)


def _base64(value: Any) -> str | None:
    if value.__class__ is not str or not value:
        return _not("base64 text", value)
    packed = "".join(value.split())
    return None if packed and len(packed) % 4 == 0 and _BASE64(packed) else _not("base64 text", value)


def _xhtml(value: Any) -> str | None:
    if value.__class__ is not str or not value.lstrip().startswith("<div"):
        return _not("an XHTML <div>", value)
    return "holds a control character or half a character" if _ODD(value) else harm(value)


def _not(wanted: str, value: Any) -> str:
    return f"is {_shown(value)}; give {wanted}"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 100:  # printing a long one takes a long time
        return "a very large number"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_SOLID = "[^\\s\x00-\x1f\ud800-\udfff]+"

TESTS: dict[str, Test] = {
    "string": _text,
    "markdown": _text,
    "xhtml": _xhtml,
    "code": _shaped(rf"{_SOLID}(\s{_SOLID})*", "a code: no space at its ends or doubled within"),
    "id": _shaped(r"[A-Za-z0-9\-.]{1,64}", "an id: 1 to 64 letters, digits, - and ."),
    **{name: _shaped(_SOLID, f"a {name} without spaces") for name in ("uri", "url", "canonical")},
    "oid": _shaped(r"urn:oid:[0-2](\.(0|[1-9]\d*))+", "an oid: urn:oid:1.2.3"),
    "uuid": _shaped(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a uuid: urn:uuid: and 32 small hex digits"),
    "base64Binary": _base64,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _whole(-2147483648, "a whole number of 32 bits"),
    "unsignedInt": _whole(0, "a whole number of 31 bits, 0 or more"),
    "positiveInt": _whole(1, "a whole number of 31 bits, 1 or more"),
    "date": _calendar(_DATE, "a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    "dateTime": _calendar(
        rf"{_DATE}|{_DAY}T{_ZONED}", "a date, or a date and time with its zone: YYYY-MM-DDThh:mm:ss+zz:zz"
    ),
    "instant": _calendar(rf"{_DAY}T{_ZONED}", "an instant with its zone: YYYY-MM-DDThh:mm:ss.sss+zz:zz"),
    "time": _shaped(_CLOCK, "a time of day: hh:mm:ss"),
}
