"""`make bench`: our server, a bare Flask route and sekmet-fhir, side by side, same data, same client, one run.

The figures are answers per second (resources per second where it says so) and p95 in ms. Machines differ and are
noisy: the ratios are what to read. Everything goes to var/bench.json too.
"""

import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import (
    acts,
    agreement,
    claims,
    codes,
    crd,
    imports,
    measures,
    metrics,
    midnight,
    networks,
    pas,
    patient,
    rates,
    register,
    requests,
    rows,
    rules,
    sizing,
    start,
    sync,
    tasks,
    token,
    trail,
    worklist,
)
from tests.bench.client import Result
from tests.bench.servers import Server, bare, carecoord, sekmet
from tests.postgres import cluster

LISTS = {"requests": requests, "claims": claims, "trail": trail}  # looked through at a desk
Figures = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    """Run every row on every server, print the table, write var/bench.json. Told `sizing`: what
    docs/operations/sizing.md tells, and nothing else."""
    console = Console()
    if "sizing" in sys.argv[1:]:
        sizing.main(console)
        return
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name, _postgres(console) as postgres:
        folder = Path(name)
        _ours(console, figures, folder / "sqlite", "")
        if postgres:
            _ours(console, figures, folder / "postgres", postgres)
        with sekmet(folder / "sekmet") as server:
            _measure(console, figures, server)
        pages = worklist.measure(console, folder / "worklist", postgres)
        checks = token.measure(console, folder / "token", postgres)
        done = acts.measure(console, folder / "acts", postgres)
        submitted = pas.measure(console, folder / "pas", postgres)
        signed = crd.measure(console, folder / "crd", postgres)
        noted = tasks.measure(console, folder / "tasks", postgres)
        called = patient.measure(console, folder / "patient", postgres)
        counted = measures.measure(console, folder / "measures", postgres)
        made = rules.places(folder / "many", rules.databases(postgres) if postgres else None)
        lines = rules.measure(console, folder / "rules", made)
        sizes = networks.measure(console, folder / "networks", made)
        priced = rates.measure(console, folder / "rates", made)
        listed = register.measure(console, folder / "register", made)
        changed = register.changes(console, made)
        queued = {name: each.measure(console, folder / name, made) for name, each in LISTS.items()}
        coded = codes.measure(console, folder / "codes", made)
        told = metrics.measure(console, folder / "metrics", made)
        tables = imports.measure(console, folder / "imports")
        begun = start.measure(console, folder / "start")
        saved = agreement.measure(console, folder / "agreement", postgres)
        struck = midnight.measure(console, folder / "midnight", postgres)
        synced = sync.measure(console, folder / "sync", postgres)
    _show(console, figures, pages)
    for line in token.lines(checks):
        console.print(line)
    found = (
        acts.lines(done), tasks.lines(noted), pas.lines(submitted), patient.lines(called), measures.lines(counted),
        rules.lines_of(lines), networks.lines_of(sizes), rates.lines_of(priced), register.lines_of(listed),
        register.changed_lines(changed), codes.lines_of(coded), imports.lines_of(tables), start.lines(begun),
        *(LISTS[name].lines_of(each) for name, each in queued.items()), metrics.lines_of(told), crd.lines(signed),
        agreement.lines(saved), midnight.lines(struck), sync.lines(synced),
    )  # fmt: skip
    for line in chain(*found):
        console.print(line)
    others = {"acts": done, "rules": lines, "networks": sizes, "rates": priced, "register": listed, "imports": tables}
    others |= {"codes": coded, "changes": changed, "start": begun, "patient": called, "measures": counted}
    others |= {"pas": submitted, "tasks": noted, "metrics": told}
    others |= {"crd": signed, **queued}
    others |= {"agreement": saved, "midnight": struck, "sync": synced}
    _write(figures, pages, checks, others)


@contextlib.contextmanager
def _postgres(console: Console) -> Iterator[str | None]:
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(cluster(durable=True))
        except FileNotFoundError as missing:
            console.print(f"PostgreSQL left out: {missing}")
            yield None


def _ours(console: Console, figures: Figures, folder: Path, database_url: str) -> None:
    with carecoord(folder, database_url) as server:
        held = _measure(console, figures, server)
        if server.database:
            with bare(folder / "bare", server.database) as yardstick:
                _put(figures, "read", yardstick, rows.read(yardstick, held))


def _measure(console: Console, figures: Figures, server: Server) -> rows.Held:
    console.print(f"{server.name}: seeding", style="dim")
    held = rows.seed(server)
    for name, row in rows.ROWS.items():
        console.print(f"{server.name}: {name}", style="dim")
        before = server.cpu()
        result = row(server, held)
        if result is not None:
            _put(figures, name, server, result, server.cpu() - before)
    return held


def _put(figures: Figures, name: str, server: Server, result: Result, cpu: float = 0.0) -> None:
    """cpu: seconds of the processor that the server used; told by the answer, in ms. A PostgreSQL's are not in it."""
    each = cpu * 1000 / max(1, len(result.times))
    measured = {"rate": round(result.rate, 1), "p50": result.at(0.5), "p95": result.at(0.95)}
    measured |= {"cpu": each, "bad": float(result.bad)}
    figures.setdefault(name, {})[server.name] = {key: round(value, 2) for key, value in measured.items()}


def _show(console: Console, figures: Figures, pages: dict[str, Any]) -> None:
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    table = Table("", *names, title="answers per second (p95 in ms; processor of the server in ms an answer)")
    for row, cells in figures.items():
        table.add_row(row, *(_cell(cells.get(name)) for name in names))
    console.print(table)
    for line in _ratios(figures):
        console.print(line)
    for line in worklist.lines(pages):
        console.print(line)


def _cell(cell: dict[str, float] | None) -> str:
    if cell is None:
        return "-"
    bad = f" {cell['bad']:.0f} bad" if cell["bad"] else ""
    return f"{cell['rate']:,.0f} ({cell['p95']:.1f}; {cell['cpu']:.2f}){bad}"


def _ratios(figures: Figures) -> Iterator[str]:
    for row, cells in figures.items():
        for ours in (name for name in cells if name.startswith("carecoord")):
            for other in (name for name in cells if not name.startswith("carecoord")):
                yield f"{row}: {ours} is {cells[ours]['rate'] / max(cells[other]['rate'], 0.01):.2f} x {other}"


def _write(figures: Figures, pages: dict[str, Any], checks: dict[str, Any], more: dict[str, Any]) -> None:
    path = Path(os.environ.get("CARECOORD_VAR", "var")) / "bench.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "at": datetime.now(UTC).isoformat()}
    found = {"machine": machine, "figures": figures, "worklist": pages, "token": checks, **more}
    path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
