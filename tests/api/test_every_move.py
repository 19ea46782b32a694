"""The full product of the tables of states (state, where to, side, partner), over each road: exactly the listed moves
succeed, the others are refused as what they are. By the tables that were written by hand, not by those of the code."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from werkzeug.test import Client

from auth import store
from auth.store import Token
from carecoord import app
from carecoord.actions.fhir.load import load
from carecoord.actions.worklist import project
from carecoord.domain.referrals import stages
from carecoord.domain.referrals.states import written
from carecoord.fhir import text
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine, reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from tests.api.conftest import Api, Clock
from tests.conftest import BUSY
from tests.domain.referrals.test_states import BASE, BY_HAND, TO, allowed
from tests.domain.scheduling.test_states import BY_HAND as VISITS

Json = dict[str, Any]
STAGES = tuple(stage for stage in BASE if stage != "new")
STATUSES = tuple(status for status in VISITS if status != "new")
SIDES = {"requester": "clinic", "performer": "heart", "other": "third"}
WORKFLOW = "https://carecoord.example/fhir/CodeSystem/referral-workflow"
CLAIMED = {  # what partners write in meta.profile: it opens nothing
    "cow": "http://hl7.org/fhir/uv/cow/StructureDefinition/coordination-task",
    "bser": "http://hl7.org/fhir/us/bser/StructureDefinition/BSeR-ReferralTask",
    "gravity": "http://hl7.org/fhir/us/sdoh-clinicalcare/StructureDefinition/SDOHCC-TaskForReferralManagement",
    "360x": "urn:ihe:pcc:360x:2021",
}
ANSWERS = {"ok": 200, "forbidden": 403, "conflict": 409}
Try = tuple[str, str, Json]  # state, where to, the resource as it would be then


def task(profile: str, stage: str, to: str, id: str) -> Json:
    """A referral Task as it stands in a stage, with all that any verb needs."""
    bare = {
        "resourceType": "Task", "id": id, "status": "draft", "intent": "order",
        "meta": following(profile), "focus": {"reference": f"ServiceRequest/{id}"},  # which is elsewhere
        "requester": {"reference": "Organization/clinic"}, "owner": {"reference": "Organization/heart"},
        "output": [{"type": {"text": "Consult note"}, "valueString": "Seen."}],
    }  # fmt: skip
    return written(bare, to, "Said by a test") | {"description": f"{stage} to {to}"}


def following(profile: str) -> Json:
    """The meta of a Task that follows a partner's workflow, as the server marks it when the Task begins."""
    meta: Json = {"profile": ["https://carecoord.example/fhir/StructureDefinition/referral"]}
    return meta if profile == "base" else meta | {"tag": [{"system": WORKFLOW, "code": profile}]}


def visit(status: str, to: str, id: str) -> Json:
    made = {
        "resourceType": "Appointment", "id": id, "status": to, "comment": f"{status} to {to}",
        "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z",
        "participant": [{"actor": {"reference": "Location/clinic"}, "status": "accepted"}],
    }  # fmt: skip
    return made | ({"cancelationReason": {"text": "ill"}} if to in ("cancelled", "noshow") else {})


def by_hand(profile: str, stage: str, side: str, to: str) -> str:
    """What becomes of a side's wish to have a Task in a stage."""

    def reached(who: str) -> set[str]:
        return {stage if verb == "keep" else TO[verb] for verb in allowed(profile, stage, who)}

    return "ok" if to in reached(side) else "forbidden" if to in reached("either") else "conflict"


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that knows three houses; the tables are the same on either database."""
    var = tmp_path_factory.mktemp("moves")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    settings = Settings(var=str(var), base_url="https://care.example", **BUSY)
    engine, rules = open_engine(settings.database), project.projector(project.policy(settings))
    world = World(engine, Clock(), lambda: str(uuid4()), requests.Session, settings, rules, Journal(var / "audit"))
    stored(world, [{"resourceType": "Organization", "id": id, "name": id} for id in SIDES.values()])
    yield world
    engine.dispose()


@pytest.fixture(scope="module")
def askers(place: World) -> dict[str, Api]:
    """A coordinator of either house by their side, and a service of a third that stands on none."""
    http, now, found = Client(app.wired(place)), int(place.clock().timestamp()), {}
    with writing(place.engine) as conn:
        for side, house in SIDES.items():
            scope, roles = ("system/*.cruds", "") if side == "other" else ("user/*.cruds", "coordinator")
            new = Token("access", side, side, scope, now, now + 3600, roles=roles, organization=house)
            found[side] = Api(http, store.issue(conn, new))
    return found


def stored(world: World, bodies: list[Json]) -> None:
    """Put away as an EHR's, which no table refuses, all at once."""
    changes = [Change(each["resourceType"], each["id"], each) for each in bodies]
    actor = Actor("ehr:elm", None, None, "sync")
    with writing(world.engine) as conn:
        put_all(conn, changes, now=world.clock(), actor=actor, base=world.base, project=world.project)


def tries(profile: str, tag: str) -> list[tuple[str, str, Json, Json]]:
    """(stage, where to, the Task before, and after) for every pair of stages, each a Task of its own."""
    found = []
    for n, stage in enumerate(STAGES):
        for m, to in enumerate(STAGES):
            id = f"{tag}-{profile}-{n}-{m}"
            before = task(profile, stage, stage, id) | {"description": "as it was"}
            found.append((stage, to, before, task(profile, stage, to, id)))
    return found


# Half of the pairs go over one road, half over the other. Us and COW go by one table, BSeR and 360X by another, each
# the other way round: so each of these tables is driven whole over both roads.
SINGLE = {"base": 0, "cow": 1, "bser": 0, "360x": 1, "gravity": 0}
PRODUCT = [(profile, side) for profile in SINGLE for side in ("requester", "performer")]


@pytest.mark.parametrize(("profile", "side"), [*PRODUCT, ("base", "other"), ("cow", "other")])
def test_single_updates_and_entries_of_a_bundle_make_the_listed_moves_of_a_task_and_no_others(
    place: World, askers: dict[str, Api], profile: str, side: str
) -> None:
    rows = tries(profile, side)
    stored(place, [before for _, _, before, _ in rows])
    half = SINGLE[profile]
    single, bundled = rows[half::2], rows[1 - half :: 2]
    got = [(row, askers[side].put(f"/Task/{row[3]['id']}", row[3]).status_code) for row in single]
    got += zip(bundled, batched(askers[side], [after for *_, after in bundled]), strict=True)
    wrong = []
    for (stage, to, _, _), status in got:
        if status != ANSWERS[by_hand(profile, stage, side, to)]:
            wrong.append((stage, to, status))
    assert wrong == [], wrong


def test_what_a_task_claims_to_be_opens_no_move_and_what_is_agreed_with_its_client_does(
    place: World, askers: dict[str, Api]
) -> None:
    """Gravity's requester withdraws work that has begun; ours asks for it."""
    forged = following("gravity") | {"profile": [CLAIMED["gravity"]]}
    now = int(place.clock().timestamp())
    with writing(place.engine) as conn:
        made = store.Client("partner", "A partner", "system/*.cruds", jwks='{"keys": []}', workflow="gravity")
        store.add_client(conn, made, now)
        new = Token("access", "partner", "partner", "system/*.cruds", now, now + 3600)
        partner = Api(Client(app.wired(place)), store.issue(conn, new))
    for id, by, status in (("claims", askers["other"], 409), ("agreed", partner, 200)):
        begun = task("base", "in-progress", "in-progress", id) | ({"meta": forged} if id == "claims" else {})
        assert by.put(f"/Task/{id}", begun).status_code == 201
        ended = task("base", "in-progress", "cancelled", id) | ({"meta": forged} if id == "claims" else {})
        assert askers["requester"].put(f"/Task/{id}", ended).status_code == status, id
        tags = askers["other"].get(f"/Task/{id}").get_json()["meta"].get("tag", [])
        assert tags == ([] if id == "claims" else [{"system": WORKFLOW, "code": "gravity"}])


def batched(api: Api, bodies: list[Json]) -> list[int]:
    """The status that each gets as an entry of a batch."""
    found: list[int] = []
    for start in range(0, len(bodies), 50):
        part = bodies[start : start + 50]
        entry = [
            {"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}}
            for each in part
        ]
        answer = api.post("", {"resourceType": "Bundle", "type": "batch", "entry": entry})
        found += [int(each["response"]["status"].split()[0]) for each in answer.get_json()["entry"]]
    return found


def test_a_load_makes_the_listed_moves_of_a_task_and_no_others(place: World, tmp_path: Path) -> None:
    rows = [(profile, *each) for profile in BY_HAND for each in tries(profile, "load")]
    stored(place, [row[3] for row in rows])
    file = tmp_path / "Task.ndjson"
    file.write_text("\n".join(json.dumps(row[4]) for row in rows))
    refused = {each.what for each in load(place, [file]).refusals}
    with reading(place.engine) as conn:
        held = {
            row.id: stages.stage(text.loads(row.body)) for row in read.many(conn, [("Task", r[4]["id"]) for r in rows])
        }
    wrong = []
    for profile, stage, to, _, after in rows:
        legal = by_hand(profile, stage, "either", to) == "ok"
        if (f"Task/{after['id']}" in refused) == legal or held[after["id"]] != (to if legal else stage):
            wrong.append((profile, stage, to, held[after["id"]]))
    assert wrong == [], wrong


def test_every_road_makes_the_listed_moves_of_a_visit_and_no_others(
    place: World, askers: dict[str, Api], tmp_path: Path
) -> None:
    wrong = []
    for road in ("put", "batch", "load"):
        rows = [(status, to, f"{road}-{n}-{m}") for n, status in enumerate(STATUSES) for m, to in enumerate(STATUSES)]
        stored(place, [visit(status, status, id) | {"comment": "as it was"} for status, _, id in rows])
        bodies = [visit(status, to, id) for status, to, id in rows]
        if road == "put":
            got = [askers["other"].put(f"/Appointment/{each['id']}", each).status_code for each in bodies]
        elif road == "batch":
            got = batched(askers["other"], bodies)
        else:
            (tmp_path / "Appointment.ndjson").write_text("\n".join(map(json.dumps, bodies)))
            refused = {each.what: 409 for each in load(place, [tmp_path / "Appointment.ndjson"]).refusals}
            got = [refused.get(f"Appointment/{each['id']}", 200) for each in bodies]
        for (status, to, _), answer in zip(rows, got, strict=True):
            if answer != (200 if to in reached(status) else 409):
                wrong.append((road, status, to, answer))
    assert wrong == [], wrong


def reached(status: str) -> set[str]:
    """By hand: the statuses that an organization may give a visit of a status."""
    return {each.split(":")[1].rstrip("*") for each in VISITS[status].split()} | {status}
