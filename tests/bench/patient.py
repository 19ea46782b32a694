"""The page of a patient with 20 and with 2,000 results, on both databases: what a coordinator waits for when somebody
calls. By itself: `python -m tests.bench.patient`, with `sqlite` or `postgresql` on one of them.

The results hang on a patient of the story's office, who has a care plan whose goal is measured by them.
"""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests
from rich.console import Console

from auth.store import User
from carecoord.fhir import text
from carecoord.store.database import engine
from tests.bench.acts import OFFICE
from tests.bench.alone import alone, databases
from tests.bench.servers import Server, carecoord, command, load_the_story
from tests.bench.worklist import PASSWORD, sign_in
from tests.people import add_user_with_password

SIZES: Final = (20, 2_000)
AIM: Final = 300  # milliseconds, p95
PAGES: Final = 40
PATIENT: Final = "eleanor-brandt"


def main() -> None:
    """Measure it alone."""
    console = Console()
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres, sqlite=asked.sqlite)):
            console.print(line)


def measure(console: Console, folder: Path, postgres: str | None, *, sqlite: bool = True) -> dict[str, Any]:
    """{"database, results": {"p50": ms, "p95": ms, "cpu": ms of the server's processor, "load": of the machine}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            base = engine.open_engine(url or f"sqlite:///{server.database}")
            with engine.writing(base) as conn:
                who = User(id="bench", login="bench", name="Bench", roles=frozenset({"coordinator"}),
                           organization=OFFICE)  # fmt: skip
                add_user_with_password(conn, who, PASSWORD, int(time.time()))
            base.dispose()
            held = 2
            for size in SIZES:
                console.print(f"patient, {database}, {size:,} results", style="dim")
                _fill(server, folder / f"{database}-{size}.ndjson", range(held, size))
                held = size
                found[f"{database}, {size:,}"] = _pages(server)
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for where, times in found.items():
        kept = "kept" if times["p95"] < AIM else "MISSED"
        yield (
            f"page of a patient, {where} results: p50 {times['p50']} ms, p95 {times['p95']} ms (aim {AIM}: {kept}), of "
            f"the server's processor {times['cpu']} ms, load {times['load']}"
        )


def _fill(server: Server, file: Path, numbers: Sequence[int]) -> None:
    """More results, each on a day of its own."""
    first = datetime(2020, 1, 1, tzinfo=UTC)
    with file.open("wb") as to:
        for n in numbers:
            to.write(text.dumps({
                "resourceType": "Observation", "id": f"bench-{n}", "status": "final",
                "subject": {"reference": f"Patient/{PATIENT}"},
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}]},
                "effectiveDateTime": (first + timedelta(days=n)).isoformat(),
                "valueQuantity": {"value": 70 + n % 9, "unit": "kg", "system": "http://unitsofmeasure.org",
                                  "code": "kg"},
            }) + b"\n")  # fmt: skip
    command(server, "load", str(file))


def _pages(server: Server) -> dict[str, float]:
    root = server.base.removesuffix("/fhir")
    session = requests.Session()
    session.cookies.update(dict(each.split("=", 1) for each in sign_in(root).split("; ")))
    times, used = [], 0.0
    for n in range(PAGES + 5):  # the first few find the caches empty
        before, began = server.cpu(), time.perf_counter()
        answer = session.get(f"{root}/patients/{PATIENT}")
        times.append((time.perf_counter() - began) * 1000)
        used += server.cpu() - before if n >= 5 else 0
        if answer.status_code != 200 or 'id="results"' not in answer.text:
            raise RuntimeError(f"patient: {answer.status_code} {answer.text[:600]!r}")
    ordered = sorted(times[5:])
    middle, slow = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
    found = {"p50": middle, "p95": slow, "cpu": used * 1000 / PAGES, "load": os.getloadavg()[0]}
    return {name: round(value, 1) for name, value in found.items()}


if __name__ == "__main__":
    main()
