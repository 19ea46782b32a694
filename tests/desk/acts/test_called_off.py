"""What stands of a visit where it should not: a hold and an entry of a waiting list that are called off by hand, and a
visit that is booked where the clinic has said no."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.domain.scheduling.gate import CAME_BACK
from carecoord.settings import Settings
from carecoord.store.worklist.tabs import RETURNED
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("off")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        made.put([{"resourceType": "Organization", "id": "second", "name": "Second Clinic"}])
        yield made


def page(place: Place, query: str, who: str = "requester") -> str:
    return place.people[who].get(f"/?{query}").get_data(as_text=True)


def offers(place: Place, case: str, verb: str) -> list[str]:
    """The words of the buttons of an act on a case's panel."""
    buttons = re.findall(rf'data-verb="{verb}".*?<span>(.*?)</span>', page(place, f"show={case}"), re.S)
    return [text(each) for each in buttons]


@pytest.mark.parametrize(
    ("status", "button", "said"),
    [
        ("pending", "Give the held time back", "The held time is given back."),
        ("proposed", "Give the held time back", "The held time is given back."),
        ("waitlist", "Take off the waiting list", "Taken off the waiting list."),
    ],
)
def test_a_hold_and_a_wait_are_called_off_in_words_of_their_own_and_the_task_goes_on(
    place: Place, status: str, button: str, said: str
) -> None:
    id = f"off-{status}"
    place.put(case_of("base", "accepted", id, status))
    assert offers(place, id, "cancel") == [button]
    form = text(page(place, f"show={id}&act=cancel"))
    assert button in form
    assert "The visit was called off" not in form
    data = {"csrf": place.csrf["performer"], "once": id, "back": f"/?show={id}", "reason": "The doctor is away"}
    answer = place.people["performer"].post(f"/referrals/{id}/cancel", data=data, follow_redirects=True)
    assert said in text(answer.get_data(as_text=True))
    held = place.held("Appointment", id)
    assert (held["status"], held["cancelationReason"]) == ("cancelled", {"text": "The doctor is away"})
    assert place.held("Task", id)["status"] == "accepted"
    assert offers(place, id, "cancel") == []


def test_a_visit_that_is_booked_where_the_clinic_declined_is_in_a_list_and_is_called_off_there(place: Place) -> None:
    place.put(case_of("base", "declined", "back", "booked"))
    place.put(case_of("base", "declined", "bare"))
    place.put(case_of("base", "accepted", "on", "booked"))
    shown = re.findall(r'id="case-([^"]+)"', page(place, "tab=returned"))
    assert set(RETURNED) == set(CAME_BACK)
    assert {"back", "bare"} <= set(shown)
    assert "on" not in shown
    assert offers(place, "back", "reopen")
    assert offers(place, "back", "cancel") == ["Visit was called off"]
    assert offers(place, "bare", "cancel") == []
    assert place.post("requester", "back", "cancel", reason="They declined") == 303
    assert place.held("Appointment", "back")["status"] == "cancelled"
    assert offers(place, "back", "cancel") == []


def held_slot(id: str, status: str) -> dict[str, object]:
    return {
        "resourceType": "Slot", "id": id, "status": status, "schedule": {"reference": "Schedule/heart"},
        "start": "2026-11-30T14:00:00-05:00", "end": "2026-11-30T14:30:00-05:00",
    }  # fmt: skip


def test_a_hold_is_given_back_with_its_slot_when_a_visit_is_booked_for_another_time(place: Place) -> None:
    patient, order, task, hold = case_of("base", "accepted", "beside", "pending")
    hold |= {"slot": [{"reference": "Slot/beside"}], "start": "2026-11-29T14:00:00-05:00"}
    place.put([patient, order, task, hold, held_slot("beside", "busy-tentative")])
    assert "any other gives it back" in text(page(place, "show=beside&act=book"))
    assert place.post("requester", "beside", "book") == 303
    assert (place.held("Appointment", "beside")["status"], place.held("Slot", "beside")["status"]) == (
        "cancelled", "free"
    )  # fmt: skip
    assert offers(place, "beside", "move"), "the visit that was booked stands"


def test_the_time_that_is_held_is_booked_itself_and_moving_it_frees_its_slot_and_outdates_a_no(place: Place) -> None:
    patient, order, task, hold = case_of("base", "accepted", "kept", "pending")
    hold |= {"slot": [{"reference": "Slot/kept"}], "start": "2026-11-30T14:00:00-05:00"}
    hold["participant"][0]["status"] = "needs-action"
    place.put([patient, order, task, hold, held_slot("kept", "busy-tentative")])
    assert place.post("requester", "kept", "book") == 303
    visit = place.held("Appointment", "kept")
    assert (visit["status"], visit["participant"][0]["status"]) == ("booked", "accepted")
    assert place.held("Slot", "kept")["status"] == "busy"
    no = {
        "resourceType": "AppointmentResponse", "id": "kept", "appointment": {"reference": "Appointment/kept"},
        "actor": {"reference": "Location/heart"}, "participantStatus": "declined", "comment": "Dr. Lane is away",
    }  # fmt: skip
    place.put([no])
    shown = text(page(place, "show=kept"))
    assert "answered that the visit of 30 Nov 2026 does not take place" in shown
    assert "answered no to the visit of 30 Nov 2026" in shown
    assert "Dr. Lane is away" in shown
    assert offers(place, "kept", "move")
    assert place.post("requester", "kept", "move", day="1 Dec") == 303
    assert place.held("Slot", "kept")["status"] == "free"
    assert place.held("AppointmentResponse", "kept")["start"] == "2026-11-30T14:00:00-05:00"
    assert "does not take place" not in text(page(place, "show=kept"))


def test_an_order_that_its_ehr_revokes_stands_open_until_its_visit_is_called_off(place: Place) -> None:
    patient, order, task, visit = case_of("base", "scheduled", "revoked", "booked")
    visit |= {"start": "2026-12-04T09:00:00Z", "end": "2026-12-04T09:30:00Z"}
    place.put([patient, order, task, visit])
    place.put([order | {"status": "revoked"}])
    for tab in ("open", "returned"):
        assert 'id="case-revoked"' in page(place, f"tab={tab}"), tab
    shown = text(page(place, "show=revoked"))
    assert "Next: call off what stands of the visit, and tell the patient" in shown
    assert "Whose move: Coordinator" in shown
    assert place.post("requester", "revoked", "cancel", reason="No longer wanted") == 303
    assert 'id="case-revoked"' not in page(place, "tab=open")
    assert 'id="case-revoked"' in page(place, "tab=closed")


def test_what_goes_to_another_clinic_leaves_no_visit_behind_at_the_one_that_declined(place: Place) -> None:
    """Else the new clinic's referral would be taken for booked by a visit that the old one does not keep."""
    for id in ("gone", "again"):
        order = case_of("base", "declined", id, "booked")
        order[1]["performer"].append({"reference": "Organization/second"})
        place.put(order)
    assert "is called off where it goes to another clinic" in text(page(place, "show=gone&act=reopen"))
    assert place.post("requester", "gone", "reopen", to="Organization/second") == 303
    visit = place.held("Appointment", "gone")
    assert (visit["status"], visit["cancelationReason"]) == ("cancelled", {"text": "Sent to another clinic."})
    assert place.post("requester", "again", "reopen", to="Organization/heart") == 303
    assert place.held("Appointment", "again")["status"] == "booked"
