"""An EHR calls a visit off: its slot is free again with it, unless the EHR has spoken of the slot since."""

from typing import Any

import pytest

from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from tests.adapters.content import held
from tests.adapters.little_ehr import LittleEhr
from tests.adapters.test_syncing import QUICK, appointment, here, patient

Json = dict[str, Any]


def slot(id: str, status: str) -> Json:
    times = {"start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z"}
    return {"resourceType": "Slot", "id": id, "status": status, "schedule": {"reference": "Schedule/s"}, **times}


def booked(id: str, status: str = "booked") -> Json:
    return appointment(id, "p", status) | {"slot": [{"reference": f"Slot/{id}"}]}


@pytest.fixture
def filled(world: World, little: LittleEhr) -> LittleEhr:
    little.params = {"Appointment": {"_lastUpdated"}, "Slot": {"_lastUpdated"}}
    little.put(patient("p"))
    for id in ("gone", "off", "again", "said"):
        little.put(slot(id, "busy"))
        little.put(booked(id))
    add_ehr(world, Ehr("little", little.base, limits=QUICK))
    assert run(world, "little").error is None
    return little


def status(world: World) -> dict[str, str]:
    slots = held(world.engine, "Slot")
    return {id: slots[here("Slot", id)]["status"] for id in ("gone", "off", "again", "said")}


def test_an_ehr_that_calls_a_visit_off_frees_its_slot_and_has_the_last_word_on_it(
    world: World, filled: LittleEhr
) -> None:
    for id in ("off", "again", "said"):
        filled.put(booked(id, "cancelled"))
    filled.put(slot("said", "busy"))  # given to somebody else at once: nothing is changed but the day of the word
    run(world, "little")
    assert status(world) == {"gone": "busy", "off": "free", "again": "free", "said": "busy"}
    assert run(world, "little").changed == 0
    filled.put(slot("again", "busy"))  # given to somebody else later
    run(world, "little")
    assert status(world) == {"gone": "busy", "off": "free", "again": "busy", "said": "busy"}
    filled.put(slot("gone", "free"))
    run(world, "little")
    assert status(world) == {"gone": "free", "off": "free", "again": "busy", "said": "busy"}
