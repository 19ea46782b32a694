"""The auditor's search of the trail at 10,000 and at 1,000,000 rows, an app's a third of them: a page and its count, by
patient, person, app, kind and day, and by some together. On each database, in this process:
`python -m tests.bench.trail` alone, or as a part of `make bench`.

The rows are written straight to their table, unsealed: it is looking that is measured. Elapsed time: the 95th of the
rounds, and the fastest tenth; the aim: 100 ms. The load of the machine stands beside it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from sqlalchemy import Engine

from auth.grant import Grant
from carecoord.actions.audit import trail
from carecoord.fhir.instants import micros
from carecoord.store.audit.tables import audit
from carecoord.store.audit.trail_search import Wanted
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, writing
from tests.bench import lists
from tests.bench.rules import Place, by_itself
from tests.domain.stories import NOW

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
    measured = partial(_measured, folder)
    return lists.each_size(console, where, sizes, measured, name="trail", what="a trail of {n} rows")


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    return lists.lines(figures, SEARCHES, AIM_MS, head="the trail searched for {what}", among="among {n} rows")


def _measured(folder: Path, engine: Engine, size: int) -> dict[str, Any]:
    migrate(engine)
    with writing(engine) as conn:
        for some in bulk.runs(range(size), _RUN):
            bulk.insert(conn, audit, [_row(n, size) for n in some])
    lists.settle(engine)
    world = lists.world_of(engine, folder, NOW)

    def look(wanted: Wanted) -> None:
        trail.trail(world, AUDITOR, wanted, None, PAGE, "", "bench")

    return lists.looked_at(engine, {what: partial(look, wanted) for what, wanted in SEARCHES.items()}, ROUNDS)


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
