"""The rows of requests for authorization kept true: with the rows of the cases, by the same judgement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.desk import second_look, steps
from carecoord.domain.prior_auth.desk.row import Judged, rows
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import item, target, text
from carecoord.fhir.instants import micros
from carecoord.store.prior_auth import authorizations, queues
from carecoord.store.resources.write import Touched

_decode = msgspec.json.Decoder().decode


def keep(conn: Connection, patient: str, cases: Sequence[Judged], now: datetime, policy: Policy) -> None:
    """Write the rows of a patient's requests where they differ from what stands there. cases: all of the patient's, as
    they were judged just now."""
    made: dict[str, dict[str, Any]] = {}
    for root, each in rows(cases, policy).items():
        sides = sorted(map(list, each.parties))
        made[root] = each.columns | {"parties": sides, "searched": each.told, "payer_searched": each.payer_told}
    authorizations.keep(conn, patient, made, micros(now))


def note(conn: Connection, touched: Sequence[Touched], policy: Policy) -> None:
    """Note which requests wait for a second person of the payer, and where else they stand at its desk, once their
    rows are there."""
    for each in touched:
        if each.type != "Task" or not each.after:
            continue
        task = _decode(each.after)
        if second_look.is_proposal(task):
            since = moment(text(task, "authoredOn"), policy.zone) if text(task, "status") == "requested" else None
            authorizations.propose(conn, target(item(task, "focus")), micros(since) if since else None)
        elif kind := steps.kind_of(task):
            begun = moment(text(task, "authoredOn"), policy.zone) if steps.open_(task) else None
            queues.put(conn, target(item(task, "focus")), kind, micros(begun) if begun else None)
