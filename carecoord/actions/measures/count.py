"""The reader of the log that counts for the measures. It has a cursor of its own; what it has counted of a case is made
anew, whole, whenever an event of the case comes, so that an event twice read, or come late, or with a better date, ends
in the same rows. All of it can be thrown away and counted from the first event (`carecoord measures --anew`)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from zlib import crc32

import msgspec
from sqlalchemy import Connection

from carecoord.actions.policies import known
from carecoord.actions.worklist import project
from carecoord.domain.gates.policy import Policy
from carecoord.domain.measures.course import courses
from carecoord.domain.measures.definitions import MEASURES
from carecoord.domain.measures.observations import Standing, observed
from carecoord.domain.policies.lines import key_of
from carecoord.domain.resource.days import local
from carecoord.fhir import text
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import bulk, jobs, marks, outbox
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.events import log
from carecoord.store.measures import days, observations, third_free
from carecoord.store.measures.observations import Key
from carecoord.store.referrals import performers
from carecoord.store.resources import read
from carecoord.world import World

JOB: Final = "measures"
_EVERY: Final = 60_000_000  # microseconds between looks at what is new
_MARK: Final = "measures"
# by which rules it was counted; another: counted anew
_OF: Final = crc32(" ".join(f"{name}/{each.version}" for name, each in sorted(MEASURES.items())).encode())
_EVENTS: Final = 2000  # read at once
_CASES: Final = 500  # counted at once
_SWEEP: Final = 3_600_000_000  # microseconds between looks at every row
_YEAR: Final = 400  # days in which a clinic counts as one that is referred to
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, int]).decode


def call_for(world: World) -> None:
    """See to it that a worker follows the log where something has come into it, a minute after it was followed last, or
    once an hour for what moves without an event. Where nothing ever happened nothing waits."""
    now = world.clock()
    with reading(world.engine) as conn:
        mark = marks.get(conn, _MARK)
        said = _decode(mark) if mark else {"n": 0, "at": 0}
        rested = micros(now) - said["at"]
        new = rested >= _EVERY and log.newest(conn) > said["n"]
        wanted = (new or (mark is not None and rested >= _SWEEP)) and JOB not in jobs.waiting(conn, JOB)
    if wanted:
        with writing(world.engine) as conn:
            outbox.add(conn, JOB, JOB, b"", now)


def follow(world: World) -> None:
    """Count what has come since, down to the end of the log as it is settled; what has moved without an event; and once
    a day how far ahead clinics have a slot."""
    while _next(world):
        pass
    _sweep(world)
    _look_at_diaries(world)
    _note(world, "at")


def counted_at(conn: Connection) -> int | None:
    """When (microseconds) the log was last followed to its end; None: never."""
    mark = marks.get(conn, _MARK)
    return _decode(mark).get("at") if mark else None


def anew(world: World) -> int:
    """Throw away what was counted and count it from the first event; returns how many cases there are. Whoever looks
    meanwhile sees what was there before: it is one transaction."""
    end = log.horizon(world.engine)
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        observations.clear(conn)
        counted, last = 0, ""
        while run := observations.next_cases(conn, last, _CASES):
            _count(world, conn, run)
            counted, last = counted + len(run), run[-1]
        days.remake_all(conn)
        newest = log.newest(conn)
        marks.put(conn, _MARK, _encode({"n": min(end, newest), "at": micros(world.clock()), "of": _OF}))
    return counted


def _next(world: World) -> bool:
    """Count the next events. Whether there were any."""
    with reading(world.engine) as conn:
        mark = marks.get(conn, _MARK)
    if mark is None or _decode(mark).get("of") != _OF:
        anew(world)
        return True
    cursor = _decode(mark)["n"]
    found = log.after(world.engine, cursor, _EVENTS)
    if not found:
        return False
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        if marks.get(conn, _MARK) != mark:
            return True  # somebody else has counted them
        changed: set[Key] = set()
        for run in bulk.runs(sorted({each.case_id for each in found if each.case_id}), _CASES):
            changed |= _count(world, conn, run)
        days.remake(conn, changed)
        marks.put(conn, _MARK, _encode({**_decode(mark), "n": found[-1].n}))
    return True


def _count(world: World, conn: Connection, ids: Sequence[str]) -> set[Key]:
    """Write down all that these cases count, from all their events; the days that this changes."""
    rows = observations.cases(conn, ids)
    happened, policies = log.of_cases(conn, [row.id for row in rows]), dict[str, Policy]()
    made: list[tuple[Any, ...]] = []
    for row in rows:
        if not row.placer or row.stage in ("error", "draft"):
            continue
        if row.placer not in policies:
            policies[row.placer] = _policy(world, conn, row.placer)
        standing = Standing(row.priority, row.agreement_state, row.stage)
        course = courses(happened[row.id])
        clinic = row.performer or course.performer()  # who declined has it no more, and is counted all the same
        narrowed = (row.specialty, clinic, row.payer_key or "", row.owner or "", row.priority)
        made += [
            (row.id, each.measure, each.resource, row.rid, row.patient, row.placer, each.day, each.hit, each.value,
             each.reason, *narrowed)
            for each in observed(course, standing, policies[row.placer])
        ]  # fmt: skip
    return observations.replace(conn, ids, made)


def _policy(world: World, conn: Connection, office: str) -> Policy:
    row = read.get(conn, "Organization", office)
    own = frozenset({key_of(text.loads(row.body))}) if row and not row.deleted else frozenset[str]()
    lines = tuple(known.policies(conn, [known.EVERYBODY, *own]))
    return replace(project.policy(world.settings), lines=lines, office=own)


def _look_at_diaries(world: World) -> None:
    now, zone = world.clock(), world.base.zone
    today = local(now, zone).toordinal()
    with reading(world.engine) as conn:
        if third_free.looked_at(conn, today):
            return
        found = list(_third_free(conn, days.clinics(conn, today - _YEAR), micros(now)))
    ahead = [(clinic, today, local(moment(at), zone).toordinal() - today) for clinic, at in found]
    with writing(world.engine) as conn:
        third_free.put(conn, ahead)


def _third_free(conn: Connection, clinics: Sequence[str], now: int) -> Iterable[tuple[str, int]]:
    diaries: dict[str, list[str]] = {}
    for diary in performers.diaries(conn, clinics):
        diaries.setdefault(diary.organization, []).append(diary.id)
    for clinic, schedules in sorted(diaries.items()):
        at = third_free.starts(conn, schedules, now)
        if at is not None:
            yield clinic, at


def _sweep(world: World) -> None:
    """Count anew the cases whose rows have moved without an event of their own: now and then, for all are looked at."""
    with reading(world.engine) as conn:
        mark = marks.get(conn, _MARK)
        if mark is None or micros(world.clock()) < _decode(mark).get("swept", 0) + _SWEEP:
            return
        moved = observations.moved(conn)
    for run in bulk.runs(moved, _CASES):
        with writing(world.engine) as conn:
            alone(conn, _MARK)
            days.remake(conn, _count(world, conn, run))
    _note(world, "swept")


def _note(world: World, what: str) -> None:
    """Note in the mark that something was done now."""
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        mark = marks.get(conn, _MARK)
        if mark is not None:
            marks.put(conn, _MARK, _encode({**_decode(mark), what: micros(world.clock())}))
