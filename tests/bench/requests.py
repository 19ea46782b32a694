"""The lists of requests for authorization at both desks, a payer's queue and a clinic's, at 1,000 and at 100,000 of one
payer and one office, of which one in twenty waits: a page, every count on it and what there is to choose from. On each
database, in this process: `python -m tests.bench.requests` alone, or as a part of `make bench`.

The rows are written straight to their tables: it is looking that is measured. Elapsed time: the 95th of the rounds, and
the fastest tenth; the aim: 100 ms. The load of the machine stands beside it."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from sqlalchemy import Engine

from auth.grant import Grant
from carecoord.actions.prior_auth import queue
from carecoord.actions.prior_auth import requests as office
from carecoord.fhir.instants import FOREVER, micros
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, writing
from carecoord.store.prior_auth.authorizations import Asked
from carecoord.store.prior_auth.tables import authorization_party, authorization_row, authorization_word
from carecoord.store.worklist import search_words
from tests.bench import lists
from tests.bench.cases import empty
from tests.bench.rules import Place, by_itself, put
from tests.bench.story import FAMILIES, GIVEN
from tests.domain.stories import NOW

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
    measured = partial(_measured, folder)
    return lists.each_size(console, where, sizes, measured, name="requests", what="{n} requests for authorization")


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    return lists.lines(figures, LISTS, AIM_MS, head="{what}", among="among {n} requests")


def _measured(folder: Path, engine: Engine, size: int) -> dict[str, Any]:
    _fill(engine, size)
    world = lists.world_of(engine, folder, NOW + timedelta(hours=1))
    now = micros(world.clock())

    def look(asker: Grant, asked: Asked) -> None:
        read: Callable[..., Any] = queue.listed if asker is CLERK else office.listed
        assert read(world, asker, "bench", asked).rows

    looks = {what: partial(look, asker, asked(now)) for what, (asker, asked) in LISTS.items()}
    return lists.looked_at(engine, looks, ROUNDS)


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
    lists.settle(engine)


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
