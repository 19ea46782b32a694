"""A change of one agreement on which 1,400 cases lean: what who saves it waits for, and how long until every row is
right again. By itself: `python -m tests.bench.agreement sqlite 1400`.

The cases are those of the demo's story that lean on its busiest agreement, over and over, each copy another patient
with all that is about them; loaded as any others.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Engine, func, select

from carecoord.fhir.search.extract import extract
from carecoord.fhir.service_base import Base
from carecoord.store.database import engine
from carecoord.store.database.tables import resource
from carecoord.store.worklist import registry
from carecoord.store.worklist.tables import case_mark
from tests.bench.alone import alone, databases
from tests.bench.client import hammer, request
from tests.bench.rows import check
from tests.bench.servers import FIXTURES, Server, carecoord, command, load_the_story

CASES = 1_400
AIM_SAVED, AIM_RIGHT = 50, 10  # ms p95 of the PUT; seconds until all rows are right
PUTS = 30
_LONGEST = 300  # seconds that are waited


def main() -> None:
    """Measure by itself."""
    console = Console()
    with alone() as asked:
        cases = next(iter(asked.numbers), CASES)
        for line in lines(measure(console, asked.folder, asked.postgres, cases, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None = None, cases: int = CASES, *, sqlite: bool = True
) -> dict[str, Any]:
    """{database: {"cases", "p50", "p95": ms of the PUT, "right": seconds until all rows are, "load"}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"an agreement changed, {database}", style="dim")
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            base = engine.open_engine(url or f"sqlite:///{server.database}")
            contract, leaning = _busiest(base)
            _copied(server, base, folder / f"{database}.ndjson", leaning, cases)
            held = _wait(base)
            told = {"cases": len(_dependents(base, contract)), "before": round(held, 1)}
            sent = _changes(server, contract)
            saved = check(server, "agreement", hammer(server.base, sent, connections=1, once=True))
            right = _wait(base)
            base.dispose()
            figures = {"p50": round(saved.at(0.5), 1), "p95": round(saved.at(0.95), 1), "right": round(right, 1)}
            found[database] = told | figures | {"load": round(os.getloadavg()[0], 1)}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, told in found.items():
        quick = "kept" if told["p95"] < AIM_SAVED else "MISSED"
        right = "kept" if told["right"] <= AIM_RIGHT else "MISSED"
        yield (
            f"PUT of an agreement on which {told['cases']:,} cases lean, {database}: p50 {told['p50']} ms, p95 "
            f"{told['p95']} ms (aim {AIM_SAVED}: {quick}); all rows right {told['right']} s after the last of {PUTS} "
            f"(aim {AIM_RIGHT}: {right}); load {told['load']}"
        )


def _dependents(base: Engine, contract: str) -> list[int]:
    with engine.reading(base) as conn:
        return registry.dependents(conn, [f"Contract/{contract}"])


def _busiest(base: Engine) -> tuple[str, list[int]]:
    """The agreement on which most cases lean, and these."""
    with engine.reading(base) as conn:
        ids = list(conn.scalars(select(resource.c.id).where(resource.c.type == "Contract")))
        counted = Counter({id: len(registry.dependents(conn, [f"Contract/{id}"])) for id in ids})
    contract = counted.most_common(1)[0][0]
    return contract, _dependents(base, contract)


def _copied(server: Server, base: Engine, file: Path, rids: list[int], cases: int) -> None:
    """Load as many copies of the patients of these cases as make up so many cases."""
    with engine.reading(base) as conn:
        patients = set(conn.scalars(select(resource.c.patient).where(resource.c.rid.in_(rids))))
    stories = [each for each in _story() if extract(each, Base(server.base, UTC)).patient in patients]
    named = {f"{each['resourceType']}/{each['id']}" for each in stories}
    pattern = re.compile("|".join(sorted(map(re.escape, named), key=len, reverse=True)))
    plain = [(each, json.dumps(each)) for each in stories]
    with file.open("w") as out:
        for n in range(-(-(cases - len(rids)) // len(rids))):
            for each, text in plain:
                copy = json.loads(pattern.sub(lambda match, n=n: f"{match[0]}-{n}", text))  # type: ignore[misc]
                copy["id"] = f"{each['id']}-{n}"
                for identifier in copy.get("identifier", ()):
                    if isinstance(identifier, dict) and "value" in identifier:
                        identifier["value"] += f"-{n}"
                out.write(json.dumps(copy) + "\n")
    command(server, "load", str(file))


def _story() -> Iterator[dict[str, Any]]:
    for part in ("office", "ehr"):
        for path in sorted((FIXTURES / part).glob("*.ndjson")):
            yield from (json.loads(line) for line in path.read_text().splitlines() if line.strip())


def _changes(server: Server, contract: str) -> list[bytes]:
    """What may be noted on a signed version, by the contract staff of the payer: a tag, another each time."""
    held = next(each for each in _story() if (each["resourceType"], each["id"]) == ("Contract", contract))
    said = command(server, "client", "add", "desk", "--scope", "system/*.cruds", "--role", "contracts",
                   "--organization", held["authority"][0]["reference"].removeprefix("Organization/"))  # fmt: skip
    added = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    own = {"id": added["client_id"], "key": added["private key"], "scope": added["scope"]}
    token, sent = replace(server, client=own).token(), []
    for n in range(PUTS):
        tagged = held | {"meta": {"tag": [{"system": "https://bench.example/tags", "code": f"t{n}"}]}}
        sent.append(request(f"{server.base}/Contract/{contract}", "PUT", token, json.dumps(tagged).encode()))
    return sent


def _wait(base: Engine) -> float:
    """The seconds until no row is marked any more."""
    began = time.perf_counter()
    while time.perf_counter() - began < _LONGEST:
        with engine.reading(base) as conn:
            if not conn.scalar(select(func.count()).select_from(case_mark)):
                return time.perf_counter() - began
        time.sleep(0.1)
    raise RuntimeError(f"rows were still marked after {_LONGEST} s")


if __name__ == "__main__":
    main()
