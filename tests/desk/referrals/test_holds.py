"""A free time of a clinic is held for a referral while it is sent: until the clinic says no, or says nothing for as
long as the office holds a time. Of two who want it at once one has it, and the other is told (referrals.md 1.9)."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.actions.scheduling import lapses
from carecoord.fhir.validation.validate import judge
from carecoord.settings import Settings
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.outbox import Job
from carecoord.store.database.tables import outbox
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.worker import handlers
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, furnished
from tests.desk.conftest import NOW, House
from tests.desk.referrals.test_new_referral import STEPS, about, begun, said, shown, stored, swapped

CLINIC = "Organization/office-parkside-endocrine"
FREE = "2026-11-23T15:00:00+00:00"  # the first that is free there, 10:00
HEART = {"reference": "Organization/heart"}


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = NOW + timedelta(minutes=1)
    return clock


@pytest.fixture
def maria(acting_house: House) -> FlaskClient:
    return acting_house.enter("coordinator")


def chosen(client: FlaskClient) -> tuple[str, dict[str, str]]:
    """A draft for which a clinic is chosen, and its form as it is shown then."""
    id = begun(client)
    form = shown(client, id) | STEPS | {"choice": CLINIC}
    assert swapped(client, id, form).status_code == 200
    return id, shown(client, id)


def free_time(client: FlaskClient, id: str) -> str:
    page = client.get(f"/referrals/new?order={id}").get_data(as_text=True)
    return re.findall(r'name="hold" value="([^"]+)"', page)[0]


def due(house: House) -> dict[str, datetime]:
    """The holds (Appointment ids) that are to be given back, and when."""
    with reading(house.world.engine) as conn:
        rows = conn.execute(select(outbox.c.key, outbox.c.due_at).where(outbox.c.kind == lapses.JOB)).all()
    return {row.key: datetime.fromtimestamp(row.due_at / 1e6, UTC) for row in rows}


def release(house: House, visit: str) -> None:
    handlers.HANDLERS[lapses.JOB](house.world, Job(1, lapses.JOB, visit, b"", 1, "a test", 1))


def held(client: FlaskClient, house: House) -> tuple[str, dict[str, Any], str]:
    """(case, the hold, the id of its slot) of a referral that was sent with a time held."""
    id, form = chosen(client)
    sent = client.post(f"/referrals/new/{id}/send", data=form | {"hold": free_time(client, id)})
    assert sent.status_code == 303
    [visit] = about(house, id, "Appointment")
    return id, visit, str(visit["slot"][0]["reference"]).removeprefix("Slot/")


def test_the_first_free_time_of_who_is_chosen_is_held_for_three_days_and_given_back_when_nobody_answers(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    id, form = chosen(maria)
    page = said(maria.get(f"/referrals/new?order={id}").get_data(as_text=True))
    assert "Hold Mon 23 Nov 10:00 until Parkside Endocrine answers " in page
    assert "hold" not in form  # a clinic's time is held where somebody says so
    sent = maria.post(f"/referrals/new/{id}/send", data=form | {"hold": f"{CLINIC} {FREE}"})
    assert sent.status_code == 303
    told = said(maria.get(str(sent.location)).get_data(as_text=True))
    assert "Sent to Parkside Endocrine. 23 Nov 2026 10:00 is held for it." in told
    [visit], [task] = about(acting_house, id, "Appointment"), about(acting_house, id, "Task")
    assert not judge(visit, "Appointment")
    assert (visit["status"], visit["supportingInformation"]) == ("pending", [{"reference": f"Task/{task['id']}"}])
    slot = str(visit["slot"][0]["reference"]).removeprefix("Slot/")
    assert stored(acting_house, "Slot", slot)["status"] == "busy-tentative"
    assert due(acting_house)[visit["id"]] == datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    release(acting_house, visit["id"])  # too early: somebody began the job twice
    assert stored(acting_house, "Appointment", visit["id"])["status"] == "pending"
    clock.now = datetime(2026, 11, 23, 15, 1, tzinfo=UTC)
    release(acting_house, visit["id"])
    assert stored(acting_house, "Appointment", visit["id"])["status"] == "cancelled"
    assert stored(acting_house, "Slot", slot)["status"] == "free"
    page = said(acting_house.enter("coordinator").get(f"/referrals/{id}").get_data(as_text=True))
    assert "Time held for 23 Nov 2026 given back" in page
    release(acting_house, visit["id"])  # again: nothing is held any more
    assert stored(acting_house, "Appointment", visit["id"])["meta"]["versionId"] == "2"


def test_who_sends_second_is_told_that_the_time_is_gone_and_has_the_next_with_all_that_was_typed(
    acting_house: House, maria: FlaskClient
) -> None:
    id, form = chosen(maria)
    wanted = {"hold": free_time(maria, id), "question": "Is it urgent?"}
    _, _, slot = held(maria, acting_house)
    late = maria.post(f"/referrals/new/{id}/send", data=form | wanted)
    page = late.get_data(as_text=True)
    assert late.status_code == 409
    assert "23 Nov 2026 10:00 at Parkside Endocrine was taken meanwhile. The next free time there is" in said(page)
    assert 'value="Is it urgent?"' in page
    assert re.search(r'name="hold" value="[^"]+" checked', page)
    assert (about(acting_house, id, "Task"), stored(acting_house, "ServiceRequest", id)["status"]) == ([], "draft")
    again = maria.post(f"/referrals/new/{id}/send", data=form | {"hold": free_time(maria, id), "once": "anew"})
    assert again.status_code == 303
    [visit] = about(acting_house, id, "Appointment")
    assert visit["slot"][0]["reference"] != f"Slot/{slot}"


@pytest.mark.parametrize("end", ["decline", "withdraw"])
def test_a_time_is_given_back_at_once_when_the_clinic_says_no_or_the_referral_is_withdrawn(
    acting_house: House, maria: FlaskClient, end: str
) -> None:
    id, visit, slot = held(maria, acting_house)
    [task] = about(acting_house, id, "Task")
    if end == "decline":  # by any road: here as an EHR has it
        world = acting_house.world
        no = task | {"status": "rejected", "statusReason": {"text": "Full"}, "businessStatus": {"text": "declined"}}
        with writing(world.engine) as conn:
            actor, changes = Actor("ehr:elm", None, None, "sync"), [Change("Task", task["id"], no)]
            put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)
        assert due(acting_house)[visit["id"]] == world.clock()
        release(acting_house, visit["id"])
    else:
        page = maria.get(f"/?show={id}&act=withdraw").get_data(as_text=True)
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        answer = maria.post(f"/referrals/{id}/withdraw", data=form | {"reason": "Moved", "why": "Moved"})
        assert answer.status_code == 303, said(answer.get_data(as_text=True))
    assert stored(acting_house, "Appointment", visit["id"])["status"] == "cancelled"
    assert stored(acting_house, "Slot", slot)["status"] == "free"


def test_what_is_held_is_booked_by_its_own_slot_and_then_lapses_no_more(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    id, visit, slot = held(maria, acting_house)
    page = maria.get(f"/?show={id}&act=book").get_data(as_text=True)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    start = datetime.fromisoformat(visit["start"])
    words = {"day": f"{start:%Y-%m-%d}", "time": f"{start:%H:%M}", "date": f"{start:%Y-%m-%d}"}
    answer = maria.post(f"/referrals/{id}/book", data=form | words)
    assert answer.status_code == 303, said(answer.get_data(as_text=True))
    clock.now += timedelta(days=4)
    release(acting_house, visit["id"])
    assert stored(acting_house, "Appointment", visit["id"])["status"] == "booked"
    assert stored(acting_house, "Slot", slot)["status"] == "busy"


SLOT = {
    "resourceType": "Slot", "id": "slot", "status": "free", "schedule": {"reference": "Schedule/diary"},
    "start": "2026-12-01T15:00:00Z", "end": "2026-12-01T15:30:00Z",
}  # fmt: skip
BEFORE: list[dict[str, Any]] = [
    {"resourceType": "Location", "id": "site", "managingOrganization": HEART},
    {"resourceType": "Schedule", "id": "diary", "actor": [{"reference": "Location/site"}]},
    SLOT,
    *(
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "New", "given": [str(n)]}],
         "managingOrganization": {"reference": "Organization/clinic"}}
        for n in range(4)
    ),
]  # fmt: skip


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


def draft(place: Place, who: str, patient: str) -> tuple[str, dict[str, str]]:
    client, token = place.people[who], {"csrf": place.csrf[who]}
    begun = client.post("/referrals/new/begin", data=token | {"once": patient, "patient": patient})
    id = str(begun.location).partition("order=")[2]
    steps = {"draft": "1", "specialty": "Cardiology", "service": "Consult", "urgency": "routine"}
    choice = {"choice": "Organization/heart", "hold": "Organization/heart 2026-12-01T15:00:00+00:00"}
    return f"/referrals/new/{id}/send", token | steps | choice | {"once": f"send {patient}"}


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_of_coordinators_who_take_one_time_at_once_one_has_it_and_the_others_are_told(place: Place) -> None:
    place.put(BEFORE)
    for n in range(4):
        place.hire(f"ann{n}", "coordinator", "clinic")
    sent = [(f"ann{n}", *draft(place, f"ann{n}", f"p{n}")) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: place.people[one[0]].post(one[1], data=one[2]), sent))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            told = said(answer.get_data(as_text=True))
            assert "1 Dec 2026 10:00 at heart was taken meanwhile, and no other free time there is known" in told
    assert place.held("Slot", "slot")["status"] == "busy-tentative"
