"""The rows of the benchmark: each makes the requests that one server gets, the same for every server."""

import gzip
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench import story
from tests.bench.client import Result, hammer, request
from tests.bench.servers import Server

SYNTHEA = Path(os.environ.get("SHARED_DATA", Path(__file__).parents[3] / "shared")) / "data" / "synthea-r4"
PATIENTS = 1000
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))


@dataclass(frozen=True)
class Held:
    """What a server holds after seeding: ids it gave, in the order of the story."""

    patients: tuple[str, ...]
    seeded: Result


def seed(server: Server) -> Held:
    """The story's patients with four referrals each, by transactions of 5; answers the ids it gave."""
    token = server.token()
    bundles = list(story.transactions(0, PATIENTS, referrals=4))
    result = hammer(server.base, [_post(server, token, body) for body in bundles], connections=4, once=True)
    check(server, "seed", result)
    return Held(tuple(_patient_id(server, token, n) for n in range(200)), result)


def _patient_id(server: Server, token: str | None, n: int) -> str:
    found = fetch(server, token, f"Patient?identifier={story.MRN}|{n:07d}")
    return str(found["entry"][0]["resource"]["id"])


def fetch(server: Server, token: str | None, path: str) -> dict:  # type: ignore[type-arg]
    """One GET, parsed."""
    import urllib.request

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(f"{server.base}/{path}", headers=headers)) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def check(server: Server, name: str, result: Result) -> Result:
    """Every answer must have been a 2xx: a fast error is no result."""
    if result.bad:
        raise RuntimeError(f"{server.name}, {name}: {result.bad} bad answers, e.g. {result.sample[:600]!r}")
    return result


def _post(server: Server, token: str | None, body: bytes, path: str = "") -> bytes:
    return request(server.base + path, "POST", token, body)


def _gets(server: Server, paths: list[str]) -> Result:
    token = server.token()
    return hammer(server.base, [request(f"{server.base}/{path}", token=token) for path in paths], seconds=SECONDS)


def read(server: Server, held: Held) -> Result:
    """GET Patient/id, 200 ids round and round."""
    return _gets(server, [f"Patient/{id}" for id in held.patients])


def identifier(server: Server, held: Held) -> Result:
    """Patient?identifier=system|value."""
    return _gets(server, [f"Patient?identifier={story.MRN}%7C{n:07d}" for n in range(200)])


def sorted_page(server: Server, held: Held) -> Result:
    """ServiceRequest?patient&status&_sort=-authored, a page of 20."""
    query = "ServiceRequest?patient=Patient/{}&status=active&_sort=-authored&_count=20"
    return _gets(server, [query.format(id) for id in held.patients])


def include_page(server: Server, held: Held) -> Result:
    """ServiceRequest?status=active with the patients included, a page of 20."""
    return _gets(server, ["ServiceRequest?status=active&_include=ServiceRequest:subject&_count=20"])


def create(server: Server, held: Held) -> Result:
    """POST Patient, each another one."""
    token = server.token()
    bodies = [json.dumps(story.patient(1_000_000 + n)).encode() for n in range(40_000)]
    sent = [_post(server, token, body, "/Patient") for body in bodies]
    return hammer(server.base, sent, connections=8, seconds=SECONDS)


def update(server: Server, held: Held) -> Result:
    """PUT Patient/id with If-Match, 200 ids round and round, each time at its next version."""
    token = server.token()
    return hammer(server.base, _updates(server, token, held.patients), connections=8, seconds=SECONDS)


def _updates(server: Server, token: str | None, patients: Sequence[str]) -> Iterator[bytes]:
    # the client has eight requests under way at most: a patient's last change was answered long before the next
    versions = {id: int(fetch(server, token, f"Patient/{id}")["meta"]["versionId"]) for id in patients}
    for turn in count():
        for n, id in enumerate(patients):
            address = [{"line": [f"{turn} Oak Street"], "city": "Springfield", "state": "MA"}]
            body = json.dumps(story.patient(n) | {"id": id, "address": address}).encode()
            match = f'W/"{versions[id] + turn}"'
            yield request(f"{server.base}/Patient/{id}", "PUT", token, body, If_Match=match)


def chain(server: Server, held: Held) -> Result:
    """ServiceRequest by the family and given name of its patient and its status, a page of 20."""
    query = "ServiceRequest?subject:Patient.family={}&subject:Patient.given={}&status=active&_count=20"
    return _gets(server, [query.format(family, given) for family in story.FAMILIES for given in story.GIVEN])


def transaction(server: Server, held: Held) -> Result:
    """A transaction of 20 entries (one patient, 19 referrals); the rate is counted in resources."""
    token = server.token()
    sent = [_post(server, token, body) for body in story.transactions(2_000_000, 1500)]
    result = hammer(server.base, sent, connections=4, seconds=SECONDS)
    return Result(result.rate * 20, result.times, result.bad, result.sample)


def load(server: Server, held: Held) -> Result | None:
    """The 13 Synthea bundles posted as transactions; the rate is counted in resources."""
    bodies = [gzip.decompress(path.read_bytes()) for path in sorted(SYNTHEA.glob("*.json.gz"))]
    if not bodies:
        return None
    entries = sum(len(json.loads(body)["entry"]) for body in bodies)
    token = server.token()
    result = hammer(server.base, [_post(server, token, body) for body in bodies], connections=2, once=True)
    return Result(result.rate / len(bodies) * entries, result.times, result.bad, result.sample)


Row = Callable[[Server, Held], Result | None]
ROWS: dict[str, Row] = {
    "read": read,
    "identifier search": identifier,
    "patient + status + _sort, 20": sorted_page,
    "_include page of 20": include_page,
    "chain by names + status, 20": chain,
    "create": create,
    "update, If-Match": update,
    "transaction of 20, resources": transaction,
    "load Synthea, resources": load,
}
