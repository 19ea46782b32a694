"""The number of a patient's record: the same on every page, and never one of the state or of an insurer."""

import re

import pytest

from tests.auth.place import MRN, Browser, Place

KIND = "http://terminology.hl7.org/CodeSystem/v2-0203"
NUMBERS = [
    {"system": "http://hl7.org/fhir/sid/us-medicare", "value": "1EG4-TE5-MK73"},
    {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-12-3456"},
    {"system": "urn:oid:2.16.840.1.113883.4.3.25", "value": "S99987654", "type": {"coding": [
        {"system": KIND, "code": "DL"}]}},
    {"system": MRN, "value": "MRN-4410"},
]  # fmt: skip
PRIVATE = ("1EG4-TE5-MK73", "999-12-3456", "S99987654")
NAMES = [{"use": "maiden", "family": "Geborene"}, {"use": "usual", "family": "Heute", "given": ["Ngozi"]}]


@pytest.fixture
def numbered(place: Place) -> Place:
    loader = place.service("system/*.cruds")
    for id in ("okafor", "lindqvist"):
        patient = {**place.fhir(loader, "GET", f"Patient/{id}").json, "identifier": NUMBERS, "name": NAMES}
        assert place.fhir(loader, "PUT", f"Patient/{id}", patient).status_code == 200
    return place


def pages(place: Place) -> dict[str, str]:
    """Every page that says whom a record is of, without what a form sends back."""
    place.sign_in(place.person("mina", "coordinator", "auditor", fhir_user="Practitioner/mina"))
    web, visitor = place.web, Browser(place.web)
    visitor.go("/break-glass")
    searching = next(form for form in visitor.forms() if form.action == "/break-glass")
    app = place.app("launch/patient patient/Patient.rs openid fhirUser")
    return {
        "worklist": web.get("/").text,
        "panel": web.get("/referrals/okafor-cardiology").text,
        "break glass, found": visitor.send(searching, family="Heute", birth="1970-01-01").text,
        "break glass, asked why": web.get("/break-glass/lindqvist").text,
        "app picker": visitor.go(app.address("launch/patient patient/Patient.rs")).text,
        "audit": web.get("/audit?patient=Heute").text,
    }


def test_every_page_shows_the_record_number_and_no_number_of_the_state(numbered: Place) -> None:
    for name, page in pages(numbered).items():
        assert "MRN-4410" in page, name
        assert not [number for number in PRIVATE if number in page], name


def test_every_page_calls_the_patient_by_the_usual_name(numbered: Place) -> None:
    for name, page in pages(numbered).items():
        assert re.search("Heute(, Ngozi)?", page), name
        assert "Geborene" not in page, name
