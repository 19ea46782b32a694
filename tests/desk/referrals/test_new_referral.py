"""A new referral over HTTP: begun, kept at each change, sent in one go; and what it is refused for."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from carecoord.actions.terms import icd_10_cm
from carecoord.actions.terms.expand import sought
from carecoord.domain.terms.vocabularies import ICD_10_CM
from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database import marks
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case as case_row
from carecoord.store.events.tables import event
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.terms import codes
from tests.desk.conftest import NOW, House

Json = dict[str, Any]
PATIENT, PARKSIDE = "marisol-delgado", "Organization/office-parkside-endocrine"
STEPS = {
    "specialty": "Endocrinology", "service": "G0463 Outpatient clinic visit", "reason": "E04.1 Thyroid nodule",
    "question": "Is a biopsy needed?", "urgency": "urgent", "clinician": "PractitionerRole/farrow-role",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def diagnoses(acting_house: House) -> None:
    """One code, as if it were all that is shipped."""
    with writing(acting_house.world.engine) as conn:
        said = ("Nontoxic single thyroid nodule", " e04.1 nontoxic single thyroid nodule", "")
        codes.put(conn, ICD_10_CM, {"E04.1": said}, 0)
        marks.put(conn, "codes:icd-10-cm", icd_10_cm.release().encode())


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = NOW + timedelta(minutes=1)
    return clock


@pytest.fixture
def maria(acting_house: House, clock: Any) -> FlaskClient:
    return acting_house.enter("coordinator")


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


def said(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def begun(client: FlaskClient, patient: str = PATIENT) -> str:
    form = hidden(client.get("/referrals/new?q=delgado").get_data(as_text=True))
    sent = client.post("/referrals/new/begin", data=form | {"patient": patient})
    assert sent.status_code == 303
    assert client.post("/referrals/new/begin", data=form | {"patient": patient}).location == sent.location  # twice
    return str(sent.location).partition("order=")[2]


def shown(client: FlaskClient, id: str) -> dict[str, str]:
    """The form as a browser would send it unchanged."""
    page = client.get(f"/referrals/new?order={id}").get_data(as_text=True)
    form = hidden(page)
    for tag in re.findall(r"<input [^>]+>", page):
        name, kind, value = (re.search(rf' {each}="([^"]*)"', tag) for each in ("name", "type", "value"))
        ticked = kind and kind[1] in ("radio", "checkbox")
        if name and value and (not ticked or " checked" in tag):
            form[name[1]] = html.unescape(value[1])
    for name, options in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else ""
    return form


def swapped(client: FlaskClient, id: str, form: dict[str, str]) -> Any:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    return client.post(f"/referrals/new/{id}/save", data=form, headers=headers)


def stored(house: House, type: str, id: str) -> Json:
    with reading(house.world.engine) as conn:
        row = read.get(conn, type, id)
    assert row
    return dict(fhir_text.loads(row.body))


def about(house: House, id: str, type: str) -> list[Json]:
    with reading(house.world.engine) as conn:
        rows = read.of_patient(conn, PATIENT, [type])
    found = [fhir_text.loads(row.body) for row in rows]
    return [each for each in found if f"ServiceRequest/{id}" in str(each)]


def test_a_referral_is_kept_while_it_is_written_and_goes_out_with_its_task_in_one_go(
    acting_house: House, maria: FlaskClient
) -> None:
    id = begun(maria)
    form = shown(maria, id) | STEPS
    answer = swapped(maria, id, form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert page.lstrip().startswith('<section class="finder"')  # the finder alone is made anew, and the package
    assert "Kept 09:06" in page
    draft = stored(acting_house, "ServiceRequest", id)
    assert not judge(draft, "ServiceRequest")
    assert (draft["status"], draft["priority"], draft["occurrencePeriod"]) == (
        "draft", "urgent", {"start": "2026-11-22", "end": "2026-12-06"},
    )  # fmt: skip
    assert draft["code"]["coding"][0]["code"] == "G0463"
    assert draft["reasonCode"][0]["coding"][0]["code"] == "E04.1"
    card = said(page)[said(page).index("Parkside Endocrine") :]
    assert "In network AGR-0119, to 27 Dec 2027" in card[:220]
    assert "No authorization needed" in card[:220]
    assert "first cleared slot" in card[:120]
    assert "100% accepted, n = 5" in card
    form = shown(maria, id) | {"choice": "Organization/office-parkside-endocrine"}
    assert swapped(maria, id, form).status_code == 200
    clinic = acting_house.enter("outsider")
    assert clinic.get(f"/referrals/new?order={id}").status_code == 404
    assert "performer" not in stored(acting_house, "ServiceRequest", id)  # who is chosen sees nothing before it is sent
    form = shown(maria, id)
    assert form["choice"] == "Organization/office-parkside-endocrine"
    sent = maria.post(f"/referrals/new/{id}/send", data=form)
    assert (sent.status_code, str(sent.location).partition("&")[0]) == (303, f"/?show={id}")
    assert maria.post(f"/referrals/new/{id}/send", data=form).location == sent.location  # pressed twice: sent once
    order, [task] = stored(acting_house, "ServiceRequest", id), about(acting_house, id, "Task")
    assert not judge(order, "ServiceRequest")
    assert not judge(task, "Task")
    assert (order["status"], order["performer"][0]["reference"]) == ("active", "Organization/office-parkside-endocrine")
    assert (task["status"], task["owner"], task["priority"]) == (
        "requested", {"reference": "Organization/office-parkside-endocrine", "display": "Parkside Endocrine"}, "urgent",
    )  # fmt: skip
    assert about(acting_house, id, "Claim") == []  # the payer's rule wants none
    told_by = stored(acting_house, "Provenance", str(sent.location).partition("done=")[2])
    assert (told_by["activity"]["coding"][0]["code"], len(told_by["target"])) == ("send", 3)  # the patient is told too
    with reading(acting_house.world.engine) as conn:
        row = conn.execute(select(case_row).where(case_row.c.id == id)).one()
        told = list(conn.scalars(select(event.c.state).where(event.c.resource == task["id"], event.c.kind == "stage")))
    assert (row.stage, row.agreement_gate, row.authorization_gate) == ("sent", "met", "not-needed")
    assert told == ["sent"]
    done = said(maria.get(sent.location).get_data(as_text=True))
    assert "Sent to Parkside Endocrine." in done
    assert swapped(maria, id, form).status_code == 409  # it has gone out


def test_what_two_of_a_team_write_at_once_is_put_together_by_field_and_a_clash_is_told(
    acting_house: House, maria: FlaskClient
) -> None:
    id = begun(maria)
    mine, theirs = shown(maria, id), shown(maria, id)
    doctor = acting_house.enter("clinician")
    token = hidden(doctor.get(f"/referrals/new?order={id}").get_data(as_text=True))["csrf"]
    theirs |= {"csrf": token, "once": "theirs"}
    assert swapped(doctor, id, theirs | {"question": "Biopsy?", "specialty": "Endocrinology"}).status_code == 200
    answer = swapped(maria, id, mine | {"urgency": "asap"})
    assert answer.status_code == 200
    assert "A colleague changed: question, specialty" in said(answer.get_data(as_text=True))
    draft = stored(acting_house, "ServiceRequest", id)
    assert (draft["note"], draft["priority"]) == ([{"text": "Biopsy?"}], "asap")
    clash = swapped(maria, id, mine | {"question": "Which dose?", "once": "again"})
    assert clash.status_code == 412
    told = clash.get_data(as_text=True)
    assert "A colleague wrote “Biopsy?” as question meanwhile" in html.unescape(told)
    assert stored(acting_house, "ServiceRequest", id)["note"] == [{"text": "Biopsy?"}]
    after = shown(maria, id) | {"question": "Which dose?"}  # shown what they wrote, and written all the same
    assert swapped(maria, id, after).status_code == 200
    assert stored(acting_house, "ServiceRequest", id)["note"] == [{"text": "Which dose?"}]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"choice": ""}, "Choose who is to see the patient."),
        ({"service": ""}, "Say what is wanted"),
        ({"reason": "M99999 nothing"}, "“M99999” is no code of ICD-10-CM"),
        ({"to": "2026-11-01"}, "The last day is over"),
        ({"to": "someday"}, "someday"),
        ({"choice": "Organization/office-blue-horizon"}, "Choose a clinic that is here and sees patients."),
    ],
)
def test_what_can_not_be_sent_comes_back_with_all_that_was_typed(
    acting_house: House, maria: FlaskClient, wrong: dict[str, str], words: str
) -> None:
    id = begun(maria)
    form = shown(maria, id) | STEPS | {"choice": "Organization/office-parkside-endocrine"} | wrong
    answer = maria.post(f"/referrals/new/{id}/send", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in said(page)
    assert 'value="Is a biopsy needed?"' in page
    assert stored(acting_house, "ServiceRequest", id)["status"] == "draft"
    assert about(acting_house, id, "Task") == []


def test_missing_papers_do_not_hold_it_up_and_a_request_for_authorization_is_begun_where_the_rule_wants_one(
    acting_house: House, maria: FlaskClient
) -> None:
    id = begun(maria)
    steps = STEPS | {"specialty": "Cardiology", "service": "C8928 Stress echo"}
    page = said(swapped(maria, id, shown(maria, id) | steps).get_data(as_text=True))
    assert "Echocardiogram None in the chart" in page
    assert "Authorization needed" in page[page.index("Hillcrest Cardiology") :][:300]
    form = shown(maria, id) | {"choice": "Organization/office-hillcrest-cardiology"}
    assert "a request for authorization is begun; they hear when you send that" in said(
        swapped(maria, id, form).get_data(as_text=True)
    )
    assert maria.post(f"/referrals/new/{id}/send", data=shown(maria, id)).status_code == 303
    [claim] = about(acting_house, id, "Claim")
    assert not judge(claim, "Claim")
    assert (claim["status"], claim["use"], claim["referral"]) == (
        "draft", "preauthorization", {"reference": f"ServiceRequest/{id}"},
    )  # fmt: skip
    assert claim["item"][0]["productOrService"]["coding"][0]["code"] == "C8928"
    with reading(acting_house.world.engine) as conn:
        row = conn.execute(select(case_row).where(case_row.c.id == id)).one()
        assert conn.scalar(select(func.count()).where(event.c.resource == claim["id"], event.c.state == "draft")) == 1
    assert (row.authorization_state, row.cleared) == ("draft", False)


def test_what_the_patient_needs_is_there_from_their_record_and_goes_out_with_the_order(
    acting_house: House, maria: FlaskClient
) -> None:
    id = begun(maria)
    form = shown(maria, id)
    assert (form.get("interpreter"), form.get("transport")) == ("1", None)  # she speaks Spanish, says her record
    assert swapped(maria, id, form | STEPS | {"transport": "1"}).status_code == 200
    sent = maria.post(f"/referrals/new/{id}/send", data=shown(maria, id) | {"choice": PARKSIDE})
    assert sent.status_code == 303
    needs = [each for each in stored(acting_house, "ServiceRequest", id)["extension"] if "visit-need" in each["url"]]
    assert [each["valueCode"] for each in needs] == ["interpreter", "transport"]


def test_nothing_is_begun_before_a_patient_is_chosen(maria: FlaskClient) -> None:
    form = hidden(maria.get("/referrals/new?q=delgado").get_data(as_text=True))
    answer = maria.post("/referrals/new/begin", data=form)
    assert answer.status_code == 422
    assert '<p class="alert" role="alert">Choose a patient first.</p>' in answer.get_data(as_text=True)


def test_another_office_reaches_neither_draft_nor_patient(acting_house: House, maria: FlaskClient) -> None:
    id = begun(maria)
    rival = acting_house.enter("outsider")
    form = hidden(rival.get("/referrals/new").get_data(as_text=True))
    assert rival.post("/referrals/new/begin", data=form | {"patient": PATIENT}).status_code == 404
    assert rival.post("/referrals/new/begin", data=form | {"patient": PATIENT, "order": id}).status_code == 404
    assert swapped(rival, id, form | {"draft": "1"}).status_code == 404
    assert rival.post(f"/referrals/new/{id}/send", data=form).status_code in (404, 422)
    assert maria.post(f"/referrals/new/{id}/send", data={}).status_code == 403


def test_the_worklist_leads_back_to_a_draft_and_to_an_order_that_nobody_was_asked_for(
    acting_house: House, maria: FlaskClient
) -> None:
    id = begun(maria)
    page = maria.get(f"/?show={id}").get_data(as_text=True)
    assert f'href="/referrals/{id}/refer" hx-boost="false"' in page
    assert 'data-verb="send"' not in page.split('id="panel"')[1]  # nobody is chosen yet
    assert maria.get(f"/referrals/{id}/refer").location == f"/referrals/new?order={id}"
    other = stored(acting_house, "ServiceRequest", "order-24815")
    bare = {name: each for name, each in other.items() if name not in ("meta", "performer", "locationReference")}
    order = {**bare, "id": "ehrs-own", "status": "active", "identifier": [{"value": "ehrs-own"}]}
    world = acting_house.world
    with writing(world.engine) as conn:
        actor = Actor("ehr:elm", None, None, "sync")
        changes = [Change("ServiceRequest", "ehrs-own", order)]
        put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)
    panel = said(maria.get("/?show=ehrs-own").get_data(as_text=True))
    assert "New order: nobody has been asked yet." in panel
    form = shown(maria, "ehrs-own")
    assert "draft" not in form  # the order is the EHR's: it is changed there
    page = said(swapped(maria, "ehrs-own", form | {"by": "nearest"}).get_data(as_text=True))
    assert "Nobody in network within 30 miles. Look farther, or ask one out of network" in page
    assert re.search(r"Not offered: \d", page)
    assert "Bellwether Heart & Vascular" in page
    chosen = form | {"choice": "Organization/office-bellwether-vascular"}
    assert maria.post("/referrals/new/ehrs-own/send", data=chosen).status_code == 303
    with reading(world.engine) as conn:
        rows = read.of_patient(conn, order["subject"]["reference"].removeprefix("Patient/"), ["Task"])
    tasks = [fhir_text.loads(row.body) for row in rows]
    [task] = [each for each in tasks if "ehrs-own" in str(each["focus"])]
    assert (task["status"], task["owner"]["reference"]) == ("requested", "Organization/office-bellwether-vascular")
    assert stored(acting_house, "ServiceRequest", "ehrs-own")["meta"]["versionId"] == "1"
    assert maria.post("/referrals/new/ehrs-own/send", data=chosen | {"once": "more"}).status_code == 409


def test_two_clinics_are_asked_at_once_with_a_task_each(acting_house: House, maria: FlaskClient) -> None:
    id = begun(maria)
    steps = STEPS | {"specialty": "Cardiology"}
    page = swapped(maria, id, shown(maria, id) | steps).get_data(as_text=True)
    both = re.findall(r'name="both" value="([^"]+)"', page)[0]
    assert both == "Organization/office-hillcrest-cardiology Organization/office-riverside-heart"
    sent = maria.post(f"/referrals/new/{id}/send", data=shown(maria, id) | steps | {"both": both})
    assert sent.status_code == 303
    tasks = [each for each in about(acting_house, id, "Task") if each["status"] == "requested"]
    assert sorted(each["owner"]["reference"] for each in tasks) == both.split()
    order = stored(acting_house, "ServiceRequest", id)
    assert [each["reference"] for each in order["performer"]] == both.split()
    told = said(maria.get(sent.location).get_data(as_text=True))
    assert "Sent to Hillcrest Cardiology and Riverside Heart Group." in told


def test_a_specialty_is_chosen_by_its_code_and_finds_who_is_listed_by_the_code_or_by_what_people_call_it(
    acting_house: House, maria: FlaskClient
) -> None:
    world, nucc = acting_house.world, "http://nucc.org/provider-taxonomy"
    id = begun(maria)
    assert 'list="specialties"' in maria.get(f"/referrals/new?order={id}").text, "no codes are here yet"
    heart, glands = "Cardiovascular Disease Physician", "Endocrinology, Diabetes & Metabolism Physician"
    told = {"207RC0000X": heart, "207RE0101X": glands}
    with writing(world.engine) as conn:
        codes.put(conn, nucc, {code: (said, sought(code, said), "") for code, said in told.items()}, 0)
        row = read.get(conn, "OrganizationAffiliation", "agr-0119-include")
        assert row
        coded = fhir_text.loads(row.body) | {"specialty": [{"coding": [{"system": nucc, "code": "207RE0101X"}]}]}
        put_all(conn, [Change("OrganizationAffiliation", row.id, coded)], now=world.clock(), base=world.base,
                actor=Actor("t", None, None, "t"), project=world.project)  # fmt: skip
    page = maria.get(f"/referrals/new?order={id}").text
    assert 'data-codes="specialty"' in page
    assert "207RC0000X" in maria.get("/codes?of=specialty&said=cardiology").text
    form = shown(maria, id) | STEPS | {"specialty": "207RE0101X Endocrinology, Diabetes & Metabolism Physician"}
    found = swapped(maria, id, form).text
    assert "Parkside Endocrine" in said(found), "who is listed by the code alone"
    draft = stored(acting_house, "ServiceRequest", id)
    assert draft["performerType"]["coding"][0]["code"] == "207RE0101X"
    assert draft["performerType"]["text"] == "Endocrinology, Diabetes & Metabolism Physician"
    assert shown(maria, id)["specialty"] == form["specialty"]
    form = shown(maria, id) | {"specialty": "207RC0000X"}
    found = swapped(maria, id, form).text
    assert "Riverside Heart Group" in said(found), "who is listed for Cardiology, in words"
    assert stored(acting_house, "ServiceRequest", id)["performerType"]["text"] == "Cardiovascular Disease Physician"
    form = shown(maria, id) | {"specialty": "Cardiology"}
    assert "Riverside Heart Group" in said(swapped(maria, id, form).text)
    assert stored(acting_house, "ServiceRequest", id)["performerType"] == {"text": "Cardiology"}
