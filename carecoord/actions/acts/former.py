"""What an act is taken back to: what it changed is as before, what it made is entered in error."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from carecoord.actions.acts.provenance import Act, Version
from carecoord.domain.agreements.desk.drafts import stated
from carecoord.domain.resource.codes import WORK, has
from carecoord.domain.resource.elements import Json, item
from carecoord.errors import Conflict
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence


def formers(conn: Connection, act: Act, now: datetime) -> Sequence[Json]:
    """Each resource of an act as it was before. Raises Conflict where somebody has gone on from there: what stands is
    then theirs."""
    last = {(each.type, each.id): each for each in act.made}  # one act may write a thing twice, made and then done
    first: dict[tuple[str, str], Version] = {}
    for each in act.former:
        first.setdefault((each.type, each.id), each)
    return [
        _former(conn, made, None if first.get(name) in act.made else first.get(name), now)
        for name, made in last.items()
        if made.type != "Binary"  # which has no status: its document tells
    ]


def _former(conn: Connection, made: Version, before: Version | None, now: datetime) -> Json:
    present = read.get(conn, made.type, made.id)
    if present is None or present.deleted or present.version != made.number:
        raise Conflict(sentence("refusals.it-was-changed-again-since"), "http.act")
    old = read.version(conn, before.type, before.id, before.number) if before else None
    if old is None or old.deleted:
        resource = json.loads(present.body)
        if has(item(resource, "code"), *WORK):  # it begins anew with the next owner: as if nobody had been given it
            return {name: value for name, value in resource.items() if name not in ("owner", "restriction")}
        if made.type == "Contract":
            return stated(resource, "entered-in-error")
        if made.type == "OrganizationAffiliation":  # which has no status
            return resource | {"active": False}
        if made.type == "Goal":
            return resource | {"lifecycleStatus": "entered-in-error"}
        return resource | {"status": "entered-in-error"}
    resource = json.loads(old.body)
    return {**resource, "lastModified": now.isoformat(timespec="seconds")} if "lastModified" in resource else resource
