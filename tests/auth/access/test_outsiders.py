"""A token of one patient, and people of other organizations, on records that are not theirs: by every road there is."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auth import store
from carecoord.app import wired
from carecoord.store.database.engine import writing
from tests.auth.conftest import build_world
from tests.auth.place import RESOURCES, Place

Ask = Callable[..., Any]

# Okafor's own resource that points at Lindqvist's: to follow it must lead nowhere.
ODD = {
    "resourceType": "Observation", "id": "okafor-odd", "status": "final", "code": {"text": "odd"},
    "subject": {"reference": "Patient/okafor"}, "derivedFrom": [{"reference": "Observation/lindqvist-lab"}],
    "encounter": {"reference": "Encounter/lindqvist-visit"},
}  # fmt: skip
THEIRS = ("lindqvist", "Lindqvist")
THEM = ("lindqvist", "nosuchone")


def token(place: Place, scope: str, patient: str | None = None, *roles: str) -> str:
    with writing(place.world.engine) as conn:
        row = store.Token(
            "access", "app", "u1", scope, place.now(), place.now() + 300, "Mina", frozenset(roles), "clinic",
            "Practitioner/mina", patient,
        )  # fmt: skip
        return store.issue(conn, row)


@pytest.fixture(scope="module")
def place(practice: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all: whatever these tests try to change is refused."""
    folder = tmp_path_factory.mktemp("outsiders")
    shutil.copyfile(practice, folder / "practice.db")
    world = build_world(folder, "practice.db")
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


@pytest.fixture(
    scope="module", params=["patient's app", "coordinator of another organization", "payer", "granular service"]
)
def ask(request: pytest.FixtureRequest, place: Place) -> Ask:
    """Somebody who may see something here, but nothing of Lindqvist."""
    loader = place.service("system/*.cruds")
    assert place.fhir(loader, "PUT", "Observation/okafor-odd", ODD).status_code in (200, 201)
    given = {
        "patient's app": lambda: token(place, "patient/*.cruds", "okafor", "coordinator", "clinician"),
        "coordinator of another organization": lambda: token(place, "user/*.cruds", None, "coordinator"),
        "payer": lambda: token(place, "user/*.cruds", None, "payer"),
        "granular service": lambda: token(
            place, "system/Patient.rs?family=Okafor system/Observation.rs?patient=Patient/okafor system/Organization.rs"
        ),
    }[request.param]()
    return lambda method, path, body=None: place.fhir(given, method, path, body)


ADDRESSES = [r for r in RESOURCES if "lindqvist" in json.dumps(r)]


@pytest.mark.parametrize("resource", ADDRESSES, ids=lambda r: f"{r['resourceType']}/{r['id']}")
@pytest.mark.parametrize("tail", ["", "/_history", "/_history/1"])
def test_by_read_version_and_history(ask: Ask, resource: dict[str, Any], tail: str) -> None:
    answer = ask("GET", f"{resource['resourceType']}/{resource['id']}{tail}")
    assert answer.status_code in (403, 404)
    assert "Okafor" not in answer.text


def test_a_record_that_is_hidden_and_one_that_never_was_are_told_in_the_same_words(ask: Ask) -> None:
    hidden = ask("GET", "Patient/lindqvist")
    nothing = ask("GET", "Patient/nosuchone")
    assert hidden.status_code == nothing.status_code
    assert _without_ids(hidden.text).replace("lindqvist", "X") == _without_ids(nothing.text).replace("nosuchone", "X")


@pytest.mark.parametrize(
    "query",
    [
        "Patient",
        "Patient?family=Lindqvist",
        "Patient?_id=lindqvist",
        "Patient?identifier=MRN-lindqvist",
        "Patient?organization=Organization/other",
        "Patient?organization:Organization.name=Other",
        "Patient?_has:Observation:patient:_id=lindqvist-lab",
        "Observation",
        "Observation?patient=lindqvist",
        "Observation?subject:Patient.family=Lindqvist",
        "Observation?subject:identifier=MRN-lindqvist",
        "Observation?_id=lindqvist-lab,okafor-lab",
        "Observation?encounter=lindqvist-visit",
        "Observation?encounter:Encounter.subject=Patient/lindqvist",
        "Observation?derived-from:Observation.patient=lindqvist",
        "Encounter?subject=Patient/lindqvist",
        "ServiceRequest?subject=Patient/lindqvist",
        "ServiceRequest?performer=Organization/other",
        "Organization?_has:Patient:organization:family=Lindqvist",
        "Organization?_has:Patient:organization:_has:Observation:patient:_id=lindqvist-lab",
        "Practitioner?_has:Patient:general-practitioner:family=Lindqvist",
    ],
)
def test_by_search_chain_and_has(ask: Ask, query: str) -> None:
    answer = ask("GET", f"{query}{'&' if '?' in query else '?'}_total=accurate")
    assert answer.status_code in (200, 400, 403), answer.text
    if answer.status_code == 200:
        found = _found(answer)
        assert not any(id.startswith(THEIRS) for id in found), found
        assert answer.json["total"] == len(found)
        if query.startswith(("Organization", "Practitioner")):
            assert found == []  # that the chain leads somewhere would itself tell


@pytest.mark.parametrize(
    "query",
    [
        "Observation?_include=Observation:derived-from",
        "Observation?_include=Observation:encounter",
        "Observation?_include=*",
        "Observation?_include=Observation:encounter&_include:iterate=Encounter:subject",
        "Organization?_revinclude=Patient:organization",
        "Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:patient",
        "Organization?_revinclude=*",
        "Patient?_revinclude=Observation:patient",
        "Patient?_include=Patient:organization&_revinclude:iterate=Patient:organization",
    ],
)
def test_by_include_and_revinclude(ask: Ask, query: str) -> None:
    answer = ask("GET", query)
    assert answer.status_code in (200, 400, 403), answer.text
    assert not any(id.startswith(THEIRS) for id in _found(answer))


@pytest.mark.parametrize("type", ["Patient", "Observation", "Encounter", "ServiceRequest"])
def test_by_counting(ask: Ask, type: str) -> None:
    counted, listed = ask("GET", f"{type}?_summary=count"), ask("GET", f"{type}?_count=100")
    if counted.status_code == 200:
        assert counted.json["total"] == len(_found(listed))


def test_by_post_search_and_compartment(ask: Ask) -> None:
    for path in ("Patient/lindqvist/Observation", "Patient/lindqvist/Encounter", "Patient/lindqvist/Patient"):
        answer = ask("GET", path)
        assert answer.status_code in (200, 403, 404)
        assert _found(answer) == []
    for type in ("Patient", "Observation"):
        answer = ask("POST", f"{type}/_search?_id=lindqvist,lindqvist-lab")
        assert answer.status_code in (200, 403, 415)
        assert _found(answer) == []


def test_by_bundle_entry(ask: Ask) -> None:
    asked = ["Patient/lindqvist", "Observation?patient=lindqvist", "Observation/lindqvist-lab/_history"]
    batch = {
        "resourceType": "Bundle", "type": "batch",
        "entry": [{"request": {"method": "GET", "url": url}} for url in asked],
    }  # fmt: skip
    answer = ask("POST", "", batch)
    assert answer.status_code in (200, 403)
    assert "Lindqvist" not in answer.text
    assert '"id":"lindqvist' not in answer.text


def test_by_clearance(ask: Ask) -> None:
    assert ask("GET", "ServiceRequest/lindqvist-cardiology/$clearance").status_code in (403, 404)


def test_by_conditional_writes_nobody_learns_whether_there_is_such_a_record(ask: Ask) -> None:
    """A condition is a search: on another's record it finds what it finds on one that never was, nothing."""
    body = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    for path in ("Observation?_id={}-lab", "Patient?identifier=MRN-{}", "Observation?subject:Patient.family={}"):
        kind = path.partition("?")[0]
        new = {**body, "resourceType": kind} if kind == "Observation" else {"resourceType": kind, "active": True}
        for method in ("PUT", "DELETE"):
            found, never = (ask(method, path.format(id), new if method == "PUT" else None) for id in THEM)
            assert found.status_code == never.status_code, (method, path, found.text)
            assert _without_ids(found.text) == _without_ids(never.text) or found.status_code in (201, 204)


def test_by_conditional_creates_in_a_transaction(ask: Ask) -> None:
    def entry(id: str) -> dict[str, Any]:
        return {
            "resource": {"resourceType": "Observation", "status": "final", "code": {"text": "x"}},
            "request": {"method": "POST", "url": "Observation", "ifNoneExist": f"_id={id}-lab"},
        }

    answers = [
        ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry(id)]}) for id in THEM
    ]  # fmt: skip
    assert answers[0].status_code == answers[1].status_code
    assert "lindqvist" not in answers[0].text
    read = {"request": {"method": "GET", "url": "Observation?_id=lindqvist-lab&_include:iterate=Observation:encounter"}}
    told = ask("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [read]})
    assert '"id":"lindqvist' not in told.text


@pytest.mark.parametrize("resource", ADDRESSES, ids=lambda r: f"{r['resourceType']}/{r['id']}")
def test_by_writing(ask: Ask, resource: dict[str, Any]) -> None:
    path = f"{resource['resourceType']}/{resource['id']}"
    assert ask("PUT", path, resource).status_code in (403, 404)
    assert ask("DELETE", path).status_code in (403, 404, 405)


def test_what_is_theirs_they_do_see(ask: Ask, request: pytest.FixtureRequest) -> None:
    """Lest all of the above pass because nothing at all is let through."""
    if "payer" in request.node.name:
        assert ask("GET", "Organization/clinic").status_code == 200
        return
    assert ask("GET", "Patient/okafor").status_code == 200
    assert {"okafor-lab", "okafor-survey", "okafor-odd"} <= set(_found(ask("GET", "Observation")))


def _found(answer: Any) -> list[str]:
    entries = (answer.json or {}).get("entry", []) if answer.status_code == 200 else []
    return [e["resource"]["id"] for e in entries if e["resource"]["resourceType"] != "OperationOutcome"]


def _without_ids(text: str) -> str:
    return json.dumps({key: value for key, value in json.loads(text).items() if key != "id"})


def _task(id: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Task", "id": id, "status": "requested", "intent": "order",
        "for": {"reference": f"Patient/{patient}"}, "owner": {"reference": "Organization/clinic"},
    }  # fmt: skip


def _order(id: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{patient}"}, "performer": [{"reference": "Organization/clinic"}],
        "requester": {"reference": "Practitioner/mina"},
    }  # fmt: skip


def _answer(id: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "CoverageEligibilityResponse", "id": id, "status": "active", "purpose": ["validation"],
        "patient": {"reference": f"Patient/{patient}"}, "created": "2026-11-22", "outcome": "complete",
        "request": {"display": "by phone"}, "insurer": {"reference": "Organization/clinic"},
    }  # fmt: skip


@pytest.mark.parametrize("patient", ["lindqvist", "nosuchone"])
@pytest.mark.parametrize(
    ("role", "resource"),
    [("coordinator", _task), ("coordinator", _order), ("clinician", _order), ("payer", _answer), ("payer", _task)],
)
def test_nobody_lets_themselves_in_by_pointing_at_a_patient(
    place: Place, role: str, resource: Callable[[str, str], dict[str, Any]], patient: str
) -> None:
    """Roles see patients by what points at them; so whoever writes may point only at patients whom they see already."""
    mine = token(place, "user/*.cruds", None, role)
    body = resource("mine", patient)
    kind = body["resourceType"]
    assert place.fhir(mine, "PUT", f"{kind}/mine", body).status_code == 403
    assert place.fhir(mine, "POST", kind, {k: v for k, v in body.items() if k != "id"}).status_code == 403
    bundle = {
        "resourceType": "Bundle", "type": "transaction",
        "entry": [{"resource": body, "request": {"method": "PUT", "url": f"{kind}/mine"}}],
    }  # fmt: skip
    assert place.fhir(mine, "POST", "", bundle).status_code == 403
    assert place.fhir(mine, "GET", f"Patient/{patient}").status_code == 404


def test_a_referral_of_ones_own_can_not_be_turned_to_another_patient(place: Place) -> None:
    mine = token(place, "user/*.cruds", None, "coordinator")
    assert place.fhir(mine, "PUT", "Task/turned", _task("turned", "okafor")).status_code == 201
    assert place.fhir(mine, "PUT", "Task/turned", _task("turned", "lindqvist")).status_code == 403
    assert place.fhir(mine, "GET", "Patient/lindqvist").status_code == 404


def test_a_coordinator_may_admit_a_new_patient_and_refer_them_in_one_go(place: Place) -> None:
    mine = token(place, "user/*.cruds", None, "coordinator")
    new = {
        "resourceType": "Patient", "id": "newcomer", "name": [{"family": "Newcomer"}],
        "managingOrganization": {"reference": "Organization/clinic"},
    }  # fmt: skip
    stranger = {**new, "id": "stranger", "managingOrganization": {"reference": "Organization/other"}}

    def both(patient: dict[str, Any]) -> int:
        made = [patient, _task(f"for-{patient['id']}", str(patient["id"]))]
        entry = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}} for one in made
        ]
        return place.fhir(
            mine, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entry}
        ).status_code

    assert both(new) == 200
    assert place.fhir(mine, "GET", "Patient/newcomer").status_code == 200
    assert both(stranger) == 403
