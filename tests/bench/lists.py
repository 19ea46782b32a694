"""What benches of long lists share: a database of each size is filled, then each list looked at in this process."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine

from carecoord.actions.worklist import project
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine
from carecoord.world import World
from tests.bench.rules import Place, Spent, ends, spread, timed
from tests.domain.stories import POLICY


def each_size(
    console: Console, where: Mapping[str, Place], sizes: Sequence[int],
    measured: Callable[[Engine, int], dict[str, Any]], *, name: str, what: str,
) -> dict[str, Any]:  # fmt: skip
    """{database: {size: what is measured of it}}. name: of the databases; what: they hold, `{n}` being how many."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"{what.format(n=f'{size:,}')}, {database}", style="dim")
            figures.setdefault(database, {})[str(size)] = measured(open_engine(url(f"{name}_{size}")), size)
    return figures


def settle(engine: Engine) -> None:
    """Do what a PostgreSQL server does by itself within minutes of such a load."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")


def world_of(engine: Engine, folder: Path, now: datetime) -> World:
    """A world that stands still at an instant."""
    return World(
        engine, lambda: now, lambda: str(uuid4()), requests.Session, Settings(), project.projector(POLICY),
        Journal(folder / f"audit-{uuid4()}"),
    )  # fmt: skip


def looked_at(engine: Engine, looks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    """{look: {"fast": ms, "p95": ms, "cpu": ms}, "load": of the machine}, after a first look. Ends the engine."""
    figures: dict[str, Any] = {}
    for what, look in looks.items():
        look()
        spent = Spent(engine)
        times = [timed(look) for _ in range(rounds)]
        figures[what] = spread(times) | {"cpu": spent.ms(rounds)}
    engine.dispose()
    return figures | {"load": round(os.getloadavg()[0], 1)}


def lines(figures: dict[str, Any], looks: Iterable[str], aim: int, *, head: str, among: str) -> Iterator[str]:
    """What is printed of it. head: `{what}` is the look; among: `{n}` is how many, and of what only the first time."""
    named, bare = among, among.partition("{n}")[0] + "{n}"
    for database, sizes in figures.items():
        few, many = ends(sizes)
        for what in looks:
            small, large = sizes[str(few)][what], sizes[str(many)][what]
            kept = "kept" if large["p95"] < aim else "MISSED"
            yield (
                f"{head.format(what=what)}, {database}: p95 {small['p95']:.1f} ms {named.format(n=f'{int(few):,}')}, "
                f"{large['p95']:.1f} ms {bare.format(n=f'{int(many):,}')} (aim {aim}: {kept}); fastest "
                f"{small['fast']:.1f} and {large['fast']:.1f} ms, processor {small['cpu']:.1f} and {large['cpu']:.1f} "
                f"ms, load {sizes[str(many)]['load']:.1f}"
            )
