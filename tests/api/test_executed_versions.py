"""An executed version of an agreement stands as it was signed, by every road; an amendment that reaches back is a new
version: what was known before it was entered stays known as it was (issue 8, must-show 5)."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carecoord.actions.fhir.load import load
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.api.conftest import Api, Clock
from tests.domain import stories
from tests.domain.stories import REGISTRY, affiliation, ours, plan, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
NUMBER = [{"system": "https://carecoord.example/id/agreement", "value": "AGR-1"}]
SIGNED: Json = {
    "resourceType": "Contract", "id": "agr-1-v1", "identifier": NUMBER, "version": "1", "status": "executed",
    "title": "Cardiology 2025 to 2027", "authority": [ref("Organization/office-payer-1")],
    "applies": {"start": "2025-01-01", "end": "2027-12-31"},
}  # fmt: skip
AMENDED: Json = SIGNED | {
    "id": "agr-1-v2", "version": "2", "title": "Cardiology, amended",
    "extension": [ours("amends", valueReference=ref("Contract/agr-1-v1")), ours("amendment-type", valueCode="modify"),
                  ours("effective-from", valueDate="2026-03-01")],
}  # fmt: skip
CHANGED = [
    {"title": "Cardiology, altered"},
    {"applies": {"start": "2025-01-01", "end": "2029-12-31"}},
    {"authority": [ref("Organization/office-payer-2")]},
    {"term": [{"offer": {"text": "Another rate"}}]},
    {"extension": [ours("evergreen", valueBoolean=True)]},
    {"status": "policy"},
    {"identifier": [NUMBER[0] | {"value": "AGR-2"}]},
]


@pytest.fixture
def service(client: Callable[..., Api], clock: Clock) -> Api:
    """A backend service whose token outlives the days of these tests."""
    clock.now = stories.NOW
    return client(life=7 * 24 * 3600)


@pytest.fixture
def signed(service: Api) -> Api:
    api = service
    for each in (*REGISTRY, plan(), affiliation(), SIGNED):
        assert api.put(f"/{each['resourceType']}/{each['id']}", each).status_code == 201, each["id"]
    return api


def by_put(api: Api, world: World, tmp: Path, new: Json) -> bool:
    return api.put("/Contract/agr-1-v1", new).status_code == 409


def by_patch(api: Api, world: World, tmp: Path, new: Json) -> bool:
    changed = {name: value for name, value in new.items() if SIGNED.get(name) != value}
    ops = [{"op": "add", "path": f"/{name}", "value": value} for name, value in changed.items()]
    answer = api("PATCH", "/Contract/agr-1-v1", json.dumps(ops), Content_Type="application/json-patch+json")
    return answer.status_code == 409


def by_condition(api: Api, world: World, tmp: Path, new: Json) -> bool:
    asked = "?identifier=https://carecoord.example/id/agreement|AGR-1"
    return api.put(f"/Contract{asked}", new).status_code == 409


def by_transaction(api: Api, world: World, tmp: Path, new: Json) -> bool:
    entry = {"resource": new, "request": {"method": "PUT", "url": "Contract/agr-1-v1"}}
    return api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).status_code == 409


def by_batch(api: Api, world: World, tmp: Path, new: Json) -> bool:
    entry = {"resource": new, "request": {"method": "PUT", "url": "Contract/agr-1-v1"}}
    answer = api.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    return str(answer.get_json()["entry"][0]["response"]["status"]).startswith("409")


def by_load(api: Api, world: World, tmp: Path, new: Json) -> bool:
    file = tmp / "contracts.ndjson"
    file.write_text(json.dumps(new) + "\n")
    return bool(load(world, [file]).refusals)


ROADS = (by_put, by_patch, by_condition, by_transaction, by_batch, by_load)


def test_an_executed_version_refuses_every_change_by_every_road(signed: Api, world: World, tmp_path: Path) -> None:
    for road in ROADS:
        for change in CHANGED:
            assert road(signed, world, tmp_path, SIGNED | change), (road.__name__, change)
    kept = signed.get("/Contract/agr-1-v1").get_json()
    assert (kept["meta"]["versionId"], kept["title"]) == ("1", "Cardiology 2025 to 2027")


def test_an_executed_version_refuses_deletion_by_request_and_by_bundle(signed: Api) -> None:
    assert signed.delete("/Contract/agr-1-v1").status_code == 409
    assert signed.delete("/Contract?identifier=https://carecoord.example/id/agreement|AGR-1").status_code == 409
    entry = {"request": {"method": "DELETE", "url": "Contract/agr-1-v1"}}
    for kind in ("transaction", "batch"):
        answer = signed.post("", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        said = answer.get_json()
        status = str(said["entry"][0]["response"]["status"]) if kind == "batch" else str(answer.status_code)
        assert status.startswith("409"), kind
    assert signed.get("/Contract/agr-1-v1").status_code == 200


def question(api: Api, **given: str) -> Json:
    query = "&".join(f"{name}={value}" for name, value in given.items())
    answer = api.get(f"/Contract/$participation?provider=Organization/group-1&plan=PLAN1&{query}")
    assert answer.status_code == 200, answer.get_data()
    found: Json = {}
    for each in answer.get_json()["parameter"]:
        found[each["name"]] = next((value for name, value in each.items() if name.startswith("value")), None)
    return found


def test_an_amendment_that_reaches_back_changes_april_from_the_day_it_is_known(signed: Api, clock: Clock) -> None:
    """Effective 1 March, entered on 23 November: what was answered about April on the 22nd is answered so still."""
    yesterday = clock.now.isoformat().replace("+00:00", "Z")
    april = {"date": "2026-04-15"}
    before = question(signed, **april)
    assert (before["result"], before["version"]) == ("in", "1")
    clock.now += timedelta(days=1)
    assert signed.put("/Contract/agr-1-v2", AMENDED).status_code == 201
    assert question(signed, **april)["version"] == "2"
    assert question(signed, date="2026-02-15")["version"] == "1"  # before it took effect
    assert question(signed, **april, asOf=yesterday)["version"] == "1"
    assert signed.get("/Contract/agr-1-v1").get_json()["title"] == "Cardiology 2025 to 2027"


def test_a_cleared_visit_keeps_the_evidence_it_was_cleared_by(service: Api, world: World, clock: Clock) -> None:
    api = service
    with writing(world.engine) as conn:
        put(conn, *stories.plain().resources.values(), now=clock())
    then = clock.now.isoformat().replace("+00:00", "Z")

    def evidence(query: str = "") -> set[str]:
        answer = api.get(f"/ServiceRequest/sr/$clearance{query}")
        assert answer.status_code == 200, answer.get_data()
        return {each for each in _references(answer.get_json()) if each.startswith("Contract/")}

    first = evidence()
    assert first
    clock.now += timedelta(days=1)
    more = ours("amends", valueReference=ref("Contract/agr-1-v1"))
    kind = ours("amendment-type", valueCode="rate-only")
    base = {name: value for name, value in stories.contract(n=2, start=-200).items() if name != "meta"}
    assert api.put("/Contract/agr-1-v2", base | {"extension": [more, kind]}).status_code == 201
    assert any("agr-1-v2" in each for each in evidence())
    assert evidence(f"?asOf={then}") == first


def _references(found: Any) -> list[str]:
    if isinstance(found, dict):
        own = [found["reference"]] if isinstance(found.get("reference"), str) else []
        return own + [each for value in found.values() for each in _references(value)]
    return [each for value in found for each in _references(value)] if isinstance(found, list) else []
