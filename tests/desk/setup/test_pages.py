"""`/setup`: an admin sees what lacks, writes down the house, its sites, payers and plans, and connects an EHR."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey

from auth import store
from carecoord import app
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.ehrs import ehrs
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry
from tests.desk.conftest import NOW, PASSWORD, House, opened


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[House]:
    """An empty house, into which its first admin was let."""
    shutil.copyfile(sqlite_template, tmp_path / "carecoord.db")
    for world in opened(tmp_path, lambda: NOW):
        accounts.add_user(world, NewUser("whitlock", "Whitlock, Sam", frozenset({"admin"})), PASSWORD)
        yield House(world, app.wired(world))


def post(browser: FlaskClient, step: str, **typed: str) -> Any:
    page = browser.get(f"/setup?step={step}").get_data(as_text=True)
    token = re.findall(r'name="csrf" value="([^"]*)"', page)[0]
    return browser.post(f"/setup/{step}", data={"csrf": token, **typed})


def every(house: House, type: str) -> list[Row]:
    with reading(house.world.engine) as conn:
        return sorted(registry.every(conn, type), key=lambda row: row.rid)


def states(client: FlaskClient) -> list[str]:
    page = client.get("/setup").get_data(as_text=True)
    return re.findall(r'<span class="set-up-(done|part|open)">', page)


OFFICE = {"name": "Elm Clinic", "npi": "9000010089", "city": "Fairmont"}


def test_an_empty_house_is_written_down_step_by_step_and_each_is_judged_by_what_is_there(fresh: House) -> None:
    admin = fresh.enter("admin")
    assert states(admin) == ["open"] * 10
    answer = post(admin, "organization", **OFFICE)
    assert answer.status_code == 303
    assert "you belong to it from now on" in admin.get(answer.location).get_data(as_text=True)
    assert states(admin)[0] == "done"
    office = re.findall(r'<option value="([^"]+)" selected>Elm Clinic', admin.get("/setup?step=sites").text)[0]
    assert post(admin, "sites", **{"part-of": office, "name": "Elm Street", "city": "Fairmont"}).status_code == 303
    assert post(admin, "payers", **{"name": "Granite Mutual", "payer-number": "GR001"}).status_code == 303
    payer = re.findall(r'<option value="([^"]+)" selected>Granite Mutual', admin.get("/setup?step=plans").text)[0]
    plan = {"payer": payer, "name": "Granite Choice", "number": "GR-CHO", "networks": "Granite Select"}
    assert post(admin, "plans", **plan).status_code == 303
    assert states(admin) == ["done", "done", "open", "done", "done", "open", "open", "open", "open", "open"]
    page = admin.get("/setup").text
    assert "1 plan, 1 network" in page
    assert "4 of 10 done" in page

    post(admin, "organization", **OFFICE | {"name": "Elm Clinic of Fairmont"})
    assert "Elm Clinic of Fairmont" in admin.get("/setup").text, "the same NPI changes it and doubles nothing"

    told = [json.loads(row.body) for row in every(fresh, "Provenance")]
    assert not any(judge(each, "Provenance") for each in told)
    assert [sorted({target["reference"].partition("/")[0] for target in each["target"]}) for each in told] == [
        ["Organization"], ["Location"], ["Organization"], ["InsurancePlan", "Organization"], ["Organization"],
    ]  # fmt: skip
    assert {each["agent"][0]["who"]["display"] for each in told} == {told[0]["agent"][0]["who"]["display"]}
    assert "onBehalfOf" not in told[0]["agent"][0], "the first admin belonged nowhere yet"
    assert told[-1]["agent"][0]["onBehalfOf"] == {"reference": f"Organization/{office}"}
    assert told[-1]["entity"][0]["what"]["reference"] == f"Organization/{office}/_history/1"


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(fresh: House) -> None:
    admin = fresh.enter("admin")
    for step, typed, field in (
        ("organization", OFFICE | {"npi": "9000010088"}, "npi"),
        ("organization", OFFICE | {"npi": ""}, "npi"),
        ("payers", {"name": "Granite Mutual"}, "payer-number"),
        ("sources", {"name": "?!", "address": "https://ehr.example/fhir"}, "name"),
        ("sources", {"name": "elm", "address": "http://10.0.0.7/fhir"}, "address"),
        ("sources", {"name": "elm", "address": ""}, "address"),
    ):
        answer = post(admin, step, **typed)
        assert (answer.status_code, step) == (422, step)
        assert f'href="#{field}"' in answer.text
        assert f'id="{field}-fault"' in answer.text
        assert f'value="{typed["name"]}"' in answer.text
    assert states(admin) == ["open"] * 10, "nothing was kept"


def test_an_ehr_is_connected_and_stays_open_until_it_was_read(fresh: House) -> None:
    admin = fresh.enter("admin")
    assert post(admin, "sources", name="elm", address="https://ehr.example/fhir", client="us").status_code == 303
    assert states(admin)[7] == "part"
    assert "Never read yet" in admin.get("/setup?step=sources").text
    again = post(admin, "sources", name="elm", address="https://other.example/fhir")
    assert again.status_code == 422
    assert "already" in again.text
    trail = fresh.world.engine.connect().exec_driver_sql("SELECT query FROM audit WHERE interaction='ehr-add'").all()
    assert [row[0] for row in trail] == ["elm https://ehr.example/fhir"]


def test_an_ehr_is_kept_by_a_short_name_made_of_what_it_is_called(fresh: House) -> None:
    admin = fresh.enter("admin")
    assert post(admin, "sources", name="Elm EHR (2)", address="https://ehr.example/fhir").status_code == 303
    with reading(fresh.world.engine) as conn:
        assert [each.name for each in ehrs.every(conn)] == ["elm-ehr-2"]


@pytest.mark.parametrize("keys", ['{"keys": []}', "https:// keys", '{"kty": "EC"}', "{"])
def test_an_app_whose_keys_can_prove_nothing_is_not_let_in(fresh: House, keys: str) -> None:
    answer = post(fresh.enter("admin"), "sources/app", app="Elm Orders", keys=keys)
    assert answer.status_code == 422
    assert 'id="keys-fault"' in answer.text
    with reading(fresh.world.engine) as conn:
        assert store.clients(conn) == []


def test_a_private_key_is_refused_and_not_shown_again(fresh: House) -> None:
    private = json.dumps({"keys": [ECKey.generate_key("P-384").as_dict(private=True)]})
    answer = post(fresh.enter("admin"), "sources/app", app="Elm Orders", keys=private)
    assert answer.status_code == 422
    assert "private key" in answer.text
    assert json.loads(private)["keys"][0]["d"] not in answer.text


def test_an_admin_who_belongs_somewhere_is_not_moved(acting_house: House) -> None:
    admin = acting_house.enter("admin")
    assert post(admin, "organization", **OFFICE).status_code == 303
    with reading(acting_house.world.engine) as conn:
        found = store.find_login(conn, "whitlock")
    assert found is not None
    assert found.organization == "office-fairmont"


def test_only_admins_come_here_and_only_from_our_own_page(acting_house: House) -> None:
    for who in ("coordinator", "clinician", "payer", "contracts", "auditor"):
        assert acting_house.enter(who).get("/setup").status_code == 403
    admin = acting_house.enter("admin")
    assert admin.post("/setup/organization", data=OFFICE).status_code == 403
    assert admin.post("/setup/nothing", data=OFFICE).status_code == 403


def test_the_house_of_the_story_shows_what_it_has(acting_house: House) -> None:
    page = acting_house.enter("admin").get("/setup").text
    assert "Fairmont" in page
    assert "Blue Horizon" in page
