"""A database that is older than the log of events gets the events of its past, once, when it is migrated."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance import rule_lines
from carecoord.actions.events.ledger import cases, entry
from carecoord.domain.referrals.case import ORDERS, case_id, order_named
from carecoord.domain.resource.elements import Json
from carecoord.domain.timeline.changes import GOVERNED, changes, go_betweens, orders_named
from carecoord.store.database import engine
from carecoord.store.events import log, past
from carecoord.store.events.log import Entry
from carecoord.store.resources.write import Actor
from carecoord.world import World

_BATCH = 5000  # events in one statement
_decode = msgspec.json.Decoder().decode


def migrate(world: World) -> None:
    """Bring the database to the newest revision, its log and the lines of its rule books included, in one
    transaction."""
    zone = ZoneInfo(world.settings.timezone)

    def fill(conn: Connection) -> None:
        rule_lines.write_past(conn, zone)
        write_past(conn, zone)

    engine.migrate(world.engine, fill)


def write_past(conn: Connection, zone: ZoneInfo) -> None:
    """Write the events of every version that was stored before there was a log, where that has not been done."""
    if not past.unwritten(conn):
        return
    waiting: list[Entry] = []
    for each in _events(conn, zone):
        waiting.append(each)
        if len(waiting) == _BATCH:
            log.append(conn, waiting)
            waiting.clear()
    log.append(conn, waiting)
    past.written(conn)


def _events(conn: Connection, zone: ZoneInfo) -> Iterator[Entry]:
    known = _go_betweens(conn)
    last: dict[int, bytes] = {}  # of those resources only that a later version follows
    for each in past.versions(conn, sorted(GOVERNED)):
        earlier = last.pop(each.rid, b"")
        if not each.newest:
            last[each.rid] = each.body
        before, after = (_decode(body) if body else None for body in (earlier, each.body))
        named = cases(before, after, known)
        patient = each.patient or next(filter(None, named.values()), None)
        actor = Actor(each.subject, each.client, each.organization, each.request)
        place = (each.type, each.id, each.version)
        concerned: list[str | None] = [*sorted(named)] or [None]
        for one in changes(before, after):
            for case in concerned:
                yield entry(one, actor, each.updated, zone, patient, case, place)


def _go_betweens(conn: Connection) -> dict[str, dict[str, str]]:
    """The orders of each Task and each request for authorization, and of each order itself, with whose they are."""
    pairs = past.patients(conn, ORDERS).items()
    whose = {case_id({"resourceType": type, "id": id}): patient for (type, id), patient in pairs}
    known = {"/".join(order_named(id)): {id: patient} for id, patient in whose.items()}
    under: dict[str, Json] = {}
    for name, body in past.bodies(conn, ["Task", "Claim"]):
        if b"Request/" in body or b'"Task/' in body or b'"Claim/' in body:
            resource = _decode(body)
            if named := orders_named(resource):
                known[name] = {id: whose.get(id, "") for id in named}
            elif name.startswith("Task/"):
                under[name] = resource
    for name, task in under.items():
        if found := {id: patient for to in go_betweens(task) for id, patient in known.get(to, {}).items()}:
            known[name] = found
    return known
