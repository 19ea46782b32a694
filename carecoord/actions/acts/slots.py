"""The Slots that go along with what an act makes of visits: what a visit no longer takes is free again, and what it has
taken for good is busy, in the same transaction. By the table of Slot states (domain/scheduling/states.SLOTS)."""

from collections.abc import Iterable

from sqlalchemy import Connection

from carecoord.domain.resource.elements import Json, key, text
from carecoord.domain.scheduling import states
from carecoord.fhir import text as json
from carecoord.store.resources import read


def along(conn: Connection, resources: Iterable[Json]) -> list[Json]:
    """The Slots as they are to be once these are written, those alone that change."""
    visits = {key(each): each for each in resources if each.get("resourceType") == "Appointment"}
    if not visits:
        return []
    held = read.many(conn, [("Appointment", name.partition("/")[2]) for name in visits])
    taken = {slot for row in held if not row.deleted for slot in states.slots(json.loads(row.body))}
    takes = {slot: text(each, "status") for each in visits.values() for slot in states.slots(each)}
    named = [("Slot", slot.partition("/")[2]) for slot in sorted(taken | takes.keys())]
    slots = [json.loads(row.body) for row in read.many(conn, named) if not row.deleted] if named else []
    return [slot | {"status": to} for slot in slots if (to := _to(slot, takes.get(key(slot))))]


def _to(slot: Json, status: str | None) -> str:
    """What becomes of a Slot by the status of the visit that takes it, None: by none; empty where it stays."""
    verb = "free" if status is None else "hold" if status == "pending" else "book"
    found = states.SLOTS.get((text(slot, "status"), verb), ())
    return found[0].to if found else ""
