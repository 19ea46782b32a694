"""The first page after midnight, when every open case of an office has come due at once and the worker judges them
anew: what a coordinator waits for then, beside a quiet page. By itself: `python -m tests.bench.midnight sqlite 100000`.

Each case has its order and its patient, so that it is judged as any other; they are written past the door, for it is
the page that is measured. What each will be at midnight the worker judges ahead, as in any evening: the bench waits.
"""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, func, select, update

from carecoord.fhir.service_base import Base
from carecoord.store.database import bulk, engine
from carecoord.store.database.tables import case, resource
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.store.worklist.bitmaps import ahead, changes
from carecoord.store.worklist.tables import case_ahead
from tests.bench import cases
from tests.bench.alone import alone, databases
from tests.bench.client import hammer, request
from tests.bench.servers import Server, carecoord
from tests.bench.worklist import open_office, page, row, sign_in

CASES = 100_000
AIM = 1.5  # times a quiet page
PAGES = 40
ALONE = 9  # quiet pages that are asked for as the first after midnight is: by themselves, after a pause
PAUSE = 1.0  # seconds before each of them
SETTLED = 16  # seconds between the look at quiet pages and the instant at which the cases come due
AHEAD = 80  # seconds before that instant in which each process has its next copy made
FORESEEN = 20  # cases that the worker judges ahead in a second, at least
_RUN = 1_000


def main() -> None:
    """Measure by itself."""
    console = Console()
    with alone() as asked:
        size = next(iter(asked.numbers), CASES)
        for line in lines(measure(console, asked.folder, asked.postgres, size, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None = None, size: int = CASES, *, sqlite: bool = True
) -> dict[str, Any]:
    """{database: {"cases", "quiet": ms p50 of pages each asked for by itself, "hot": one behind the other, "first": ms,
    "p50", "p95": ms of the pages after it, "ahead": rows that the worker had judged ahead, in "seconds", "judged": rows
    that it judged anew while the pages were asked for, "peak": MB that a process held at most, "load"}}.

    The first page is held against pages that are asked for as it is: on a connection of its own, of a server that has
    rested. One behind the other they cost two thirds, for the processor's caches are full of what they need."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"midnight among {size:,} cases, {database}", style="dim")
        with carecoord(folder / database, url) as server:
            base, began = engine.open_engine(url or f"sqlite:///{server.database}"), time.time()
            open_office(server, base)
            _fill(server, base, size)
            console.print(f"  written in {time.time() - began:.0f} s", style="dim")
        with carecoord(folder / database, url) as server:  # it finds them there, as after any start
            time.sleep(1 + size / 30_000)
            cookie = sign_in(server.base.removesuffix("/fhir"))
            due = _set(base, _micros(time.time()) + ahead.HORIZON // 2)
            known, seconds = _foreseen(base, time.time() + size / FORESEEN)
            console.print(f"  {known:,} judged ahead in {seconds:.0f} s", style="dim")
            strikes = time.time() + AHEAD + size / 4_000
            _put_forward(base, _micros(strikes))
            time.sleep(max(0.0, strikes - time.time() - SETTLED))
            hammer(root := server.base.removesuffix("/fhir"), [_asked(root, cookie)], connections=8, seconds=1.0)
            hot = page(server, cookie, "/")
            quiet = sorted(_once(server, cookie, PAUSE) for _ in range(ALONE))
            time.sleep(max(0.0, strikes - time.time()))
            times = [_once(server, cookie) for _ in range(PAGES)]
            judged, peak = due - _left(base), server.peak()
        base.dispose()
        rest = sorted(times[1:])
        figures = {"quiet": quiet[len(quiet) // 2], "hot": hot["p50"], "first": times[0], "p50": rest[len(rest) // 2],
                   "p95": rest[int(0.95 * len(rest))]}  # fmt: skip
        told = {"cases": size, "ahead": known, "judged": judged, "peak": peak, "load": round(os.getloadavg()[0], 1)}
        found[database] = told | {name: round(value, 1) for name, value in (figures | {"seconds": seconds}).items()}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, told in found.items():
        kept = "kept" if told["first"] <= AIM * told["quiet"] else "MISSED"
        yield (
            f"the first page after midnight among {told['cases']:,} cases, {database}: {told['first']} ms beside "
            f"{told['quiet']} ms of a quiet one, {told['hot']} of those that follow one another (aim {AIM} x: {kept}); "
            f"the {PAGES - 1} after it p50 {told['p50']}, p95 "
            f"{told['p95']} ms, while {told['judged']:,} were judged anew; {told['ahead']:,} had been judged ahead in "
            f"{told['seconds']} s; no process held more than {told['peak']} MB; load {told['load']}"
        )


def _fill(server: Server, base: Engine, size: int) -> None:
    now = time.time_ns() // 1000
    told = {"actor": Actor("bench", None, None, "bench"), "base": Base(server.base, UTC), "project": lambda *_: None}
    waiting = (change for n in range(size) for change in _resources(n))
    while run := list(islice(waiting, _RUN)):
        with engine.writing(base) as conn:
            put_all(conn, run, now=datetime.now(UTC), **told)  # type: ignore[arg-type]
    with engine.reading(base) as conn:
        wanted = select(resource.c.id, resource.c.rid).where(resource.c.type == "ServiceRequest")
        rids = {each.id: each.rid for each in conn.execute(wanted)}
    cases.fill(base, (row(n, now) | {"rid": rids[f"bench-{n}"], "open": True} for n in range(size)))


def _resources(n: int) -> Iterator[Change]:
    """The patient and the order of case number n, as the bench of the worklist names them."""
    known = row(n, 0)
    family, _, given = known["patient_name"].partition(", ")
    patient = {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": family, "given": [given]}],
               "gender": "female", "birthDate": known["birth_date"]}  # fmt: skip
    order = {
        "resourceType": "ServiceRequest", "id": f"bench-{n}", "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/p{n}"}, "requester": {"reference": "Organization/placer"},
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
        "authoredOn": "2026-11-01", "code": {"text": "Cardiology"},
    }  # fmt: skip
    yield Change("Patient", f"p{n}", patient)
    yield Change("ServiceRequest", f"bench-{n}", order)


def _set(base: Engine, strikes: int) -> int:
    """Let every open case come due at an instant (microseconds) that is some hours off; how many."""
    with engine.writing(base) as conn:
        conn.execute(update(case).where(case.c.open).values(changes_at=strikes))
        rids = list(conn.scalars(select(case.c.rid).where(case.c.open)))
        for run in bulk.runs(rids, _RUN):
            ahead.note(conn, dict.fromkeys(run, strikes), strikes - ahead.HORIZON // 2)
        return len(rids)


def _put_forward(base: Engine, strikes: int) -> None:
    """Let that instant be this one, for nobody waits so long. What that writes has settled by then: at midnight nothing
    is written but by the worker."""
    with engine.writing(base) as conn:
        conn.execute(update(case_ahead).where(case_ahead.c.at.is_not(None)).values(at=strikes))
        conn.execute(update(case).where(case.c.open).values(changes_at=strikes))
        for run in bulk.runs(list(conn.scalars(select(case.c.rid).where(case.c.open))), _RUN):
            changes.note(conn, run)


def _micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


def _foreseen(base: Engine, until: float) -> tuple[int, float]:
    """How many rows the worker has judged ahead until it had nothing left to judge so, or until then; in how many
    seconds."""
    began = time.time()
    while time.time() < until:
        with engine.reading(base) as conn:
            if not ahead.wanted(conn, time.time_ns() // 1000, 1):
                break
        time.sleep(0.5)
    with engine.reading(base) as conn:
        known = conn.scalar(select(func.count()).select_from(case_ahead).where(case_ahead.c.told != ahead.UNTOLD))
    return known or 0, time.time() - began


def _left(base: Engine) -> int:
    with engine.reading(base) as conn:
        due = select(func.count()).select_from(case).where(case.c.changes_at <= time.time_ns() // 1000)
        return conn.scalar(due) or 0


def _asked(root: str, cookie: str) -> bytes:
    return request(f"{root}/", Cookie=cookie, Accept="text/html")


def _once(server: Server, cookie: str, pause: float = 0.0) -> float:
    root = server.base.removesuffix("/fhir")
    time.sleep(pause)
    result = hammer(root, [_asked(root, cookie)], connections=1, once=True)
    if result.bad:
        raise RuntimeError(f"midnight: {result.sample[:600]!r}")
    return result.at(0.5)


if __name__ == "__main__":
    main()
