"""The end of a hold noticed where it is written: when its time is over, or the Task for whose answer a time is held has
come to nothing. A job of the same transaction frees the slot, whoever held it and by whatever road."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.domain.scheduling import holds
from carecoord.fhir.search import params
from carecoord.store.database import outbox
from carecoord.store.resources import read
from carecoord.store.resources.write import Touched

JOB: Final = "release-hold"  # in the outbox; its key: the id of the Appointment
_MARK: Final = holds.HELD_UNTIL.encode()
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """Have the holds that were written here given back when they end, and at once those that wait for a Task that has
    just come to nothing."""
    last = {each.rid: each for each in touched if each.type in ("Appointment", "Task")}
    for each in last.values():
        if each.type == "Appointment":
            until = holds.until(_decode(each.after)) if _MARK in each.after else None
            if until:
                outbox.add(conn, JOB, each.id, b"", until)
        elif each.before and each.after and _has_ended(_decode(each.before), task := _decode(each.after)):
            for visit in _waiting(conn, task, each.id):
                outbox.add(conn, JOB, visit, b"", now)


def _has_ended(before: Json, after: Json) -> bool:
    return text(after, "status") in holds.ENDED and text(before, "status") not in holds.ENDED


def _waiting(conn: Connection, task: Json, id: str) -> list[str]:
    """The Appointments (ids) that hold a time until this Task is answered."""
    kind, _, order = target(item(task, "focus")).partition("/")
    if kind != "ServiceRequest":
        return []
    rows = read.referring(conn, params.key("Appointment", "based-on"), kind, order)
    held = {row.id: _decode(row.body) for row in rows if not row.deleted and _MARK in row.body}
    return [each for each, visit in held.items() if holds.until(visit) and id in holds.tasks(visit)]
