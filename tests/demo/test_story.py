"""The story in fixtures/: made by a script, whole, valid, and with everything in it that the product must show."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.fhir.validation import validate
from fhir_adapters.identity import local_id

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
REVIEW = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-reviewAction"

Json = dict[str, Any]


def resources(side: str) -> list[Json]:
    """Every resource of one side."""
    lines = [line for path in sorted((FIXTURES / side).glob("*.ndjson")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def ehr() -> list[Json]:
    return resources("ehr")


@pytest.fixture(scope="module")
def office() -> list[Json]:
    return resources("office")


def of(kind: str, found: list[Json]) -> list[Json]:
    return [resource for resource in found if resource["resourceType"] == kind]


def references(value: Any) -> Iterator[str]:
    """Every literal reference inside a value."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_the_script_writes_the_same_bytes_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(FIXTURES / "make.py"), str(tmp_path)], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(FIXTURES): path.read_bytes() for path in FIXTURES.rglob("*.ndjson")}
    kept |= {path.relative_to(FIXTURES): path.read_bytes() for path in FIXTURES.rglob("*.835")}
    kept[Path("anchor.json")] = (FIXTURES / "anchor.json").read_bytes()
    assert made == kept


def test_it_is_as_large_as_promised(ehr: list[Json], office: list[Json]) -> None:
    assert len(of("Patient", ehr)) >= 40
    assert len(of("ServiceRequest", ehr)) >= 60
    assert len(of("InsurancePlan", office)) >= 6
    kinds = Counter(org["type"][0]["coding"][0]["code"] for org in of("Organization", office))
    assert kinds["pay"] >= 3
    assert kinds["prov"] >= 12
    assert len({contract["identifier"][0]["value"] for contract in of("Contract", office)}) >= 15
    sites = Counter(site["managingOrganization"]["reference"] for site in of("Location", office))
    assert sum(count > 1 for count in sites.values()) >= 5


@pytest.mark.parametrize("side", ["ehr", "office"])
def test_no_reference_leads_nowhere(side: str, ehr: list[Json]) -> None:
    found = resources(side)
    held = {f"{r['resourceType']}/{r['id']}" for r in found}
    copies = {f"{r['resourceType']}/{local_id('demo-ehr', r['resourceType'], r['id'])}" for r in ehr}
    assert {link for resource in found for link in references(resource)} <= held | copies


def test_one_visit_is_booked_for_the_ehr_and_cancelled_for_our_office(ehr: list[Json], office: list[Json]) -> None:
    (ours,) = of("Appointment", office)
    (theirs,) = [visit for visit in of("Appointment", ehr) if visit["identifier"] == ours["identifier"]]
    assert (ours["status"], theirs["status"]) == ("cancelled", "booked")
    assert ours["start"] == theirs["start"]


@pytest.mark.parametrize("side", ["ehr", "office"])
def test_our_own_judge_finds_nothing_to_say(side: str) -> None:
    bad = {f"{r['resourceType']}/{r['id']}": found for r in resources(side) if (found := validate.issues(r))}
    assert bad == {}


def test_both_sides_know_each_organization_by_the_same_identifier(ehr: list[Json], office: list[Json]) -> None:
    for kind in ("Organization", "Location"):
        theirs = {mark["value"]: r["name"] for r in of(kind, ehr) for mark in r["identifier"]}
        ours = {mark["value"]: r["name"] for r in of(kind, office) for mark in r["identifier"]}
        assert theirs.items() <= ours.items()
        assert not {r["id"] for r in of(kind, ehr)} & {r["id"] for r in of(kind, office)}


def test_every_stage_of_a_referral_occurs(ehr: list[Json]) -> None:
    tasks = [task for task in of("Task", ehr) if "businessStatus" in task]
    stages = {task["businessStatus"]["coding"][0]["code"] for task in tasks}
    assert stages >= {
        "draft", "sent", "in-triage", "awaiting-information", "awaiting-authorization", "advice-given", "accepted",
        "contacting-patient", "waitlisted", "scheduled", "no-show", "appointment-cancelled", "visit-done",
        "report-received", "declined", "cancel-requested", "cancelled", "failed", "error",
    }


def test_authorizations_occur_in_every_state(ehr: list[Json]) -> None:
    answered = {response["request"]["reference"]: response for response in of("ClaimResponse", ehr)}
    states = set()
    for claim in of("Claim", ehr):
        response = answered.get(f"Claim/{claim['id']}")
        states.add(claim["status"] if response is None or claim["status"] != "active" else verdict(response))
    assert states >= {"draft", "active", "cancelled", "queued", "A1", "A2", "A3", "A4", "A6", "expired"}


def verdict(response: Json) -> str:
    """The review action of a response; `expired` for an approval that ended before the anchor day."""
    if response["outcome"] == "queued":
        return "queued"
    extensions = response["item"][0]["adjudication"][0]["extension"]
    parts = next(one["extension"] for one in extensions if one["url"] == REVIEW)
    code = next(part["valueCodeableConcept"]["coding"][0]["code"] for part in parts if part["url"].endswith("Code"))
    today = json.loads((FIXTURES / "anchor.json").read_text())["today"]
    ended = response.get("preAuthPeriod", {}).get("end", today) < today
    return "expired" if code == "A1" and ended else str(code)


def test_agreements_occur_in_every_state(office: list[Json]) -> None:
    contracts = of("Contract", office)
    marks = {mark["url"].rsplit("/", 1)[1] for contract in contracts for mark in contract.get("extension", ())}
    assert marks >= {"evergreen", "notice-given", "amends", "amendment-type"}
    assert {contract["status"] for contract in contracts} >= {"executed", "amended", "negotiable", "terminated"}
    rows = of("OrganizationAffiliation", office)
    urls = {(mark["url"].rsplit("/", 1)[1], mark.get("valueCode")) for row in rows for mark in row["extension"]}
    assert urls >= {("participation-kind", "exclude"), ("credentialed-from", None)}
    assert any("location" in row for row in rows)


def test_the_ten_worked_cases_are_named_and_told(ehr: list[Json]) -> None:
    orders = {r["id"]: r["identifier"][0]["value"] for r in of("ServiceRequest", ehr) if r["id"].startswith("worked-")}
    assert sorted(orders.values()) == [f"R-{90001 + n}" for n in range(10)]
    told = (FIXTURES / "README.md").read_text()
    for key, number in orders.items():
        assert f"{number} `{key}`" in told


def test_the_outsider_sent_two_referrals_and_no_more(ehr: list[Json]) -> None:
    sent = [task for task in of("Task", ehr) if task.get("requester", {}).get("reference") == "Organization/harborview"]
    assert sorted(task["identifier"][0]["value"] for task in sent) == ["R-24816", "R-24823"]


def test_no_real_provider_can_be_meant(ehr: list[Json], office: list[Json]) -> None:
    marks = [mark for r in ehr + office for mark in r.get("identifier", ())]
    numbers = [mark["value"] for mark in marks if mark["system"] == "http://hl7.org/fhir/sid/us-npi"]
    assert numbers
    assert all(number.startswith("9") and len(number) == 10 for number in numbers)
