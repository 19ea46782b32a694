"""Which numbers of people and organizations are called: those of today, the preferred one first."""

from datetime import UTC, datetime

from carecoord.actions.messages.templates import phone
from carecoord.domain.contacts.telephones import telephones
from carecoord.domain.resource.present import Present

NOW = Present(datetime(2026, 11, 22, 14, tzinfo=UTC), UTC)


def number(value: str, **more: object) -> dict[str, object]:
    return {"system": "phone", "value": value, **more}


def test_numbers_of_old_and_of_other_times_are_not_called_and_the_preferred_one_comes_first() -> None:
    telecom = [
        number("555-0101", use="old"),
        number("555-0102", period={"end": "2025-12-31"}),
        number("555-0103", period={"start": "2027-01-01"}),
        number("555-0104", rank=2),
        number("555-0105"),
        {"system": "sms", "value": "555-0106", "rank": 1},
        {"system": "fax", "value": "555-0107"},
        number("  "),
    ]
    assert [each["value"] for each in telephones(telecom, NOW)] == ["555-0106", "555-0104", "555-0105"]


def test_a_letter_of_an_office_names_no_number_that_it_gave_up() -> None:
    office = {"resourceType": "Organization", "telecom": [number("555-0101", use="old"), number("555-0102")]}
    assert phone(office, NOW) == "555-0102"
    assert phone({"resourceType": "Organization"}, NOW) == ""
