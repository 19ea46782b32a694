"""Replace primitive values throughout a resource by their datatype: point every reference elsewhere, shift every date.

Clause: FHIR R4 datatypes.html. What an element is comes from the official structures, so a text that only looks like a
date or a reference is left alone, and so is everything under an element that the standard does not know.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from operator import is_
from typing import Any

from carecoord.fhir.definitions import read

Substitute = Callable[[str], str]


def substitute(resource: dict[str, Any], by: Mapping[str, Substitute]) -> dict[str, Any]:
    """A copy in which each string of a datatype that `by` names ("dateTime", "uri", "xhtml"...) went through its
    function. "reference" stands for Reference.reference, which is declared a mere string. Takes any JSON anywhere.
    Elements in which nothing changes are not copied: they are those of the resource given.
    """
    found = _object(resource, resource.get("resourceType"), by)
    return dict(found) if found is resource else found


def shift(resource: dict[str, Any], days: int) -> dict[str, Any]:
    """A copy with every date, dateTime and instant later by whole days; time of day, zone and precision stay.

    A year or a month goes by its middle: what lasts longer than the shift mostly stays where it is.
    """
    later = timedelta(days=days)

    def move(text: str) -> str:
        day, mark, time = text.partition("T")
        whole = f"{day}{('-07-01', '-15', '')[day.count('-')]}" if day.count("-") < 3 else day
        try:
            return (date.fromisoformat(whole) + later).isoformat()[: len(day)] + mark + time
        except (ValueError, OverflowError):
            return text  # no date of the calendar: the rules will say so

    return substitute(resource, {"date": move, "dateTime": move, "instant": move})


@cache
def _kinds() -> dict[str, dict[str, str]]:
    """owner -> property -> datatype."""
    owners: dict[str, dict[str, list[Any]]] = read("structures")["elements"]
    kinds = {owner: {name: str(row[0]) for name, row in rows.items()} for owner, rows in owners.items()}
    kinds["Reference"]["reference"] = "reference"
    return kinds


def _object(value: dict[str, Any], owner: Any, by: Mapping[str, Substitute]) -> dict[str, Any]:
    kinds = _kinds().get(owner) if isinstance(owner, str) else None
    if kinds is None:
        return value
    changed: dict[str, Any] | None = None
    for name, item in value.items():
        if name in kinds and (new := _value(item, kinds[name], by)) is not item:
            changed = dict(value) if changed is None else changed
            changed[name] = new
    return value if changed is None else changed


def _value(value: Any, kind: str, by: Mapping[str, Substitute]) -> Any:
    if isinstance(value, str):
        change = by.get(kind)
        return change(value) if change else value
    if isinstance(value, dict):
        return _object(value, value.get("resourceType") if kind == "Resource" else kind, by)
    if isinstance(value, list):
        new = [_value(item, kind, by) for item in value]
        return value if all(map(is_, new, value)) else new
    return value
