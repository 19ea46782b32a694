"""`Contract/$participation` with the rate, among 1,000 and 1,000,000 lines. On each database, in this process:
`python -m tests.bench.rates` alone, or as a part of `make bench`.

Twenty questions go before those that are measured: a connection prepares what is sent a third time (decision 42), and
PostgreSQL reads the pages of an index once. The lines are those of ten agreements: 10,000 codes in five places, with
modifiers, ranges and a line for the rest. The registry is read anew for each question. Elapsed time: the 95th of two
hundred, and the fastest tenth; the aim of issue 8: 20 ms, and at most 1.5 x from few to many."""

import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from carecoord.actions.agreements.participation import answer
from carecoord.actions.agreements.rates import put_lines
from carecoord.actions.worklist import project
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import migrate, open_engine, writing
from carecoord.store.resources import registry_mark
from carecoord.world import World
from tests.bench.rules import Place, by_itself, ends, fast, put, timed
from tests.domain.stories import NOW, NPI, POLICY, affiliation, contract, organization, plain, ref

SIZES = (1_000, 1_000_000)
AGREEMENTS, ROUNDS, _FIRST = 10, 200, 20
AIM, AIM_MS = 1.5, 20
PLACES = ("11", "19", "22", "23", "24")
ASKER = Grant("u1", scopes=parse("user/*.rs"), roles=frozenset({"contracts"}), organization="office-payer-1")


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {"fast": ms, "p95": ms, "load": of the machine, "import": s, "again": s}}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"{size:,} rate lines, {database}", style="dim")
            found = _measured(open_engine(url(f"rates_{size}")), size, folder)
            figures.setdefault(database, {})[str(size)] = found
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, sizes in figures.items():
        small, large = ends(sizes)
        few, many = sizes[str(small)], sizes[str(large)]
        ratio = many["fast"] / max(few["fast"], 0.001)
        kept = "kept" if ratio <= AIM else "MISSED"
        yield (
            f"$participation with its rate, {database}: {few['fast']:.2f} ms at {small:,} lines, "
            f"{many['fast']:.2f} ms at {large:,}: {ratio:.2f} x (aim {AIM}: {kept})"
        )
        kept = "kept" if many["p95"] < AIM_MS else "MISSED"
        yield (
            f"$participation with its rate, {database}: p95 {many['p95']:.1f} ms at {large:,} lines (aim {AIM_MS}: "
            f"{kept}), {few['cpu']:.1f} and {many['cpu']:.1f} ms of this process's CPU, load {many['load']:.1f}; taken "
            f"over in {many['import']:.0f} s, "
            f"a tenth again in {many['again']:.0f} s"
        )


def _line(n: int) -> RateLine:
    """One of a schedule: every code in five places, each in one of two years or with a modifier; a range among them."""
    code, place, kind = n // 10, PLACES[n % 5], n // 5 % 2
    end = f"G{code // 10 * 10 + 9:04}" if kind and code % 50 == 0 else ""
    return RateLine(
        method="negotiated",
        amount=Decimal(5000 + n % 9973) / 100,
        code=f"G{code:04}",
        code_end=end,
        places=frozenset({place}),
        modifiers=frozenset({"26"}) if kind and not end else frozenset(),
        line=str(n),
    )


def _fill(engine: Engine, size: int) -> list[float]:
    """Ten agreements of as many groups with the payer, and their lines, of one of them twice; how long each took."""
    migrate(engine)
    story = plain().with_(contract(end=-1, evergreen=False))
    authority = [ref("Organization/office-payer-1")]
    signed = [contract(f"AGR-X{n}", evergreen=True, end=400) | {"authority": authority} for n in range(AGREEMENTS)]
    groups = [organization(f"other-{n}", f"Practice {n:06}", NPI, f"8{n:09}") for n in range(AGREEMENTS)]
    rows = [
        affiliation(number=f"AGR-X{n}", id=f"row-{n}") | {"participatingOrganization": ref(f"Organization/other-{n}")}
        for n in range(AGREEMENTS)
    ]
    put(engine, NOW, *story.resources.values(), *signed, *groups, *rows)

    def take_over(agreements: int) -> None:
        for n in range(agreements):
            with writing(engine) as conn:
                schedule = Schedule(contract=f"Contract/agr-x{n}-v1", name="Exhibit B")
                put_lines(conn, schedule, map(_line, range(size // AGREEMENTS)), NOW)

    took = [timed(lambda: take_over(AGREEMENTS)), timed(lambda: take_over(1))]
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")  # what a server does by itself within minutes of such a load
            conn.exec_driver_sql("CHECKPOINT")
    return took


def _measured(engine: Engine, size: int, folder: Path) -> dict[str, float]:
    took = _fill(engine, size)
    world = World(
        engine, lambda: NOW + timedelta(hours=1), lambda: str(uuid4()), requests.Session, Settings(),
        project.projector(POLICY), Journal(folder / f"audit-{uuid4()}"),
    )  # fmt: skip
    codes = max(1, size // AGREEMENTS // 10)

    def ask(n: int) -> None:
        given = {
            "provider": f"Organization/other-{n % AGREEMENTS}", "plan": "PLAN1", "service": f"G{n % codes:04}",
            "place": PLACES[n % 5], "billed": "100",
        }  # fmt: skip
        rate = next(part for part in answer(world, ASKER, given)["parameter"] if part["name"] == "rate")
        assert rate["part"][0]["valueCode"] == "known", rate

    def anew(n: int) -> float:
        with writing(engine) as conn:
            registry_mark.renew(conn)
        return timed(lambda: ask(n * 7919))

    for n in range(_FIRST):
        anew(n)
    began = time.process_time()
    asked = [anew(n) for n in range(_FIRST, _FIRST + ROUNDS)]
    spent = (time.process_time() - began) / ROUNDS * 1000
    engine.dispose()
    figures = {"cpu": spent, "fast": fast(asked)}
    figures |= {"p95": statistics.quantiles(asked, n=20)[-1] * 1000, "load": os.getloadavg()[0]}
    return {name: round(value, 2) for name, value in {**figures, "import": took[0], "again": took[1]}.items()}


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
