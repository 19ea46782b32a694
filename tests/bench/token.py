"""What the check of an access token costs on the read path: `bearer.check` in this process, on each database.

Counted is the processor's time of this process, in microseconds, for that is what the machine's other work disturbs
least; PostgreSQL's own share runs in its process and is in the elapsed time. The aim of issue 3: under 150.
"""

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from auth import store
from auth.server import bearer
from carecoord.store.database.engine import migrate, open_engine, reading, writing

AIM = 150  # microseconds
TOKENS = 2_000  # in the table, so that the look-up is one
ROUNDS, CHECKS = 60, 200


def measure(console: Console, folder: Path, postgres: str | None) -> dict[str, Any]:
    """{database: {"cpu": us, "elapsed": us}}, medians over many rounds."""
    folder.mkdir(parents=True, exist_ok=True)
    urls = {"SQLite": f"sqlite:///{folder / 'token.db'}", **({"PostgreSQL": postgres} if postgres else {})}
    figures = {}
    for name, url in urls.items():
        console.print(f"token check, {name}", style="dim")
        figures[name] = _checks(url)
    return figures


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for name, cost in figures.items():
        kept = "kept" if cost["cpu"] < AIM else "MISSED"
        yield f"token check, {name}: {cost['cpu']:.0f} us CPU, {cost['elapsed']:.0f} us elapsed (aim {AIM}: {kept})"


def _checks(url: str) -> dict[str, float]:
    engine = open_engine(url)
    migrate(engine)
    now = datetime.now(UTC)
    with writing(engine) as conn:
        tokens = [store.issue(conn, _token(n, int(now.timestamp()))) for n in range(TOKENS)]
    cpu, elapsed = [], []
    for n in range(ROUNDS):
        shown = [f"Bearer {tokens[(n * CHECKS + k * 37) % TOKENS]}" for k in range(CHECKS)]
        with reading(engine) as conn:
            bearer.check(conn, shown[0], now)
            before, began = time.process_time_ns(), time.perf_counter_ns()
            for header in shown:
                bearer.check(conn, header, now)
            cpu.append((time.process_time_ns() - before) / CHECKS / 1000)
            elapsed.append((time.perf_counter_ns() - began) / CHECKS / 1000)
    engine.dispose()
    return {"cpu": round(statistics.median(cpu), 1), "elapsed": round(statistics.median(elapsed), 1)}


def _token(n: int, now: int) -> store.Token:
    scope = "openid fhirUser launch/patient offline_access patient/*.rs user/Task.cruds"
    return store.Token(
        "access", f"app-{n % 20}", f"user-{n}", scope, now, now + 3600, f"Person {n}", frozenset({"coordinator"}),
        "clinic", f"Practitioner/p{n % 500}", f"patient-{n}", f"family-{n}",
    )  # fmt: skip
