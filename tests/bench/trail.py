"""The auditor's search of the trail at 10,000 and at 1,000,000 rows, an app's a third of them: a page and its count, by
patient, person, app, kind and day, and by some together. On each database, in this process:
`python -m tests.bench.trail` alone, or as a part of `make bench`.

The rows are written straight to their table, unsealed: it is looking that is measured. Elapsed time: the 95th of the
rounds, and the fastest tenth; the aim: 100 ms. The load of the machine stands beside it."""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine

from auth.grant import Grant
from carecoord.actions.audit import trail
from carecoord.actions.worklist import project
from carecoord.fhir.instants import micros
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.audit.tables import audit
from carecoord.store.audit.trail_search import Wanted
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, open_engine, writing
from carecoord.world import World
from tests.bench.rules import Place, Spent, by_itself, ends, spread, timed
from tests.domain.stories import NOW, POLICY

SIZES: Final = (10_000, 1_000_000)
ROUNDS, _RUN, PAGE = 20, 5000, 50
AIM_MS: Final = 100
DAY: Final = 86_400_000_000
EACH: Final = 20_000_000  # microseconds between two rows
AUDITOR: Final = Grant("a1", roles=frozenset({"auditor"}), organization="clinic")
DEEDS: Final = ("read",) * 60 + ("search",) * 20 + ("update",) * 12 + ("create",) * 6 + ("sign-in", "export-table")
BREAKING: Final = ("break-glass", "break-glass-end")
LAST: Final = micros(NOW)
SEARCHES: Final[Mapping[str, Wanted]] = {
    "everything": Wanted(),
    "a patient": Wanted(patient="p7"),
    "a patient, by one person": Wanted(patient="p7", subject="u3"),
    "a person": Wanted(subject="u3"),
    "a person, what was written": Wanted(subject="u3", interactions=("create", "update", "delete")),
    "an app": Wanted(client="ehr"),
    "an app, glass broken": Wanted(client="ehr", interactions=BREAKING),
    "what was exported": Wanted(interactions=("export-table",)),
    "in emergencies": Wanted(emergency=True),
    "a day": Wanted(since=LAST - 2 * DAY, until=LAST - DAY),
}


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {search: {"fast": ms, "p95": ms, "cpu": ms}, "load": of the machine}}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"a trail of {size:,} rows, {database}", style="dim")
            found = _measured(open_engine(url(f"trail_{size}")), size, folder)
            figures.setdefault(database, {})[str(size)] = found
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, sizes in figures.items():
        few, many = map(str, ends(sizes))
        for what in SEARCHES:
            small, large = sizes[few][what], sizes[many][what]
            kept = "kept" if large["p95"] < AIM_MS else "MISSED"
            yield (
                f"the trail searched for {what}, {database}: p95 {small['p95']:.1f} ms among {int(few):,} rows, "
                f"{large['p95']:.1f} ms among {int(many):,} (aim {AIM_MS}: {kept}); fastest {small['fast']:.1f} and "
                f"{large['fast']:.1f} ms, processor {small['cpu']:.1f} and {large['cpu']:.1f} ms, load "
                f"{sizes[many]['load']:.1f}"
            )


def _measured(engine: Engine, size: int, folder: Path) -> dict[str, Any]:
    migrate(engine)
    with writing(engine) as conn:
        for some in bulk.runs(range(size), _RUN):
            bulk.insert(conn, audit, [_row(n, size) for n in some])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        # What a PostgreSQL server does by itself within minutes of such a load.
        conn.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")
    world = World(
        engine, lambda: NOW, lambda: str(uuid4()), requests.Session, Settings(), project.projector(POLICY),
        Journal(folder / f"audit-{uuid4()}"),
    )  # fmt: skip
    figures: dict[str, Any] = {}
    for what, wanted in SEARCHES.items():

        def look(wanted: Wanted = wanted) -> None:
            trail.trail(world, AUDITOR, wanted, None, PAGE, "", "bench")

        look()
        spent = Spent(engine)
        times = [timed(look) for _ in range(ROUNDS)]
        figures[what] = spread(times) | {"cpu": spent.ms(ROUNDS)}
    engine.dispose()
    return figures | {"load": round(os.getloadavg()[0], 1)}


def _row(n: int, size: int) -> bulk.Values:
    """Row number n of so many, the last of them now."""
    chance = random.Random(n)
    known: dict[str, Any] = {
        "n": n + 1, "id": f"a{n}", "at": LAST - (size - n) * EACH, "request": f"r{n}", "organization": "clinic",
        "subject": f"u{chance.randrange(40)}" if n % 3 else None, "client": None if n % 3 else "ehr", "type": "Patient",
        "interaction": "break-glass" if n % 5000 == 0 else chance.choice(DEEDS), "resource": f"p{n % 20_000}",
        "version": 1, "patient": f"p{chance.randrange(20_000)}", "status": 200,
        "emergency": "glass" if n % 10_000 == 0 else None,
    }  # fmt: skip
    return tuple(known.get(column.name) for column in audit.columns)


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
