"""What a person is called and known by: right values written by hand, by FHIR R4 valueset-name-use and v2-0203."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.resource.parties import directory, name
from carecoord.domain.resource.patient import name as patient_name
from carecoord.domain.resource.patient import name_changes_at, record_number, spoken_name
from carecoord.domain.resource.present import Present
from carecoord.fhir.instants import micros

Json = dict[str, Any]
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
PRESENT = Present(NOW, UTC)
KIND = "http://terminology.hl7.org/CodeSystem/v2-0203"
OURS = "https://carecoord.example/id/mrn"


def person(*names: Json, **more: Any) -> Json:
    return {"resourceType": "Patient", "id": "p", "name": list(names), **more}


def human(family: str = "", given: str = "", use: str = "", **more: Any) -> Json:
    said = {"family": family, "given": given.split(), "use": use}
    return {**{key: value for key, value in said.items() if value}, **more}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([human("Geborene", use="maiden"), human("Heute", use="usual")], "Heute"),
        ([human(given="Nick", use="nickname"), human("Official", use="official")], "Official"),
        ([human("Baby Boy", use="temp"), human("Real", use="official")], "Real"),
        ([human("Before", use="old"), human("Maid", use="maiden")], "Maid"),
        ([human("Secret", use="anonymous"), human("Ngozi", use="temp")], "Secret"),
        ([human("Plain", "Ann"), human("Born", "Ann", "maiden")], "Plain, Ann"),
        ([human("Legal", "Ann", "official"), human("Called", "Ann", "usual")], "Called, Ann"),
        ([human(given="Liz", use="usual"), human("Smith", "Elizabeth", "official")], "Smith, Elizabeth"),
        ([human("Baby Girl", use="temp")], "Baby Girl"),
        ([human("Gone", use="old")], "Gone"),
        ([{"use": "official"}, human("There", use="maiden")], "There"),
        ([{"use": "usual", "text": "Ngozi Okafor"}], "Ngozi Okafor"),
        ([human("Prefixed", "Ch.", "official", prefix=["Dr."], suffix=["Jr."])], "Prefixed, Ch. Jr."),
        ([human("Alone", suffix=["III"])], "Alone III"),
        ([human("Okafor", "Ngozi Ada", "nonsense")], "Okafor, Ngozi Ada"),
        ([], ""),
        (["broken", {"family": 3, "given": "no list"}], ""),
    ],
)
def test_of_several_names_the_usual_or_official_one_is_shown_and_a_suffix_is_kept(names: Any, shown: str) -> None:
    assert patient_name(person(*names), PRESENT) == shown
    assert name(person(*names)) == shown


@pytest.mark.parametrize(
    ("period", "shown"),
    [
        ({"end": "2026-11-21"}, "Now"),
        ({"start": "2026-12-01"}, "Now"),
        ({"start": "2020", "end": "2026-11-23"}, "Then"),
        ({"start": "2020"}, "Then"),
        ({"end": "no date"}, "Then"),
    ],
)
def test_a_name_whose_period_is_over_or_to_come_is_not_the_name_of_today(period: Json, shown: str) -> None:
    both = person(human("Then", use="usual", period=period), human("Now", use="maiden"))
    assert patient_name(both, PRESENT) == shown


# 22 November at 23:30 in New York is the 23rd, 04:30, in UTC.
LATE = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
OFFICE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("period", "zone", "shown"),
    [
        ({"end": "2026-11-22"}, OFFICE, "Then"),
        ({"end": "2026-11-22"}, UTC, "Now"),
        ({"start": "2026-11-23"}, OFFICE, "Now"),
        ({"start": "2026-11-23"}, UTC, "Then"),
        ({"end": "2026-11-23T04:00:00Z"}, OFFICE, "Now"),
        ({"start": "2026-11"}, ZoneInfo("Pacific/Auckland"), "Then"),
    ],
)
def test_a_day_of_a_name_or_an_identifier_is_the_office_s(period: Json, zone: tzinfo, shown: str) -> None:
    at = Present(LATE, zone)
    both = person(human("Then", use="usual", period=period), human("Now", use="maiden"))
    assert patient_name(both, at) == shown
    numbers = [identifier("then", OURS, "MR", use="usual", period=period), identifier("now", OURS, "MR")]
    assert record_number(person(identifier=numbers), at) == shown.casefold()


def test_the_name_changes_at_the_office_s_midnight() -> None:
    ends = person(human("Then", period={"end": "2026-11-22"}))
    assert name_changes_at(ends, Present(LATE, OFFICE)) == micros(datetime(2026, 11, 23, 5, tzinfo=UTC))
    assert name_changes_at(ends, Present(LATE, UTC)) is None


def test_a_name_that_was_is_shown_where_there_is_no_other() -> None:
    assert patient_name(person(human("Then", period={"end": "2001"})), PRESENT) == "Then"


def test_the_instant_is_known_at_which_another_name_is_to_be_shown() -> None:
    both = person(human("Then", period={"end": "2026-11-30"}), human("Next", period={"start": "2026-12-24"}))
    assert name_changes_at(both, PRESENT) == micros(datetime(2026, 12, 1, tzinfo=UTC))
    assert name_changes_at(person(human("Ever")), PRESENT) is None


def test_a_name_is_said_given_name_first() -> None:
    assert spoken_name(person(human("Prefixed", "Ch.", suffix=["Jr."])), PRESENT) == "Ch. Prefixed Jr."
    assert spoken_name(person({"text": "Dr. Who"}), PRESENT) == "Dr. Who"


def test_a_practitioner_goes_by_the_same_name_in_the_directory() -> None:
    doctor = {**person(human("Geborene", use="maiden"), human("Heute", use="usual")), "resourceType": "Practitioner"}
    assert directory([doctor])["Practitioner/p"].name == "Heute"


def identifier(value: str, system: str = "", code: str = "", **more: Any) -> Json:
    kind = {"type": {"coding": [{"system": KIND, "code": code}]}} if code else {}
    return {"value": value, **({"system": system} if system else {}), **kind, **more}


SSN = identifier("999-12-3456", "http://hl7.org/fhir/sid/us-ssn", "SS")
MEDICARE = identifier("1EG4-TE5-MK73", "http://hl7.org/fhir/sid/us-medicare", "MC")
LICENCE = identifier("S99987654", "urn:oid:2.16.840.1.113883.4.3.25", "DL")
PASSPORT = identifier("X1234567X", "http://standardhealthrecord.org/fhir/StructureDefinition/passportNumber", "PPN")
MEMBER = identifier("BH-70103", "https://payer.example/members", "MB")
MR = identifier("MRN-4410", "https://hospital.example/mrn", "MR")
PRIVATE = (SSN, MEDICARE, LICENCE, PASSPORT, MEMBER)


@pytest.mark.parametrize(
    ("ids", "shown"),
    [
        ([*PRIVATE, identifier("MRN-4410", OURS)], "MRN-4410"),
        ([*PRIVATE, MR], "MRN-4410"),
        ([MR, identifier("OURS-1", OURS)], "OURS-1"),
        ([identifier("MRN-1", "https://a.example", "MR", use="old"), MR], "MRN-4410"),
        ([identifier("MRN-1", "https://a.example", "MR", period={"end": "2020"}), MR], "MRN-4410"),
        ([identifier("MRN-1", "https://a.example", "MR"), {**MR, "use": "usual"}], "MRN-4410"),
        ([identifier("MRN-9", type={"text": "Medical Record Number"})], "MRN-9"),
        ([identifier("MRN-9", "urn:oid:1.2.3", type={"coding": [{"system": "urn:x", "code": "1"},
          {"system": "http://hl7.org/fhir/v2/0203", "code": "MR"}]})], "MRN-9"),
    ],
)  # fmt: skip
def test_the_number_of_the_record_is_ours_or_one_that_is_said_to_be_a_medical_records(ids: Any, shown: str) -> None:
    for order in (ids, ids[::-1]):
        assert record_number(person(identifier=order), PRESENT) == shown


@pytest.mark.parametrize("each", PRIVATE, ids=lambda each: each["value"])
@pytest.mark.parametrize("kept", [("value", "system", "type"), ("value", "system"), ("value", "type"), ("value",)])
def test_no_number_of_the_state_or_of_an_insurer_is_ever_shown_as_a_record_number(each: Json, kept: Any) -> None:
    written = {key: value for key, value in each.items() if key in kept}
    assert record_number(person(identifier=[written]), PRESENT) == ""


def test_a_number_of_the_state_is_not_shown_where_it_is_written_down_again_as_a_records() -> None:
    again = identifier("999123456", "https://hospital.example/mrn", "MR")
    assert record_number(person(identifier=[SSN, again]), PRESENT) == ""
    wrong = identifier("999-12-3456", "http://hl7.org/fhir/sid/us-ssn", "MR")
    assert record_number(person(identifier=[wrong]), PRESENT) == ""


def test_a_number_of_the_ehrs_own_system_is_the_records_where_nothing_says_of_what_kind_it_is() -> None:
    meta = {"source": "https://ehr.example/fhir/Patient/7#1"}
    own = identifier("E-77", "https://ehr.example/numbers")
    assert record_number(person(identifier=[own], meta=meta), PRESENT) == "E-77"
    assert record_number(person(identifier=[{**own, "type": {"text": "SSN"}}], meta=meta), PRESENT) == ""
    assert record_number(person(identifier=[own]), PRESENT) == ""


def test_what_is_malformed_is_no_number() -> None:
    assert record_number(person(identifier=["x", {"system": OURS}, {"system": OURS, "value": 4}]), PRESENT) == ""
