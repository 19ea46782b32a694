"""Tables at real size, as an office brings them: 100,000 rules by CSV, and a register of 10,000 agreements as a
workbook with 500 faults. `python -m tests.bench.imports`, or as a part of `make bench`; in this process, on SQLite.

Processor time, which other work on the machine disturbs least. The aims of issue 8: the rules in under 60 s, every
fault named by its cell, and a second import of either changes nothing. The register has no aim there; what it took
before, 65 s, is to be halved.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from carecoord.store.database.engine import migrate, open_engine
from carecoord.world import World
from tests.imports.conftest import ORGANIZATIONS, PLANS, bring, made
from tests.imports.workbook import register

RULES, RULES_AIM = 100_000, 60
ROWS, OF_A_KIND, ROWS_AIM = 10_000, 125, 32
_HEAD = "Payer,Authorization,Rule,Line,Code,Last code,Plans,Places of service,Age to,Starts\n"


def measure(console: Console, folder: Path) -> dict[str, Any]:
    """{table: {"first": s, "again": s}}. Raises AssertionError where a figure is fast and what it made is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{folder / 'template.db'}")
    migrate(engine)
    engine.dispose()
    world = made(folder, folder / "template.db")
    bring(world, "organizations", ORGANIZATIONS)
    bring(world, "plans", PLANS)
    console.print(f"{RULES:,} rules by CSV", style="dim")
    rules = _HEAD + "".join(_rule(n) for n in range(RULES))
    data, told = register(ROWS, OF_A_KIND)
    bad = {"faulty": len(told)}
    figures = {
        "rules": _twice(world, "rules", rules, "rules.csv", {"new": RULES}, {"unchanged": RULES}, {}),
        "agreements": _twice(
            world, "agreements", data, "register.xlsx", {"new": ROWS - len(told)} | bad,
            {"unchanged": ROWS - len(told)} | bad, told,
        ),
    }  # fmt: skip
    world.engine.dispose()
    return figures


def _twice(
    world: World, kind: str, data: bytes | str, name: str, first: dict[str, int], again: dict[str, int],
    told: dict[str, str],
) -> dict[str, float]:  # fmt: skip
    def once(rows: dict[str, int]) -> None:
        brought, faults = bring(world, kind, data, name)
        assert +brought.rows == rows, brought.rows
        assert dict(_parted(each) for each in faults) == told

    return {"first": _spent(lambda: once(first)), "again": _spent(lambda: once(again))}


def _parted(fault: str) -> list[str]:
    return fault.removeprefix("register.xlsx, sheet Register, ").split(": ", 1)


def _spent(act: Callable[[], None]) -> float:
    began = time.process_time()
    act()
    return round(time.process_time() - began, 1)


def _rule(n: int) -> str:
    """One of 10,000 codes in ten plans, a twentieth of them ranges."""
    code = n // 10 % 10_000
    end = f"G{min(code + 30, 9999):04}" if code % 20 == 0 else ""
    places, age = "22" if n % 4 == 0 else "", "17" if n % 3 == 0 else ""
    return f"AC001,required,Line {n},{n},G{code:04},{end},PLAN{n % 10 + 1},{places},{age},2026-01-01\n"


def lines_of(figures: dict[str, Any]) -> Iterator[str]:
    """What is printed of it."""
    for kind, rows, aim in (("rules", RULES, RULES_AIM), ("agreements", ROWS, ROWS_AIM)):
        found = figures[kind]
        kept = "kept" if found["first"] < aim else "MISSED"
        yield f"{rows:,} {kind} by a table: {found['first']} s, again {found['again']} s (aim {aim}: {kept})"


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name:
        for line in lines_of(measure(console, Path(name))):
            console.print(line)


if __name__ == "__main__":
    main()
