"""The register of agreements looked through, `/contracts?q=`, at 1,000 and at 100,000 agreements of one organization: a
page, its counts and what stands on it. On each database, in this process: `python -m tests.bench.register` alone, or as
a part of `make bench`. Beside it, what it costs to change an agreement on which 1,400 cases lean.

The rows are written straight to the register's tables: it is looking that is measured. Elapsed time: the 95th of the
rounds, and the fastest tenth; the aim of issue 8: 100 ms. The load of the machine stands beside it."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import requests
from rich.console import Console
from sqlalchemy import Engine, Table

from auth.grant import Grant
from auth.scopes import parse
from auth.scopes import resources as only
from carecoord.actions.agreements import desk
from carecoord.actions.clearance.assemble import CASE_TYPES
from carecoord.actions.worklist import project
from carecoord.settings import Settings
from carecoord.store.agreements.roll import Asked, sides_of
from carecoord.store.agreements.tables import agreement_party, agreement_row
from carecoord.store.audit.events import Journal
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, open_engine, writing
from carecoord.world import World
from tests.bench import lists
from tests.bench.rules import Place, by_itself, put, spread, timed
from tests.bench.story import FAMILIES
from tests.domain.stories import NOW, POLICY, contract, plain

SIZES = (1_000, 100_000)
ROUNDS, _RUN = 40, 5000
AIM_MS = 100
LEANING, CHANGES, AIM_CHANGE_MS = 1_400, 10, 50
MINE = "Organization/office-payer-1"
ASKER = Grant("u1", scopes=only(parse("user/*.rs")), roles=frozenset({"contracts"}), organization="office-payer-1")
KINDS = ("payer-provider", "vendor", "business-associate")
WORDS = {  # what is typed into the search, by how many agreements say it
    "a number": ("agr000417",),
    "a name and a town": ("okafor", "northfield"),
    "a word of every fifth": ("northfield",),
    "nothing": (),
}
TOWNS = ("northfield", "southfield", "eastfield", "westfield", "midfield")


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {what is asked: {"fast": ms, "p95": ms, "cpu": ms}, "load": of the machine}}}."""
    measured = partial(_measured, folder)
    return lists.each_size(console, where, sizes, measured, name="register", what="a register of {n} agreements")


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    return lists.lines(figures, WORDS, AIM_MS, head="register searched for {what}", among="at {n} agreements")


def changes(console: Console, where: Mapping[str, Place], leaning: int = LEANING) -> dict[str, Any]:
    """{database: {"fast": ms, "p95": ms of a change of the agreement, "right": seconds until every row is judged}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        console.print(f"an agreement on which {leaning:,} cases lean, {database}", style="dim")
        engine = open_engine(url("leaning"))
        migrate(engine)
        for some in bulk.runs([each for n in range(leaning) for each in _patients(n)], 200):
            put(engine, NOW, *some)
        times = []
        for n in range(CHANGES):
            times.append(timed(partial(put, engine, NOW, contract(end=100 + n, evergreen=False))))
            right = timed(partial(_judged, engine))
        figures[database] = spread(times) | {"right": round(right, 2)}
        engine.dispose()
    return figures


def _patients(n: int) -> list[dict[str, Any]]:
    """What is about one patient of many, in the story that all share; of the first, the whole of it."""
    story = plain().resources
    own = {name for name, each in story.items() if each["resourceType"] in ("Patient", *CASE_TYPES)}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: named(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [named(inner) for inner in value]
        return f"{value}-{n}" if value in own else value

    mine = [named(each) | {"id": f"{each['id']}-{n}"} for name, each in story.items() if name in own]
    return mine if n else [*mine, *(each for name, each in story.items() if name not in own)]


def _judged(engine: Engine) -> None:
    """Have the worker's work done: every row that was marked is judged."""
    world = World(
        engine, lambda: NOW, lambda: str(uuid4()), requests.Session, Settings(), project.projector(POLICY),
        Journal(Path()),
    )  # fmt: skip
    while project.refresh_due(world):
        pass


def changed_lines(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, told in figures.items():
        kept = "kept" if told["p95"] < AIM_CHANGE_MS else "MISSED"
        yield (
            f"an agreement changed on which {LEANING:,} cases lean, {database}: p95 {told['p95']:.0f} ms (aim "
            f"{AIM_CHANGE_MS}: {kept}), fastest {told['fast']:.0f} ms; every row right after {told['right']:.1f} s"
        )


def _fill(engine: Engine, size: int) -> None:
    migrate(engine)
    put(engine, NOW, *plain().resources.values())
    with writing(engine) as conn:
        conn.exec_driver_sql("DELETE FROM agreement_row")
        conn.exec_driver_sql("DELETE FROM agreement_party")
        for some in bulk.runs(range(size), _RUN):
            bulk.insert(conn, agreement_row, [_values(agreement_row, _row(n)) for n in some])
            sides = [key for n in some for key in ((n, MINE, True), (n, f"Organization/other-{n}", True))]
            bulk.insert(conn, agreement_party, sides)
    lists.settle(engine)


def _row(n: int) -> dict[str, Any]:
    """One of a great many: between the organization and one of 100,000 others, for up to four years from now."""
    chance, today = random.Random(n), NOW.date().toordinal()
    name, town, kind = f"{chance.choice(FAMILIES)} Practice {n}", TOWNS[n % len(TOWNS)], KINDS[n % len(KINDS)]
    number, ends = f"AGR-{n:06}", today + chance.randrange(-200, 1400)
    sides = [[MINE, "Blue Horizon", "payer"], [f"Organization/other-{n}", name, "provider"]]
    return {
        "n": n, "agreement": f"n{n}", "part": "", "contract": f"agr-{n}", "number": number, "title": f"Services {n}",
        "kind": kind, "state": "in-force" if ends > today else "ended", "stage": "current" if ends > today else "ended",
        "version": "1", "versions": 1, "drafts": n % 40 == 0, "parties": msgspec.json.encode(sides).decode(),
        "sides": sides_of(key for key, *_ in sides),
        "starts": today - 400, "ends": ends, "term_ends": ends, "notice_by": ends - 90, "due": ends - 90,
        "turns_on": today + 2000, "amount": "", "words": f"agr{n:06} {name.lower()} {town} {kind} services {n}",
    }  # fmt: skip


def _values(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.columns)


def _measured(folder: Path, engine: Engine, size: int) -> dict[str, Any]:
    _fill(engine, size)
    world = lists.world_of(engine, folder, NOW + timedelta(hours=1))

    def look(words: tuple[str, ...]) -> None:
        assert desk.listed(world, ASKER, "bench", Asked(0, words=words, tab="all")).lines

    return lists.looked_at(engine, {what: partial(look, words) for what, words in WORDS.items()}, ROUNDS)


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
