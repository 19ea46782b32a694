"""What the page of a patient is made of: differing sources, who may know what, services with room, telephones."""

from datetime import UTC, datetime
from typing import Any

import pytest

from carecoord.domain.care_plans.activities import linked, planned
from carecoord.domain.patients import chart, contact, needs
from carecoord.domain.patients.disclosures import disclosure
from carecoord.domain.resource.present import Present

Json = dict[str, Any]
NOW = Present(datetime(2026, 11, 22, 14, tzinfo=UTC), UTC)
RUTH = "RelatedPerson/ruth"
GRAVITY = "http://hl7.org/fhir/us/sdoh-clinicalcare"


def drug(id: str, dose: str, source: str = "", code: str = "17767") -> Json:
    coding = [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]
    return {
        "resourceType": "MedicationRequest", "id": id, "status": "active",
        "meta": {"source": f"{source}/MedicationRequest/{id}"} if source else {},
        "medicationCodeableConcept": {"coding": coding, "text": "Amlodipine"}, "dosageInstruction": [{"text": dose}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "marked"),
    [
        ([drug("a", "5 mg"), drug("b", "10 mg", "https://ehr.test/fhir")],
         {"MedicationRequest/a", "MedicationRequest/b"}),
        ([drug("a", "5 mg"), drug("b", "5 mg", "https://ehr.test/fhir")], set()),
        ([drug("a", "5 mg"), drug("b", "10 mg")], set()),  # one source changed its mind
        ([drug("a", "5 mg"), drug("b", "10 mg", "https://ehr.test/fhir", "316049")], set()),  # two drugs
    ],
)
def test_two_sources_that_say_another_dose_of_one_drug_are_marked(entries: list[Json], marked: set[str]) -> None:
    assert chart.differing(entries) == marked


def consent(kind: str, *types: str, who: str = RUTH, status: str = "active", **more: Any) -> Json:
    classes = [{"system": "http://hl7.org/fhir/resource-types", "code": each} for each in types]
    rule = {"type": kind, "actor": [{"reference": {"reference": who}}], **({"class": classes} if types else {}), **more}
    return {"resourceType": "Consent", "status": status, "dateTime": "2026-11-20", "provision": rule}


BUT_RESULTS = {"provision": [{"type": "deny", "class": [
    {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}]}  # fmt: skip


@pytest.mark.parametrize(
    ("consents", "visits", "results", "costs"),
    [
        ([], "unsaid", "unsaid", "unsaid"),
        ([consent("permit")], "may", "may", "may"),
        ([consent("permit", who="RelatedPerson/emeka")], "unsaid", "unsaid", "unsaid"),
        ([consent("permit", status="inactive")], "unsaid", "unsaid", "unsaid"),
        ([consent("permit", "Appointment", "Encounter", "ServiceRequest")], "may", "unsaid", "unsaid"),
        ([consent("permit", "Appointment")], "unsaid", "unsaid", "unsaid"),  # not all that tells of visits
        ([consent("permit"), consent("deny", "Observation")], "may", "may-not", "may"),
        ([consent("permit", **BUT_RESULTS)], "may", "may-not", "may"),
        ([consent("permit"), consent("deny")], "may-not", "may-not", "may-not"),
        ([consent("permit", purpose=[{"code": "TREAT"}])], "unsaid", "unsaid", "unsaid"),  # narrowed: how?
        ([consent("permit"), consent("deny", purpose=[{"code": "TREAT"}])], "may-not", "may-not", "may-not"),
        ([consent("permit", period={"end": "2026-11-01"})], "unsaid", "unsaid", "unsaid"),
        ([consent("permit"), consent("deny", period={"end": "2026-11-01"})], "may", "may", "may"),
    ],
)
def test_a_relative_may_know_what_is_permitted_beyond_doubt(
    consents: list[Json], visits: str, results: str, costs: str
) -> None:
    assert disclosure(RUTH, consents, NOW).words == {"visits": visits, "results": results, "costs": costs}


def room(status: str = "", free: int | None = None) -> Json:
    capacity = {"url": f"{GRAVITY}/StructureDefinition/SDOHCC-ExtensionHealthcareServiceCapacityStatus", "extension": [
        {"url": "capacityStatus", "valueCodeableConcept": {"coding": [
            {"system": f"{GRAVITY}/CodeSystem/SDOHCC-CodeSystemTemporaryCodes", "code": status}]}},
        {"url": "capacityNotes", "valueString": "Six weeks"}]}  # fmt: skip
    places = {"url": "https://carecoord.example/fhir/StructureDefinition/free-places", "valueUnsignedInt": free}
    given = [*([capacity] if status else []), *([places] if free is not None else [])]
    return {"resourceType": "HealthcareService", "id": "s", "name": "Pantry", "extension": given}


@pytest.mark.parametrize(
    ("status", "free", "expected"),
    [
        ("capacity", None, ("room", None)), ("capacity", 4, ("room", 4)), ("no-capacity", None, ("full", None)),
        ("no-capacity-has-waitlist", 0, ("waits", 0)), ("", 3, ("room", 3)), ("", 0, ("full", 0)),
        ("", None, ("unknown", None)), ("capacity", 0, ("unknown", None)), ("no-capacity", 2, ("unknown", None)),
    ],
)  # fmt: skip
def test_a_service_has_room_where_all_that_it_says_agrees(
    status: str, free: int | None, expected: tuple[str, int | None]
) -> None:
    found = needs.service(room(status, free))
    assert (found.room, found.free) == expected


def test_a_social_need_is_a_problem_of_a_gravity_domain_that_is_not_over() -> None:
    category = [{"coding": [{"system": f"{GRAVITY}/CodeSystem/SDOHCC-CodeSystemTemporaryCodes",
                             "code": "food-insecurity"}]}]  # fmt: skip
    hungry: Json = {"resourceType": "Condition", "id": "h", "category": category}
    over = hungry | {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert needs.needs([hungry, over, {"resourceType": "Condition", "id": "x"}]) == [hungry]
    assert needs.domains(hungry) == {"food-insecurity"}


def test_of_yes_and_no_on_one_telephone_the_no_counts() -> None:
    said = [{"url": "https://carecoord.example/fhir/StructureDefinition/contact-permission", "valueCode": each}
            for each in ("text", "no-text", "voice-mail")]  # fmt: skip
    assert contact.permissions({"extension": said}) == ["no-text", "voice-mail"]
    assert contact.permissions({}) == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("draft", "not-started"), ("requested", "not-started"), ("on-hold", "waiting"), ("waitlist", "waiting"),
        ("booked", "booked"), ("in-progress", "under-way"), ("active", "under-way"), ("arrived", "under-way"),
        ("completed", "done"), ("fulfilled", "done"), ("noshow", "missed"), ("cancelled", "stopped"),
        ("revoked", "stopped"), ("entered-in-error", "stopped"), ("rejected", "stopped"),
    ],
)  # fmt: skip
def test_an_activity_stands_as_what_it_is(status: str, state: str) -> None:
    assert linked("Task/t", {"resourceType": "Task", "status": status, "description": "Call"}, "").state == state
    assert planned({"description": "Walk", "status": "scheduled"}).state == "booked"
