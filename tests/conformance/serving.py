"""The application as anybody runs it: granian, on a socket of this machine; with TLS by two worker processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec as curves
from flask import Flask, Response, request
from sqlalchemy import Engine
from werkzeug.serving import make_server

from carecoord import app, settings
from carecoord.world import World
from tests.ports import free_port

from .practice import Keys, public, settle

HOST = "127.0.0.1"
WORKERS = {"http": "1", "https": "2"}  # what two processes must agree on is looked at over https
UNHINDERED = "1000000/minute"  # the suite is one caller: limits have tests of their own


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate for 127.0.0.1 that signs itself."""

    cert: Path
    key: Path


def certify(folder: Path) -> Certificate:
    key = curves.generate_private_key(curves.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    found.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    found.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return found


@dataclass
class Publisher:
    """A client's own web server with its key sets: on an address that the server may call, and on one it may not.
    `bodies`: what stands at `/jwks.json?<name>`."""

    bodies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "no-store"})
    allowed: str = ""
    forbidden: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def publishing() -> Iterator[Publisher]:
    told, flask = Publisher(), Flask("publisher")

    @flask.get("/jwks.json")
    def jwks() -> Response:
        told.asked.append(request.host.partition(":")[0])
        body = told.bodies.get(request.query_string.decode(), "")
        return Response(body, headers=told.headers, content_type="application/json")

    servers = [make_server(host, 0, flask, threaded=True) for host in (HOST, "127.0.0.2")]
    threads = [Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    told.allowed, told.forbidden = (f"http://{s.host}:{s.server_port}/jwks.json" for s in servers)
    yield told
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Site:
    """A running server as its visitors know it. `world` is the door for an administrator, beside HTTP."""

    url: str
    ca: str | bool
    keys: Keys
    publisher: Publisher
    world: World

    @property
    def fhir(self) -> str:
        return f"{self.url}/fhir"

    @property
    def register(self) -> Engine:
        return self.world.engine

    @property
    def secure(self) -> bool:
        return self.url.startswith("https")

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def session(self) -> requests.Session:
        """A client without cookies that trusts the server's certificate and nothing of this machine's settings."""
        made = requests.Session()
        made.trust_env, made.verify = False, self.ca
        return made

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request on a connection of its own, hence at any of the workers; redirects are not followed."""
        url = path if path.startswith("http") else self.url + path
        with self.session() as session:
            return session.request(method, url, allow_redirects=False, timeout=30, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        return self.ask("POST", path, **more)

    def read(self, path: str, token: str | None, **headers: str) -> requests.Response:
        """GET from the FHIR API with a token."""
        sent = {"Accept": "application/fhir+json", **headers}
        return self.get(f"/fhir/{path}", headers=sent | ({"Authorization": f"Bearer {token}"} if token else {}))

    def ids(self, query: str, token: str) -> list[str]:
        """The ids that a search finds, all pages of it."""
        found: list[str] = []
        answer = self.read(query, token)
        while True:
            assert answer.status_code == 200, answer.text
            bundle = answer.json()
            found += [e["resource"]["id"] for e in bundle.get("entry", []) if e["search"]["mode"] == "match"]
            after = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
            if not after:
                return sorted(found)
            answer = self.get(after[0], headers={"Authorization": f"Bearer {token}"})


@contextmanager
def serving(scheme: str, folder: Path, database_url: str, keys: Keys, publisher: Publisher) -> Iterator[Site]:
    """The server with the practice in it."""
    port, certificate = free_port(), certify(folder) if scheme == "https" else None
    environ = {
        "CARECOORD_VAR": str(folder), "CARECOORD_DATABASE_URL": database_url,
        "CARECOORD_BASE_URL": f"{scheme}://{HOST}:{port}", "CARECOORD_PRIVATE_HOSTS": HOST,
        "CARECOORD_SECURE_COOKIES": str(bool(certificate)).lower(), "CARECOORD_SIGN_IN_RATE": UNHINDERED,
        "CARECOORD_OAUTH_RATE": UNHINDERED, "CARECOORD_SEARCH_RATE": UNHINDERED,
    }  # fmt: skip
    world = app.world(settings.load(environ))
    settle(world, keys, f"{publisher.allowed}?published")
    publisher.bodies["published"] = public(keys.published)
    world.engine.dispose()
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--factory", "--no-access-log"]
    command += ["--host", HOST, "--port", str(port), "--workers", WORKERS[scheme], "--blocking-threads", "4"]
    command += ["--workers-kill-timeout", "2"]
    if certificate:
        command += ["--ssl-certificate", str(certificate.cert), "--ssl-keyfile", str(certificate.key)]
        command += ["--ssl-protocol-min", "tls1.2"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "carecoord.app:create"], env={**os.environ, **environ}, stdout=log,
                                   stderr=log)  # fmt: skip
    site = Site(world.settings.url, str(certificate.cert) if certificate else True, keys, publisher, world)
    try:
        _wait(site, process, folder / "log")
        yield site
    finally:
        world.engine.dispose()
        process.terminate()
        process.wait(20)


def _wait(site: Site, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if site.get("/healthz").status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text())
