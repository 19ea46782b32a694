"""A change of a Task by the FHIR API, for which its case is judged anew in the same transaction: the write that apps
and partners make all day. Eight clients, the referrals of the demo's story, each Task in its turn. By itself:
`python -m tests.bench.tasks sqlite`."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench.alone import alone, databases
from tests.bench.client import hammer, request
from tests.bench.rows import SECONDS, check, fetch
from tests.bench.servers import Server, carecoord, load_the_story

AIM_RATE, AIM_CPU = 150, 3  # answers a second, ms of the server's processor for each
CLIENTS = 8


def main() -> None:
    """Measure by itself, on both databases or the one that is named."""
    console = Console()
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres, sqlite=asked.sqlite)):
            console.print(line)


def measure(console: Console, folder: Path, postgres: str | None = None, *, sqlite: bool = True) -> dict[str, Any]:
    """{database: {"rate": a second, "p50": ms, "p95": ms, "cpu": ms of the server's processor}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"Tasks changed, {database}", style="dim")
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            before = server.cpu()
            result = check(server, "tasks", hammer(server.base, _changes(server), connections=CLIENTS, seconds=SECONDS))
            cpu = (server.cpu() - before) * 1000 / len(result.times)
            figures = {"rate": result.rate, "p50": result.at(0.5), "p95": result.at(0.95), "cpu": cpu}
            found[database] = {name: round(value, 2) for name, value in figures.items()}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, told in found.items():
        fast = "kept" if told["rate"] >= AIM_RATE else "MISSED"
        lean = "kept" if told["cpu"] <= AIM_CPU else "MISSED"
        yield (
            f"PUT Task, its case judged anew, {database}: {told['rate']:.0f}/s at {CLIENTS} clients (aim {AIM_RATE}: "
            f"{fast}), p50 {told['p50']:.1f} ms, p95 {told['p95']:.1f} ms, processor {told['cpu']:.1f} ms (aim "
            f"{AIM_CPU}: {lean})"
        )


def _changes(server: Server) -> Iterator[bytes]:
    token = server.token()
    bundle = fetch(server, token, "Task?status=accepted,in-progress,requested&_count=60")
    tasks = [each["resource"] for each in bundle["entry"] if each["resource"].get("focus")]
    for turn in itertools.count():
        for task in tasks:
            body = json.dumps(task | {"note": [{"text": f"Spoke with the clinic, {turn}"}]}).encode()
            yield request(f"{server.base}/Task/{task['id']}", "PUT", token, body)


if __name__ == "__main__":
    main()
