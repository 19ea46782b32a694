"""Copies of one party are one; what only shares a tax id is not."""

from typing import Any

from carecoord.domain.resource.parties import distinct

NPI, TAX = "http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.4"


def clinic(id: str, *known: tuple[str, str], source: str = "") -> dict[str, Any]:
    told = [{"system": system, "value": value} for system, value in known]
    meta = {"meta": {"source": f"https://{source}.example/fhir/Organization/{id}"}} if source else {}
    return {"resourceType": "Organization", "id": id, "identifier": told, **meta}


def test_of_the_copies_of_a_party_our_own_stays_and_two_that_share_a_tax_id_alone_both_do() -> None:
    told = [
        clinic("theirs", (NPI, "9000010014"), source="ehr"), clinic("ours", (NPI, "9000010014"), (TAX, "12-3456789")),
        clinic("sister", (NPI, "9000010022"), (TAX, "12-3456789")),
    ]  # fmt: skip
    assert [each["id"] for each in distinct(told)] == ["ours", "sister"]


def test_copies_that_are_joined_by_a_third_are_one() -> None:
    told = [clinic("a", (NPI, "1")), clinic("b", (NPI, "2")), clinic("c", (NPI, "1"), (NPI, "2"), source="ehr")]
    assert [each["id"] for each in distinct(told)] == ["a"]
