"""What a Reference may point at: the types that its element's definition names.

Clause: FHIR R4 references.html#Reference ("the type of resource referred to ... SHALL be one of the allowed targets");
Reference.type ("If both Reference.type and Reference.reference are populated and Reference.reference is a FHIR URL,
both SHALL be consistent"). Read from what is said: `type`, and a reference relative to our base. Nothing is fetched,
so an address elsewhere, a logical reference without a type and a contained resource say nothing here.
"""

import re
from functools import cache
from typing import Any

from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES, UNSTORED

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(/_history/[A-Za-z0-9\-.]{1,64})?", re.ASCII)
_SHOWN = 12


@cache
def of(owner: str, property_: str) -> frozenset[str]:
    """The types that an element may point at; none where it may be any."""
    return frozenset(read("rules")["targets"].get(owner, {}).get(property_, ()))


def stray(reference: dict[str, Any], allowed: frozenset[str]) -> str | None:
    """What is wrong with where a reference points, to be read on after the element's name; None where it may, or does
    not say."""
    said, address = reference.get("type"), reference.get("reference")
    if said is None and address.__class__ is str and (address[:4] == "urn:" or address.partition("/")[0] in allowed):
        return None  # nearly all
    match = _RELATIVE.fullmatch(address) if address.__class__ is str else None
    pointed = match[1] if match and _is_type(match[1]) else None
    if pointed and pointed not in allowed:
        return f"points at a {pointed}; give {_listed(allowed)}"
    if said.__class__ is not str or not _is_type(said):
        return None
    if said not in allowed:
        return f"is said to be a {said}; give {_listed(allowed)}"
    return f"is said to be a {said} and points at a {pointed}" if pointed and pointed != said else None


def _is_type(name: str) -> bool:
    return name in TYPES or name in UNSTORED


def _listed(allowed: frozenset[str]) -> str:
    names = sorted(allowed)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"one of {', '.join(names[:_SHOWN])}{more}" if names[1:] else f"a {names[0]}"
