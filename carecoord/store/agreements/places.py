"""Where organizations stand, and which members of a network are nearest to a point: boxes around it are looked through
from the smallest to the largest, and who stands in them is asked for membership, the nearest first. What that costs
does not grow with the network, nor with the register."""

from collections.abc import Iterable, Sequence
from math import asin, cos, pi, radians, sin
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, literal, or_, select

from carecoord.store.agreements.register import holding
from carecoord.store.agreements.tables import network_member, organization_place
from carecoord.store.database import bulk
from carecoord.store.database.bulk import Values

_BOXES: Final = tuple(0.0025 * 2**n for n in range(11))  # degrees from the middle to a side: 280 m to 285 km
MOST: Final = 1000  # organizations that are asked for membership, at most
_RUN: Final = 250
_POLE: Final = 0.01  # of a cosine: a box at a pole is not endless


def _unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column whose index is not to be walked: that of the network is the long one."""
    return column + literal("")


_place = organization_place.c
_x, _y, _z = ((_place[name] - bindparam(name)) for name in ("x", "y", "z"))
_away = _x * _x + _y * _y + _z * _z
_box = (
    _place.latitude >= bindparam("south"), _place.latitude <= bindparam("north"),
    _place.longitude >= bindparam("west"), _place.longitude <= bindparam("east"),
)  # fmt: skip
_around = (
    select(_place.organization, func.min(_away).label("away"))
    .where(*_box)
    .group_by(_place.organization)
    .order_by(func.min(_away), _place.organization)
    .limit(bindparam("most"))
)
_members = select(network_member.c.subject, network_member.c.sort).where(
    network_member.c.subject.in_(bindparam("keys", expanding=True)),
    _unindexed(network_member.c.network).in_(bindparam("networks", expanding=True)),
    _unindexed(network_member.c.specialty).in_(bindparam("specialties", expanding=True)),
    *holding(),
)
_of = select(_place.key, _place.organization, _place.latitude, _place.longitude).where(
    or_(_place.organization.in_(bindparam("keys", expanding=True)), _place.key.in_(bindparam("keys", expanding=True)))
)


def put(conn: Connection, rids: Sequence[int], rows: Sequence[Values]) -> None:
    """Let these resources stand where (rid, key, organization, latitude, longitude) says, the others nowhere."""
    for run in bulk.runs(sorted(set(rids)), _RUN):
        conn.execute(delete(organization_place).where(_place.rid.in_(run)))
    bulk.insert(conn, organization_place, [(row[0], *columns(*row[1:])) for row in rows])


def columns(key: str, organization: str, latitude: float, longitude: float) -> Values:
    """The columns of a row, without the number of the resource."""
    return (key, organization, latitude, longitude, *_globe(latitude, longitude))


def of(conn: Connection, keys: Iterable[str]) -> list[tuple[str, str, float, float]]:
    """(key, organization, latitude, longitude) of these places, and of all places of these organizations, `Type/id`."""
    wanted = sorted(set(keys))
    return [tuple(row) for run in bulk.runs(wanted, _RUN) for row in conn.execute(_of, {"keys": run})]


def nearest(
    conn: Connection,
    point: tuple[float, float],
    networks: Iterable[str],
    specialties: Iterable[str],
    standing: dict[str, Any],
    most: int,
) -> list[str]:
    """The keys of the organizations, the nearest first, that take part in one of the networks for one of the
    specialties (`register.members`), of the thousand that stand nearest to the point, no farther than the largest box.
    standing: the other values of `register.holding`."""
    latitude, longitude = point
    x, y, z = _globe(latitude, longitude)
    narrow = max(cos(radians(latitude)), _POLE)
    of = {**standing, "networks": sorted(set(networks)), "specialties": sorted(set(specialties)) or [""]}
    found: dict[str, tuple[float, str]] = {}
    seen = set[str]()
    for side in _BOXES:
        asked = {
            "x": x, "y": y, "z": z, "most": MOST, "south": latitude - side, "north": latitude + side,
            "west": longitude - side / narrow, "east": longitude + side / narrow,
        }  # fmt: skip
        # The nearest that a side of the box comes to its middle: a meridian comes nearer towards the pole.
        inside = min(radians(side), asin(narrow * sin(min(radians(side / narrow), pi / 2))))
        within = (2 * sin(inside / 2)) ** 2
        away = {key: far for key, far in conn.execute(_around, asked) if far <= within}
        for run in bulk.runs([key for key in away if key not in seen], _RUN):
            for key, sort in conn.execute(_members, of | {"keys": run}):
                found[key] = min((away[key], sort), found.get(key, (away[key], sort)))
            if len(found) >= most:  # who has not been asked stands farther away
                return sorted(found, key=lambda key: (*found[key], key))[:most]
        seen |= away.keys()
        if len(away) == MOST:
            break
    return sorted(found, key=lambda key: (*found[key], key))[:most]


def _globe(latitude: float, longitude: float) -> tuple[float, float, float]:
    north, east = radians(latitude), radians(longitude)
    return cos(north) * cos(east), cos(north) * sin(east), sin(north)
