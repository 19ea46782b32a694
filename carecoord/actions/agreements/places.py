"""Where organizations stand: kept true by every write of an Organization or Location, in its transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.domain.resource.places import Place, Point, place
from carecoord.store.agreements import places, register
from carecoord.store.database import marks
from carecoord.store.resources.write import Touched

TYPES: Final = ("Organization", "Location")
_MARK: Final = "places of organizations"
_FORM: Final = b"1"  # of the rows
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def record(conn: Connection, touched: Sequence[Touched]) -> None:
    """Let what was written stand where it now says."""
    last = {each.rid: each for each in touched if each.type in TYPES}
    if last:
        _put(conn, ((rid, each.after) for rid, each in last.items()))


def renew(engine: Engine) -> None:
    """Write every place anew where an earlier version, or none, has done it."""
    with marks.anew(engine, _MARK, _FORM) as conn:
        if conn is None:
            return
        for bodies in register.present(conn, TYPES):
            _put(conn, bodies)


def of(conn: Connection, keys: Iterable[str]) -> tuple[Place, ...]:
    """These places, and all places of these organizations, `Type/id`."""
    return tuple(Place(key, whose, Point(*point)) for key, whose, *point in places.of(conn, keys))


def row(resource: dict[str, Any]) -> tuple[Any, ...] | None:
    """Where a resource of these types stands, as the columns of its row; nowhere: None."""
    at = place(resource)
    return places.columns(at.key, at.organization, at.point.latitude, at.point.longitude) if at else None


def _put(conn: Connection, said: Iterable[tuple[int, bytes]]) -> None:
    rows = [(rid, place(_decode(body)) if body else None) for rid, body in said]
    found = [(rid, at.key, at.organization, at.point.latitude, at.point.longitude) for rid, at in rows if at]
    places.put(conn, [rid for rid, _ in rows], found)
