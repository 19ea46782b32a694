"""A call of the hook order-sign with its prefetch, among 100 and 100,000 rules of the card's own payer, over HTTP and
signed anew each time: one order, and five. The aim of issue 10: p95 under 50 ms. By itself: `python -m
tests.bench.crd`, with `sqlite` or `postgresql` on one of them, and a number for another size.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey
from rich.console import Console

from carecoord import effects, settings
from carecoord.actions.clearance import rule_lines
from carecoord.store.database.engine import writing
from tests.bench.acts import OFFICE
from tests.bench.alone import alone, databases
from tests.bench.client import Result, hammer, request
from tests.bench.rules import one_of_many, put
from tests.bench.servers import FIXTURES, Server, carecoord, command, load_the_story
from tests.domain.stories import HCPCS, NOW, book, ours

SIZES: Final = (100, 100_000)
AIM: Final = 50  # milliseconds, p95
CALLS, _FIRST = 300, 30
ORDERS: Final = (1, 5)
PAYER: Final = {"system": "https://carecoord.example/id/payer", "value": "BH001"}
CARD: Final = "card-4420-317"  # of one who has asked for much
Json = dict[str, Any]


def main() -> None:
    """Measure it alone."""
    console = Console()
    with alone() as asked:
        sizes = tuple(asked.numbers) or SIZES
        for line in lines(measure(console, asked.folder, asked.postgres, sizes=sizes, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None, *, sizes: tuple[int, ...] = SIZES, sqlite: bool = True
) -> dict[str, Any]:
    """{database: {size: {orders: {"p50": ms, "p95": ms}, "load": of the machine}}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        with carecoord(folder / database, url) as server:
            load_the_story(server)
            ehr = _registered(server)
            for size in sizes:
                console.print(f"order-sign, {database}, {size:,} rules", style="dim")
                _fill(server, size)
                one: dict[str, Any] = {str(n): _called(server, ehr, n) for n in ORDERS}
                found.setdefault(database, {})[str(size)] = one | {"load": round(os.getloadavg()[0], 1)}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, sizes in found.items():
        for size, one in sizes.items():
            for n in map(str, ORDERS):
                kept = "kept" if one[n]["p95"] < AIM else "MISSED"
                yield (
                    f"order-sign with prefetch, {n} orders, {int(size):,} rules, {database}: p50 {one[n]['p50']} ms, "
                    f"p95 {one[n]['p95']} ms (aim {AIM}: {kept}), load {one['load']}"
                )


def _registered(server: Server) -> tuple[str, ECKey]:
    said = command(server, "client", "add", "ehr", "--scope", "system/*.rs", "--role", "coordinator", "--organization",
                   OFFICE)  # fmt: skip
    added = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    return added["client_id"], ECKey.import_key(Path(added["private key"]).read_text())


def _fill(server: Server, size: int) -> None:
    world = effects.world(settings.load(server.environ))
    cover = book() | {"id": "many", "extension": [ours("plan-payer", valueIdentifier=PAYER),
                                                  ours("imported-rules", valueBoolean=True)]}  # fmt: skip
    put(world.engine, NOW, cover)
    owner = f"{PAYER['system']}|{PAYER['value']}"
    with writing(world.engine) as conn:
        rule_lines.take_over(conn, "PlanDefinition/many", "1", [one_of_many(n, owner) for n in range(size)], NOW)
    if world.engine.dialect.name == "postgresql":
        with world.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("ANALYZE")
    world.engine.dispose()


def _called(server: Server, ehr: tuple[str, ECKey], orders: int) -> dict[str, float]:
    body = json.dumps(_body(orders)).encode()
    url = f"{server.base.removesuffix('/fhir')}/cds-services/order-sign"
    hammer(server.base, [_signed(url, ehr, body) for _ in range(_FIRST)], connections=1, once=True)
    found: Result = hammer(server.base, [_signed(url, ehr, body) for _ in range(CALLS)], connections=1, once=True)
    answer = json.loads(found.sample.partition(b"\r\n\r\n")[2] or b"{}")
    if found.bad:
        raise RuntimeError(f"order-sign: {found.bad} refused: {answer}")
    return {"p50": round(found.at(0.5), 1), "p95": round(found.at(0.95), 1)}


def _signed(url: str, ehr: tuple[str, ECKey], body: bytes) -> bytes:
    id, key = ehr
    told = {"iss": id, "aud": url, "exp": int(time.time()) + 240, "iat": int(time.time()), "jti": str(uuid.uuid4())}
    header = {"alg": "ES384", "typ": "JWT", "kid": key.thumbprint()}
    return request(url, "POST", jwt.encode(header, told, key, algorithms=["ES384"]), body)


def _body(orders: int) -> Json:
    card = next(each for each in _told("Coverage") if each["id"] == CARD)
    card["payor"] = [{"identifier": PAYER}]
    clinic = next(each for each in _told("Organization") if each["id"] == "riverside-heart")
    drafts = [
        {"resourceType": "ServiceRequest", "id": f"o{n}", "status": "draft", "intent": "order",
         "subject": {"reference": "Patient/kwame-osei"}, "performer": [{"reference": "Organization/riverside-heart"}],
         "code": {"coding": [{"system": HCPCS, "code": f"G{n * 20:04}"}]}}
        for n in range(orders)
    ]  # fmt: skip
    entries = [{"resource": each} for each in drafts]
    context = {"userId": "Practitioner/x", "patientId": "kwame-osei",
               "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries}}  # fmt: skip
    return {"hook": "order-sign", "hookInstance": str(uuid.uuid4()), "context": context,
            "prefetch": {"coverage": card, "clinic": clinic}}  # fmt: skip


def _told(kind: str) -> list[Json]:
    return [json.loads(line) for line in (FIXTURES / "ehr" / f"{kind}.ndjson").read_text().splitlines()]


if __name__ == "__main__":
    main()
