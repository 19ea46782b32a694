"""The list of claims at 1,000 and at 100,000 of one office, of which one in ten is denied: a page with the sums of all
tabs and what there is to choose from. On each database, in this process: `python -m tests.bench.claims` alone, or as a
part of `make bench`.

The rows are written straight to their tables: it is looking that is measured. Elapsed time: the 95th of the rounds, and
the fastest tenth; the aim: 200 ms. The load of the machine stands beside it."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from sqlalchemy import Engine, insert

from auth.grant import Grant
from carecoord.actions.claims import desk
from carecoord.fhir.instants import micros
from carecoord.store.claims import tallies
from carecoord.store.claims.claims import Asked
from carecoord.store.claims.tables import claim, claim_adjustment, claim_tally
from carecoord.store.database import bulk
from carecoord.store.database.engine import migrate, writing
from tests.bench import lists
from tests.bench.cases import empty
from tests.bench.rules import Place, by_itself, put
from tests.bench.story import FAMILIES, GIVEN
from tests.domain.stories import NOW

SIZES: Final = (1_000, 100_000)
ROUNDS, _RUN = 15, 5000
AIM_MS: Final = 200
DAY: Final = 86_400_000_000
CLINIC: Final = {"resourceType": "Organization", "id": "clinic", "name": "Fairmont Medical Group"}
ASKER: Final = Grant("u1", roles=frozenset({"coordinator"}), organization="clinic")
LATER: Final = NOW + timedelta(hours=1)
LISTS: Final[Mapping[str, Asked]] = {
    "denied": Asked(micros(LATER), "denied"),
    "all": Asked(micros(LATER), "all"),
    "all, the dearest first": Asked(micros(LATER), "all", sort="amount"),
    "all of a payer": Asked(micros(LATER), "all", payer="Payer 3"),
    "all, a number": Asked(micros(LATER), "all", "N777"),
    "denied, a name": Asked(micros(LATER), "denied", "okafor, ngozi"),
}


def measure(console: Console, folder: Path, where: Mapping[str, Place], sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """{database: {size: {list: {"fast": ms, "p95": ms, "cpu": ms}, "load": of the machine}}}."""
    measured = partial(_measured, folder)
    return lists.each_size(console, where, sizes, measured, name="claims", what="{n} claims")


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    return lists.lines(figures, LISTS, AIM_MS, head="claims, {what}", among="among {n}")


def _measured(folder: Path, engine: Engine, size: int) -> dict[str, Any]:
    _fill(engine, size)
    world = lists.world_of(engine, folder, LATER)

    def look(asked: Asked) -> None:
        assert desk.listed(world, ASKER, "bench", asked).rows

    return lists.looked_at(engine, {what: partial(look, asked) for what, asked in LISTS.items()}, ROUNDS)


def _fill(engine: Engine, size: int) -> None:
    migrate(engine)
    put(engine, NOW, CLINIC)
    sums: dict[tallies.Cell, Counter[int]] = {}
    with writing(engine) as conn:
        for some in bulk.runs(range(size), _RUN):
            rows = {n: _row(n) for n in some}
            bulk.insert(conn, claim, [tuple(row[c.name] for c in claim.columns) for row in rows.values()])
            denials = {n: {str(n % 12): row["denied"]} for n, row in rows.items() if row["denied"]}
            why = ((f"c{n}", 0, 1, "CO", *each, True) for n, some in denials.items() for each in some.items())
            bulk.insert(conn, claim_adjustment, list(why))
            for n, row in rows.items():
                for cell, each in tallies.cells(row, denials.get(n, {})).items():
                    sums.setdefault(cell, Counter()).update(dict(enumerate(each)))
        cells = [
            dict(zip(tallies.COLUMNS, cell, strict=True))
            | {"slot": 0, "claims": each[0], "denied": each[1], "short": each[2]}
            for cell, each in sums.items()
        ]
        conn.execute(insert(claim_tally), cells)
    lists.settle(engine)


def _row(n: int) -> dict[str, Any]:
    """Claim number n: one in ten is denied and open, the rest was paid."""
    chance, now, stands = random.Random(n), micros(NOW), n % 10 == 0
    name = f"{chance.choice(FAMILIES)}, {chance.choice(GIVEN)}"
    known: dict[str, Any] = {
        "id": f"c{n}", "version": 1, "office": "clinic", "number": f"N{n}", "payer_number": f"P{n}", "payer_id": "x",
        "payer_name": f"Payer {n % 8}", "name": name, "sort_name": name.casefold(), "member": f"M{n}",
        "code": f"99{n % 60:03}", "status": chance.choice(("denied", "partly") if stands else ("paid", "accepted")),
        "said": "[]", "remarks": "[]", "charge": 10_000, "paid": 0 if stands else 9_000,
        "denied": 5_000 if stands else 0, "short": 100 if n % 50 == 0 else 0, "agreement_number": f"AGR-{n % 20}",
        "doubts": '["why"]' if n % 40 == 0 else "[]",
        "due": now + int(chance.uniform(-20, 90) * DAY) if stands else None, "work": "open" if stands else "closed",
        "received": now, "updated": now, "patient": f"p{n}", "since": "2026-01-01", "payment": f"E{n // 100}",
    }  # fmt: skip
    return {column.name: known.get(column.name, empty(column)) for column in claim.columns}


def main() -> None:
    """Measure by itself."""
    by_itself(measure, lines_of, SIZES)


if __name__ == "__main__":
    main()
