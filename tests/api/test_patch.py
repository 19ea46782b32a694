"""PATCH in every form, through the same door and before the same judge as an update.

Clause: FHIR R4 http.html#patch, fhirpatch.html; RFC 6902, RFC 5789 (Accept-Patch).
"""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.api.conftest import Api, issues, patient
from tests.api.test_bundles import bundle, entry

JSON_PATCH = "application/json-patch+json"
OFF = [{"op": "replace", "path": "/active", "value": False}]


def send(api: Api, path: str, operations: Any, **headers: str) -> TestResponse:
    return api("PATCH", path, json.dumps(operations), Content_Type=JSON_PATCH, **headers)


def replacing(path: str, **value: Any) -> dict[str, Any]:
    """A FHIRPath Patch of one replacement."""
    part = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", **value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}


def test_a_json_patch_makes_a_version_and_answers_as_an_update(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    done = send(api, "/Patient/p", OFF)
    assert (done.status_code, done.headers["ETag"]) == (200, 'W/"2"')
    assert done.get_json()["active"] is False
    assert done.get_json()["name"] == [{"family": "Okafor", "given": ["Ngozi"]}]
    assert api.get("/Patient/p/_history/1").get_json()["active"] is True
    again = send(api, "/Patient/p", OFF)
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')  # nothing changed: no version


def test_a_fhirpath_patch_does_the_same(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    done = api("PATCH", "/Patient/p", replacing("Patient.name.where(family = 'Okafor').given[0]", valueString="Ada"))
    assert (done.status_code, done.headers["ETag"]) == (200, 'W/"2"')
    assert done.get_json()["name"] == [{"family": "Okafor", "given": ["Ada"]}]


def test_a_patch_keeps_the_digits_of_a_decimal(api: Api) -> None:
    body = (
        '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"K"},"valueQuantity":{"value":100.50}}'
    )
    api.put("/Observation/o", body)
    done = send(api, "/Observation/o", [{"op": "replace", "path": "/status", "value": "amended"}])
    assert done.status_code == 200
    assert b'"value":100.50}' in done.get_data()
    assert b'"value":100.50}' in api.get("/Observation/o").get_data()


def test_a_patch_is_made_only_on_the_version_that_if_match_names(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    assert send(api, "/Patient/p", OFF, If_Match='W/"1"').status_code == 200
    stale = send(api, "/Patient/p", [{"op": "remove", "path": "/active"}], If_Match='W/"1"')
    assert stale.status_code == 412
    assert issues(stale)[0]["expression"] == ["http.If-Match"]
    assert send(api, "/Patient/p", OFF, If_Match="*").status_code == 200
    assert send(api, "/Patient/p", OFF, If_Match="nonsense").status_code == 400


def test_prefer_decides_what_a_patch_answers_with(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    done = send(api, "/Patient/p", OFF, Prefer="return=minimal")
    assert (done.status_code, done.get_data(), done.headers["ETag"]) == (200, b"", 'W/"2"')
    told = send(api, "/Patient/p", [{"op": "remove", "path": "/active"}], Prefer="return=OperationOutcome")
    assert issues(told)[0]["diagnostics"] == "Patient/p has been updated."


def test_a_conditional_patch_means_the_one_that_is_found(api: Api) -> None:
    api.put("/Patient/p", patient(id="p", identifier=[{"system": "urn:x", "value": "7"}]))
    done = send(api, "/Patient?identifier=urn:x|7", OFF)
    assert (done.status_code, done.get_json()["id"], done.get_json()["active"]) == (200, "p", False)
    assert send(api, "/Patient?identifier=urn:x|7", OFF, If_Match='W/"1"').status_code == 412
    assert send(api, "/Patient?identifier=urn:x|8", OFF).status_code == 404
    assert send(api, "/Patient", OFF).status_code == 400
    api.put("/Patient/q", patient(id="q", identifier=[{"system": "urn:x", "value": "7"}]))
    assert send(api, "/Patient?identifier=urn:x|7", OFF).status_code == 412


def test_a_patch_that_does_not_apply_or_leaves_nothing_valid_changes_nothing(
    api: Api, rows: Callable[[], dict[str, int]]
) -> None:
    api.put("/Patient/p", patient(id="p"))
    before = rows()
    for operations, status in (
        ([{"op": "test", "path": "/active", "value": False}, *OFF], 422),
        ([{"op": "remove", "path": "/birthDate"}], 422),
        ([{"op": "add", "path": "/gender", "value": "spam"}], 422),
        ([{"op": "add", "path": "/spam", "value": 1}], 422),
        ([{"op": "replace", "path": "/id", "value": "q"}], 422),
        ([{"op": "replace", "path": "/resourceType", "value": "Person"}], 422),
        ([{"op": "add", "path": "/meta/versionId", "value": "9"}], 422),
        ([{"op": "replace", "path": "", "value": 1}], 422),
        ([], 400),
        ({"op": "remove", "path": "/active"}, 400),
        ("x", 400),
    ):
        answer = send(api, "/Patient/p", operations)
        assert answer.status_code == status, answer.get_data()
        assert issues(answer)
    for parameters, status in (
        (replacing("Patient.birthDate", valueDate="1961"), 422),
        (replacing("Patient.active", valueString="yes"), 422),
        (replacing("Patient.name.resolve()", valueString="yes"), 400),
        ({"resourceType": "Parameters"}, 400),
        (patient(id="p"), 400),
    ):
        answer = api("PATCH", "/Patient/p", parameters)
        assert answer.status_code == status, answer.get_data()
    assert rows() == before


def test_what_is_not_there_or_gone_can_not_be_patched(api: Api) -> None:
    assert send(api, "/Patient/nobody", OFF).status_code == 404
    assert send(api, "/Spam/p", OFF).status_code == 404
    api.put("/Patient/p", patient(id="p"))
    api.delete("/Patient/p")
    gone = send(api, "/Patient/p", OFF)
    assert (gone.status_code, gone.headers["ETag"]) == (410, 'W/"2"')


@pytest.mark.parametrize("kind", ["application/merge-patch+json", "application/xml-patch+xml", "text/plain"])
def test_other_forms_of_patches_are_refused_with_those_that_are_taken(api: Api, kind: str) -> None:
    api.put("/Patient/p", patient(id="p"))
    answer = api("PATCH", "/Patient/p", "{}", Content_Type=kind)
    assert answer.status_code == 415
    assert answer.headers["Accept-Patch"] == "application/json-patch+json, application/fhir+json"


def test_the_statement_tells_of_patch_and_its_forms(api: Api) -> None:
    told = api.get("/metadata").get_json()
    assert told["patchFormat"] == ["application/json-patch+json", "application/fhir+json"]
    assert all({"code": "patch"} in row["interaction"] for row in told["rest"][0]["resource"])


def test_a_transaction_takes_patches_in_both_forms_with_links_to_its_other_entries(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    api.put("/Patient/q", patient(id="q"))
    new = "urn:uuid:0b5f3c1e-0001-4000-8000-000000000009"
    steps = [{"op": "add", "path": "/managingOrganization", "value": {"reference": new}}, *OFF]
    binary = {
        "resourceType": "Binary",
        "contentType": JSON_PATCH,
        "data": base64.b64encode(json.dumps(steps).encode()).decode(),
    }
    answer = api.post(
        "",
        bundle(
            entry("PATCH", "Patient/p", binary, ifMatch='W/"1"'),
            entry("PATCH", "Patient?_id=q", replacing("Patient.active", valueBoolean=False)),
            entry("POST", "Organization", {"resourceType": "Organization", "name": "New"}, new),
        ),
        Prefer="return=representation",
    )
    assert answer.status_code == 200, answer.get_data()
    first, second, made = answer.get_json()["entry"]
    assert (first["response"]["status"], first["response"]["etag"]) == ("200 OK", 'W/"2"')
    assert first["resource"]["managingOrganization"]["reference"] == f"Organization/{made['resource']['id']}"
    assert (second["resource"]["id"], second["resource"]["active"]) == ("q", False)
    stale = api.post("", bundle(entry("PATCH", "Patient/p", binary, ifMatch='W/"1"')))
    assert stale.status_code == 412
    assert issues(stale)[0]["expression"] == ["Bundle.entry[0].request.ifMatch"]


def test_in_a_batch_a_patch_that_fails_is_told_in_its_place(api: Api) -> None:
    api.put("/Patient/p", patient(id="p"))
    answer = api.post(
        "",
        bundle(
            entry("PATCH", "Patient/p", replacing("Patient.birthDate", valueDate="1961")),
            entry("PATCH", "Patient/p", replacing("Patient.active", valueBoolean=False)),
            entry("PATCH", "Patient/p"),
            kind="batch",
        ),
    )
    statuses = [one["response"]["status"][:3] for one in answer.get_json()["entry"]]
    assert statuses == ["422", "200", "400"]


def test_it_takes_an_access_that_may_update_and_read(api: Api, client: Callable[..., Api]) -> None:
    api.put("/Patient/p", patient(id="p"))
    for scope, status in (
        ("system/Patient.rs", 403),
        ("system/Patient.u", 403),  # the answer shows what is stored, and a test in a patch asks for it
        ("system/Observation.cruds", 403),
        ("system/Patient.ru", 200),
    ):
        assert send(client(scope), "/Patient/p", OFF).status_code == status, scope
    api.put("/Patient/q", patient(id="q"))
    mine = client("system/Patient.rus?_id=q")
    assert send(mine, "/Patient/p", OFF).status_code == 404


def test_a_patch_can_not_lead_out_of_what_may_be_written(api: Api, client: Callable[..., Api]) -> None:
    api.put(
        "/Observation/o", {"resourceType": "Observation", "id": "o", "status": "preliminary", "code": {"text": "K"}}
    )
    narrow = client("system/Observation.rus?status=preliminary")
    out = send(narrow, "/Observation/o", [{"op": "replace", "path": "/status", "value": "final"}])
    assert out.status_code == 403
    assert api.get("/Observation/o").get_json()["status"] == "preliminary"


def test_patches_are_audited_as_updates_the_refused_too(api: Api, world: World) -> None:
    api.put("/Patient/p", patient(id="p"))
    send(api, "/Patient/p", OFF, X_Request_Id="done")
    send(api, "/Patient/p", [{"op": "remove", "path": "/birthDate"}], X_Request_Id="refused")
    world.journal.drain(world.engine)
    with reading(world.engine) as conn:
        found = {row.request: row for row in conn.execute(select(audit))}
    assert [(found[id].interaction, found[id].resource, found[id].status) for id in ("done", "refused")] == [
        ("update", "p", 200),
        ("update", "p", 422),
    ]
