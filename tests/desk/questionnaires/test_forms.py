"""Forms that the office gives to a patient, filled in by their link or on the telephone, and instructions they read."""

import copy
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord.fhir import text as json
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.worklist import registry
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import linked
from tests.domain.questionnaires.made import FORM
from tests.domain.questionnaires.test_answers import FIELDS

CASE, BORN = "order-24820", "20/10/1973"
RIGHT = {FIELDS["weight"]: "80", FIELDS["thinner"]: "false"}


@pytest.fixture(scope="module")
def kept(acting_house: House) -> None:
    keep_forms(acting_house)


def keep_forms(house: House) -> None:
    """A form that can be asked, and one that can not."""
    world = house.world
    stranger = copy.deepcopy(FORM) | {"id": "photo", "title": "Photograph", "url": "http://example.org/photo"}
    stranger["item"] = [{"linkId": "photo", "type": "attachment", "text": "A photograph"}]
    changes = [Change("Questionnaire", each["id"], each) for each in (FORM, stranger)]
    with writing(world.engine) as conn:
        put_all(
            conn, changes, now=world.clock(), actor=Actor(None, None, None, ""), base=world.base, project=world.project
        )


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes to an address."""
    form = re.search(rf'<form[^>]*action="[^"]*{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[1]))


def given(maria: FlaskClient, verb: str, **fields: str) -> str:
    """An act on the case, from its own page; what the page then says."""
    page = maria.get(f"/referrals/{CASE}?act={verb}").get_data(as_text=True)
    sent = maria.post(f"/referrals/{CASE}/{verb}", data=hidden(page, f"/{verb}") | fields)
    assert sent.status_code == 303, sent.get_data(as_text=True)
    return maria.get(sent.headers["Location"]).get_data(as_text=True)


def entered(house: House, maria: FlaskClient) -> tuple[FlaskClient, str]:
    """The patient on their telephone, and the address of their page."""
    address, _ = linked(maria, CASE, "patient")
    phone = house.app.test_client()
    page = phone.get(address).get_data(as_text=True)
    phone.post(f"{address}/code", data=hidden(page, "/code") | {"code": BORN})
    return phone, address


def stored(house: House, type: str) -> list[Any]:
    with reading(house.world.engine) as conn:
        return [json.loads(row.body) for row in registry.every(conn, type)]


@pytest.mark.usefixtures("kept")
def test_a_form_goes_to_the_patient_comes_back_by_their_link_and_stands_on_the_case(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    page = maria.get(f"/referrals/{CASE}?act=give-form").get_data(as_text=True)
    assert "Photograph can not be asked: Item photo is of type attachment" in re.sub(r"</?bdi>", "", page)
    assert "The patient was asked to fill in: Before your visit." in given(maria, "give-form", form="before-visit")
    phone, address = entered(acting_house, maria)
    page = phone.get(address).get_data(as_text=True)
    assert "Por favor llene" in page
    way = re.search(r'href="([^"]*/forms/[^"]*)"', page)
    assert way
    form = way[1].partition("?")[0]
    page = phone.get(way[1]).get_data(as_text=True)
    assert "¿Toma anticoagulantes?" in page
    assert "Which one?" not in page
    fields = hidden(page, form.rpartition("/")[2])
    wrong = phone.post(form, data=fields | RIGHT | {FIELDS["weight"]: "1"})
    assert wrong.status_code == 422
    assert "No menos de 2, por favor." in wrong.get_data(as_text=True)
    opens = phone.post(form, data=fields | RIGHT | {FIELDS["thinner"]: "true"})
    assert opens.status_code == 200  # another question is asked now: nothing is sent
    assert "Which one?" in opens.get_data(as_text=True)
    assert "Sus respuestas abren algunas preguntas más" in opens.get_data(as_text=True)
    assert stored(acting_house, "QuestionnaireResponse") == []
    fields = hidden(opens.get_data(as_text=True), form.rpartition("/")[2])
    more = phone.post(form, data=fields | RIGHT | {"more": FIELDS["medicine"]}).get_data(as_text=True)
    assert f'name="{FIELDS["name"]}.1"' in more
    sent = phone.post(form, data=fields | RIGHT | {FIELDS["thinner"]: "true", FIELDS["which"]: "Apixaban"})
    assert sent.status_code == 303
    assert phone.get(form).status_code == 409
    (response,) = stored(acting_house, "QuestionnaireResponse")
    assert (response["status"], response["questionnaire"]) == ("completed", f"{FORM['url']}|2")
    assert response["basedOn"] == [{"reference": f"ServiceRequest/{CASE}"}]
    assert [each["linkId"] for each in response["item"]] == ["you", "thinner", "which"]
    task = next(each for each in stored(acting_house, "Task") if "complete-questionnaire" in str(each.get("code")))
    assert task["status"] == "completed"
    assert task["output"][0]["valueReference"] == {"reference": f"QuestionnaireResponse/{response['id']}"}
    page = maria.get(f"/referrals/{CASE}").get_data(as_text=True)
    assert re.search(r"Which one\?</dt><dd[^>]*>Apixaban</dd>", page)
    assert "Filled in" in page


@pytest.mark.usefixtures("kept")
def test_the_office_fills_a_form_in_on_the_telephone_and_what_it_wrote_is_kept(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    page = given(maria, "give-form", form="before-visit")
    way = re.search(r'href="(/referrals/[^"]*/forms/[^"]*)"', page)
    assert way
    page = maria.get(way[1]).get_data(as_text=True)
    fields = hidden(page, way[1])
    kept = maria.post(f"{way[1]}/keep", data=fields | {FIELDS["weight"]: "77", FIELDS["born"]: "so"})
    assert "Kept at" in kept.get_data(as_text=True)
    page = maria.get(way[1]).get_data(as_text=True)
    assert f'name="{FIELDS["weight"]}" type="text" inputmode="decimal" autocomplete="off" dir="auto" value="77"' in page
    sent = maria.post(way[1], data=hidden(page, way[1]) | RIGHT)
    assert sent.status_code == 303
    assert "Form filled in: Before your visit." in maria.get(sent.headers["Location"]).get_data(as_text=True)


@pytest.mark.usefixtures("kept")
def test_a_form_is_nobodys_but_the_patients_and_the_offices(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    page = given(maria, "give-form", form="before-visit")
    way = re.search(r'href="(/referrals/[^"]*/forms/([^"]*))"', page)
    assert way
    for who, status in (("outsider", 404), ("payer", 404), ("contracts", 404)):
        assert acting_house.enter(who).get(way[1]).status_code == status, who
    address, _ = linked(maria, "order-24815", "patient")  # another patient's
    phone = acting_house.app.test_client()
    page = phone.get(address).get_data(as_text=True)
    assert phone.get(f"{address}/forms/{way[2]}").status_code == 404
    assert phone.post(f"{address}/forms/{way[2]}", data=RIGHT).status_code == 404


@pytest.mark.usefixtures("kept")
def test_instructions_are_read_by_the_patient_and_the_case_says_when(acting_house: House) -> None:
    maria = acting_house.enter("coordinator")
    page = maria.get(f"/referrals/{CASE}?act=instruct").get_data(as_text=True)
    unread = maria.post(
        f"/referrals/{CASE}/instruct",
        data=hidden(page, "/instruct") | {"note": "No coma nada desde la medianoche.", "foreign": "1"},
    )
    assert unread.status_code == 422  # somebody who reads Spanish looks at it before it goes
    page = given(maria, "instruct", note="No coma nada desde la medianoche.", foreign="1", checked="1")
    assert "The patient has the instructions." in page
    phone, address = entered(acting_house, maria)
    page = phone.get(address).get_data(as_text=True)
    assert "No coma nada desde la medianoche." in page
    read = phone.post(f"{address}/have-read", data=hidden(page, "/have-read"))
    assert read.status_code == 303
    assert "Usted ya leyó esto." in phone.get(address).get_data(as_text=True)
    assert re.search(r"Instructions</bdi>\s*<span class=\"chip chip-green\">", maria.get(f"/referrals/{CASE}").text)
