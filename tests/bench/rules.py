"""`$clearance` and a Task write beside 100 and 100,000 rules: of other payers, and of the patient's own. On each
database, in this process: `python -m tests.bench.rules` alone, or as a part of `make bench`.

Elapsed time, the fastest tenth of many rounds, which the machine's other work disturbs least; the aim of issue 8: at
most 1.5 x from few to many. The time to take a book of 100,000 lines over, and to take the same over again, stands
beside it (aim: under 60 s).
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, text

from carecoord.actions.clearance import rule_lines
from carecoord.actions.clearance.assemble import assemble
from carecoord.actions.worklist import project
from carecoord.domain.clearance.clearance import clear
from carecoord.domain.prior_auth.rule_book import Rule, lines
from carecoord.fhir.service_base import Base
from carecoord.store.database.engine import migrate, open_engine, reading, writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.domain.stories import NOW, POLICY, T, book, ours, plain, rule, task
from tests.postgres import cluster

SIZES = (100, 100_000)
ROUNDS = 60
AIM, IMPORT_AIM = 1.5, 60
Place = Callable[[str], str]  # makes a database of a name, and tells its URL
HERE, ACTOR = Base("http://here.example/fhir", UTC), Actor("bench", None, None, "bench")
OWNERS: dict[str, Callable[[int], str]] = {
    "other payers": lambda n: f"https://carecoord.example/id/payer|X{n % 50}",
    "the same payer": lambda _: "https://carecoord.example/id/payer|P1",
}


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {whose rules: {size: {"clearance": ms, "task": ms, "import": s, "again": s}}}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for whose, owner in OWNERS.items():
            for size in sizes:
                console.print(f"{size:,} rules of {whose}, {database}", style="dim")
                name = f"rules_{'own' if 'same' in whose else 'other'}_{size}"
                found = figures.setdefault(database, {}).setdefault(whose, {})
                found[str(size)] = _measured(open_engine(url(name)), [one_of_many(n, owner(n)) for n in range(size)])
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, found in figures.items():
        for whose, sizes in found.items():
            small, large = ends(sizes)
            few, many = sizes[str(small)], sizes[str(large)]
            for what in ("clearance", "task"):
                ratio = many[what] / max(few[what], 0.001)
                kept = "kept" if ratio <= AIM else "MISSED"
                yield (
                    f"{what} beside rules of {whose}, {database}: {few[what]:.2f} ms at {small:,}, "
                    f"{many[what]:.2f} ms at {large:,}: {ratio:.2f} x (aim {AIM}: {kept})"
                )
            kept = "kept" if many["import"] < IMPORT_AIM else "MISSED"
            yield (
                f"{large:,} rules of {whose}, {database}: taken over in {many['import']:.1f} s, again in "
                f"{many['again']:.1f} s (aim {IMPORT_AIM}: {kept})"
            )


def ends(sizes: Iterable[str]) -> tuple[int, int]:
    """The smallest and the largest of the sizes that were measured."""
    return min(map(int, sizes)), max(map(int, sizes))


def one_of_many(n: int, payer: str) -> Rule:
    """One of a great many: 10,000 codes and 500 ranges in ten plans, and what else a line may say."""
    code = n // 10 % 10_000
    end = f"G{min(code + 30, 9999):04}" if code % 20 == 0 else ""
    return replace(
        _PATTERN, payer=payer, line=str(n), title=f"Line {n}", code=f"G{code:04}", code_end=end,
        plan=f"PLAN{n % 10 + 1}", age_to=17 if n % 3 == 0 else None,
        places=frozenset({"22"}) if n % 4 == 0 else frozenset(),
    )  # fmt: skip


(_PATTERN,) = lines(
    book({"extension": [ours("authorization-rule", extension=[{"url": "answer", "valueCode": "required"}])]}),
    POLICY.zone,
)


def _measured(engine: Engine, rules: list[Rule]) -> dict[str, float]:
    migrate(engine)
    cover = book() | {"id": "many", "extension": [*book()["extension"], ours("imported-rules", valueBoolean=True)]}
    put(engine, NOW, *plain().with_(book(rule(needed=False, plans=("PLAN1",)))).resources.values(), cover)
    imported = [timed(lambda: _take_over(engine, rules)) for _ in range(2)]
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("ANALYZE")

    def judge() -> None:
        with reading(engine) as conn:
            case = assemble(conn, "sr", offers=T)
            assert case is not None
            assert clear(case, NOW, POLICY).gates

    def write(n: int) -> None:
        put(engine, NOW + timedelta(seconds=n), task(lastModified=f"2026-11-22T09:{n % 60:02}:{n // 60:02}-05:00"))

    judge()
    write(0)
    figures = {
        "clearance": fast(timed(judge) for _ in range(ROUNDS)),
        "task": fast(timed(lambda n=n: write(n)) for n in range(1, ROUNDS)),  # type: ignore[misc]
    }
    engine.dispose()
    return {name: round(value, 2) for name, value in figures.items()} | {
        "import": round(imported[0], 2), "again": round(imported[1], 2),
    }  # fmt: skip


def _take_over(engine: Engine, rules: list[Rule]) -> None:
    with writing(engine) as conn:
        rule_lines.take_over(conn, "PlanDefinition/many", "1", rules, NOW)


def put(engine: Engine, now: datetime, *resources: dict[str, Any]) -> None:
    changes = [Change(each["resourceType"], each["id"], {**each, "meta": {}}) for each in resources]
    with writing(engine) as conn:
        put_all(conn, changes, now=now, actor=ACTOR, base=HERE, project=project.projector(POLICY))


def fast(seconds: Iterable[float]) -> float:
    """The fastest tenth, in milliseconds."""
    return statistics.quantiles(seconds, n=10)[0] * 1000


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """The fastest tenth, and what nineteen of twenty stay below, in milliseconds."""
    p95 = statistics.quantiles(seconds, n=20)[-1] * 1000
    return {"fast": round(fast(seconds), 2), "p95": round(p95, 2)}


class Spent:
    """The processor time of this process and, on PostgreSQL, of all that serve the database, since it was made: on a
    machine that others use it says what elapsed time can not."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._began = self._now()

    def ms(self, rounds: int) -> float:
        """In milliseconds, of one of so many rounds."""
        return round((self._now() - self._began) / rounds * 1000, 2)

    def _now(self) -> float:
        if self._engine.dialect.name != "postgresql":
            return time.process_time()
        with self._engine.connect() as conn:
            pids = list(conn.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")))
        ticks = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


Measure = Callable[[Console, Path, Mapping[str, Place], Sequence[int]], dict[str, Any]]


def by_itself(measure: Measure, lines_of: Callable[[dict[str, Any]], Iterator[str]], sizes: Sequence[int]) -> None:
    """Measure at the sizes that the arguments name, else at all, on both databases or, where an argument is `sqlite` or
    `postgresql`, on that one: each half of a long bench is then a run of its own."""
    said = sys.argv[1:]
    wanted = tuple(sorted(int(each) for each in said if each.isdigit())) or sizes
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name, contextlib.ExitStack() as stack:
        server = None if "sqlite" in said else stack.enter_context(cluster(durable=True))
        where = places(Path(name), databases(server) if server else None)
        if "postgresql" in said:
            del where["SQLite"]
        console = Console()
        for line in lines_of(measure(console, Path(name), where, wanted)):
            console.print(line)


def places(folder: Path, postgres: Place | None) -> dict[str, Place]:
    """{database: what makes one of a name and tells its URL}, SQLite's in a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, Place] = {"SQLite": lambda name: f"sqlite:///{folder / name}.db"}
    return found | ({"PostgreSQL": postgres} if postgres else {})


def databases(server: str) -> Place:
    """A function that makes a database of a name on a server and tells its URL."""

    def make(name: str) -> str:
        engine = open_engine(server)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
            conn.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return engine.url.set(database=name).render_as_string(hide_password=False)

    return make


if __name__ == "__main__":
    main()
