"""Load (security.md 6), over HTTP on both databases: each of what could take for ever or fill the memory is answered in
words, within so much of the processor and of memory, and others are answered after it."""

import gzip
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.attacks.fort import FHIR_JSON, Fort
from tests.attacks.measured import cost, demand
from tests.attacks.test_content import FAIRMONT

CPU, MEMORY = 20.0, 500.0  # seconds and MB that one attack may cost the server at most: a tenth is what most do
FORM = "application/x-www-form-urlencoded"
MANY = 10_000
LEVELS = 8
SIZE = 19_000_000  # just below the largest body
BIG = f'"{"x" * 1_000_000}"'


def batch(entries: list[dict[str, Any]], kind: str = "batch") -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()


def create(n: int, status: str = "final") -> dict[str, Any]:
    body = {"resourceType": "Observation", "status": status, "code": {"text": f"{n}"}}
    return {"resource": body, "request": {"method": "POST", "url": "Observation"}}


def asked(query: list[tuple[str, str]]) -> tuple[str, str, bytes, str]:
    return "POST", "Task/_search", urlencode(query).encode(), FORM


def posted(body: bytes, path: str = "") -> tuple[str, str, bytes, str]:
    return "POST", path, body, FHIR_JSON


def reading(path: str) -> tuple[str, str, bytes, str]:
    return "GET", path, b"", ""


def nested(text: str) -> bytes:
    return f'{{"resourceType":"Basic","id":"deep","extension":{text}}}'.encode()


def wide() -> bytes:
    one = '{"system":"http://x.test/n","value":"1"},'
    return f'{{"resourceType":"Patient","identifier":[{(one * (SIZE // len(one)))[:-1]}]}}'.encode()


def changes() -> bytes:
    return json.dumps([{"op": "add", "path": "/name/-", "value": {"family": "x"}}] * MANY).encode()


# What is sent, and which answers are in order. Each is made when it is asked for: some are large.
ATTACKS: dict[str, tuple[Callable[[], tuple[str, str, bytes, str]], set[int]]] = {
    "10,000 arguments": (lambda: asked([("status", "requested")] * MANY), {400, 413}),
    "10,000 values": (lambda: asked([("_id", ",".join(f"t{n}" for n in range(MANY)))]), {400}),
    "60 arguments of 500 values": (lambda: asked([("_id", ",".join(f"t{n}" for n in range(500)))] * 60), {200, 400}),
    "60 times anything that holds a letter": (lambda: asked([("patient.name:contains", "e")] * 60), {200, 400}),
    "a chain eight deep": (
        lambda: reading(f"Task?focus:ServiceRequest.performer:Organization.{'partof.' * (LEVELS - 2)}name=x"), {200}),
    "eight chains back": (
        lambda: reading(f"Organization?{'_has:Organization:partof:' * (LEVELS - 1)}name=x"), {200, 400}),
    "everything along, and along with it": (
        lambda: reading("Task?_count=1000&_include=*&_include:iterate=*&_revinclude=*&_revinclude:iterate=*"),
        {200, 400}),
    "5,000 reads in a batch": (
        lambda: posted(batch([{"request": {"method": "GET", "url": f"Patient/none-{n}"}} for n in range(5_000)])),
        {200, 400, 413, 422}),
    "5,000 searches in a batch": (
        lambda: posted(batch([{"request": {"method": "GET", "url": f"Task?_count={n % 9}"}} for n in range(5_000)])),
        {200, 400, 413, 422}),
    "a transaction of 5,000 whose last is wrong": (
        lambda: posted(batch([*map(create, range(4_999)), create(0, "no such status")], "transaction")), {400, 422}),
    "19 MB of opened brackets": (lambda: posted(b"[" * SIZE), {400, 413, 422}),
    "an extension 100,000 deep": (
        lambda: posted(nested('[{"url":"x","extension":' * 100_000 + "[]" + "}]" * 100_000), "Basic"), {400, 413, 422}),
    "a number of a million digits": (
        lambda: posted(nested(f'[{{"url":"x","valueDecimal":{"9" * 1_000_000}}}]'), "Basic"), {400, 413, 422}),
    "a number with an exponent of a million": (
        lambda: posted(nested('[{"url":"x","valueDecimal":1e1000000}]'), "Basic"), {400, 413, 422}),
    "400,000 identifiers": (lambda: posted(wide()[:-2] + b"]", "Patient"), {400, 413, 422}),
    "a name of 1 MB to search for": (lambda: asked([("description:contains", BIG)]), {200, 400, 413}),
    "10,000 changes of one resource": (
        lambda: ("PATCH", "Patient/leila-ahmadi", changes(), "application/json-patch+json"), {400, 413, 422}),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_could_take_for_ever_is_answered_within_bounds(fort: Fort, name: str) -> None:
    made, good = ATTACKS[name]
    method, path, body, kind = made()
    token = fort.token()
    with cost(name, fort.process.pid) as told:
        more = {"Content_Type": kind} if kind else {}
        answer = fort.ask(method, path, token, body or None, **more)
    assert answer.status_code in good, answer.text[:1000]
    demand(told, CPU, MEMORY)
    assert fort.ask("GET", "Organization/office-fairmont", token).status_code == 200


def test_nothing_of_a_transaction_that_failed_at_its_end_is_there(fort: Fort) -> None:
    """Nor of what was refused above: none of it is another's to clear away."""
    answer = fort.ask("GET", "Observation?_summary=count&status=final&code:text=4998", fort.token())
    assert (answer.status_code, answer.json()["total"]) == (200, 0)
    assert fort.ask("GET", "Basic/deep", fort.token()).status_code == 404


def packed(size: int) -> bytes:
    return gzip.compress(b'{"resourceType":"Patient","name":[{"family":"' + b"x" * size, 9)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
def test_a_body_that_unpacks_to_a_thousand_times_its_size_is_not_unpacked(fort: Fort, encoding: str) -> None:
    body = packed(100_000_000)
    with cost(f"a packed body ({encoding})", fort.process.pid) as told:
        answer = fort.ask("POST", "Patient", fort.token(), body, Content_Encoding=encoding)
    assert answer.status_code == 415, answer.text[:500]
    demand(told, 2, 60)


FORMS = ("/sign-in", "/oauth/token", "/oauth/register", "/oauth/introspect")


@pytest.mark.parametrize("path", FORMS)
def test_a_stranger_can_not_fill_the_memory_by_a_form(fort: Fort, path: str) -> None:
    parts = b"".join(b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n\r\n' for _ in range(100_000)) + b"--x--"
    with cost(f"forms for {path}", fort.process.pid) as told:
        for body, kind in (
            (urlencode([("a", "b")] * 100_000).encode(), FORM), (parts, "multipart/form-data; boundary=x"),
            (b"[" * 5_000_000, "application/json"), (b"a=" + b"x" * SIZE, FORM),
        ):  # fmt: skip
            answer = fort.post(path, data=body, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (kind, answer.status_code)
    demand(told, CPU, 200)


def drops(total: int) -> Iterator[bytes]:
    """A body of no known length."""
    for _ in range(total // 65_536):
        yield b" " * 65_536


def test_a_body_without_a_length_ends_where_the_largest_does(fort: Fort) -> None:
    with cost("a body of no known length", fort.process.pid) as told, fort.session() as visitor:
        headers = {"Content-Type": FHIR_JSON, "Authorization": f"Bearer {fort.token()}"}
        try:
            sent = visitor.post(f"{fort.fhir}/Patient", data=drops(200_000_000), headers=headers, timeout=60)
            status = sent.status_code
        except requests.ConnectionError:
            status = 413  # the line was closed while we sent
    assert status in (400, 411, 413), status
    demand(told, CPU, 300)


def test_others_are_answered_while_a_heavy_page_is_asked_for_many_times_at_once(fort: Fort) -> None:
    """The slowest searches of the list above, sixteen at once; a coordinator opens the desk meanwhile."""
    token = fort.token()
    heavy = f"Task?_count=1000&_include=*&_revinclude=*&patient.organization={FAIRMONT['reference']}"
    with ExitStack() as stack:
        desk = stack.enter_context(fort.enter("coordinator"))
        pool = stack.enter_context(ThreadPoolExecutor(16))
        told = stack.enter_context(cost("sixteen heavy pages at once", fort.process.pid))
        jobs = [pool.submit(fort.ask, "GET", heavy, token) for _ in range(48)]
        pages = [desk.get(fort.url, timeout=60).status_code for _ in range(3)]
        statuses = {job.result().status_code for job in jobs}
    assert pages == [200, 200, 200]
    assert statuses <= {200, 503}, "503 is told with when to come again"
    demand(told, 240, MEMORY)
