"""The arguments that the operations about days and instants share."""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo

from carecoord.errors import Invalid
from carecoord.fhir.instants import micros, period


def day(given: str | None) -> date | None:
    """A day, YYYY-MM-DD. Raises Invalid."""
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Invalid(f"date must be a day such as 2027-01-30, not {given!r}.", where="http.date") from None


def instant(given: str | None, now: datetime, zone: tzinfo) -> int | None:
    """The end of what the text names, as microseconds: as of a day means when that day was over. Raises Invalid."""
    if not given:
        return None
    try:
        low, high = period(given.replace(" ", "+"), zone)  # a plus sign in an address arrives as a space
    except ValueError as e:
        raise Invalid(f"asOf: {e}", where="http.asOf") from None
    at = high - 1
    if low > micros(now):
        raise Invalid("asOf lies in the future: nothing is known as of then.", where="http.asOf")
    return min(at, micros(now))


def one_spelling(given: Mapping[str, str]) -> str | None:
    """The argument asOf, which may be spelt as-of. Raises Invalid where both are given."""
    if "asOf" in given and "as-of" in given:
        raise Invalid("asOf and as-of are the same argument: give one of them.", "http.asOf")
    return given.get("asOf", given.get("as-of"))
