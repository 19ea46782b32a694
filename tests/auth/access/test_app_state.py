"""SMART app state (S22@371; SMART App Launch 2.2 app-state.html): each app has its own, and nobody else's."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from auth import store
from carecoord.store.database.engine import writing
from tests.auth.place import Place

ORIGIN = "https://app.example"
SCOPE = "user/Basic.cruds patient/Basic.cruds"
MINA = "https://care.example/fhir/Practitioner/mina"
OKAFOR = "https://care.example/fhir/Patient/okafor"


def state(subject: str | None = MINA, system: str = ORIGIN, says: str = "dark", **more: Any) -> dict[str, Any]:
    about = {"subject": {"reference": subject}} if subject else {}
    code = {"coding": [{"system": system, "code": "display-preferences"}]}
    kept = [{"url": f"{ORIGIN}/preferences", "valueString": says}]
    return {"resourceType": "Basic", "code": code, **about, "extension": kept, **more}


@pytest.fixture
def place(place: Place) -> Place:
    place.person("mina", "clinician", fhir_user="Practitioner/mina")
    place.app(SCOPE)
    place.app(SCOPE, id="rival", redirect_uris=("https://rival.example/callback",), launch_url=None)
    place.app(SCOPE, id="local", redirect_uris=("http://127.0.0.1:5000/callback",), launch_url=None)
    return place


def token(place: Place, app: str = "app", scope: str = SCOPE, roles: str = "coordinator", **more: Any) -> str:
    """An access token of this app in Mina's hands, with Okafor's record open."""
    held = {
        "roles": frozenset(roles.split()), "organization": "clinic", "fhir_user": "Practitioner/mina",
        "patient": "okafor", **more,
    }  # fmt: skip
    with writing(place.world.engine) as conn:
        row = store.Token("access", app, "mina", scope, place.now(), place.now() + 300, **held)
        return store.issue(conn, row)


def write(place: Place, opens: str, body: dict[str, Any] | None, where: str = "", match: str = "") -> TestResponse:
    method = "POST" if not where else "PUT" if body else "DELETE"
    headers = {"Authorization": f"Bearer {opens}", "Content-Type": "application/fhir+json"}
    headers |= {"If-Match": match} if match else {}
    path = f"/fhir/Basic{'/' + where if where else ''}"
    return place.web.open(path, method=method, headers=headers, data=json.dumps(body) if body else None)


def found(place: Place, opens: str, query: str = "") -> list[dict[str, Any]]:
    answer = place.fhir(opens, "GET", f"Basic?{query}")
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.get_json().get("entry", ())]


def test_discovery_tells_of_app_state(place: Place) -> None:
    """S22@371: the capability smart-app-state."""
    told = place.web.get("/fhir/.well-known/smart-configuration").get_json()
    assert "smart-app-state" in told["capabilities"]
    assert told["smart_app_state_endpoint"] == "https://care.example/fhir"


@pytest.mark.parametrize("subject", [MINA, OKAFOR])
def test_an_app_keeps_finds_changes_and_ends_its_state(place: Place, subject: str) -> None:
    opens = token(place)
    made = write(place, opens, state(subject))
    assert made.status_code == 201, made.text
    assert made.headers["ETag"] == 'W/"1"'
    id = made.get_json()["id"]
    code = f"code={ORIGIN}%7Cdisplay-preferences&subject={subject}"
    assert [one["id"] for one in found(place, opens, code)] == [id]
    changed = write(place, opens, state(subject, says="light", id=id), id, 'W/"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, 'W/"2"')
    assert found(place, opens, code)[0]["extension"][0]["valueString"] == "light"
    assert write(place, opens, None, id, 'W/"2"').status_code in (200, 204)
    assert found(place, opens, code) == []


def test_the_server_gives_each_state_an_id_of_its_own(place: Place) -> None:
    opens = token(place)
    ids = {write(place, opens, state(id="mine")).get_json()["id"] for _ in range(2)}
    assert len(ids) == 2
    assert "mine" not in ids
    assert write(place, opens, state(id="mine"), "mine", 'W/"1"').status_code == 412


def test_contention_is_refused_and_so_is_a_change_that_names_no_version(place: Place) -> None:
    opens = token(place)
    id = write(place, opens, state()).get_json()["id"]
    for match in ("", 'W/"7"'):
        assert write(place, opens, state(id=id), id, match).status_code == 412
        assert write(place, opens, None, id, match).status_code == 412
    assert found(place, opens)[0]["meta"]["versionId"] == "1"


def test_the_subject_and_the_code_of_state_never_change(place: Place) -> None:
    opens = token(place)
    id = write(place, opens, state()).get_json()["id"]
    other = {"coding": [{"system": ORIGIN, "code": "something-else"}]}
    for changed in (state(OKAFOR, id=id), state(None, id=id), state(id=id, code=other)):
        assert write(place, opens, changed, id, 'W/"1"').status_code == 412


def test_state_that_was_ended_can_not_be_changed_any_more(place: Place) -> None:
    opens = token(place)
    id = write(place, opens, state()).get_json()["id"]
    write(place, opens, None, id, 'W/"1"')
    assert write(place, opens, state(id=id), id, 'W/"1"').status_code == 412
    assert write(place, opens, state(id=id), id, 'W/"2"').status_code == 412
    assert write(place, opens, None, id, 'W/"2"').status_code == 412


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"code": {"coding": []}}, 422), ({"code": {"text": "x"}}, 422),
        ({"code": {"coding": [{"system": ORIGIN, "code": "a"}, {"system": ORIGIN, "code": "b"}]}}, 422),
        ({"extension": [{"url": "https://app.example/x", "valueInteger": 5}]}, 422),
        ({"extension": [{"url": "https://app.example/x", "valueString": "x" * 300_000}]}, 413),
    ],
)  # fmt: skip
def test_what_is_no_app_state_is_refused(place: Place, changes: dict[str, Any], status: int) -> None:
    answer = write(place, token(place), state(**changes))
    assert answer.status_code in (status, 400)
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert found(place, token(place)) == []


def test_an_app_has_only_its_own_state_whichever_way_it_asks(place: Place) -> None:
    mine, rival = token(place), token(place, "rival")
    id = write(place, mine, state(OKAFOR)).get_json()["id"]
    assert found(place, rival) == []
    for path in (f"Basic/{id}", f"Basic/{id}/_history", f"Basic/{id}/_history/1"):
        assert place.fhir(mine, "GET", path).status_code == 200
        assert place.fhir(rival, "GET", path).status_code == 404
    assert place.fhir(rival, "GET", "Patient/okafor/Basic").get_json()["total"] == 0
    for body in (state(OKAFOR, id=id), None):  # as of what never was, which is at no version either
        assert write(place, rival, body, id, 'W/"1"').status_code == 412
    assert write(place, rival, state()).status_code == 403, "a code system of another app's"


def test_state_of_another_patient_or_another_person_is_out_of_reach(place: Place) -> None:
    opens = token(place)
    for subject in ("Patient/lindqvist", "Practitioner/somebody", "https://elsewhere.example/fhir/Patient/okafor"):
        assert write(place, opens, state(subject)).status_code == 403
    id = write(place, opens, state(OKAFOR)).get_json()["id"]
    elsewhere = token(place, patient="lindqvist", fhir_user="Practitioner/other")
    assert found(place, elsewhere) == []
    assert place.fhir(elsewhere, "GET", f"Basic/{id}").status_code == 404


def test_a_patient_scope_reaches_the_patient_alone(place: Place) -> None:
    write(place, token(place), state(MINA))
    write(place, token(place), state(OKAFOR))
    narrow = token(place, scope="patient/Basic.cruds")
    assert [one["subject"]["reference"] for one in found(place, narrow)] == [OKAFOR]
    assert write(place, narrow, state(MINA)).status_code == 403


def test_a_scope_on_one_code_reaches_that_code_alone(place: Place) -> None:
    write(place, token(place), state(OKAFOR))
    for code, count in (("display-preferences", 1), ("keys", 0)):
        opens = token(place, scope=f"patient/Basic.rs?code={ORIGIN}|{code}")
        assert len(found(place, opens)) == count


def test_state_about_nobody_is_read_by_every_user_of_the_app_and_changed_by_admins(place: Place) -> None:
    assert write(place, token(place), state(None)).status_code == 403
    made = write(place, token(place, roles="admin"), state(None))
    assert made.status_code == 201, made.text
    assert len(found(place, token(place), f"subject:missing=true&code={ORIGIN}%7Cdisplay-preferences")) == 1
    assert found(place, token(place, "rival"), "subject:missing=true") == []
    id = made.get_json()["id"]
    assert write(place, token(place), None, id, 'W/"1"').status_code == 403


def test_an_origin_that_every_app_of_a_workstation_has_is_no_apps_own(place: Place) -> None:
    opens = token(place, "local")
    assert write(place, opens, state(system="http://127.0.0.1:5000")).status_code == 403
    assert write(place, opens, state(system="https://care.example/apps/local")).status_code == 201
    assert len(found(place, opens)) == 1


def test_a_service_without_roles_brings_in_what_it_likes(place: Place) -> None:
    opens = place.service("system/*.cruds")
    plain = {"resourceType": "Basic", "id": "brought", "code": {"text": "an EHR's own"}}
    assert write(place, opens, plain, "brought").status_code == 201
    assert found(place, token(place)) == []
