"""Where something stands, as a point, and how far two points are apart. A US postal code stands for its middle, which
is exact enough to say who is near; an address without one, or of another country, has no point.

Clauses: FHIR R4 Location.position (WGS84, decimal degrees), Address.postalCode; ZIP codes of PyPI zipcodes."""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Final

from carecoord.domain.resource.elements import Json, item, items, number, text

_ZIP: Final = re.compile(r"(\d{5})(-?\d{4})?")
_HERE: Final = frozenset({"", "us", "usa"})  # R4: "country may be a 2 or 3 letter code"
_PAST: Final = frozenset({"old", "billing"})  # uses of addresses where nobody lives
_EARTH: Final = 6371.0088  # its mean radius, in kilometres


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party stands: a Location, of the organization that manages it, or an Organization itself by its address.
    `key`, `organization`: `Type/id`."""

    key: str
    organization: str
    point: Point


def place(resource: Json) -> Place | None:
    """The place of an Organization or Location; None where nothing says it."""
    kind, id = text(resource, "resourceType"), text(resource, "id")
    point = of(resource)
    if point is None or kind not in ("Organization", "Location"):
        return None
    manager = text(item(resource, "managingOrganization"), "reference")
    return Place(f"{kind}/{id}", manager if kind == "Location" else f"{kind}/{id}", point)


def of(resource: Json) -> Point | None:
    """Where somebody or something stands: by its position, else by the first of its addresses that tells."""
    position = item(resource, "position")
    latitude, longitude = number(position, "latitude"), number(position, "longitude")
    if latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
        return Point(latitude, longitude)
    addresses = [item(resource, "address"), *items(resource, "address")]
    found = (_addressed(each) for each in addresses if text(each, "use") not in _PAST)
    return next((point for point in found if point), None)


def _addressed(address: Json) -> Point | None:
    if text(address, "country").strip().casefold() not in _HERE or "end" in item(address, "period"):
        return None
    code = _ZIP.fullmatch(text(address, "postalCode").strip())
    return _postal(code[1]) if code else None


@lru_cache(maxsize=4096)
def _postal(code: str) -> Point | None:
    import zipcodes  # reads its table when first asked: most commands never do

    found: list[dict[str, str]] = zipcodes.matching(code)  # type: ignore[no-untyped-call]
    return Point(float(found[0]["lat"]), float(found[0]["long"])) if found else None


def kilometres(one: Point, other: Point) -> float:
    """How far two points are apart, as the crow flies (haversine)."""
    a, b = radians(one.latitude), radians(other.latitude)
    across = radians(other.longitude - one.longitude)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(across / 2) ** 2
    return 2 * _EARTH * asin(min(1.0, sqrt(half)))
