"""Over real sockets, as anybody runs it: granian, the application factory, a fresh database, a token by assertion."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import select

from auth import store
from carecoord import app, settings
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import migrate, open_engine, reading, writing
from tests.api.conftest import FHIR_JSON, patient
from tests.ports import free_port

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIMIT = 100_000


@dataclass
class Server:
    """A running server, and the key of its one client."""

    base: str
    key: ECKey
    database: str

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=20)
        try:
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, headers or {}, encode_chunked=chunked)
            answer = connection.getresponse()
            return answer.status, answer.msg, answer.read()
        finally:
            connection.close()

    def token(self) -> str:
        """A fresh token for everything."""
        endpoint = f"{self.base}/oauth/token"
        now = int(time.time())
        claims = {"iss": "tester", "sub": "tester", "aud": endpoint, "jti": str(uuid4()), "exp": now + 200}
        signed = jwt.encode({"alg": "ES384", "typ": "JWT", "kid": self.key.kid}, claims, self.key, algorithms=["ES384"])
        form = {
            "grant_type": "client_credentials",
            "scope": "system/*.cruds",
            "client_assertion_type": ASSERTION,
            "client_assertion": signed,
        }
        with urllib.request.urlopen(endpoint, urlencode(form).encode(), timeout=20) as answer:
            return str(json.load(answer)["access_token"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    key = ECKey.generate_key("P-384", {"kid": "k1"})
    environ = {"CARECOORD_VAR": str(folder), "CARECOORD_PORT": str(port), "CARECOORD_MAX_BODY": str(LIMIT)}
    world = app.world(settings.load(environ))
    migrate(world.engine)
    with writing(world.engine) as conn:
        keys = json.dumps(KeySet([key]).as_dict(private=False))
        store.add_client(conn, store.Client("tester", "Tester", "system/*.cruds", jwks=keys), int(time.time()))
    world.engine.dispose()
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--factory"]
    command += ["carecoord.app:create", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log)
    try:
        found = Server(f"http://127.0.0.1:{port}", key, world.settings.database)
        _wait(found, process, folder / "log")
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if server.ask("GET", "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text())


def test_a_backend_service_signs_in_writes_and_reads_over_http(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token()}", "Content-Type": FHIR_JSON}
    status, told, body = server.ask("POST", "/fhir/Patient", json.dumps(patient()).encode(), headers)
    assert status == 201
    location = urlsplit(told["Location"]).path
    status, told, read = server.ask("GET", location, headers=headers)
    assert (status, read, told["ETag"]) == (200, body, 'W/"1"')
    assert server.ask("GET", location, headers={**headers, "If-None-Match": 'W/"1"'})[0] == 304
    status, told, read = server.ask("HEAD", location, headers=headers)
    assert (status, read, told["Content-Length"]) == (200, b"", str(len(body)))


def test_reads_arrive_in_the_audit_of_a_running_server(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token()}", "X-Request-Id": "watched"}
    server.ask("GET", "/fhir/Patient/nobody", headers=headers)
    engine = open_engine(server.database)
    try:
        for _ in range(100):
            with reading(engine) as conn:
                found = conn.execute(select(audit).where(audit.c.request == "watched")).all()
            if found:
                break
            time.sleep(0.1)
    finally:
        engine.dispose()
    assert [(row.interaction, row.resource, row.status) for row in found] == [("read", "nobody", 404)]


def test_a_body_in_pieces_arrives_whole_or_is_refused(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token()}", "Content-Type": FHIR_JSON, "Transfer-Encoding": "chunked"}
    sent = json.dumps(patient()).encode()
    pieces = (sent[n : n + 20] for n in range(0, len(sent), 20))
    assert server.ask("POST", "/fhir/Patient", pieces, headers)[0] == 201
    large = json.dumps(patient(name=[{"text": "x" * 3 * LIMIT}])).encode()
    pieces = (large[n : n + 10_000] for n in range(0, len(large), 10_000))
    status, _, told = server.ask("POST", "/fhir/Patient", pieces, headers)
    assert (status, json.loads(told)["issue"][0]["code"]) == (413, "too-long")
    del headers["Transfer-Encoding"]
    status, _, told = server.ask("POST", "/fhir/Patient", large, headers)
    assert (status, json.loads(told)["issue"][0]["code"]) == (413, "too-long")


def test_nobody_reads_without_a_token_over_http(server: Server) -> None:
    status, told, body = server.ask("GET", "/fhir/Patient")
    assert status == 401
    assert told["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(body)["resourceType"] == "OperationOutcome"
    assert server.ask("GET", "/fhir/metadata")[0] == 200


def test_bytes_that_are_no_text_do_no_harm(server: Server) -> None:
    token = server.token().encode()
    with socket.create_connection(("127.0.0.1", urlsplit(server.base).port or 0)) as raw:
        raw.sendall(
            b"GET /fhir/Patient/%ff%fe?name=%ff%fe&\xc3\x28=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Authorization: Bearer " + token + b"\r\n\r\n"
        )
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert answer.split(b" ", 2)[1] in (b"400", b"404")
