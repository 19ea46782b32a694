"""Finding the patient of a new referral over HTTP, and who finds nobody."""

import html
import re

import pytest
from flask.testing import FlaskClient

from carecoord.store.database.engine import writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import House

NEW = "no-referral"


@pytest.fixture(scope="module")
def maria(acting_house: House) -> FlaskClient:
    """A coordinator whose office also cares for somebody without any referral."""
    patient = {
        "resourceType": "Patient", "id": NEW, "name": [{"family": "Delgado", "given": ["Paloma"]}],
        "birthDate": "2007-06-22", "telecom": [{"system": "phone", "value": "555-0203"}],
        "managingOrganization": {"reference": "Organization/office-fairmont"},
    }  # fmt: skip
    card = {
        "resourceType": "Coverage", "id": "card-new", "status": "active", "subscriberId": "PH-77-1203",
        "beneficiary": {"reference": f"Patient/{NEW}"}, "payor": [{"reference": "Organization/office-blue-horizon"}],
    }  # fmt: skip
    world = acting_house.world
    with writing(world.engine) as conn:
        changes = [Change(each["resourceType"], each["id"], each) for each in (patient, card)]
        given = {"now": world.clock(), "actor": Actor("test", None, None, "t"), "base": world.base}
        put_all(conn, changes, project=world.project, **given)
    return acting_house.enter("coordinator")


def hits(client: FlaskClient, typed: str) -> list[str]:
    page = client.get("/referrals/new/patients", query_string={"q": typed}).get_data(as_text=True)
    return re.findall(r'name="patient" value="([^"]+)"', page)


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("555 0203", ["marisol-delgado", NEW]),  # by telephone; one of the two has no referral
        ("delgado 2007", [NEW]),
        ("22 Jun 2007", [NEW]),
        ("PH-77-1203", [NEW]),  # the number on the card
        ("lucia castel", ["lucia-castellanos"]),  # Lucía
        ("odonnell", ["patrick-o-donnell"]),
        ("4402-556", ["marisol-delgado"]),
        ("nobody of this name", []),
    ],
)
def test_a_patient_is_found_by_whatever_the_caller_says(maria: FlaskClient, typed: str, ids: list[str]) -> None:
    assert hits(maria, typed) == ids


def test_a_card_says_enough_to_ask_for_two_and_what_one_must_know(maria: FlaskClient) -> None:
    page = maria.get("/referrals/new?q=555-0203").get_data(as_text=True)
    said = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))
    assert "2 patients" in said
    assert "<mark>555-0203</mark>" in page
    card = said[said.index("Delgado, Marisol") :]
    assert "47 y" in card[:100]
    assert "born 10 Jul 1979 MRN 4402-556" in card[:120]
    assert "Spanish interpreter" in card[:260]
    assert re.search(r"asked \d+ \w+ \(\d+ d ago\): (Met|Unknown)", card[:400]), card[:400]
    assert "payer never asked: " in said


def test_an_office_finds_its_own_patients_alone_and_who_does_not_refer_has_no_such_page(
    acting_house: House, maria: FlaskClient
) -> None:
    assert hits(acting_house.enter("outsider"), "555-0203") == []
    for who in ("payer", "contracts", "auditor"):
        client = acting_house.enter(who)
        assert client.get("/referrals/new").status_code == 403
        assert client.get("/referrals/new/patients?q=555-0203").status_code == 403
        assert "New referral" not in client.get("/").get_data(as_text=True)
    page = maria.get("/account").get_data(as_text=True)
    assert ">New referral" not in page[page.index("<main") : page.index("</main")]
    assert 'href="/referrals/new"' in maria.get("/").get_data(as_text=True)


def test_who_said_in_a_consent_that_the_office_may_not_see_them_is_not_found(
    acting_house: House, maria: FlaskClient
) -> None:
    world = acting_house.world
    hl7 = "http://terminology.hl7.org/CodeSystem"
    consent = {
        "resourceType": "Consent", "id": "keep-out", "status": "active",
        "scope": {"coding": [{"system": f"{hl7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{NEW}"}, "dateTime": "2026-11-01",
        "policyRule": {"coding": [{"system": f"{hl7}/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny", "actor": [{
            "role": {"coding": [{"system": f"{hl7}/v3-ParticipationType", "code": "IRCP"}]},
            "reference": {"reference": "Organization/office-fairmont"},
        }]},
    }  # fmt: skip
    given = {"now": world.clock(), "actor": Actor("test", None, None, "t"), "base": world.base}
    with writing(world.engine) as conn:
        put_all(conn, [Change("Consent", "keep-out", consent)], project=world.project, **given)
    assert hits(maria, "delgado 2007") == []
    with writing(world.engine) as conn:
        put_all(conn, [Change("Consent", "keep-out", None)], project=world.project, **given)
    assert hits(maria, "delgado 2007") == [NEW]
