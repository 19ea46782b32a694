"""The slots that are free: kept true by every write of a Slot, in its transaction."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, target, text
from carecoord.fhir.instants import micros
from carecoord.store.agreements import register
from carecoord.store.database import marks
from carecoord.store.referrals import performers
from carecoord.store.resources.write import Touched

_MARK: Final = "free slots"
_FORM: Final = "1"  # of the rows
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def record(conn: Connection, touched: Sequence[Touched], zone: tzinfo) -> None:
    """Let what was written be free as it now says."""
    last = {each.rid: each for each in touched if each.type == "Slot"}
    if last:
        _put(conn, ((rid, each.after) for rid, each in last.items()), zone)


def renew(engine: Engine, zone: tzinfo) -> None:
    """Write every free slot anew where an earlier version has done it, or in another zone than the office's."""
    with marks.anew(engine, _MARK, f"{_FORM} {zone}".encode()) as conn:
        if conn is None:
            return
        performers.clear_free(conn)
        for bodies in register.present(conn, ("Slot",)):
            _put(conn, bodies, zone)


def _put(conn: Connection, bodies: Iterable[tuple[int, bytes]], zone: tzinfo) -> None:
    read = [(rid, _decode(body) if body else {}) for rid, body in bodies]
    rows = [(rid, *said) for rid, slot in read if slot and (said := _free(slot, zone))]
    performers.put_free(conn, [rid for rid, _ in read], rows)


def _free(slot: dict[str, Any], zone: tzinfo) -> tuple[str, int, int] | None:
    """The diary of a free slot, and from when to when it is; None of one that is not, or says it of no time."""
    kind, _, schedule = target(item(slot, "schedule")).partition("/")
    starts, ends = (moment(text(slot, name), zone) for name in ("start", "end"))
    if text(slot, "status") != "free" or kind != "Schedule" or starts is None or ends is None:
        return None
    return schedule, micros(starts), micros(ends)
