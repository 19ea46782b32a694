"""The Slots that go along with what is written of visits, by whatever road: what a visit no longer takes is free again,
and what it has taken is held or busy, in the same transaction. By the table of Slot states (domain/scheduling/states).

A visit that stays as it was leaves its Slots alone. Who writes a Slot in the same go has said what becomes of it."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from carecoord.domain.resource.elements import Json, text
from carecoord.domain.scheduling import states
from carecoord.domain.scheduling.states import SlotVerb
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.resources import read
from carecoord.store.resources.write import Change

Taken = dict[str, SlotVerb]  # `Slot/id` -> what the visits that take it make of it


def along(conn: Connection, changes: Sequence[Change]) -> list[Change]:
    """The changes of Slots that follow from these of visits; to be made in one go with them."""
    visits = {each.id: each.resource or {} for each in changes if each.type == "Appointment"}
    if not visits:
        return []
    held = read.many(conn, [("Appointment", id) for id in visits])
    before, after = _taken(json.loads(row.body) for row in held if not row.deleted), _taken(visits.values())
    said = {f"Slot/{each.id}" for each in changes if each.type == "Slot"}
    named = {slot for slot in before.keys() | after.keys() if before.get(slot) != after.get(slot)} - said
    slots = read.many(conn, [("Slot", slot.partition("/")[2]) for slot in sorted(named)]) if named else []
    found = []
    for row in slots:
        slot = json.loads(row.body)
        verb = after.get(f"Slot/{row.id}") or _others(conn, row.id, visits) or "free"
        if ways := states.SLOTS.get((text(slot, "status"), verb), ()):
            found.append(Change("Slot", row.id, slot | {"status": ways[0].to}))
    return found


def _taken(visits: Iterable[Json]) -> Taken:
    taken: Taken = {}
    for visit in visits:
        for slot in states.slots(visit):
            if text(visit, "status") != "pending":
                taken[slot] = "book"
            else:
                taken.setdefault(slot, "hold")
    return taken


def _others(conn: Connection, slot: str, visits: Collection[str]) -> SlotVerb | None:
    """What visits beside these make of a Slot: an EHR may have booked two for it."""
    rows = read.referring(conn, params.key("Appointment", "slot"), "Slot", slot)
    return _taken(json.loads(row.body) for row in rows if not row.deleted and row.id not in visits).get(f"Slot/{slot}")
