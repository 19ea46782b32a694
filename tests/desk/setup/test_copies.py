"""`/setup/copies`: a clinic that an EHR and we hold under numbers of their own is made one, and two again."""

import html
import re
from typing import Any

from flask.testing import FlaskClient

from carecoord.actions.access.turn import changing
from carecoord.actions.fhir import write
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.world import World
from tests.desk.conftest import PASSWORD, House

THEIRS = {
    "resourceType": "Organization", "id": "their-quarry", "name": "Quarry Clinic",
    "meta": {"source": "https://ehr.example/fhir/Organization/7"},
    "identifier": [{"system": "https://ehr.example/departments", "value": "D7"}],
}  # fmt: skip
OURS = {
    "resourceType": "Organization", "id": "our-quarry", "name": "Quarry Clinic",
    "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9000030020"}],
}  # fmt: skip


ORDER = {
    "resourceType": "ServiceRequest", "id": "quarry-order", "status": "active", "intent": "order",
    "subject": {"reference": "Patient/quarry-patient"}, "code": {"text": "Quarry consultation"},
    "performer": [{"reference": "Organization/their-quarry"}], "authoredOn": "2026-11-20",
}  # fmt: skip
PATIENT = {"resourceType": "Patient", "id": "quarry-patient", "name": [{"family": "Slate", "given": ["Ada"]}]}


def put(world: World, *resources: dict[str, Any]) -> None:
    with changing(world, IMPORTER, "test") as turn:
        named = [(each["resourceType"], each["id"], each) for each in resources]
        write.carry_out(turn, [write.updating(turn, *each, None, only_new=False) for each in named])


def press(admin: FlaskClient, act: str) -> str:
    page = admin.get("/setup/copies").text
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]*)"', page))
    form = {"csrf": csrf, "ours": "our-quarry", "other": "their-quarry"}
    return html.unescape(admin.post(f"/setup/copies/{act}", data=form).text)


def test_a_clinic_that_is_here_twice_is_made_one_and_taken_apart_again(acting_house: House) -> None:
    put(acting_house.world, OURS, THEIRS, PATIENT, ORDER)
    quarry = NewUser("slate", "Slate, Otto", frozenset({"coordinator"}), "our-quarry")
    accounts.add_user(acting_house.world, quarry, PASSWORD)
    desk = acting_house.enter("slate")
    assert "Slate, Ada" not in desk.get("/").text
    admin = acting_house.enter("admin")
    assert "They are one<span class=\"unseen\">: Quarry Clinic" in admin.get("/setup/copies").text
    assert "is one from now on" in press(admin, "one")
    assert "Slate, Ada" in desk.get("/").text, "a referral to their copy is a referral to us"
    page = admin.get("/setup/copies").text
    assert "Take apart<span class=\"unseen\">: Quarry Clinic" in page
    assert "They are one<span class=\"unseen\">: Quarry Clinic" not in page
    named = admin.get("/people").text
    assert len(re.findall(r"<option value=\"(?:our|their)-quarry\"", named)) == len(
        re.findall(r"<option value=\"our-quarry\"", named)
    ), "it is shown once, as ours"
    assert "do not look like one any more" in press(admin, "one"), "twice changes nothing"
    assert "is two again" in press(admin, "apart")
    assert "Slate, Ada" not in desk.get("/").text
    assert "They are one<span class=\"unseen\">: Quarry Clinic" in admin.get("/setup/copies").text


def test_only_admins_make_two_one(acting_house: House) -> None:
    for who in ("coordinator", "payer", "contracts", "auditor"):
        assert acting_house.enter(who).get("/setup/copies").status_code == 403
    assert acting_house.enter("admin").post("/setup/copies/one", data={"ours": "a", "other": "b"}).status_code == 403
