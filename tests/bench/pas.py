"""`Claim/$submit` with approval by the payer's rule: whole Bundles of the story, each of another patient, from four
clients at once, on each database. The aim of issue 10: 60 a second, and p95 under 150 ms, on two cores. By itself:
`python -m tests.bench.pas`.
"""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from carecoord import effects, settings
from carecoord.actions.fhir import interactions
from carecoord.actions.prior_auth.pas import packets
from carecoord.domain.resource.elements import items
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.world import World
from tests.bench.acts import OFFICE
from tests.bench.alone import alone
from tests.bench.client import Result, hammer, request
from tests.bench.servers import Server, carecoord, command, load_the_story
from tests.desk.authorizations.test_automatic import BOOK, GRAFT, SYSTEM

RATE, P95 = 60, 150  # answers a second; milliseconds
CLIENTS, SECONDS = 4, 8.0
CLAIM = "request-order-24825"
Json = dict[str, Any]


def main() -> None:
    """Measure it alone."""
    console = Console()
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres)):
            console.print(line)


def measure(console: Console, folder: Path, postgres: str | None) -> dict[str, Any]:
    """{database: {"rate": answers a second, "p50": ms, "p95": ms, "load": of the machine}}."""
    found: dict[str, Any] = {}
    for database, url in ({"PostgreSQL": postgres} if postgres else {"SQLite": ""}).items():
        console.print(f"$submit, {database}", style="dim")
        with carecoord(folder / database, url) as server:
            found[database] = _submitted(server)
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, one in found.items():
        kept = "kept" if one["rate"] >= RATE and one["p95"] < P95 else "MISSED"
        times = f"{one['rate']:.0f}/s, p50 {one['p50']:.0f} ms, p95 {one['p95']:.0f} ms"
        yield (
            f"$submit with approval by rule, {CLIENTS} clients, {database}: {times} "
            f"(aim {RATE}/s, {P95} ms: {kept}), load {one['load']:.1f}"
        )


def _submitted(server: Server) -> dict[str, float]:
    load_the_story(server)
    world = effects.world(settings.load(server.environ))
    template = _prepared(world)
    world.engine.dispose()
    said = command(server, "client", "add", "partner", "--scope", "system/*.cruds", "--role", "coordinator",
                   "--organization", OFFICE)  # fmt: skip
    added = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    own = {"id": added["client_id"], "key": added["private key"], "scope": added["scope"]}
    token = replace(server, client=own).token()
    bodies = (_another(template, n) for n in range(1_000_000))
    sent = (request(f"{server.base}/Claim/$submit", "POST", token, body) for body in bodies)
    hammer(server.base, sent, connections=CLIENTS, seconds=2.0)
    found = hammer(server.base, sent, connections=CLIENTS, seconds=SECONDS)
    _demand(found, request(f"{server.base}/Claim/$submit", "POST", token, _another(template, 2_000_000)), server)
    return {"rate": found.rate, "p50": found.at(0.5), "p95": found.at(0.95), "load": os.getloadavg()[0]}


def _demand(found: Result, one: bytes, server: Server) -> None:
    """Every answer was an approval, as one more is."""
    answer = hammer(server.base, [one], connections=1, once=True)
    if found.bad or answer.bad:
        raise RuntimeError(f"{found.bad} refused: {(found.sample or answer.sample)[:600]!r}")


def _prepared(world: World) -> Json:
    """Let the rule approve the story's request for a graft, withdraw that, and tell it as a Bundle."""
    with reading(world.engine) as conn:
        bundle = json.loads(text.dumps(packets.request_bundle(world, conn, CLAIM)))
        rows = {type: read.get(conn, type, id) for type, id in (("PlanDefinition", BOOK), ("Claim", CLAIM))}
    held = {type: text.loads(row.body) for type, row in rows.items() if row}
    book = held["PlanDefinition"]
    (action,) = [each for each in book["action"] if each["id"] == GRAFT]
    mark = action["extension"][0]
    kept = [each for each in mark["extension"] if each["url"] not in ("criterion", "document")]
    mark["extension"] = [*kept, {"url": "automatic", "valueBoolean": True}]
    interactions.update(world, SYSTEM, "PlanDefinition", BOOK, book)
    interactions.update(world, SYSTEM, "Claim", CLAIM, held["Claim"] | {"status": "cancelled"})
    bundle["entry"][0]["resource"]["status"] = "active"
    return bundle


def _another(template: Json, n: int) -> bytes:
    """The same request for another patient: the registry's entries alone stay who they are."""
    bundle = deepcopy(template)
    bundle["identifier"]["value"] = f"bench-{n}"
    own = {each["fullUrl"] for each in bundle["entry"] if _is_own(each)}
    for each in bundle["entry"]:
        if _is_own(each):
            each["resource"]["id"] += f"-{n}"
            for identifier in items(each["resource"], "identifier"):
                identifier["value"] = f"{identifier.get('value', '')}-{n}"
            if each["resource"]["resourceType"] == "Coverage":
                each["resource"]["subscriberId"] = f"bench-{n}"
    said = json.dumps(bundle)
    for url in own:
        name = "/".join(url.rsplit("/", 2)[1:])
        said = said.replace(f'"{url}"', f'"{url}-{n}"').replace(f'"reference": "{name}"', f'"reference": "{name}-{n}"')
    return said.encode()


def _is_own(entry: Json) -> bool:
    return entry["resource"]["resourceType"] in ("Claim", "Patient", "Coverage", "ServiceRequest", "DocumentReference")


if __name__ == "__main__":
    main()
