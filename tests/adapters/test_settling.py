"""A conflict on the panel: both values in words, settled by one click, and the EHR is told."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord import app
from carecoord.actions.ehrs.sync import add_ehr, run
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.cli.demo import PARTNER
from carecoord.store.database.engine import reading
from carecoord.store.events.tables import event
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.identity import local_id
from tests.adapters.content import held
from tests.adapters.second_server import STORY, hospital
from tests.adapters.test_both_sides import referral, task
from tests.adapters.test_syncing import patient
from tests.adapters.test_write_back import changed, registered, there, told, written

ID = local_id("mercy", "Task", "t1")
CASE = local_id("mercy", "ServiceRequest", "r1")
OTHER = local_id("mercy", "Organization", "o2")
CLINIC = local_id("mercy", "Organization", "o1")
PASSWORD = "five made-up words in a row"


@pytest.fixture
def mercy(tmp_path: Path) -> Iterator[World]:
    with hospital(tmp_path / "mercy", PARTNER, STORY) as world:
        order = referral() | {"requester": {"reference": "Organization/o1"}}
        clinic = {"resourceType": "Organization", "id": "o1", "name": "Fairmont Primary Care"}
        other = {"resourceType": "Organization", "id": "o2", "name": "Harborview"}
        for one in (clinic, other, patient("p1"), order, task()):
            written(world, one)
        yield world


@pytest.fixture
def desk(world: World, mercy: World) -> FlaskClient:
    """Maria's browser, before a referral on which Mercy General and we have changed the state."""
    add_ehr(world, registered(mercy))
    assert run(world, "mercy").error is None
    accounts.add_user(world, NewUser("maria", "Reyes, Maria", frozenset({"coordinator"}), CLINIC), PASSWORD)
    changed(world, status="on-hold")
    written(mercy, task("in-progress"))
    assert run(world, "mercy").error is None
    return entered(world, "maria")


def entered(world: World, login: str) -> FlaskClient:
    client = app.wired(world).test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    client.post("/sign-in", data={**hidden, "login": login, "password": PASSWORD})
    return client


def page(desk: FlaskClient) -> str:
    return re.sub(r"\s+", " ", desk.get(f"/referrals/{CASE}").get_data(as_text=True))


def press(desk: FlaskClient, choice: str, **more: str) -> Any:
    found = page(desk)
    csrf = re.findall(r'name="csrf" value="([^"]*)"', found)[0]
    (number,) = set(re.findall(r'action="/conflicts/(\d+)"', found))
    return desk.post(f"/conflicts/{number}", data={"csrf": csrf, "case": CASE, "choice": choice} | more)


def test_the_panel_shows_both_values_and_that_the_ehr_waits(desk: FlaskClient) -> None:
    shown = page(desk)
    assert "Conflict to settle" in shown
    assert "<bdi>in-progress</bdi>" in shown
    assert "<bdi>on-hold</bdi>" in shown
    assert "mercy and we have both changed the referral, status: mercy says in-progress, we say on-hold." in shown
    assert "Cleared: can be seen" not in shown


def test_keeping_ours_tells_the_ehr(world: World, mercy: World, desk: FlaskClient) -> None:
    loop.once(world)
    assert there(mercy)["status"] == "in-progress"
    assert press(desk, "ours").status_code == 303
    assert "Conflict to settle" not in page(desk)
    loop.once(world)
    assert there(mercy)["status"] == "on-hold"
    assert "Told mercy of the referral at" in page(desk)
    assert run(world, "mercy").changed == 0


def test_taking_theirs_changes_ours_and_both_agree(world: World, mercy: World, desk: FlaskClient) -> None:
    assert press(desk, "theirs").status_code == 303
    assert held(world.engine, "Task")[ID]["status"] == "in-progress"
    assert "Conflict to settle" not in page(desk)
    loop.once(world)
    assert there(mercy)["status"] == "in-progress"
    assert told(world).state == "delivered"


def test_a_case_in_conflict_is_marked_in_the_list_and_has_a_list_of_its_own(desk: FlaskClient) -> None:
    listed = re.sub(r"\s+", " ", desk.get("/").get_data(as_text=True))
    assert '<a href="/?tab=conflict">Conflicts <span class="count">1</span></a>' in listed
    assert "Conflict</span>" in listed
    assert CASE in desk.get("/?tab=conflict").get_data(as_text=True)
    assert press(desk, "ours").status_code == 303
    listed = desk.get("/").get_data(as_text=True)
    assert "Conflict" not in listed


@pytest.mark.parametrize(("choice", "version", "revised"), [("theirs", 3, [2]), ("ours", 2, [])])
def test_who_settled_it_is_told_by_a_provenance_and_by_the_case(
    world: World, desk: FlaskClient, choice: str, version: int, revised: list[int]
) -> None:
    assert press(desk, choice).status_code == 303
    (proof,) = held(world.engine, "Provenance").values()
    assert [each["reference"] for each in proof["target"]] == [f"Task/{ID}/_history/{version}"]
    former = [each["what"]["reference"] for each in proof["entity"] if each["role"] == "revision"]
    assert former == [f"Task/{ID}/_history/{number}" for number in revised]
    assert proof["agent"][0]["who"]["display"] == "Reyes, Maria"
    assert proof["activity"]["coding"][0]["code"] == "settle"
    with reading(world.engine) as conn:
        (told,) = conn.execute(select(event).where(event.c.kind == "conflict")).all()
    assert (told.before, told.state, told.case_id, told.type, told.resource) == ("disputed", choice, CASE, "Task", ID)
    assert told.version == version
    ends = {"theirs": "theirs taken", "ours": "ours kept"}[choice]
    shown = page(desk)
    assert f"Conflict with mercy about the referral settled: {ends}" in shown
    assert "mercy said in-progress, we said on-hold · By Reyes, Maria" in shown


def test_a_conflict_is_settled_once_and_by_the_session_that_asks(world: World, desk: FlaskClient) -> None:
    found = page(desk)
    (number,) = set(re.findall(r'action="/conflicts/(\d+)"', found))
    csrf = re.findall(r'name="csrf" value="([^"]*)"', found)[0]
    assert press(desk, "ours", csrf="made up").status_code == 403
    assert press(desk, "both").status_code == 400
    assert press(desk, "ours").status_code == 303
    again = desk.post(f"/conflicts/{number}", data={"csrf": csrf, "case": CASE, "choice": "theirs"})
    assert again.status_code == 409
    assert held(world.engine, "Task")[ID]["status"] == "on-hold"


def test_another_office_settles_nothing(world: World, desk: FlaskClient) -> None:
    accounts.add_user(world, NewUser("olga", "Harper, Olga", frozenset({"coordinator"}), OTHER), PASSWORD)
    (number,) = set(re.findall(r'action="/conflicts/(\d+)"', page(desk)))
    other = entered(world, "olga")
    csrf = re.findall(r'name="csrf" value="([^"]*)"', other.get("/").get_data(as_text=True))[0]
    answer = other.post(f"/conflicts/{number}", data={"csrf": csrf, "case": CASE, "choice": "theirs"})
    assert answer.status_code == 404
    assert held(world.engine, "Task")[ID]["status"] == "on-hold"
