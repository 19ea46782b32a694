"""The measures over 100,000 events of one office, on both databases: what counting all of them anew takes, and what a
supervisor waits for who looks at the page, a drill-down and the file. By itself: `python -m tests.bench.measures`, with
`sqlite` or `postgresql` on one of them, and a number for another size.

The events are those of the story's own referrals, over and over: each copy is another referral of the same office.
"""

import os
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import requests
from rich.console import Console
from sqlalchemy import Engine, select

from auth.store import User
from carecoord.store.database import engine
from carecoord.store.database.tables import case
from carecoord.store.events.tables import event
from tests.bench import cases
from tests.bench.acts import OFFICE
from tests.bench.alone import alone, databases
from tests.bench.servers import Server, carecoord, command, load_the_story
from tests.bench.worklist import PASSWORD, sign_in
from tests.people import add_user_with_password

EVENTS: Final = 100_000
AIM: Final = 300  # milliseconds, p95
PAGES: Final = 30
PATHS: Final = ("/measures", "/measures?show=referral-to-visit&span=365", "/measures.csv")
PLACERS: Final = (OFFICE, "fairmont")  # the office, and its EHR's copy of it
_RUN: Final = 10_000
_APART: Final = 1_000_000  # between the row numbers of two copies of a referral


def main() -> None:
    """Measure it alone."""
    console = Console()
    with alone() as asked:
        size = next(iter(asked.numbers), EVENTS)
        for line in lines(measure(console, asked.folder, asked.postgres, size=size, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None, *, size: int = EVENTS, sqlite: bool = True
) -> dict[str, Any]:
    """{"database, events": {"cases": how many, "anew": seconds, path: {"p50": ms, "p95": ms}}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"measures, {database}, {size:,} events", style="dim")
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            base = engine.open_engine(url or f"sqlite:///{server.database}")
            held = fill(base, size)
            base.dispose()
            began = time.perf_counter()
            command(server, "measures", "--anew")
            anew = round(time.perf_counter() - began, 1)
            pages = {path: _page(server, path) for path in PATHS}
            load = round(os.getloadavg()[0], 1)
            found[f"{database}, {size:,}"] = {"cases": held, "anew": anew, **pages, "load": load}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for where, told in found.items():
        yield f"measures, {where} events of {told['cases']:,} referrals: counted anew in {told['anew']} s"
        for path in PATHS:
            times = told[path]
            kept = "kept" if times["p95"] < AIM else "MISSED"
            yield f"  {path}: p50 {times['p50']} ms, p95 {times['p95']} ms (aim {AIM}: {kept}), load {told['load']}"


def fill(base: Engine, size: int) -> int:
    """A supervisor, and as many events of referrals of the office as make up `size`; how many referrals those are."""
    with engine.writing(base) as conn:
        who = User(id="bench", login="bench", name="Bench", roles=frozenset({"coordinator", "supervisor"}),
                   organization=OFFICE)  # fmt: skip
        add_user_with_password(conn, who, PASSWORD, int(time.time()))
        rows = [dict(row) for row in conn.execute(select(case).where(case.c.placer.in_(PLACERS))).mappings()]
        ids = [row["id"] for row in rows]
        told = [dict(row) for row in conn.execute(select(event).where(event.c.case_id.in_(ids))).mappings()]
    columns = [column for column in event.columns if column.name != "n"]
    copies = -(-max(0, size - len(told)) // len(told))
    events = islice((_copied(each, n) for n in count(1) for each in told), size - len(told))
    with engine.writing(base) as conn:
        while run := list(islice(events, _RUN)):
            conn.execute(event.insert(), [{column.name: each[column.name] for column in columns} for each in run])
    cases.fill(base, (_another(row, n) for n in range(1, copies + 1) for row in rows))
    return len(rows) * (copies + 1)


def _copied(happened: dict[str, Any], n: int) -> dict[str, Any]:
    return happened | {"case_id": f"{happened['case_id']}-{n}", "resource": f"{happened['resource']}-{n}"}


def _another(row: dict[str, Any], n: int) -> dict[str, Any]:
    return row | {"rid": row["rid"] + n * _APART, "id": f"{row['id']}-{n}", "number": f"{row['number']}-{n}"}


def _page(server: Server, path: str) -> dict[str, float]:
    root = server.base.removesuffix("/fhir")
    session = requests.Session()
    session.cookies.update(dict(each.split("=", 1) for each in sign_in(root).split("; ")))
    times = []
    for _ in range(PAGES + 3):  # the first few find the caches empty
        began = time.perf_counter()
        answer = session.get(f"{root}{path}")
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"measures: {answer.status_code} {answer.text[:600]!r}")
    ordered = sorted(times[3:])
    return {"p50": round(ordered[len(ordered) // 2], 1), "p95": round(ordered[int(0.95 * len(ordered))], 1)}


if __name__ == "__main__":
    main()
