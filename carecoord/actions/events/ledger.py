"""What is put into the log of events: by one place, in the transaction of the change.

The projector shows a ledger every case that it judges anew on account of a write; at the end the ledger appends what
the write has changed, each event with the cases that it concerns, and how these stand since.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from carecoord.domain.referrals.case import Case, order_named
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json
from carecoord.domain.timeline.changes import GOVERNED, Occurrence, changes, go_betweens, orders_named
from carecoord.domain.timeline.timeline import concerning
from carecoord.fhir.instants import micros
from carecoord.store.events import log
from carecoord.store.events.log import Entry
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Touched

GATES: Final = ("coverage", "authorization", "agreement", "information", "appointment", "loop")
NOBODY: Final = Actor(None, None, None, "")  # whose doing it is that time passes
_decode = msgspec.json.Decoder().decode


class Ledger:
    """The events of one write, or of the passing of time, until they are appended."""

    def __init__(self, touched: Sequence[Touched] = ()) -> None:
        self._touched = [each for each in touched if each.type in GOVERNED]
        self._keys = frozenset(f"{each.type}/{each.id}" for each in self._touched)
        self._actor = touched[0].actor if touched else NOBODY
        self._cases: dict[str, dict[str, str]] = {}  # Type/id -> order -> patient
        self._judged: list[Entry] = []

    def see(self, id: str, patient: str, case: Case) -> bool:
        """Take note of a case, by the id of its order; whether something of the case itself was written."""
        written = concerning(case) & self._keys if self._keys else frozenset()
        for one in written:
            self._cases.setdefault(one, {})[id] = patient
        return bool(written)

    def concerns(self, resource: str, cases: Mapping[str, str]) -> None:
        """Take note of the cases that a resource, `Type/id`, is part of, where they are not judged anew: by the id of
        each its patient."""
        self._cases.setdefault(resource, {}).update(cases)

    def judged(self, before: Mapping[str, Any] | None, row: Mapping[str, Any], version: int, now: datetime) -> None:
        """A case's row (None: it had none) and the one in its place."""
        was = {gate: before[f"{gate}_gate"] for gate in GATES} if before else {}
        turned = {gate: [was.get(gate, ""), row[f"{gate}_gate"]] for gate in GATES}
        turned = {gate: both for gate, both in turned.items() if both[0] != both[1]}
        if before and not turned and before["cleared"] == row["cleared"]:
            return
        state = _cleared(row)
        happened = Occurrence("clearance", _cleared(before) if before else "", state, payload={"gates": turned})
        place = (*order_named(row["id"]), version)
        self._judged.append(entry(happened, self._actor, micros(now), None, row["patient"], row["id"], place))

    def write(self, conn: Connection, now: datetime, zone: tzinfo) -> None:
        """Append it all. zone: where a date without an hour begins."""
        at, found = micros(now), []
        known = _go_betweens(conn, [each for each in self._touched if f"{each.type}/{each.id}" not in self._cases])
        for each in self._touched:
            before, after = (_decode(body) if body else None for body in (each.before, each.after))
            happened = changes(before, after)
            if not happened:
                continue
            concerned = self._cases.get(f"{each.type}/{each.id}") or cases(before, after, known)
            whose = each.patient or each.before_patient or next(filter(None, concerned.values()), None)
            place = (each.type, each.id, each.version)
            named: list[str | None] = [*sorted(concerned)] or [None]
            found += [entry(one, each.actor, at, zone, whose, case, place) for one in happened for case in named]
        log.append(conn, [*found, *self._judged])


def note(
    conn: Connection, happened: Occurrence, actor: Actor, now: datetime, patient: str | None, case: str,
    place: tuple[str, str, int],
) -> None:  # fmt: skip
    """Append what happened on a case and no change of a resource tells. place: type, id and version of what it is
    about."""
    log.append(conn, [entry(happened, actor, micros(now), None, patient, case, place)])


def entry(
    happened: Occurrence, actor: Actor, recorded: int, zone: tzinfo | None, patient: str | None, case: str | None,
    place: tuple[str, str, int],
) -> Entry:  # fmt: skip
    """An occurrence as it stands in the log. place: type, id and version of what was changed."""
    when = moment(happened.at, zone) if happened.at and zone else None
    return Entry(
        micros(when) if when else recorded, happened.at if when else None, recorded,
        actor.subject, actor.client, actor.organization, actor.request or None, patient, case,
        happened.kind, happened.before, happened.state, *place, happened.reason or None, happened.payload,
    )  # fmt: skip


def _cleared(row: Mapping[str, Any]) -> str:
    return "cleared" if row["cleared"] else "not-cleared"


def cases(before: Json | None, after: Json | None, known: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The orders that a resource names, or what it names names, with whose they are as far as that is known."""
    found: dict[str, str] = {}
    for resource in filter(None, (before, after)):
        for between in go_betweens(resource):
            found |= known.get(between, {})
        for order in orders_named(resource):
            found |= known.get("/".join(order_named(order)), {order: ""})
    return found


def _go_betweens(conn: Connection, touched: Iterable[Touched]) -> dict[str, dict[str, str]]:
    """For what stands between a resource and its order, and for orders of resources that name no patient, `Type/id`:
    the orders and whose they are. Most resources of a load name none, and nothing is read."""
    wanted: set[str] = set()
    for each in touched:
        body = each.after or each.before
        if b'"Task/' in body or b'"Claim/' in body or (b"Request/" in body and not each.patient):
            resource = _decode(body)
            wanted |= go_betweens(resource)
            wanted |= {"/".join(order_named(id)) for id in orders_named(resource)} if not each.patient else set()
    rows = read.many(conn, [(type, id) for type, _, id in (one.partition("/") for one in wanted)]) if wanted else []
    return {f"{row.type}/{row.id}": dict.fromkeys(orders_named(_decode(row.body)), row.patient or "") for row in rows}
