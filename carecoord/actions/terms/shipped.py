"""Codes that come with carecoord and are too many to be read at every start: they are put into the store once for each
release, by a worker, when somebody first looks for one or a server has run for a while."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.terms import icd_10_cm
from carecoord.actions.terms.expand import sought
from carecoord.actions.terms.icd_10_cm import Diagnosis
from carecoord.domain.resource.days import local, shifted
from carecoord.domain.terms.vocabularies import ICD_10_CM
from carecoord.fhir.instants import micros
from carecoord.store.database import marks, outbox
from carecoord.store.database.bulk import runs
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.terms import codes
from carecoord.world import World

JOB: Final = "codes"
_NAME: Final = "icd-10-cm"  # the job's key, and the mark's name
_MARK: Final = f"codes:{_NAME}"
START: Final = timedelta(minutes=10)  # after the start of a server, which has other things to do
_RUN: Final = 1_000  # codes that are written at once: others write between


def are_here(conn: Connection) -> bool:
    """Whether the codes of the release are in the store."""
    return marks.get(conn, _MARK) == _release()


def order(world: World, wait: timedelta = timedelta()) -> None:
    """Have a worker put them in, at once or after a while, unless that was asked for before."""
    later, asked = b"later " + _release(), b"asked " + _release()
    enough = (later, asked, _release()) if wait else (asked, _release())
    with reading(world.engine) as conn:
        if marks.get(conn, _MARK) in enough:
            return
    with writing(world.engine) as conn:
        alone(conn, _MARK)
        if marks.get(conn, _MARK) not in enough:
            marks.put(conn, _MARK, later if wait else asked)
            outbox.add(conn, JOB, _NAME, b"", world.clock() + wait)


def load(world: World, read: Callable[[], Iterable[Diagnosis]] = icd_10_cm.read) -> None:
    """Put them in, as `read` tells them. A code that the release has no more may be used until the day before; what
    stands as it is said is not written again."""
    with reading(world.engine) as conn:
        if are_here(conn):
            return
        here = {code: (words, until) for code, words, until in codes.every(conn, ICD_10_CM)}
    told = {each.code: each for each in read()}
    now = world.clock()
    yesterday = shifted(local(now, world.base.zone), -1).isoformat()
    made = {
        code: (each.words, sought(code, each.words, each.others), "")
        for code, each in told.items()
        if here.get(code) != (each.words, "")
    }
    gone = {code: said for code, said in here.items() if code not in told and not said[1]}
    made |= {code: (words, sought(code, words), yesterday) for code, (words, _) in gone.items()}
    shortest = sorted(made.items(), key=lambda each: (len(each[1][0]), each[0]))  # they are found in this order
    for some in runs(shortest, _RUN):
        with writing(world.engine) as conn:
            codes.put(conn, ICD_10_CM, dict(some), micros(now))
    with writing(world.engine) as conn:
        codes.counted(conn)
        marks.put(conn, _MARK, _release())


def _release() -> bytes:
    return icd_10_cm.release().encode()
