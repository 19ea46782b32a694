"""The figures of docs/operations/sizing.md: `make bench ARGS=sizing` measures them, keeps them in sizing.json beside
the page, and writes the page's tables of them anew. What is judgement on that page is not touched."""

import contextlib
import gzip
import json
import os
import platform
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from tests.bench import rows, sync
from tests.bench.alone import databases
from tests.bench.client import Result, hammer, request
from tests.bench.servers import Server, carecoord, command, load_the_story
from tests.postgres import cluster

PAGE: Final = Path(__file__).parents[2] / "docs/operations/sizing.md"
KEPT: Final = PAGE.with_suffix(".json")
BLOCK: Final = re.compile(r"<!-- measured -->\n.*?<!-- measured -->\n", re.S)
FIRST: Final = 20_000  # resources of the EHR whose first sync is measured
SHOWN: Final = {  # what each row of the benchmark is called on the page
    "read": "a resource read (`GET /fhir/Patient/ID`)",
    "identifier search": "a search by identifier",
    "patient + status + _sort, 20": "a page of 20 by patient and status, sorted",
    "chain by names + status, 20": "a page of 20 by the names of the patient and status",
    "clearance": "a referral's clearance (`$clearance`), 8 askers",
    "create": "a Patient written",
    "update, If-Match": "a Patient changed",
    "transaction of 20, resources": "transactions of 20, resources",
    "load Synthea, resources": "transactions of a whole record (Synthea), resources",
}


def main(console: Console) -> None:
    """Measure, keep, write."""
    found = measure(console)
    KEPT.write_text(json.dumps(found, indent=1) + "\n")
    PAGE.write_text(written(PAGE.read_text(), found))
    console.print(tables(found))


def measure(console: Console) -> dict[str, Any]:
    """{"machine", "rows": {row: {database: {"rate", "p95"}}}, "load", "memory": MB, "bytes", "sync"}."""
    found: dict[str, Any] = {"machine": _machine(), "rows": {}, "load": {}}
    with tempfile.TemporaryDirectory(prefix="carecoord-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        postgres = stack.enter_context(cluster(durable=True))
        for database, url in databases(postgres, sqlite=True).items():
            with carecoord(folder / database, url) as server:
                found["memory"] = {"fresh": _memory(server.process)}
                _measure(console, found, server, database)
                found["memory"]["used"] = _memory(server.process)
                if server.database:
                    found["bytes"] = _bytes(server.database)
        found["sync"] = sync.measure(console, folder / "sync", postgres, FIRST, ())
    found["machine"]["load"].append(round(os.getloadavg()[0], 1))
    return found


def written(page: str, found: dict[str, Any]) -> str:
    """The page with the tables of these figures."""
    return BLOCK.sub(lambda _: f"<!-- measured -->\n{tables(found)}<!-- measured -->\n", page)


def tables(found: dict[str, Any]) -> str:
    """What stands on the page between the marks."""
    machine, begin, end = found["machine"], *found["machine"]["load"]
    lines = [
        f"Measured by `make bench ARGS=sizing` on {machine['day']}: {machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory']} GB,",
        f"Python {machine['python']}, 2 processes of 4 threads, client and database on the same machine; access, audit",
        f"and seals on; {rows.PATIENTS * 5:,} resources held. The machine's load was {begin} before and {end} after:",
        "where that is above its cores others were at work there, and a machine of your own does more.",
        "",
        "| what | SQLite | PostgreSQL |", "|---|---|---|",
    ]  # fmt: skip
    for row, cells in found["rows"].items():
        lines.append(f"| {SHOWN[row]} | {_cell(cells.get('SQLite'))} | {_cell(cells.get('PostgreSQL'))} |")
    loads, syncs = found["load"], found["sync"]
    if loads:
        count = next(iter(loads.values()))["resources"]
        said = [f"{count / each['seconds']:,.0f}/s" for each in loads.values()]
        lines.append(f"| `carecoord load`, {count:,} resources | {' | '.join(said)} |")
    said = [f"{each['first']['seconds']:.0f} s" for each in syncs.values()]
    lines.append(f"| a first sync of {FIRST:,} resources, from an EHR that answers at once | {' | '.join(said)} |")
    fresh, used = found["memory"]["fresh"], found["memory"]["used"]
    peak = max(each["first"]["peak"] for each in syncs.values())
    lines += [
        "", "| memory and disk | |", "|---|---|",
        f"| the server | {fresh['server']} MB, most of which its processes share |",
        f"| each process that it serves with, of its own | {fresh['serving']} MB when fresh, {used['serving']} MB "
        "after all that |",
        f"| the worker | {fresh['worker']} MB at rest, {used['worker']} MB afterwards |",
        f"| the sync of {FIRST:,} resources, at its highest | {peak:.0f} MB |",
        f"| 10,000 resources on disk, SQLite | {found['bytes'] * 10_000 / 1e6:.0f} MB |", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _cell(cell: dict[str, float] | None) -> str:
    return f"{cell['rate']:,.0f}/s (95 of 100 within {cell['p95']:.0f} ms)" if cell else "not measured"


def _measure(console: Console, found: dict[str, Any], server: Server, database: str) -> None:
    held = rows.seed(server)
    for name in SHOWN:
        console.print(f"{server.name}: {name}", style="dim")
        result = _clearance(server) if name == "clearance" else rows.ROWS[name](server, held)
        if result is not None:
            told = {"rate": round(result.rate, 1), "p95": round(result.at(0.95), 1)}
            found["rows"].setdefault(name, {})[database] = told
    bundles = sorted(rows.SYNTHEA.glob("*.json.gz"))
    if bundles:
        count = sum(len(json.loads(gzip.decompress(path.read_bytes()))["entry"]) for path in bundles)
        began = time.perf_counter()
        command(server, "load", *map(str, bundles))
        found["load"][database] = {"resources": count, "seconds": round(time.perf_counter() - began, 2)}


def _clearance(server: Server) -> Result:
    """GET ServiceRequest/id/$clearance, the story's referrals round and round."""
    load_the_story(server)
    token = server.token()
    told = rows.fetch(server, token, "Task?_count=60&_elements=focus&focus:missing=false")
    orders = {entry["resource"]["focus"]["reference"] for entry in told["entry"]}
    paths = [f"{order}/$clearance" for order in sorted(orders) if order.startswith("ServiceRequest/")]
    sent = [request(f"{server.base}/{path}", token=token) for path in paths]
    return rows.check(server, "clearance", hammer(server.base, sent, connections=8, seconds=rows.SECONDS))


def _machine() -> dict[str, Any]:
    known = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)$", known, re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(), "processor": model[1].strip() if model else platform.machine(),
        "memory": round(memory), "python": platform.python_version(), "day": datetime.now(UTC).strftime("%-d %B %Y"),
        "load": [round(os.getloadavg()[0], 1)],
    }  # fmt: skip


def _memory(pid: int) -> dict[str, int]:
    """MB of the server, and of its own of one that serves and of the worker: what is not shared with their parent."""
    found = {"server": _kilobytes(pid, "Rss")}
    for child in _children(pid):
        with contextlib.suppress(OSError):
            kind = "worker" if b"\0work\0" in Path(f"/proc/{child}/cmdline").read_bytes() else "serving"
            found[kind] = max(found.get(kind, 0), _kilobytes(child, "Private_Dirty"))
    return {name: round(value / 1024) for name, value in found.items()}


def _children(pid: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                yield int(stat.parent.name)


def _kilobytes(pid: int, what: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1])
    return 0


def _bytes(database: Path) -> float:
    """Of the file, for each resource in it."""
    with contextlib.closing(sqlite3.connect(database)) as conn:
        pages, size = conn.execute("PRAGMA page_count").fetchone()[0], conn.execute("PRAGMA page_size").fetchone()[0]
        return float(pages * size / conn.execute("SELECT count(*) FROM resource").fetchone()[0])
