"""An order for which several clinics are asked, and one that is for the taking: each clinic sees its own, who says yes
first has the patient, the others are told."""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text

ELSEWHERE = "Another clinic has said yes to this order: it has the patient, and nothing is left to answer."
NAMED = [{"reference": f"Organization/{id}"} for id in ("heart", "second")]


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("several")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        ready(made)
        yield made


def ready(place: Place) -> None:
    place.put([{"resourceType": "Organization", "id": "second", "name": "Second Clinic"}])
    place.hire("sam", "coordinator", "second")


def order_of(place: Place, id: str) -> None:
    patient, order, asked = case_of("base", "sent", id)
    place.put([patient, order | {"performer": NAMED}, asked])


def listed(place: Place, who: str) -> list[str]:
    page = place.people[who].get("/asked").get_data(as_text=True)
    return re.findall(r'button-small" href="/referrals/([^"]+)"', page)


def ask_too(place: Place, id: str) -> str:
    """Ask the second clinic; the id of its Task."""
    assert place.post("requester", id, "ask-another", once=f"too-{id}", to="Organization/second") == 303
    page = place.people["requester"].get(f"/referrals/{id}").get_data(as_text=True)
    assert page.count('class="lane"') == 2
    return next(task for task in place.referring(id) if task != id)


def test_a_second_clinic_is_asked_beside_the_first_and_each_sees_its_own(place: Place) -> None:
    order_of(place, "both")
    assert place.post("requester", "both", "ask-another", to="Organization/heart") == 422, "it is asked already"
    second = ask_too(place, "both")
    assert place.held("Task", second)["owner"] == {"reference": "Organization/second"}
    assert place.held("Task", "both")["status"] == "requested"
    # the row of the worklist is of the last that was asked: there the first has it among those that are asked beside
    assert listed(place, "performer") == ["both"]
    assert listed(place, "other") == []
    clock: Any = place.house.world.clock
    clock.now += timedelta(minutes=1)  # so long an office that was not asked is not looked up once more
    link = 'rail-link" href="/asked"'
    led = {who for who, client in place.people.items() if link in client.get("/").get_data(as_text=True)}
    assert led == {"performer", "sam"}, "who is never asked has no such page in the rail"
    for who, other in (("performer", "Second Clinic"), ("sam", "heart")):
        page = place.people[who].get("/referrals/both").get_data(as_text=True)
        assert page.count('class="lane"') == 1, "nobody else's lane"
        assert f"Sent to {other}" not in text(page)
        assert 'data-verb="accept"' in page
    assert place.people["other"].get("/referrals/both").status_code == 404
    assert place.post("other", "both", "accept") == 404


def test_who_says_yes_first_has_the_patient_and_the_others_are_told(place: Place) -> None:
    order_of(place, "race")
    second = ask_too(place, "race")
    assert place.post("requester", "race", "release") == 409, "nobody has said yes"
    assert place.post("performer", "race", "accept") == 303
    assert place.held("Task", "race")["status"] == "accepted"
    late = place.send("sam", "race", "accept")
    assert (late.status_code, ELSEWHERE in text(late.get_data(as_text=True))) == (409, True)
    assert place.post("other", "race", "accept") == 404, "who was not asked is told nothing"
    assert listed(place, "sam") == []
    page = place.people["requester"].get("/?show=race").get_data(as_text=True)
    assert "Accepted" in page
    assert place.post("requester", "race", "ask-another", to="Organization/second") == 409
    assert place.post("requester", "race", "release") == 303
    ended = place.held("Task", second)
    assert (ended["status"], ended["statusReason"]["text"]) == (
        "cancelled", "Not selected: another clinic has the patient."
    )  # fmt: skip
    assert place.held("Task", "race")["status"] == "accepted"


def of_two_who_say_yes_at_once_one_has_the_patient(place: Place, id: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who: place.send(who, id, "accept"), ("performer", "sam")))
    assert sorted(each.status_code for each in answers) == [303, 409]
    refused = next(each for each in answers if each.status_code == 409)
    assert ELSEWHERE in text(refused.get_data(as_text=True))
    assert sorted(place.held("Task", each)["status"] for each in place.referring(id)) == ["accepted", "requested"]


def test_of_two_who_say_yes_in_one_moment_one_has_the_patient_and_the_other_is_told(place: Place) -> None:
    order_of(place, "moment")
    ask_too(place, "moment")
    of_two_who_say_yes_at_once_one_has_the_patient(place, "moment")


def test_one_who_declines_leaves_it_with_the_other(place: Place) -> None:
    order_of(place, "no")
    second = ask_too(place, "no")
    assert place.post("performer", "no", "decline", reason="Full") == 303
    assert place.held("Task", "no")["status"] == "rejected"
    assert place.held("Task", second)["status"] == "requested"
    assert place.people["performer"].get("/referrals/no").status_code == 404


def test_an_open_referral_is_for_the_taking_of_whom_its_order_names_and_of_nobody_else(place: Place) -> None:
    patient, order, task = case_of("base", "sent", "taken")
    del task["owner"]
    place.put([patient, order | {"performer": NAMED}, task])
    assert listed(place, "sam") == ["taken"]
    assert listed(place, "other") == []
    assert 'id="case-taken"' in place.people["requester"].get("/?tab=open").get_data(as_text=True)
    assert 'id="case-taken"' in place.people["performer"].get("/?tab=open").get_data(as_text=True)
    assert place.post("other", "taken", "accept") == 404
    assert place.post("sam", "taken", "accept") == 303
    assert place.held("Task", "taken")["owner"] == {"reference": "Organization/second"}
    assert 'id="case-taken"' in place.people["sam"].get("/?tab=open").get_data(as_text=True)
    assert place.people["performer"].get("/referrals/taken").status_code == 404, "it is somebody's now"


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_it_is_so_on_postgresql(database_url: str, tmp_path: Path) -> None:
    for made in furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY)):
        ready(made)
        order_of(made, "pg")
        ask_too(made, "pg")
        assert listed(made, "performer") == ["pg"]
        of_two_who_say_yes_at_once_one_has_the_patient(made, "pg")
