"""A change of one agreement on which 1,400 cases lean: what who saves it waits for, and how long until every row is
right again. By itself: `python -m tests.bench.agreement sqlite 1400`.

Two changes: one by which the cases stand otherwise, each time (it is in dispute, then renewed, in turn), so that every
row is judged anew; and a tag, by which none does.

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
KINDS = {"turned": "by which they stand otherwise", "tagged": "by which none stands otherwise"}
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
    """{database: {"cases", "load", and for each of KINDS: {"p50", "p95": ms of the PUT, "right": seconds until all rows
    are, "cpu": seconds of the server's and the worker's processor for all of it}}}."""
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
            for kind, sent in _changes(server, contract).items():
                before = server.cpu()
                saved = check(server, f"agreement, {kind}", hammer(server.base, sent, connections=1, once=True))
                right = _wait(base)
                spent = {"right": round(right, 1), "cpu": round(server.cpu() - before, 1)}
                told |= {kind: {"p50": round(saved.at(0.5), 1), "p95": round(saved.at(0.95), 1)} | spent}
            base.dispose()
            found[database] = told | {"load": round(os.getloadavg()[0], 1)}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, told in found.items():
        for kind, words in KINDS.items():
            of = told[kind]
            quick = "kept" if of["p95"] < AIM_SAVED else "MISSED"
            right = "kept" if of["right"] <= AIM_RIGHT else "MISSED"
            yield (
                f"PUT of an agreement on which {told['cases']:,} cases lean, {words}, {database}: p50 {of['p50']} ms, "
                f"p95 {of['p95']} ms (aim {AIM_SAVED}: {quick}); all rows right {of['right']} s after the last of "
                f"{PUTS} (aim {AIM_RIGHT}: {right}), {of['cpu']} s of the processor; load {told['load']}"
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


def _changes(server: Server, contract: str) -> dict[str, list[bytes]]:
    """What may be noted on a signed version, by the contract staff of the payer, for each of KINDS."""
    held = next(each for each in _story() if (each["resourceType"], each["id"]) == ("Contract", contract))
    said = command(server, "client", "add", "desk", "--scope", "system/*.cruds", "--role", "contracts",
                   "--organization", held["authority"][0]["reference"].removeprefix("Organization/"))  # fmt: skip
    added = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    own = {"id": added["client_id"], "key": added["private key"], "scope": added["scope"]}
    token, place = replace(server, client=own).token(), f"{server.base}/Contract/{contract}"
    turned = [held | {"status": "renewed" if n % 2 else "disputed"} for n in range(PUTS)]
    tags = [[{"system": "https://bench.example/tags", "code": f"t{n}"}] for n in range(PUTS)]
    said = {"turned": turned, "tagged": [turned[-1] | {"meta": {"tag": each}} for each in tags]}
    return {
        kind: [request(place, "PUT", token, json.dumps(each).encode()) for each in them] for kind, them in said.items()
    }


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
