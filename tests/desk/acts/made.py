"""Referrals that are made for one test, in the stage that it needs."""

from typing import Any
from uuid import uuid4

from carecoord.domain.referrals import states
from carecoord.fhir import text as fhir_text
from carecoord.store.database.engine import writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.desk.conftest import House


def made(house: House, stage: str) -> str:
    """A referral of our office to Bellwether that stands in a stage, made for one test: the id of its case."""
    id = f"made-{uuid4()}"
    with writing(house.world.engine) as conn:
        row = read.get(conn, "ServiceRequest", "order-24815")
        assert row
        order = fhir_text.loads(row.body) | {"id": id, "status": "active", "identifier": [{"value": id}]}
        about = [{"reference": f"ServiceRequest/{id}"}]
        bare = {
            "resourceType": "Task", "id": f"task-{id}", "intent": "order", "focus": about[0], "basedOn": about,
            "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
            "for": order["subject"], "requester": {"reference": "Organization/fairmont"},
            "owner": {"reference": "Organization/bellwether-vascular"}, "authoredOn": "2026-11-20T10:00:00Z",
        }  # fmt: skip
        task = states.written(bare | {"status": "draft"}, stage)  # type: ignore[arg-type]
        bodies = [order, task, *([booking(order)] if stage == "scheduled" else [])]
        changes = [Change(each["resourceType"], each["id"], each) for each in bodies]
        now, actor = house.world.clock(), Actor("ehr:elm", None, None, "sync")
        put_all(conn, changes, now=now, actor=actor, base=house.world.base, project=house.world.project)
    return id


def booking(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Appointment", "id": f"visit-{order['id']}", "status": "booked",
        "start": "2026-12-03T15:00:00Z", "end": "2026-12-03T15:30:00Z",
        "basedOn": [{"reference": f"ServiceRequest/{order['id']}"}],
        "participant": [{"actor": order["subject"], "status": "accepted"}],
    }  # fmt: skip
