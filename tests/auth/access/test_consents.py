"""A patient's Consent that denies, over the real application: by every road there is, their record is as if not there.

Issue 3: "Consent resources that deny are honoured"."""

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

FULL = "system/*.cruds"
OKAFORS = [one for one in RESOURCES if "okafor" in json.dumps(one)]
CONSENT: dict[str, Any] = {
    "resourceType": "Consent", "id": "no", "status": "active", "patient": {"reference": "Patient/okafor"},
    "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
    "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
    "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
    "provision": {"type": "deny"},
}  # fmt: skip
MORE: list[dict[str, Any]] = [  # named by no patient of their own: only what they speak of is the patient's
    {"resourceType": "Task", "id": "bare", "status": "requested", "intent": "order",
     "focus": {"reference": "ServiceRequest/okafor-cardiology"}, "owner": {"reference": "Organization/clinic"}},
    {"resourceType": "Binary", "id": "file", "contentType": "text/plain", "data": "T2thZm9y"},
    {"resourceType": "Binary", "id": "absolute", "contentType": "text/plain", "data": "T2thZm9y"},
    {"resourceType": "DocumentReference", "id": "note", "status": "current",
     "subject": {"reference": "Patient/okafor"},
     "content": [{"attachment": {"url": "Binary/file"}},
                 {"attachment": {"url": "https://care.example/fhir/Binary/absolute"}}]},
    *({"resourceType": "Provenance", "id": id, "target": [{"reference": target}], "recorded": "2026-11-20T10:00:00Z",
       "agent": [{"who": {"display": "Okafor's own nurse"}}]}
      for id, target in (("of-task", "Task/bare/_history/1"), ("of-lab", "Observation/okafor-lab"))),
]  # fmt: skip


def person(place: Place, scope: str, patient: str | None, roles: tuple[str, ...], fhir_user: str) -> str:
    with writing(place.world.engine) as conn:
        row = store.Token(
            "access", "app", "u1", scope, place.now(), place.now() + 300, "Mina", frozenset(roles), "clinic",
            fhir_user, patient,
        )  # fmt: skip
        return store.issue(conn, row)


def loader(place: Place) -> str:
    """A service by whose scopes Consents come in; they are never kept from it."""
    return place.service("system/Consent.cruds")


def say(place: Place, **changes: Any) -> None:
    assert place.fhir(loader(place), "PUT", "Consent/no", {**CONSENT, **changes}).status_code in (200, 201)


@pytest.fixture(scope="module")
def stocked(practice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stocked")
    shutil.copyfile(practice, folder / "practice.db")
    world = build_world(folder, "practice.db")
    house = Place(world, wired(world).test_client())
    mina = person(house, "user/*.cruds", None, ("coordinator",), "Practitioner/mina")
    for one in MORE[:3]:
        assert house.fhir(house.service(FULL), "PUT", f"{one['resourceType']}/{one['id']}", one).status_code == 201
    assert house.fhir(house.service(FULL), "PUT", "DocumentReference/note", MORE[3]).status_code == 201
    for one in MORE[4:]:
        assert house.fhir(house.service(FULL), "PUT", f"Provenance/{one['id']}", one).status_code == 201
    assert house.fhir(mina, "GET", "Patient/okafor").status_code == 200
    with world.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.engine.dispose()
    return folder / "practice.db"


@pytest.fixture
def house(stocked: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copyfile(stocked, tmp_path / "practice.db")
    world = build_world(tmp_path, "practice.db")
    yield Place(world, wired(world).test_client())
    world.engine.dispose()


ASKERS: dict[str, Callable[[Place], str]] = {
    "coordinator": lambda place: person(place, "user/*.cruds", None, ("coordinator",), "Practitioner/mina"),
    "clinician's app in the patient's context": lambda place: person(
        place, "patient/*.cruds", "okafor", ("coordinator", "clinician"), "Practitioner/mina"
    ),
    "service": lambda place: place.service(FULL),
}
BEFORE = [(one["resourceType"], one["id"]) for one in (*OKAFORS, *MORE)]
SEARCHES = (
    "Patient", "Patient?_id=okafor,lindqvist", "Patient?family=Okafor", "Patient?identifier=MRN-okafor",
    "Patient?_has:Observation:patient:_id=okafor-lab", "Observation", "Observation?patient=okafor",
    "Observation?subject:Patient.family=Okafor", "Observation?encounter=okafor-visit", "Task", "Binary",
    "DocumentReference?patient=okafor", "Encounter?patient=okafor", "ServiceRequest?subject=Patient/okafor",
    "Organization?_has:Patient:organization:family=Okafor", "Organization?_revinclude=Patient:organization",
    "Organization?_revinclude=Patient:organization&_revinclude:iterate=Observation:patient",
    "Practitioner?_revinclude=*", "Patient/okafor/Observation", "Task?_include=Task:focus", "Provenance",
    "Provenance?target=Task/bare", "Provenance?target=Observation/okafor-lab",
)  # fmt: skip


@pytest.mark.parametrize("who", ASKERS)
def test_by_every_road_a_denied_record_is_as_if_not_there(house: Place, who: str) -> None:
    token = ASKERS[who](house)
    say(house)
    answers = [house.fhir(token, "GET", path) for path in SEARCHES]
    counts = [f"{search}{'&' if '?' in search else '?'}_summary=count" for search in SEARCHES]
    answers += [house.fhir(token, "GET", path) for path in (*counts, "_history?_count=500", "Task/_history")]
    answers.append(house.fhir(token, "POST", "Patient/_search?_id=okafor"))
    asked = [{"request": {"method": "GET", "url": url}} for url in ("Patient/okafor", *SEARCHES[:4])]
    answers.append(house.fhir(token, "POST", "", {"resourceType": "Bundle", "type": "batch", "entry": asked}))
    for answer in answers:
        assert answer.status_code in (200, 403, 404, 415), answer.text
        told = "" if answer.status_code != 200 else _without_links(answer.json)
        assert "Okafor" not in told
        assert '"okafor' not in told
        assert "T2thZm9y" not in told
    for path, count in zip(counts, answers[len(SEARCHES) :], strict=False):
        if count.status_code == 200 and "okafor" in path.lower() and "lindqvist" not in path:
            assert _json(count)["total"] == 0, path


@pytest.mark.parametrize("who", ASKERS)
def test_each_resource_is_refused_in_the_words_for_what_never_was(house: Place, who: str) -> None:
    token = ASKERS[who](house)
    say(house)
    for type, id in BEFORE:
        for tail in ("", "/_history", "/_history/1"):
            hidden = house.fhir(token, "GET", f"{type}/{id}{tail}")
            never = house.fhir(token, "GET", f"{type}/never{tail}")
            if hidden.status_code == 200:
                assert type in ("Organization", "Practitioner")
                continue
            assert hidden.status_code == never.status_code, (type, id, tail)
            assert hidden.text.replace(f"{type}/{id}", "X") == never.text.replace(f"{type}/never", "X")
    hidden = house.fhir(token, "GET", "ServiceRequest/okafor-cardiology/$clearance")
    never = house.fhir(token, "GET", "ServiceRequest/never/$clearance")
    assert hidden.status_code == never.status_code == 404
    assert hidden.text.replace("okafor-cardiology", "X") == never.text.replace("never", "X")


def test_it_ends_when_the_patient_takes_it_back_and_others_were_never_concerned(house: Place) -> None:
    token = ASKERS["coordinator"](house)
    role, other = {"text": "x"}, {"reference": "Organization/other"}
    say(house, provision={"type": "deny", "actor": [{"role": role, "reference": other}]})
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 200
    by_number = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}}
    say(house, provision={"type": "deny", "actor": [{"role": role, "reference": by_number}]})
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 404
    assert house.fhir(house.service("system/*.rs"), "GET", "Patient/okafor").status_code == 200
    say(house, status="inactive")
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 200
    say(house)
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 404
    assert house.fhir(loader(house), "DELETE", "Consent/no").status_code in (200, 204)
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 200


def test_a_part_that_is_denied_is_gone_and_the_rest_stays(house: Place) -> None:
    token = ASKERS["coordinator"](house)
    types = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
    say(house, provision={"type": "deny", "class": types})
    assert house.fhir(token, "GET", "Observation/okafor-lab").status_code == 404
    assert origins(house, token) == {"of-task"}
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 200
    assert house.fhir(token, "GET", "ServiceRequest/okafor-cardiology/$clearance").status_code == 200
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    say(house, status="inactive")
    lab = next(one for one in RESOURCES if one["id"] == "okafor-lab")
    marked = {**lab, "meta": {"security": [{**label, "code": "V"}]}}
    assert house.fhir(house.service(FULL), "PUT", "Observation/okafor-lab", marked).status_code == 200
    assert house.fhir(token, "GET", "Observation/okafor-lab").status_code == 200
    assert origins(house, token) == {"of-lab", "of-task"}
    say(house, provision={"type": "deny", "securityLabel": [label]})
    assert house.fhir(token, "GET", "Observation/okafor-lab").status_code == 404
    assert origins(house, token) == {"of-task"}
    tasks = [{"system": "http://hl7.org/fhir/resource-types", "code": "Task"}]
    say(house, provision={"type": "deny", "class": tasks})
    assert origins(house, token) == {"of-lab"}
    assert house.fhir(token, "GET", "Observation/okafor-survey").status_code == 200


def origins(house: Place, token: str) -> set[str]:
    """The Provenances that are found, and read."""
    found = {each["resource"]["id"] for each in _json(house.fhir(token, "GET", "Provenance")).get("entry", [])}
    read = {id for id in ("of-lab", "of-task") if house.fhir(token, "GET", f"Provenance/{id}").status_code == 200}
    assert found == read
    return found


def test_the_patients_own_app_is_never_denied_and_sees_only_them(house: Place) -> None:
    say(house)
    own = person(house, "patient/*.rs", "okafor", (), "Patient/okafor")
    assert house.fhir(own, "GET", "Patient/okafor").status_code == 200
    found = _json(house.fhir(own, "GET", "Observation"))
    assert {entry["resource"]["id"] for entry in found["entry"]} == {"okafor-lab", "okafor-survey"}
    assert house.fhir(own, "GET", "Consent/no").status_code == 200
    assert house.fhir(own, "GET", "Patient/lindqvist").status_code == 404
    assert house.fhir(own, "GET", "Binary/file").status_code == 200


def test_nobody_writes_about_whom_they_are_denied_or_finds_out_by_trying(house: Place) -> None:
    token = ASKERS["coordinator"](house)
    say(house)
    for patient in ("okafor", "never"):
        order = {
            "resourceType": "ServiceRequest", "status": "active", "intent": "order",
            "subject": {"reference": f"Patient/{patient}"}, "performer": [{"reference": "Organization/clinic"}],
        }  # fmt: skip
        refused = house.fhir(token, "POST", "ServiceRequest", order)
        assert refused.status_code == 403
        assert _json(refused)["issue"][0]["diagnostics"].replace(patient, "X") == (
            "There is no Patient/X whom this access sees: it can not write about them."
        )
    assert house.fhir(token, "DELETE", "Task/bare").status_code in (403, 404, 405)


def test_who_keeps_a_consent_sees_it_and_can_take_it_back(house: Place) -> None:
    token = ASKERS["coordinator"](house)
    say(house)
    assert house.fhir(token, "GET", "Consent/no").status_code == 404
    kept = {**CONSENT, "organization": [{"reference": "Organization/clinic-ehr"}]}
    assert house.fhir(loader(house), "PUT", "Consent/no", kept).status_code == 200
    assert house.fhir(token, "GET", "Consent/no").status_code == 200
    assert house.fhir(token, "GET", "Patient/okafor").status_code == 404


def test_what_was_deleted_of_a_denied_record_stays_hidden_and_of_another_is_told(house: Place) -> None:
    full = house.service(FULL)
    for id in ("okafor-survey", "lindqvist-lab"):
        assert house.fhir(full, "DELETE", f"Observation/{id}").status_code in (200, 204)
    say(house)
    assert house.fhir(full, "GET", "Observation/okafor-survey").status_code == 404
    assert house.fhir(full, "GET", "Observation/lindqvist-lab").status_code == 410
    told = house.fhir(full, "GET", "Observation/_history?_count=100").text
    assert "lindqvist-lab" in told
    assert "okafor" not in told


def test_the_desk_shows_no_case_of_a_denied_patient(house: Place) -> None:
    house.sign_in(house.person("mina", "coordinator", "clinician", fhir_user="Practitioner/mina"))
    pages = ("/", "/worklist.csv", "/?q=okafor")
    assert all("Okafor" in house.web.get(page).text for page in pages)
    assert house.web.get("/referrals/okafor-cardiology").status_code == 200
    say(house)
    assert not any("Okafor" in house.web.get(page).text for page in pages)
    hidden, never = (house.web.get(f"/referrals/{id}") for id in ("okafor-cardiology", "never"))
    assert hidden.status_code == never.status_code == 404
    assert _but_ids(hidden.text) == _but_ids(never.text)


def _without_links(told: Any) -> str:
    """All that an answer tells but the addresses that say again what was asked."""
    return json.dumps(_shorn(told))


def _json(answer: Any) -> Any:
    return answer.json


def _shorn(told: Any) -> Any:
    if isinstance(told, list):
        return [_shorn(each) for each in told]
    return {key: _shorn(each) for key, each in told.items() if key != "link"} if isinstance(told, dict) else told


def _but_ids(page: str) -> str:
    lines = (line for line in page.splitlines() if "Request " not in line and "csrf" not in line)
    return "\n".join(lines)
