"""What a write means for the EHRs: in its own transaction the EHR's last word is kept, and the EHR is to be told.

Whoever wrote: what is no longer as its EHR said it last was changed here, or was made one of two changes by a sync.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from auth.scopes import Scope, covers, parse
from carecoord.actions.ehrs import reconcile
from carecoord.domain.ehrs.deliveries import TOLD, hindrance, is_told, is_told_anew, verb
from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.fhir.types import TYPES
from carecoord.store.database import outbox
from carecoord.store.ehrs import conflicts, deliveries, ehrs, items
from carecoord.store.ehrs.deliveries import Delivery
from carecoord.store.ehrs.items import Ours
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Projector, Touched
from fhir_adapters import dialects
from fhir_adapters.ehr import Ehr

JOB = "deliver"  # in the outbox; its key: the EHR, the type and our id
MANY = 1000  # deliveries that are asked for again at once
SYNCED = frozenset(row.name for row in TYPES.values() if row.synced)


def noted(project: Projector) -> Projector:
    """The projector that also sees to the EHRs, first: what is in dispute is shown on the case."""

    def both(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
        note(conn, touched, now)
        project(conn, touched, now)

    return both


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """See to what a write means for the EHRs that hold what it touched, or are to hold it."""
    by_type: dict[str, dict[str, Touched]] = {}
    for each in touched:
        if each.type in SYNCED:
            by_type.setdefault(each.type, {})[each.id] = each
    told = [each for type, those in by_type.items() if type in TOLD for each in those.values()]
    about = {each.patient for each in told if each.patient}
    asked = {type: sorted(those) for type, those in by_type.items()}
    known = items.held(conn, asked | {"Patient": sorted(about.union(by_type.get("Patient", ())))})
    held = [one for one in known if one.id in by_type.get(one.type, ())]
    there = ehrs.staying(conn, {one.ehr for one in held if not one.agrees})
    for one in held:
        _changed(conn, one, there.get(one.ehr), now)
    theirs = {one.id: one.ehr for one in known if one.type == "Patient"}
    if theirs:
        kept = {(one.type, one.id) for one in held}
        _made(conn, [each for each in told if (each.type, each.id) not in kept], theirs, now)


def ask(conn: Connection, ehr: Ehr, new: Delivery, hold: bool, now: datetime) -> None:
    """Have an EHR told, or say at once why it is not. hold: the EHR knows the resource. The job is of this
    transaction: where the change is, it is."""
    row = read.get(conn, new.type, new.id)
    act = verb(hold, row is None or row.deleted)
    why = hindrance(act, dialects.writes(ehr, new.type), asks_for(ehr, new.type, act))
    if why:
        deliveries.ask(conn, replace(new, state="kept", why=why, ended=micros(now)))
        return
    deliveries.ask(conn, new)
    outbox.add(conn, JOB, key(new), b"", now)


def tell(conn: Connection, one: Ours, now: datetime) -> None:
    """Have the EHR that holds a resource told what we have made of it, if such a thing is told at all, and if the EHR
    was not taken away."""
    if is_told(one.type) and (ehr := ehrs.staying(conn, (one.ehr,)).get(one.ehr)):
        _tell(conn, ehr, one, now)


def revive(conn: Connection, ehr: Ehr, now: datetime) -> None:
    """The EHR was told anew, so what was not possible may be now: what it was not told is asked for again."""
    for one in deliveries.unsettled(conn, ehr.name, ("refused", "kept"), MANY):
        again(conn, ehr, one, now)


def again(conn: Connection, ehr: Ehr, one: Delivery, now: datetime) -> None:
    """What an EHR was not told is asked for once more."""
    held = bool(items.ours(conn, one.type, [one.id]))
    ask(conn, ehr, replace(one, state="waiting", why="", words="", attempts=0, ended=None), held, now)


def key(one: Delivery) -> str:
    """What the job of a delivery is called."""
    return f"{one.ehr}/{one.type}/{one.id}"


def asks_for(ehr: Ehr, type: str, act: str) -> bool:
    """Whether we ask this EHR for a token that could do this."""
    if ehr.auth is None:
        return True
    wanted = Scope("system", type, frozenset(act[0]))
    asked = parse(dialects.write_scope(ehr))
    return any(isinstance(one, Scope) and covers(one, wanted) for one in asked)


def _tell(conn: Connection, ehr: Ehr, one: Ours, now: datetime) -> None:
    if is_told(one.type):
        ask(conn, ehr, _delivery(one.ehr, one.type, one.id, one.patient, one.version, now), True, now)


def _changed(conn: Connection, one: Ours, ehr: Ehr | None, now: datetime) -> None:
    """What an EHR holds was written: by a person, an app, or a sync that made one of two changes. ehr None: it was
    taken away while it was read, by a version of us that let it be; what came from it is ours alone."""
    if one.agrees:
        if one.has_base:
            items.keep_base(conn, one, None)
            reconcile.close(conn, one, now)
        return
    if ehr is None:
        return
    said = items.base(conn, one)
    if not one.has_base and said:
        items.keep_base(conn, one, said)
    row = read.get(conn, one.type, one.id)
    ours = text.loads(row.body) if row and not row.deleted else {}
    reconcile.refresh(conn, one, ours, said or {}, now)
    _tell(conn, ehr, one, now)


def _made(conn: Connection, fresh: Iterable[Touched], theirs: Mapping[str, str], now: datetime) -> None:
    """What was made here about a patient whom an EHR has is told that EHR. theirs: by patient, the EHR."""
    told = []
    for each in fresh:
        name = theirs.get(each.patient or "")
        row = read.get(conn, each.type, each.id) if name else None
        if name is None or row is None or row.deleted:
            continue
        if is_told_anew(text.loads(row.body), _is_loaded(conn, row)):
            told.append(_delivery(name, each.type, each.id, each.patient, row.version, now))
    there = ehrs.staying(conn, {new.ehr for new in told})
    for new in told:
        if ehr := there.get(new.ehr):
            ask(conn, ehr, new, False, now)


def _is_loaded(conn: Connection, row: Row) -> bool:
    return conflicts.author(conn, row.rid, row.type, row.id).subject == "load"


def _delivery(ehr: str, type: str, id: str, patient: str | None, version: int, now: datetime) -> Delivery:
    return Delivery(ehr, type, id, patient, "waiting", "", "", 0, micros(now), None, version)

