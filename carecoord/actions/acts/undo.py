"""Taking an act back, for ten minutes and by whoever did it: what it changed is as before, what it made is entered in
error. Where somebody has gone on from there it stays."""

from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import changing
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Done, Planned, done, opened, write
from carecoord.actions.acts.provenance import Act, Version
from carecoord.domain.access.verbs import Verb
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.codes import WORK, has
from carecoord.domain.resource.elements import Json, item
from carecoord.errors import Conflict, NotFound
from carecoord.fhir import text as json
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World


def undo(world: World, grant: Grant, request: str, act: str) -> Done:
    """Take back an act of the asker's own. Done twice, it is done once. Raises NotFound, and Conflict where its time is
    over or what it wrote has been changed since."""
    with changing(world, grant, request) as turn:
        alone(turn.conn, f"act {act}")
        taken = provenance.find(turn.conn, act)
        if taken is None or taken.subject != grant.subject:
            raise NotFound("There is nothing of yours to take back here.", "http.act")
        id = provenance.undo_id(act)
        if before := provenance.find(turn.conn, id):
            return Done(before, None)
        with refusals_noted(turn, "update", *order_named(taken.case)):
            acting = opened(turn, id, taken.case, cast("Verb", taken.verb))
            if done(turn.conn, taken, turn.now).until is None:
                raise Conflict("It can no longer be taken back: ten minutes have passed.", "http.act")
            made = (each for each in taken.made if each.type != "Binary")  # which has no status: its document tells
            resources = [_former(turn.conn, each, taken, turn.now) for each in made]
            return Done(write(acting, "undo", Planned(resources, sentence("act.undone"))), None)


def _former(conn: Connection, made: Version, act: Act, now: datetime) -> Json:
    """What a version came from; what was made new, as entered in error."""
    present = read.get(conn, made.type, made.id)
    if present is None or present.deleted or present.version != made.number:
        raise Conflict("It was changed again since: it can not be taken back. See what stands there now.", "http.act")
    before = next((each for each in act.former if (each.type, each.id) == (made.type, made.id)), None)
    old = read.version(conn, before.type, before.id, before.number) if before else None
    if old is None or old.deleted:
        resource = json.loads(present.body)
        if has(item(resource, "code"), *WORK):  # it begins anew with the next owner: as if nobody had been given it
            return {name: value for name, value in resource.items() if name not in ("owner", "restriction")}
        return resource | {"status": "entered-in-error"}
    resource = json.loads(old.body)
    return {**resource, "lastModified": now.isoformat(timespec="seconds")} if "lastModified" in resource else resource
