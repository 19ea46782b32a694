"""A visit and its slot go together, by whatever road the visit is written: taken, it is busy; given up, it is free."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from carecoord.actions.fhir.load import load
from carecoord.world import World
from tests.api.conftest import Api
from tests.api.test_door import SLOT, person, place, ref, visit

__all__ = ["person", "place"]  # fixtures

Json = dict[str, Any]
WHY = {"cancelationReason": {"text": "Patient is ill"}}
MINE = {"slot": [ref("Slot/slot")]}


def slot(place: Api, id: str = "slot") -> str:
    return str(place.get(f"/Slot/{id}").get_json()["status"])


def bundle(kind: str, *entries: tuple[str, Json]) -> Json:
    made = [{"resource": each, "request": {"method": "PUT", "url": url}} for url, each in entries]
    return {"resourceType": "Bundle", "type": kind, "entry": made}


def patched(place: Api, after: Json) -> Any:
    ops = [{"op": "add", "path": f"/{name}", "value": value} for name, value in after.items()]
    return place("PATCH", "/Appointment/a", ops[2:], Content_Type="application/json-patch+json")


ROADS: dict[str, Callable[[Api, Json], Any]] = {
    "put": lambda place, after: place.put("/Appointment/a", after),
    "patch": patched,
    "conditional": lambda place, after: place.put("/Appointment?_id=a", after),
    "transaction": lambda place, after: place.post("", bundle("transaction", ("Appointment/a", after))),
    "batch": lambda place, after: place.post("", bundle("batch", ("Appointment/a", after))),
}
# What becomes of the visit that is booked for a slot -> of this slot, and of another.
LATER: dict[str, tuple[Json, tuple[str, str]]] = {
    "cancelled": ({"status": "cancelled", **WHY}, ("free", "free")),
    "missed": ({"status": "noshow"}, ("free", "free")),
    "recorded by mistake": ({"status": "entered-in-error"}, ("free", "free")),
    "came": ({"status": "arrived"}, ("busy", "free")),
    "moved to another slot": ({}, ("free", "busy")),
    "moved away from slots": ({}, ("free", "free")),
    "spoken of": ({"comment": "Bring the letter"}, ("busy", "free")),
}


def test_what_a_visit_gives_up_is_free_again(place: Api) -> None:
    found = {}
    for n, (what, (change, _)) in enumerate(LATER.items()):
        one, other = f"one{n}", f"other{n}"
        for id in (one, other):
            place.put(f"/Slot/{id}", SLOT | {"id": id})
        booked = visit("booked", f"v{n}", slot=[ref(f"Slot/{one}")])
        assert place.put(f"/Appointment/v{n}", booked).status_code == 201
        assert slot(place, one) == "busy"
        after = booked | change
        if what.startswith("moved"):
            after["slot"] = [ref(f"Slot/{other}")] if "another" in what else None
        given = {name: value for name, value in after.items() if value}
        assert place.put(f"/Appointment/v{n}", given).status_code == 200
        found[what] = (slot(place, one), slot(place, other))
    assert found == {what: slots for what, (_, slots) in LATER.items()}


def test_it_is_so_by_every_road_of_the_api_in_a_load_and_for_what_is_deleted(
    place: Api, world: World, tmp_path: Path
) -> None:
    place.put("/Slot/slot", SLOT)
    held, on, off = visit("pending", **MINE), visit("booked", **MINE), visit("cancelled", **MINE, **WHY)
    for road in ROADS.values():
        place.put("/Appointment/a", visit("proposed"))
        for after, becomes in ((held, "busy-tentative"), (on, "busy"), (off, "free")):
            assert road(place, after).status_code == 200
            assert slot(place) == becomes
        place.delete("/Appointment/a")
    (tmp_path / "Appointment.ndjson").write_text(json.dumps(on))
    load(world, [tmp_path / "Appointment.ndjson"])
    assert slot(place) == "busy"
    assert place.delete("/Appointment/a").status_code == 204
    assert slot(place) == "free"


def test_who_writes_the_slot_in_the_same_go_has_said_what_becomes_of_it(place: Api) -> None:
    place.put("/Slot/slot", SLOT)
    place.put("/Appointment/a", visit("booked", **MINE))
    closed = ("Slot/slot", SLOT | {"status": "entered-in-error"})
    off = ("Appointment/a", visit("cancelled", **MINE, **WHY))
    assert place.post("", bundle("transaction", off, closed)).status_code == 200
    assert slot(place) == "entered-in-error"


def test_a_closed_slot_stays_closed(place: Api) -> None:
    place.put("/Slot/slot", SLOT | {"status": "busy-unavailable"})
    place.put("/Appointment/a", visit("booked", **MINE))  # by a service, which records what was agreed elsewhere
    place.put("/Appointment/a", visit("cancelled", **MINE, **WHY))
    assert slot(place) == "busy-unavailable"


def test_a_person_gives_a_slot_to_another_visit_in_one_transaction(place: Api, person: Callable[[str], Api]) -> None:
    place.put("/Slot/slot", SLOT)
    clinic = person("clinic")
    assert clinic.put("/Appointment/a", visit("booked", **MINE)).status_code == 201
    assert clinic.put("/Appointment/b", visit("booked", "b", **MINE)).status_code == 409
    off, on = visit("cancelled", **MINE, **WHY), visit("booked", "b", **MINE)
    assert clinic.post("", bundle("transaction", ("Appointment/a", off), ("Appointment/b", on))).status_code == 200
    assert slot(place) == "busy"
