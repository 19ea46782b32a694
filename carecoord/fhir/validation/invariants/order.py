"""Which of two values is the greater, of the datatypes that invariants put in order.

Clause: FHIRPath 2.0 section 6.2. Where the order of two can not be told (2024 and 2024-05-01, 1 mg and 1 ml), that is
None there, and an invariant that asks for it would be broken; R4B and R5 say of the same invariants that such a pair
passes, and so do we: only what is surely in the wrong order is.
"""

from datetime import UTC
from decimal import Decimal
from typing import Any, Final

from carecoord.fhir.instants import period

_HOUR: Final = 3_600_000_000  # microseconds
_WEST, _EAST = 12 * _HOUR, 14 * _HOUR  # the first place of the earth where a day begins is 14 hours ahead of UTC


def dates(first: str, second: str) -> int | None:
    """Below 0, 0 or above 0 as the first is before, at, or after the second; None where they overlap otherwise."""
    if first == second:
        return 0
    (low, high), (low_, high_) = _bounds(first, second), _bounds(second, first)
    if (low, high) == (low_, high_):
        return 0
    if high <= low_:
        return -1
    return 1 if high_ <= low else None


def _bounds(text: str, other: str) -> tuple[int, int]:
    """The time that a date takes up: of one without a zone beside one that has one, wherever on earth it is meant."""
    low, high = period(text, UTC)
    return (low - _EAST, high + _WEST) if "T" not in text and "T" in other else (low, high)


def numbers(first: Any, second: Any) -> int:
    """Below 0, 0 or above 0."""
    one, other = Decimal(str(first)), Decimal(str(second))
    return (one > other) - (one < other)


def quantities(first: dict[str, Any], second: dict[str, Any]) -> int | None:
    """Below 0, 0 or above 0; None of two that are in other units, or of which one has no value."""
    if _unit(first) != _unit(second) or first.get("value") is None or second.get("value") is None:
        return None
    return numbers(first["value"], second["value"])


def _unit(quantity: dict[str, Any]) -> tuple[Any, Any]:
    return quantity.get("system"), quantity.get("code") or quantity.get("unit")
