"""Issue 3, Audit, export: each row of the trail becomes an AuditEvent that our own judge lets pass."""

from dataclasses import replace

import pytest

from carecoord.fhir.audit_event import Deed, audit_event
from carecoord.fhir.validation.validate import issues

SITE = "https://care.example/fhir"
DEED = Deed(
    "a1b2", 1_795_356_300_000_000, "read", 200, "req-1", "Observation", "o1", None, "", ("u1", "Farrow, Amelia"),
    ("clinician",), ("viewer", "Growth viewer"), "fam-1", False, ("ngozi",),
)  # fmt: skip
BARE = Deed("a1b2", 1, "token", 401, "")
DEEDS = [
    *(replace(DEED, what=what) for what in ("read", "vread", "search", "history", "create", "update", "delete")),
    *(replace(DEED, what=what) for what in ("clearance", "transaction", "sign-in", "sign-out", "break-glass", "audit")),
    *(replace(DEED, what=what) for what in ("export", "token", "consent", "something-new")),
    replace(DEED, emergency=True, version=3),
    replace(DEED, who=None),
    replace(DEED, who=("viewer", "Growth viewer")),
    replace(DEED, resource="", asked="patient, code", patients=("ngozi", "tomas")),
    BARE,
    replace(BARE, status=503, what="read", type="Patient"),
]  # fmt: skip


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: f"{deed.what}-{deed.status}")
def test_every_row_is_a_valid_audit_event(deed: Deed) -> None:
    assert issues(audit_event(deed, SITE)) == []


def test_it_says_who_by_which_app_under_which_launch_and_whom() -> None:
    found = audit_event(replace(DEED, emergency=True), SITE)
    person, app = found["agent"]
    assert (person["who"]["display"], person["requestor"]) == ("Farrow, Amelia", True)
    assert (app["who"]["display"], app["requestor"]) == ("Growth viewer", False)
    assert app["policy"] == ["urn:carecoord:launch:fam-1"]
    assert [each["what"].get("reference") for each in found["entity"]] == ["Observation/o1", "Patient/ngozi", None]
    assert (found["subtype"][0]["code"], found["action"], found["outcome"]) == ("read", "R", "0")
    assert found["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"


def test_a_refusal_is_a_failure_with_its_status() -> None:
    found = audit_event(BARE, SITE)
    assert (found["outcome"], found["outcomeDesc"]) == ("4", "HTTP 401")
    assert len([agent for agent in found["agent"] if agent["requestor"]]) == 1
