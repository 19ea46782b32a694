"""What time alone will make of the rows of the worklist, judged ahead of need by the worker: see bitmaps/ahead."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Engine

from carecoord.actions.clearance.assemble import of_patients
from carecoord.actions.clearance.library import Library
from carecoord.domain.gates.policy import Policy
from carecoord.domain.worklist.judgement import judged
from carecoord.fhir.instants import micros, moment
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import ahead
from carecoord.store.worklist.bitmaps.ahead import Ahead, Wanted
from carecoord.world import World

JOB = "foresee-cases"  # the outbox job that judges ahead
_log = structlog.get_logger()


def call_for(world: World) -> None:
    """See to it that a worker judges ahead the rows that time changes soon; not while others are to be judged anew: who
    took the job would let it go at once, to be called for again."""
    now = world.clock()
    with reading(world.engine) as conn:
        wanted = not worklist_rows.is_behind(conn, micros(now)) and bool(ahead.wanted(conn, micros(now), 1))
        wanted = wanted and JOB not in jobs.waiting(conn, JOB)
    if wanted:
        with writing(world.engine) as conn:
            outbox.add(conn, JOB, JOB, b"", now)


def foresee(engine: Engine, now: datetime, rules: Policy, most: int = 200) -> int:
    """Judge ahead up to `most` rows; returns how many there were. It is done while nobody is kept from writing: what is
    written meanwhile makes what was foreseen void, and it is judged ahead once more."""
    with reading(engine) as conn:
        wanted = ahead.wanted(conn, micros(now), most)
        library = Library(conn)
        whose: dict[str, list[Wanted]] = {}
        for row in wanted:
            whose.setdefault(row.patient, []).append(row)
        found = _of(library, whose, rules)
    if found:
        with writing(engine) as conn:
            ahead.keep(conn, found)
    return len(found)


def _of(library: Library, whose: Mapping[str, list[Wanted]], rules: Policy) -> list[tuple[Wanted, Ahead | None]]:
    """What these rows, by patient, will be; None where nobody can say."""
    rows, patients = [row for theirs in whose.values() for row in theirs], list(whose)
    try:
        cases = {each.rid: each for theirs in of_patients(library, patients).values() for each in theirs}
        held = worklist_rows.of_patients(library.conn, patients)
        return [(row, _then(row, cases.get(row.rid), held.get(row.rid), rules)) for row in rows]
    except Exception as e:
        if len(patients) > 1:  # one case's fault must not keep the others from being known
            return [told for patient in patients for told in _of(library, {patient: whose[patient]}, rules)]
        _log.error("case_not_foreseen", error=type(e).__name__, count=len(rows))
        return [(row, None) for row in rows]


def _then(row: Wanted, each: Any, held: Any, rules: Policy) -> Ahead | None:
    if each is None or held is None or held["changes_at"] != row.at:
        return None
    return ahead.made(held, judged(each.id, each.case, moment(row.at), rules).row, worklist_rows.spelt)
