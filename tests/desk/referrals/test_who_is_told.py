"""The fifth step of a new referral over HTTP: who is told when it is sent, by which way, and that they are (issue 9,
point 1; design `new-referral`)."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.database.engine import reading, writing
from carecoord.store.guests import links
from carecoord.store.guests.links import Link
from carecoord.store.guests.tables import guest_link
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import NOW, PASSWORD, House
from tests.desk.referrals.test_new_referral import PARKSIDE, STEPS, about, begun, said, shown, stored, swapped

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now = max(clock.now, NOW) + timedelta(minutes=1)
    return clock


@pytest.fixture(scope="module", autouse=True)
def amelia(acting_house: House) -> None:
    """The clinician who orders has an account that says who she is."""
    new = NewUser("amelia", "Farrow, Amelia", frozenset({"clinician"}), "office-fairmont", "farrow")
    accounts.add_user(acting_house.world, new, PASSWORD)


@pytest.fixture
def maria(acting_house: House, clock: Any) -> FlaskClient:
    return acting_house.enter("coordinator")


def told(page: str) -> str:
    """The words of the step."""
    found = re.search(r'<div class="refer-told".*?</div>\s*(?:</div>|$|<)', page.replace("\n", " "), re.S)
    assert found
    return said(page[page.index('<div class="refer-told"') :].partition("</ul>")[0])


def test_the_step_says_who_hears_and_how_and_shows_what_is_written(acting_house: House, maria: FlaskClient) -> None:
    id = begun(maria)
    before = told(maria.get(f"/referrals/new?order={id}").get_data(as_text=True))
    assert "choose who can do it first" in before
    page = swapped(maria, id, shown(maria, id) | STEPS | {"choice": PARKSIDE}).get_data(as_text=True)
    assert 'id="told" hx-swap-oob="true"' in page
    words = told(page)
    assert re.search(r"Clinic: Parkside Endocrine has nobody here: go on to its link", words)
    assert "Patient: Marisol Delgado by message in " in words
    assert "Parkside Endocrine" in words.split("Read what is written")[1]
    assert "Farrow, Amelia by a note in their inbox" in words


def test_who_was_chosen_is_told_when_it_is_sent_and_nobody_before(acting_house: House, maria: FlaskClient) -> None:
    id = begun(maria)
    assert swapped(maria, id, shown(maria, id) | STEPS | {"choice": PARKSIDE}).status_code == 200
    draft = stored(acting_house, "ServiceRequest", id)
    kept = [each["valueString"] for each in draft["extension"] if each["url"].endswith("/told-when-sent")]
    assert kept == ["clinician", "patient"]
    assert about(acting_house, id, "Communication") == []
    form = shown(maria, id)
    form = {name: value for name, value in form.items() if value != "clinician"}  # she is told by word of mouth
    assert swapped(maria, id, form).status_code == 200
    assert "clinician" not in shown(maria, id).values()  # kept with the draft
    sent = maria.post(f"/referrals/new/{id}/send", data=shown(maria, id))
    assert sent.status_code == 303
    (talk,) = about(acting_house, id, "Communication")
    assert [each["reference"] for each in talk["recipient"]] == ["Patient/marisol-delgado"]
    assert "Parkside Endocrine" in talk["payload"][0]["contentString"]
    assert "told-when-sent" not in json.dumps(stored(acting_house, "ServiceRequest", id))
    page = maria.get(f"/?show={id}&done={str(sent.location).partition('done=')[2]}").get_data(as_text=True)
    assert re.search(r"Sent to Parkside Endocrine\. Told: [^.]*Delgado[^.]*\.", said(page))
    assert maria.post(f"/referrals/new/{id}/send", data=form).status_code in (303, 409)
    assert len(about(acting_house, id, "Communication")) == 1  # pressed twice: told once


def test_for_a_clinic_with_nobody_here_one_goes_on_to_its_link_and_cover_sheet(maria: FlaskClient) -> None:
    id = begun(maria)
    assert swapped(maria, id, shown(maria, id) | STEPS | {"choice": PARKSIDE}).status_code == 200
    page = maria.get(f"/referrals/new?order={id}").get_data(as_text=True)
    assert re.search(r'<input type="checkbox" name="tell-\d" value="cover">', page)
    sent = maria.post(f"/referrals/new/{id}/send", data=shown(maria, id) | {"tell-8": "cover"})
    assert sent.status_code == 303
    assert str(sent.location).startswith(f"/referrals/{id}/links?back=")
    links_page = said(maria.get(str(sent.location)).get_data(as_text=True))
    assert "Parkside Endocrine" in links_page


def test_who_wants_no_messages_is_named_and_not_offered(acting_house: House, maria: FlaskClient) -> None:
    id = begun(maria)
    link = Link("hushed", "patient", id, "marisol-delgado", "office-fairmont", "", "en", "COVERS", "r", 1, 2_000_000)
    with writing(acting_house.world.engine) as conn:
        links.keep(conn, link, "hushed", "")
        links.stop_messages(conn, "hushed", 2)
    try:
        form = shown(maria, id) | STEPS | {"choice": PARKSIDE, "tell-9": "patient"}
        page = swapped(maria, id, form).get_data(as_text=True)
        assert "Patient: Marisol Delgado wants no messages: tell them by telephone" in told(page)
        assert maria.post(f"/referrals/new/{id}/send", data=shown(maria, id) | form).status_code == 303
        recipients = [each["recipient"][0] for each in about(acting_house, id, "Communication")]
        assert "Patient/marisol-delgado" not in str(recipients)
    finally:
        with writing(acting_house.world.engine) as conn:
            conn.execute(delete(guest_link).where(guest_link.c.id == "hushed"))


def test_a_relative_is_told_only_where_the_patient_lets_them_know(acting_house: House, maria: FlaskClient) -> None:
    page = maria.get("/referrals/new?q=brandt").get_data(as_text=True)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    sent = maria.post("/referrals/new/begin", data=form | {"patient": "eleanor-brandt"})
    id = str(sent.location).partition("order=")[2]
    choice = {"choice": PARKSIDE}
    allowed = swapped(maria, id, shown(maria, id) | STEPS | choice).get_data(as_text=True)
    assert 'value="RelatedPerson/ruth-brandt"' in allowed
    world = acting_house.world
    with reading(world.engine) as conn:
        row = next(r for r in read.of_patient(conn, "eleanor-brandt", ["Consent"]) if b"ruth-brandt" in r.body)
    consent = json.loads(row.body) | {"status": "inactive"}
    with writing(world.engine) as conn:
        put_all(conn, [Change("Consent", row.id, consent)], now=world.clock(), actor=Actor(None, None, None, ""),
                base=world.base, project=world.project)  # fmt: skip
    try:
        barred = swapped(maria, id, shown(maria, id) | choice).get_data(as_text=True)
        assert 'value="RelatedPerson/ruth-brandt"' not in barred
        assert "Not offered, for the patient has not" in html.unescape(barred)
    finally:
        with writing(world.engine) as conn:
            restored = [Change("Consent", row.id, json.loads(row.body))]
            put_all(conn, restored, now=world.clock(), actor=Actor(None, None, None, ""), base=world.base,
                    project=world.project)  # fmt: skip
