"""The lists of requests for authorization at both desks, a payer's queue and a clinic's, at 1,000 and at 100,000 of one
payer and one office, of which one in twenty waits: a page, every count on it and what there is to choose from. On each
database, in this process: `python -m tests.bench.requests` alone, or as a part of `make bench`.

The rows are written straight to their tables: it is looking that is measured. Elapsed time: the 95th of the rounds, and
the fastest tenth; the aim: 100 ms. The load of the machine stands beside it."""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import requests
from rich.console import Console
from sqlalchemy import Engine

from auth.grant import Grant
from carecoord.actions.prior_auth import queue
from carecoord.actions.prior_auth import requests as office
from carecoord.actions.worklist import project
from carecoord.fhir.instants import FOREVER, micros
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, open_engine, writing
from carecoord.store.prior_auth.authorizations import Asked
from carecoord.store.prior_auth.tables import authorization_party, authorization_row, authorization_word
from carecoord.store.worklist import search_words
from carecoord.world import World
from tests.bench.cases import empty
from tests.bench.rules import Place, Spent, by_itself, ends, put, spread, timed
from tests.bench.story import FAMILIES, GIVEN
from tests.domain.stories import NOW, POLICY

SIZES: Final = (1_000, 100_000)
ROUNDS, _RUN = 20, 5000
AIM_MS: Final = 100
DAY: Final = 86_400_000_000
SYSTEM: Final = "https://carecoord.example/id/payer"
PAYER: Final = {
    "resourceType": "Organization", "id": "payer", "name": "Blue Horizon",
    "identifier": [{"system": SYSTEM, "value": "P1"}],
}  # fmt: skip
CLINIC: Final = {"resourceType": "Organization", "id": "clinic", "name": "Fairmont Medical Group"}
CLERK: Final = Grant("u1", roles=frozenset({"payer"}), organization="payer")
COORDINATOR: Final = Grant("u2", roles=frozenset({"coordinator"}), organization="clinic")
LISTS: Final[Mapping[str, tuple[Grant, Callable[[int], Asked]]]] = {
    "a payer's queue": (CLERK, lambda now: Asked(now, "decide", account="u1")),
    "a payer's queue, what is late": (CLERK, lambda now: Asked(now, "late", account="u1")),
    "a payer's queue, a name": (CLERK, lambda now: Asked(now, "decide", "okafor ngozi", account="u1")),
    "what a payer has decided": (CLERK, lambda now: Asked(now, "decided", account="u1")),
    "a clinic's list": (COORDINATOR, lambda now: Asked(now, "open", sort="due", today=now + DAY)),
    "a clinic's list, what ends soon": (COORDINATOR, lambda now: Asked(now, "expiring", sort="due", today=now + DAY)),
    "all that a clinic ever asked": (COORDINATOR, lambda now: Asked(now, "all", sort="due", today=now + DAY)),
}


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {list: {"fast": ms, "p95": ms, "cpu": ms}, "load": of the machine}}}."""
    figures: dict[str, Any] = {}
    for database, url in where.items():
        for size in sizes:
            console.print(f"{size:,} requests for authorization, {database}", style="dim")
            found = _measured(open_engine(url(f"requests_{size}")), size, folder)
            figures.setdefault(database, {})[str(size)] = found
    return figures


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for database, sizes in figures.items():
        few, many = map(str, ends(sizes))
        for what in LISTS:
            small, large = sizes[few][what], sizes[many][what]
            kept = "kept" if large["p95"] < AIM_MS else "MISSED"
            yield (
                f"{what}, {database}: p95 {small['p95']:.1f} ms among {int(few):,} requests, {large['p95']:.1f} ms "
                f"among {int(many):,} (aim {AIM_MS}: {kept}); fastest {small['fast']:.1f} and {large['fast']:.1f} ms, "
                f"processor {small['cpu']:.1f} and {large['cpu']:.1f} ms, load {sizes[many]['load']:.1f}"
            )


def _measured(engine: Engine, size: int, folder: Path) -> dict[str, Any]:
    _fill(engine, size)
    world = World(
        engine, lambda: NOW + timedelta(hours=1), lambda: str(uuid4()), requests.Session, Settings(),
        project.projector(POLICY), Journal(folder / f"audit-{uuid4()}"),
    )  # fmt: skip
    figures: dict[str, Any] = {}
    for what, (asker, asked) in LISTS.items():
        read: Callable[..., Any] = queue.listed if asker is CLERK else office.listed
        one = asked(micros(world.clock()))

        def look(read: Callable[..., Any] = read, asker: Grant = asker, one: Asked = one) -> None:
            assert read(world, asker, "bench", one).rows

        look()
        spent = Spent(engine)
        times = [timed(look) for _ in range(ROUNDS)]
        figures[what] = spread(times) | {"cpu": spent.ms(ROUNDS)}
    engine.dispose()
    return figures | {"load": round(os.getloadavg()[0], 1)}


def _fill(engine: Engine, size: int) -> None:
    migrate(engine)
    put(engine, NOW, PAYER, CLINIC)
    with writing(engine) as conn:
        for some in bulk.runs(range(size), _RUN):
            rows = [_row(n) for n in some]
            bulk.insert(conn, authorization_row, [tuple(r[c.name] for c in authorization_row.columns) for r in rows])
            sides = (("payer", f"{SYSTEM}|P1"), ("performer", "surgery"), ("placer", "clinic"))
            bulk.insert(conn, authorization_party, [(*side, row["root"]) for row in rows for side in sides])
            words = ((word, row["root"], True) for row in rows for word in search_words.words(row["searched"]))
            bulk.insert(conn, authorization_word, list(words))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        # What a PostgreSQL server does by itself within minutes of such a load.
        conn.exec_driver_sql("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE")


def _row(n: int) -> dict[str, Any]:
    """Request number n: one in twenty waits, the rest was decided within a year; some approvals still hold."""
    chance, now = random.Random(n), micros(NOW)
    name, waits = f"{chance.choice(FAMILIES)}, {chance.choice(GIVEN)}", n % 20 == 0
    decided = ("approved", "approved", "approved", "denied", "partly", "cancelled")
    state = chance.choice(("submitted", "pended", "asked") if waits else decided)
    due = now + int(chance.uniform(-1, 10) * DAY) if waits else None
    ends_at = now + int(chance.uniform(-300, 60) * DAY) if state in ("approved", "partly") else None
    said = f"{name} M{n:07} A-{n}"
    known: dict[str, Any] = {
        "root": f"Claim/c{n}", "claim": f"Claim/c{n}", "patient": f"p{n}", "state": state, "open": state != "cancelled",
        "sent": True, "number": f"A-{n}", "service": "MRI of the brain", "code": "70551", "lines": "[]", "orders": "[]",
        "parties": "[]", "visits": "[]", "expedited": n % 40 == 0, "patient_name": name,
        "patient_sort": name.casefold(), "member_id": f"M{n:07}",
        "payer_key": f"{SYSTEM}|P1", "payer_name": "Blue Horizon", "received": now - DAY,
        "provider": "Surgery", "due": due, "decided": None if waits else now - int(chance.uniform(0, 300) * DAY),
        "ends": ends_at, "appeal_by": now - 60 * DAY if state == "denied" and n % 3 else None, "left": str(n % 9),
        "authorized": "10", "sort_due": due or FOREVER, "office_due": due, "sort_office": due or FOREVER,
        "owner": f"owner-{n % 5}", "owner_name": f"Owner {n % 5}", "searched": said, "payer_searched": said,
        "updated": now,
    }  # fmt: skip
    return {column.name: known.get(column.name, empty(column)) for column in authorization_row.columns}


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
