"""Two copies of one organization: which look like it, how they become one by an identifier, and two again."""

from typing import Any

from carecoord.domain.imports.rows import overlaid
from carecoord.domain.resource.parties import directory
from carecoord.domain.setup.copies import apart, joined, look_alikes, made_one

NPI, LOCAL, TAX = "http://hl7.org/fhir/sid/us-npi", "https://ehr.example/departments", "urn:oid:2.16.840.1.113883.4.4"


def clinic(id: str, name: str, *numbers: tuple[str, str], source: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Organization", "id": id, "name": name}
    if numbers:
        made["identifier"] = [{"system": system, "value": value} for system, value in numbers]
    return made | ({"meta": {"source": source}} if source else {})


LAB = "https://lab.example/Organization/1"
OURS = clinic("ours", "Elm Clinic", (NPI, "9000010089"), (TAX, "11-1"))
THEIRS = clinic("theirs", "ELM  clinic", (LOCAL, "D7"), (TAX, "11-1"), source="https://ehr.example/Organization/7")


def pairs(*organizations: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["id"], other["id"]) for one, other in look_alikes(organizations)]


def test_two_that_are_called_alike_and_share_no_identifier_look_like_one() -> None:
    assert pairs(OURS, THEIRS, clinic("other", "Oak Clinic", (NPI, "9000030012"))) == [("ours", "theirs")]
    assert pairs(THEIRS, OURS) == [("ours", "theirs")], "ours comes first, for it is ours to write"


def test_what_shares_an_identifier_is_one_already_and_a_tax_id_alone_says_nothing() -> None:
    same = clinic("theirs", "Elm Clinic", (NPI, "9000010089"), source="https://ehr.example/Organization/7")
    assert pairs(OURS, same) == []
    assert pairs(OURS, THEIRS) == [("ours", "theirs")], "the tax id that both have is shared by many"


def test_what_can_not_be_made_one_is_not_offered() -> None:
    assert pairs(OURS, clinic("theirs", "Elm Clinic", source="https://ehr.example/Organization/7")) == [], "no number"
    assert pairs(THEIRS, clinic("third", "Elm Clinic", (LOCAL, "D9"), source=LAB)) == [], "not ours"


def test_made_one_they_are_one_party_and_taken_apart_all_is_as_before() -> None:
    one = made_one(OURS, THEIRS)
    assert {(each["system"], each["value"]) for each in one["identifier"]} == {
        (NPI, "9000010089"), (TAX, "11-1"), (LOCAL, "D7"),
    }  # fmt: skip
    assert directory([one, THEIRS])["Organization/ours"].same(directory([one, THEIRS])["Organization/theirs"])
    assert joined([one, THEIRS, OURS]) == [(one, "Organization/theirs")]
    assert apart(one, "Organization/theirs") == OURS
    assert apart(one, "Organization/another") == one


def test_a_table_that_is_brought_in_again_does_not_take_them_apart() -> None:
    theirs = clinic("theirs", "Elm Clinic", (NPI, "9000030012"), source="https://ehr.example/Organization/7")
    kept = overlaid(made_one(OURS, theirs), clinic("ours", "Elm Clinic of Fairmont", (NPI, "9000010089")))
    assert [each["value"] for each in kept["identifier"] if each["system"] == NPI] == ["9000010089", "9000030012"]
    assert joined([kept]) == [(kept, "Organization/theirs")]
