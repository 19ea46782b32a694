"""What only an act of ours may write on a form or a request: to which payer a form went, for whoever works there reads
it; and by which way a request goes, for what goes by PAS our worker sends. Whoever writes otherwise, by the API or from
an EHR, leaves these marks as they are."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from carecoord.actions.access.turn import Turn
from carecoord.domain.access.roles import DISCLOSED
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.resource.elements import Json, item, items
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.resources.write import Change

_TYPES = ("Claim", "QuestionnaireResponse")


def marked(turn: Turn, changes: Sequence[Change]) -> list[Change]:
    """The changes that somebody asks for, with our marks as they stand here. A service that keeps whole records may
    bring them."""
    if not turn.grant.roles and not turn.grant.organization:
        return list(changes)
    held = _held(turn.conn, [(each.type, each.id) for each in changes if each.resource is not None])
    return [replace(each, resource=_as_before(held.get((each.type, each.id), {}), each.resource))
            if each.resource is not None and each.type in _TYPES else each for each in changes]  # fmt: skip


def as_held(conn: Connection, resources: Sequence[Json]) -> list[Json]:
    """The resources, each with its id, with our marks as they stand here."""
    names = [(str(each["resourceType"]), str(each["id"])) for each in resources]
    held = _held(conn, names)
    return [_as_before(held.get(name, {}), each) if name[0] in _TYPES else each
            for name, each in zip(names, resources, strict=True)]  # fmt: skip


def _held(conn: Connection, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Json]:
    ids = [each for each in names if each[0] in _TYPES]
    rows = read.many(conn, ids) if ids else []
    return {(row.type, row.id): json.loads(row.body) for row in rows if not row.deleted}


def _as_before(before: Json, after: Json) -> Json:
    if after["resourceType"] == "Claim":
        return channels.as_before(before, after)
    meta = item(after, "meta")
    own = [each for each in items(item(before, "meta"), "tag") if each.get("system") == DISCLOSED]
    tags = [each for each in items(meta, "tag") if each.get("system") != DISCLOSED] + own
    if tags == items(meta, "tag"):
        return after
    told = {name: value for name, value in meta.items() if name != "tag"} | ({"tag": tags} if tags else {})
    return {name: value for name, value in after.items() if name != "meta"} | ({"meta": told} if told else {})
