"""Which partner's workflow a Task follows that an EHR speaks of: the one agreed with the EHR, whatever the Task claims
(`domain/referrals/states.py`)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from carecoord.actions.prior_auth.pas import own_marks
from carecoord.domain.referrals import states
from carecoord.fhir import text
from carecoord.store.resources import read
from fhir_adapters.ehr import Ehr

Json = dict[str, Any]


def settled(conn: Connection, ehr: Ehr, resources: Sequence[Json]) -> list[Json]:
    """The resources as they are kept: our own marks as they stand here, each Task marked with its workflow. With an EHR
    of which nothing is agreed a Task that we hold goes on as it began: another partner's may have been handed on to
    this EHR."""
    ids = [("Task", each["id"]) for each in resources if each["resourceType"] == "Task"]
    agreed, held = states.named(ehr.workflow), dict[str, Json]()
    if ids and not ehr.workflow:
        held = {row.id: text.loads(row.body) for row in read.many(conn, ids) if not row.deleted}

    def marked(task: Json) -> Json:
        return states.following(task, states.workflow(held[task["id"]]) if task["id"] in held else agreed)

    told = own_marks.as_held(conn, resources)
    return [marked(each) if each["resourceType"] == "Task" else each for each in told]
