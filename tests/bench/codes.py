"""A code looked for by its words, as the list under a field asks: among all codes of ICD-10-CM, on each database, in
this process: `python -m tests.bench.codes` alone, or as a part of `make bench`.

What is typed is said of 4 codes up to half of them. Elapsed time: the 95th of the rounds, and the fastest tenth, the
worst of what is typed; the aim of issue 7 for whatever a person waits for: 100 ms. The load stands beside it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine

from carecoord.actions.terms import icd_10_cm, shipped
from carecoord.actions.terms.choices import search
from carecoord.actions.worklist import project
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import migrate, open_engine
from carecoord.world import World
from tests.bench.rules import Place, by_itself, ends, spread, timed
from tests.domain.stories import NOW, POLICY

SIZES = (1_000, 100_000)
ROUNDS, AIM, AIM_MS = 40, 1.5, 100
TYPED = ("m54.5", "low back pain", "diab", "fracture", "f", "in", "initial encounter", "no such word")


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {what is typed: {"fast": ms, "p95": ms}, "load": of the machine}}}."""
    every = icd_10_cm.read()
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"{min(size, len(every)):,} codes, {database}", style="dim")
            step = max(1, len(every) // size)
            found = _measured(open_engine(url(f"codes_{size}")), every[::step][:size], folder)
            figures.setdefault(database, {})[str(size)] = found
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, sizes in figures.items():
        few, many = (sizes[str(size)] for size in ends(sizes))
        for typed in TYPED:
            kept = "kept" if many[typed]["p95"] < AIM_MS else "MISSED"
            yield (
                f"codes for {typed!r}, {database}: fastest {few[typed]['fast']:.1f} and {many[typed]['fast']:.1f} ms, "
                f"p95 {many[typed]['p95']:.1f} ms among all (aim {AIM_MS}: {kept}), load {many['load']:.1f}"
            )


def _measured(engine: Engine, codes: Sequence[icd_10_cm.Diagnosis], folder: Path) -> dict[str, Any]:
    migrate(engine)
    world = World(
        engine, lambda: NOW, lambda: str(uuid4()), requests.Session, Settings(), project.projector(POLICY),
        Journal(folder / f"audit-{uuid4()}"),
    )  # fmt: skip
    shipped.load(world, lambda: codes)
    figures: dict[str, Any] = {}
    for typed in TYPED:
        search(world, "diagnosis", typed)
        times = [timed(lambda typed=typed: search(world, "diagnosis", typed)) for _ in range(ROUNDS)]  # type: ignore[misc]
        figures[typed] = spread(times)
    engine.dispose()
    return figures | {"load": round(os.getloadavg()[0], 1)}


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
