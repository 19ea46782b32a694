"""The EHRs as an admin looks after them: how fresh what we hold of each is, what it lets us write, what it was told and
what it said no to, what is in dispute; and what can be done about it: pausing, reading on, telling it once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from auth.grant import Grant
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.ehrs import sync_health, write_back
from carecoord.actions.ehrs.between import Between, between, readings
from carecoord.actions.ehrs.sync_health import JOB, PATIENT_JOB, SyncHealth
from carecoord.actions.worklist.worklist import seen_cases, whole
from carecoord.domain.access import verbs
from carecoord.domain.ehrs.deliveries import TOLD
from carecoord.errors import Conflict as Refusal
from carecoord.errors import NotFound
from carecoord.store.audit.events import record
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.mutex import held
from carecoord.store.ehrs import conflicts, deliveries, ehrs
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.store.ehrs.deliveries import Delivery, State
from carecoord.store.ehrs.ehrs import Run
from carecoord.store.worklist import case_ids
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters import cursor, dialects

RUNS: Final = 24  # that are shown of each EHR
MOST: Final = 20  # refusals, deliveries that wait, and conflicts that are shown of each EHR


@dataclass(frozen=True)
class Writable:
    """What an EHR lets us do to a type, and what of it we ask it for."""

    type: str
    lets: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True)
class Quarrelled:
    """A conflict; `case`: the one on which the asker settles it, what that is called, and `shared` with the names for
    it; None: it is not theirs to see."""

    conflict: Conflict
    case: str | None = None
    called: str = ""
    shared: Between = field(default_factory=Between)


@dataclass(frozen=True)
class Kept:
    """An EHR as it is looked after. `kinds`: type -> what changed there before this instant is here; None: it was never
    read to its end. `told`: (state, why, type) -> how many deliveries. `refused`, `waiting`: the oldest
    of them. `disputes`: how many conflicts are open, of which `quarrels` are the oldest."""

    health: SyncHealth
    address: str
    runs: Sequence[Run]
    writes: Sequence[Writable]
    told: Mapping[tuple[str, str, str], int]
    refused: Sequence[Delivery]
    waiting: Sequence[Delivery]
    disputes: int
    quarrels: Sequence[Quarrelled]
    kinds: Mapping[str, datetime | None]


def look(world: World, grant: Grant, request: str) -> tuple[datetime, list[Kept]]:
    """When this was, and every EHR by name. Where cases of patients are named it is audited as a search for them."""
    with looking(world, grant, request) as turn:
        conn, now = turn.conn, turn.now
        told, disputes = deliveries.counted(conn), conflicts.counted(conn)
        found = []
        for health in sync_health.of_each(conn, world.settings, now):
            name = health.ehr
            one = ehrs.get(conn, name)
            lets = [(type, dialects.writes(one, type)) for type in sorted(TOLD)]
            writes = [
                Writable(type, tuple(sorted(acts)), tuple(a for a in sorted(acts) if write_back.asks_for(one, type, a)))
                for type, acts in lets
            ]
            refused = deliveries.unsettled(conn, name, ("refused",), MOST)
            waiting = deliveries.unsettled(conn, name, ("waiting",), MOST)
            quarrels = [_quarrelled(turn, each) for each in conflicts.of_ehr(conn, name, MOST)]
            kept = Kept(
                health, one.base_url, ehrs.runs(conn, name, RUNS), writes, told.get(name, {}), refused, waiting,
                disputes.get(name, 0), quarrels, _kinds(conn, name),
            )  # fmt: skip
            found.append(kept)
    named = [each.conflict.patient for kept in found for each in kept.quarrels if each.case]
    if named:
        asked = event(now, request, "search", by=grant, shown=named, type="ServiceRequest", query="conflicts")
        world.journal.append(asked)
    return now, found


def _kinds(conn: Connection, name: str) -> dict[str, datetime | None]:
    since = {type: cursor.loads(state).since for type, state in ehrs.cursors(conn, name).items()}
    return {type: cursor.instant(at) if at else None for type, at in sorted(since.items())}


def pause(world: World, name: str, request: str, by: User | None = None) -> None:
    """Read an EHR no more until `resume`; what is being read just now is read to its end, and the EHR goes on being
    told of our changes. Raises NotFound, and Conflict for one that is not read by itself."""
    with writing(world.engine) as conn:
        ehrs.get(conn, name)
        if not outbox.hold(conn, JOB, name):
            raise Refusal(f"{name} is not read by itself: there is nothing to pause.")
        record(conn, [event(world.clock(), request, "ehr-pause", by=by)])


def resume(world: World, name: str, request: str, by: User | None = None) -> None:
    """Read an EHR now, and from then on as often as before. Raises NotFound, and Conflict for one that is not read by
    itself."""
    now = world.clock()
    with writing(world.engine) as conn:
        ehrs.get(conn, name)
        if not outbox.hasten(conn, JOB, name, now):
            raise Refusal(f"{name} is not read by itself: say how often with carecoord ehr every {name} MINUTES.")
        record(conn, [event(now, request, "ehr-resume", by=by)])


@dataclass(frozen=True)
class Leaving:
    """What an EHR that is taken away leaves behind. held: how many resources of ours came from it, by type. told: how
    many of our changes it was told or was to be, by what became of it, all of which is forgotten. disputes: what it and
    we have changed differently, which is not settled."""

    base_url: str
    held: Mapping[str, int]
    told: Mapping[State, int]
    disputes: int


def leaving(world: World, name: str) -> Leaving:
    """What it would mean to take an EHR away. Raises NotFound."""
    with reading(world.engine) as conn:
        return _leaving(conn, name)


def _leaving(conn: Connection, name: str) -> Leaving:
    one = ehrs.get(conn, name)
    told = deliveries.by_state(conn, name)
    return Leaving(one.base_url, ehrs.held(conn, name), told, conflicts.counted(conn).get(name, 0))


def remove(world: World, name: str, shown: Leaving, request: str, by: User | None = None) -> None:
    """Take an EHR away: it is read no more and told no more. Every resource that came from it stays as it is, and is
    from then on ours alone. shown: what `leaving` gave, and whoever decides has seen.

    Raises NotFound; Conflict while it is being read, for that would keep more of it; while something is in dispute with
    it, for a case with a dispute is never cleared, and nobody could settle it any more; and when what it leaves behind
    is no longer as shown."""
    with held(world.engine, f"ehr {name}") as alone:
        if not alone:
            raise Refusal(sentence("refusals.being-read-just-now-by", name=name))
        _remove(world, name, shown, request, by)


def _remove(world: World, name: str, shown: Leaving, request: str, by: User | None) -> None:
    with writing(world.engine) as conn:
        ehrs.leave(conn, name)
        left = _leaving(conn, name)
        if left.disputes:
            listed = f"carecoord ehr conflicts {name} lists them"
            raise Refusal(f"{left.disputes} elements are in dispute with {name}: settle them first; {listed}.")
        if left != shown:
            raise Refusal(f"What {name} leaves behind has changed since it was shown; nothing was removed. Look again.")
        for kind in (write_back.JOB, PATIENT_JOB):
            outbox.remove_below(conn, kind, f"{name}/")
        outbox.remove(conn, JOB, name)
        ehrs.remove(conn, name)
        record(conn, [event(world.clock(), request, "ehr-remove", by=by)])


def ask(world: World, grant: Grant, request: str, case: str) -> None:
    """Have each EHR that holds the patient of a case read now instead of when its time comes: all that has changed
    there is read, this patient's among it. It waits in the outbox, and is done once however often it is asked for.

    Raises NotFound for a case that is not the asker's, Conflict where each of them is paused or read by hand alone."""
    with changing(world, grant, request) as turn:
        row = seen_cases(turn).one(case) if whole(grant) else None
        if row is None:
            raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
        found = [each for each in readings(turn.conn, row.patient, turn.now) if each.state in ("later", "asked")]
        if not found:
            raise Refusal("No EHR that holds this patient can be asked now: it is paused, or read by hand alone.")
        for each in found:
            if each.state == "later":
                outbox.hasten(turn.conn, JOB, each.ehr, turn.now)
        record(turn.conn, [event(turn.now, request, "ehr-ask", by=grant, patient=row.patient)])


def ask_patient(world: World, grant: Grant, request: str, case: str) -> None:
    """Have the patient of a case read now from each EHR that holds them, and nobody else: it waits in the outbox beside
    the EHR's own runs, and is done once however often it is asked for.

    Raises NotFound for a case that is not the asker's, Conflict where each of these EHRs is paused."""
    with changing(world, grant, request) as turn:
        row = seen_cases(turn).one(case) if whole(grant) else None
        if row is None:
            raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
        found = [each for each in readings(turn.conn, row.patient, turn.now) if each.state != "paused"]
        there = ehrs.staying(turn.conn, {each.ehr for each in found})
        found = [each for each in found if each.ehr in there]
        if not found:
            raise Refusal("No EHR that holds this patient can be asked now.")
        for each in found:
            outbox.add(turn.conn, PATIENT_JOB, f"{each.ehr}/{row.patient}", b"", turn.now)
        record(turn.conn, [event(turn.now, request, "ehr-ask", by=grant, patient=row.patient)])


def retry(world: World, name: str, only: tuple[str, str] | None, request: str, by: User) -> int:
    """Tell an EHR once more what it said no to: all of it, or the resource of this type and id. Returns how much of it
    there was. Raises NotFound, also when it says no to this one no longer."""
    now = world.clock()
    with writing(world.engine) as conn:
        one = ehrs.get(conn, name, lock=True)
        every = deliveries.unsettled(conn, name, ("refused",), write_back.MANY) if only is None else []
        single = deliveries.get(conn, name, *only) if only else None
        chosen = [single] if single and single.state == "refused" else every
        if only and not chosen:
            raise NotFound(sentence("refusals.that-no-longer-refused-it"))
        for each in chosen:
            write_back.again(conn, one, each, now)
        record(conn, [event(now, request, "ehr-retry", by=by)])
    return len(chosen)


def _quarrelled(turn: Turn, one: Conflict) -> Quarrelled:
    """With the case on which the asker may settle it, if there is one."""
    if not one.patient or not verbs.may(turn.grant.roles, "settle"):
        return Quarrelled(one)
    conn, seen = turn.conn, seen_cases(turn)
    for id in case_ids.of_patient(conn, one.patient):
        row = seen.one(id)
        case = clearance_assemble.assemble(conn, id) if row else None
        shared = between(conn, case, one.patient, True, turn.now) if case else Between()
        if row and any(each.n == one.n for each in shared.conflicts):
            return Quarrelled(one, id, f"{row.number}, {row.patient_name}", shared)
    return Quarrelled(one)
