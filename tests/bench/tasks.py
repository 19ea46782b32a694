"""A change of a Task by the FHIR API, for which its case is judged anew in the same transaction: the write that apps
and partners make all day. Eight clients, the referrals of the demo's story, each Task in its turn: noted on, as who has
telephoned does, and moved on to the next state of its table. By itself: `python -m tests.bench.tasks sqlite`.

A server that has just started reads words and definitions, and the registry around each case, once: its first writes
are told by themselves, one of each Task."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from carecoord.domain.referrals import stages
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.resource.codes import STAGE
from tests.bench.alone import alone, databases
from tests.bench.client import hammer, request
from tests.bench.rows import SECONDS, check, fetch
from tests.bench.servers import Server, carecoord, load_the_story

AIM_RATE, AIM_CPU = 150, 3  # answers a second, ms of the server's processor for each
CLIENTS = 8
ROAD: dict[Stage, Stage] = {  # to where a Task is moved, round and round
    "sent": "in-triage", "in-triage": "accepted", "awaiting-information": "in-triage",
    "accepted": "contacting-patient", "contacting-patient": "awaiting-authorization",
    "awaiting-authorization": "accepted", "waitlisted": "in-progress", "in-progress": "scheduled",
    "scheduled": "no-show", "no-show": "scheduled", "visit-done": "scheduled", "appointment-cancelled": "scheduled",
}  # fmt: skip
TOLD = {"first": "the first of each", "noted": "noted on", "moved": "moved on"}
Task = dict[str, Any]


def main() -> None:
    """Measure by itself, on both databases or the one that is named."""
    console = Console()
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres, sqlite=asked.sqlite)):
            console.print(line)


def measure(console: Console, folder: Path, postgres: str | None = None, *, sqlite: bool = True) -> dict[str, Any]:
    """{database: {"first" | "noted" | "moved": {"rate": a second, "p50": ms, "p95": ms, "cpu": ms of the server's
    processor}}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"Tasks changed, {database}", style="dim")
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            tasks = _tasks(server)
            noted = _writes(server, tasks, _noted)
            found[database] = {
                "first": _measured(server, itertools.islice(noted, len(tasks)), once=True),
                "noted": _measured(server, noted),
                "moved": _measured(server, _writes(server, tasks, _moved)),
            }
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, kinds in found.items():
        for kind, told in kinds.items():
            fast = "kept" if told["rate"] >= AIM_RATE else "MISSED"
            lean = "kept" if told["cpu"] <= AIM_CPU else "MISSED"
            yield (
                f"PUT Task, its case judged anew, {database}, {TOLD[kind]}: {told['rate']:.0f}/s at {CLIENTS} clients "
                f"(aim {AIM_RATE}: {fast}), p50 {told['p50']:.1f} ms, p95 {told['p95']:.1f} ms, processor "
                f"{told['cpu']:.1f} ms (aim {AIM_CPU}: {lean})"
            )


def _measured(server: Server, sent: Iterable[bytes], *, once: bool = False) -> dict[str, float]:
    before = server.cpu()
    result = check(server, "tasks", hammer(server.base, sent, connections=CLIENTS, seconds=SECONDS, once=once))
    cpu = (server.cpu() - before) * 1000 / len(result.times)
    figures = {"rate": result.rate, "p50": result.at(0.5), "p95": result.at(0.95), "cpu": cpu}
    return {name: round(value, 2) for name, value in figures.items()}


def _tasks(server: Server) -> list[Task]:
    bundle = fetch(server, server.token(), "Task?status=accepted,in-progress,requested&_count=60")
    return [each["resource"] for each in bundle["entry"] if each["resource"].get("focus")]


def _writes(server: Server, tasks: list[Task], changed: Callable[[Task, int], Task]) -> Iterator[bytes]:
    """Each Task in its turn, changed once more, without an end."""
    token = server.token()
    standing = [task for task in tasks if stages.stage(task) in ROAD]
    for turn in itertools.count():
        standing = [changed(task, turn) for task in standing]
        for task in standing:
            yield request(f"{server.base}/Task/{task['id']}", "PUT", token, json.dumps(task).encode())


def _noted(task: Task, turn: int) -> Task:
    return task | {"note": [{"text": f"Spoke with the clinic, {turn}"}]}


def _moved(task: Task, turn: int) -> Task:
    to = ROAD[stages.stage(task)]
    return task | {
        "status": stages.WRITTEN[to][0],
        "businessStatus": {"coding": [{"system": STAGE, "code": to}]},
        "lastModified": f"2026-11-27T{turn // 3600 % 24:02}:{turn // 60 % 60:02}:{turn % 60:02}Z",
    }


if __name__ == "__main__":
    main()
