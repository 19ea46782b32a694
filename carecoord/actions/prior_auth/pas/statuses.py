"""Subscription/$status: how subscriptions stand, and why the last try of one failed.

Clause: Subscriptions R5 Backport 1.1, OperationDefinition backport-subscription-status."""

from collections.abc import Mapping, Sequence
from typing import Any

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.fhir import read as fhir_read
from carecoord.actions.prior_auth.pas.notices import TYPE
from carecoord.domain.prior_auth.pas import subscription as subscriptions
from carecoord.domain.resource.elements import Json, text
from carecoord.errors import Invalid
from carecoord.fhir import text as json
from carecoord.store.prior_auth import subscriptions as kept
from carecoord.store.resources.read import Row
from carecoord.world import World


def status(world: World, asker: Asker, ids: Sequence[str], *, request: str = "") -> Json:
    """How subscriptions (their ids) stand. Raises Invalid for none named, NotFound, Gone, Forbidden."""
    with looking(world, asker, request) as turn, noted(turn, "status", TYPE, ids[0] if len(ids) == 1 else None):
        if not ids:
            raise Invalid("Say of which Subscriptions: id, as often as it takes.", "http.id")
        return _statuses(turn, [fhir_read.present(turn, TYPE, id) for id in ids])


def _statuses(turn: Turn, rows: Sequence[Row]) -> Json:
    base = turn.world.base.url
    entries: list[Mapping[str, Any]] = []
    for row in rows:
        told = json.loads(row.body)
        name = f"{TYPE}/{row.id}"
        found = subscriptions.status(
            name, "query-status", text(told, "status"), kept.count(turn.conn, row.id), base
        )
        if error := kept.trouble(turn.conn, row.id):
            found["parameter"].append({"name": "error", "valueCodeableConcept": {"text": error}})
        entries.append({"fullUrl": f"{base}/{name}/$status", "resource": found, "search": {"mode": "match"}})
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})
