"""Two versions of a resource made one, element by element, from what the EHR said last (the base).

One side changed an element: its change stands. Both changed it alike: fine. Both changed it differently: the owner's
stands for now (see ownership), and the element is in dispute until a person settles it. No change is ever lost: what
does not stand is in the dispute.

Elements that say one thing together are one part: a visit's start without its end would be a visit that nobody made.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from carecoord.domain.ehrs.ownership import Owner

Json = dict[str, Any]
Owned = Callable[[str], Owner]  # element -> whose word counts

WHOLE: Final = "*"  # the dispute is about the resource itself: one side has deleted it

TOGETHER: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "Appointment": (("start", "end", "minutesDuration", "slot"), ("status", "cancelationReason")),
        "Task": (("status", "statusReason", "businessStatus"),),
        "Communication": (("status", "statusReason"),),
        "Claim": (("status", "created"),),
    }
)
# Lists to which both sides add, each what the other need not know of: additions of both are kept.
GROWING: Final = frozenset(
    {
        "extension", "identifier", "input", "insurance", "meta.profile", "meta.security", "meta.tag",
        "modifierExtension", "note", "output", "relevantHistory", "supportingInfo", "supportingInformation",
    }
)  # fmt: skip
# What follows from the rest: the EHR's stands, and nobody need settle it.
DERIVED: Final = frozenset({"text", "meta.profile", "meta.tag", "implicitRules", "language"})
_OWN = frozenset({"resourceType", "id", "meta"})
_META = ("profile", "security", "tag")


@dataclass(frozen=True)
class Dispute:
    """An element that both sides changed differently. Each value is the part it belongs to, as an object of its
    elements, empty where the side has none of them. stands: whose is shown until it is settled."""

    element: str
    base: Json
    ours: Json
    theirs: Json
    stands: Owner


@dataclass(frozen=True)
class Merged:
    """What both come to, with the EHR's `meta.source`, and what is in dispute."""

    resource: Json
    disputes: tuple[Dispute, ...]


def merge(base: Json, ours: Json, theirs: Json, owned: Owned) -> Merged:
    """Make one of two. `base` is what the EHR said before, empty where that is not known: what differs is then in
    dispute. meta.versionId and meta.lastUpdated are nobody's and are left out."""
    type = str(theirs.get("resourceType"))
    sides = [parts(type, side) for side in (base, ours, theirs)]
    merged: Json = {"resourceType": type, "id": ours.get("id", theirs.get("id"))}
    meta: Json = {}
    disputes = []
    for name in dict.fromkeys([*sides[2], *sides[1], *sides[0]]):
        was, mine, yours = (side.get(name, {}) for side in sides)
        value, dispute = _one(name, was, mine, yours, owned)
        disputes += [dispute] if dispute else []
        if name.startswith("meta."):
            meta |= {key.removeprefix("meta."): said for key, said in value.items()}
        else:
            merged |= value
    source = _meta(theirs).get("source") or _meta(ours).get("source")
    meta |= {"source": source} if source else {}
    merged |= {"meta": meta} if meta else {}
    return Merged(merged, tuple(disputes))


def placed(resource: Json, type: str, element: str, value: Json) -> Json:
    """The resource with one part as given: what the part had and `value` lacks is gone."""
    members = {*_members(type, element), *(f"_{name}" for name in _members(type, element))}
    if element.startswith("meta."):
        name = element.removeprefix("meta.")
        meta = {key: said for key, said in _meta(resource).items() if key != name}
        return {**resource, "meta": meta | dict.fromkeys([name] if value else [], value.get(element))}
    return {key: said for key, said in resource.items() if key not in members} | value


def _one(name: str, was: Json, mine: Json, yours: Json, owned: Owned) -> tuple[Json, Dispute | None]:
    if mine in (yours, was):
        return yours, None
    if yours == was:
        return mine, None
    if name in GROWING and (grown := _grown(was, mine, yours)) is not None:
        return grown, None
    if name in DERIVED:
        return yours, None
    side = owned(name.removeprefix("meta."))
    return (yours if side == "theirs" else mine), Dispute(name, was, mine, yours, side)


def _grown(was: Json, mine: Json, yours: Json) -> Json | None:
    """The lists of a part with what both have added; None where one of them took something away, or it is no list."""
    grown: Json = {}
    for key in {**yours, **mine}:
        before, left, right = (side.get(key, []) for side in (was, mine, yours))
        if not all(isinstance(each, list) for each in (before, left, right)):
            return None
        if _without(before, left) or _without(before, right):
            return None
        grown[key] = [*right, *_without(_without(left, before), _without(right, before))]
    return grown


def _without(items: Sequence[Any], taken: Sequence[Any]) -> list[Any]:
    """The items but those that were taken, each as often as it was."""
    left, rest = list(taken), []
    for each in items:
        if each in left:
            left.remove(each)
        else:
            rest.append(each)
    return rest


def parts(type: str, resource: Json) -> dict[str, Json]:
    """The parts of a resource by the first element of each, as they are compared; what is nobody's is left out."""
    found: dict[str, Json] = {}
    for key, value in resource.items():
        if key not in _OWN:
            found.setdefault(_first(type, key.removeprefix("_")), {})[key] = value
    meta = _meta(resource)
    return found | {f"meta.{key}": {f"meta.{key}": meta[key]} for key in _META if key in meta}


def _first(type: str, element: str) -> str:
    return _members(type, element)[0]


def _members(type: str, element: str) -> tuple[str, ...]:
    return next((group for group in TOGETHER.get(type, ()) if element in group), (element,))


def _meta(resource: Json) -> Json:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}
