"""A payer's metrics over 100,000 made-up requests, on both databases: what counting all of them anew from the log
takes, and what its people wait for who look at all fifteen fields; both are held against a plain script. In this
process: `python -m tests.bench.metrics` alone, or as a part of `make bench`.

The aim of issue 10: the fields in under 5 seconds.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine, insert

from auth.grant import Grant
from carecoord.actions.prior_auth.metrics import board, count
from carecoord.actions.prior_auth.metrics.board import Asked
from carecoord.actions.worklist import project
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import migrate, open_engine, writing
from carecoord.store.events.tables import event
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from tests.bench.rules import Place, by_itself
from tests.desk.authorizations.metrics_made import Year, recounted

SIZES: Final = (100_000,)
AIM: Final = 5  # seconds
PAYER: Final = "office-blue-horizon"
NOW: Final = datetime(2026, 3, 1, 15, tzinfo=UTC)
_RUN: Final = 10_000


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {"anew": s, "fields": s, "same": whether a plain script counts the same, "load": ..}}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"metrics of {size:,} requests, {database}", style="dim")
            figures.setdefault(database, {})[str(size)] = _measured(open_engine(url(f"metrics_{size}")), folder, size)
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, found in figures.items():
        for size, told in found.items():
            kept = "kept" if told["fields"] < AIM and told["same"] else "MISSED"
            same = "as a plain script counts" if told["same"] else "NOT as a plain script counts"
            yield (
                f"metrics, {database}, {int(size):,} requests: fields in {told['fields']} s (aim {AIM}: {kept}), "
                f"{same}; counted anew from the log in {told['anew']} s, load {told['load']}"
            )


def _measured(engine: Engine, folder: Path, size: int) -> dict[str, Any]:
    migrate(engine)
    settings = Settings(var=str(folder))
    rules = project.projector(project.policy(settings))
    journal = Journal(Path(tempfile.mkdtemp(dir=folder)))
    world = World(engine, lambda: NOW, lambda: str(uuid4()), requests.Session, settings, rules, journal)
    office = {"resourceType": "Organization", "id": PAYER, "name": "Blue Horizon Health"}
    year, actor = Year(size), Actor(None, None, None, "bench")
    events = year.events()
    with writing(engine) as conn:
        put_all(conn, [Change("Organization", PAYER, office)], now=NOW, actor=actor, base=world.base, project=rules)
        while run := list(islice(events, _RUN)):
            conn.execute(insert(event), run)
    began = time.perf_counter()
    count.anew(world)
    anew = time.perf_counter() - began
    clerk = Grant("clerk", roles=frozenset({"payer"}), organization=PAYER)
    asked = Asked(date(2025, 1, 1), date(2026, 2, 28))
    board.board(world, clerk, asked, "bench")
    began = time.perf_counter()
    found = board.board(world, clerk, asked, "bench").figures
    took = time.perf_counter() - began
    told = {name: (each.hits, each.n, str(each.value)) for name, each in found.items()}
    same = told == recounted(year.truths)
    engine.dispose()
    return {"anew": round(anew, 1), "fields": round(took, 2), "same": same, "load": round(os.getloadavg()[0], 1)}


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
