"""A small EHR on a real socket, written apart from our server, whose every misbehaviour a test can order."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet

Json = dict[str, Any]


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    form: dict[str, list[str]]


@dataclass
class Reply:
    """An answer; `raw` goes out as it is instead of `document`."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    cut: bool = False  # promise more bytes than are sent, then hang up

    def body(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.document).encode()


Fault = Callable[[Asked], Reply | None]


class LittleEhr:
    """Holds resources by type and id; answers metadata, read and search, in pages; gives tokens if it knows a client.

    `faults` are asked first: one that returns a Reply misbehaves. `params` are the search parameters offered per type;
    `_lastUpdated` is honoured only where offered, `demands` lists types that are searched only with `patient` or `_id`.
    """

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Json]] = {}
        self.params: dict[str, set[str]] = {}
        self.demands: set[str] = set()
        self.interactions = ["read", "search-type"]
        self.page = 3
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.clients: dict[str, KeySet] = {}
        self.algorithms = ["RS384", "ES384"]
        self.grants = "system/*.rs"
        self.expires_in: Any = 300
        self.tokens: set[str] = set()
        self.jtis: set[str] = set()
        self.well_known = True
        self.root = ""
        self.puts = 0
        self.now: Callable[[], float] = time.time

    @property
    def base(self) -> str:
        return f"{self.root}/r4"

    def put(self, resource: Json) -> Json:
        """Hold a resource; each time it gets a later `meta.lastUpdated` and the next version."""
        self.puts += 1
        stored = self.held.setdefault(resource["resourceType"], {})
        version = int(stored.get(resource["id"], {}).get("meta", {}).get("versionId", "0")) + 1
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.now())) + f".{self.puts % 1000:03d}Z"
        stored[resource["id"]] = {**resource, "meta": {"versionId": str(version), "lastUpdated": at}}
        return stored[resource["id"]]

    def fail(self, match: str, reply: Reply, times: int = 1) -> None:
        """The next `times` requests whose path and query contain `match` get this reply."""
        left = [times]

        def fault(asked: Asked) -> Reply | None:
            if left[0] and match in f"{asked.path}?{urlencode(asked.query, doseq=True)}":
                left[0] -= 1
                return reply
            return None

        self.faults.append(fault)

    def searches(self, type: str) -> list[Asked]:
        return [one for one in self.asked if one.path == f"/r4/{type}"]

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        for fault in self.faults:
            reply = fault(asked)
            if reply:
                return reply
        if asked.path == "/token":
            return self._token(asked)
        path = asked.path.removeprefix("/r4/")
        if path == "metadata":
            return Reply(document=self._metadata())
        if path == ".well-known/smart-configuration":
            return Reply(document=self._smart()) if self.clients and self.well_known else _outcome(404, "No such page.")
        if self.clients and asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _outcome(401, "No good token.")
        type, _, id = path.partition("/")
        return self._read(type, id) if id else self._search(type, asked)

    def _read(self, type: str, id: str) -> Reply:
        found = self.held.get(type, {}).get(id)
        return Reply(document=found) if found else _outcome(404, "No such resource.")

    def _search(self, type: str, asked: Asked) -> Reply:
        if type in self.demands and not {"patient", "_id", "page"} & set(asked.query):
            return _outcome(400, "A patient is required.")
        found = [one for _, one in sorted(self.held.get(type, {}).items()) if self._matches(one, asked)]
        start = int(asked.query.get("page", ["0"])[0])
        link = []
        if start + self.page < len(found):
            kept = {name: value for name, value in asked.query.items() if name != "page"}
            query = urlencode({**kept, "page": start + self.page}, doseq=True)
            link.append({"relation": "next", "url": f"{self.base}/{type}?{query}"})
        entry = [
            {"fullUrl": f"{self.base}/{type}/{one['id']}", "resource": one, "search": {"mode": "match"}}
            for one in found[start : start + self.page]
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": link, "entry": entry}
        return Reply(document=bundle)

    def _matches(self, one: Json, asked: Asked) -> bool:
        updated = one["meta"]["lastUpdated"]
        offered = self.params.get(one["resourceType"], set())
        for value in asked.query.get("_lastUpdated", []) if "_lastUpdated" in offered else ():
            if (value[:2] == "ge" and updated < value[2:]) or (value[:2] == "lt" and updated >= value[2:]):
                return False
        patient = asked.query.get("patient")
        if patient:
            subject = one.get("subject") or one.get("patient") or {}
            return bool(subject.get("reference", "").endswith(f"Patient/{patient[0]}"))
        return asked.query.get("_id", [one["id"]]) == [one["id"]]

    def _metadata(self) -> Json:
        security: Json = {}
        if self.clients and not self.well_known:
            uris = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
            token = {"url": "token", "valueUri": "../token"}
            security = {"security": {"extension": [{"url": uris, "extension": [token]}]}}
        rows = [
            {
                "type": type,
                "interaction": [{"code": code} for code in self.interactions],
                "searchParam": [{"name": name, "type": "token"} for name in sorted(self.params.get(type, set()))],
            }
            for type in sorted(self.held)
        ]
        rest = {"mode": "server", "resource": rows, **security}
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "kind": "instance",
            "fhirVersion": "4.0.1",
            "software": {"name": "Little EHR", "version": "1"},
            "rest": [rest],
        }

    def _smart(self) -> Json:
        return {
            "token_endpoint": f"{self.root}/token",
            "token_endpoint_auth_signing_alg_values_supported": self.algorithms,
            "grant_types_supported": ["client_credentials"],
        }

    def _token(self, asked: Asked) -> Reply:
        """Judges the assertion as SMART demands: signature, iss, sub, aud, at most five minutes, a jti never seen."""
        client = next(iter(self.clients))
        token = jwt.decode(asked.form["client_assertion"][0], self.clients[client], algorithms=self.algorithms)
        claims = token.claims
        good = (
            claims["iss"] == claims["sub"] == client
            and claims["aud"] == f"{self.root}/token"
            and 0 < claims["exp"] - self.now() <= 300
            and claims["jti"] not in self.jtis
            and token.header.get("kid")
        )
        if not good:
            return Reply(401, {"error": "invalid_client"})
        self.jtis.add(claims["jti"])
        value = str(uuid4())
        self.tokens.add(value)
        answer = {"access_token": value, "token_type": "Bearer", "scope": self.grants, "expires_in": self.expires_in}
        return Reply(document={name: said for name, said in answer.items() if said is not None})


def _outcome(status: int, text: str) -> Reply:
    issue = {"severity": "error", "code": "processing", "diagnostics": text}
    return Reply(status, {"resourceType": "OperationOutcome", "issue": [issue]})


@contextmanager
def serving(ehr: LittleEhr) -> Iterator[LittleEhr]:
    """The EHR on a port of the loopback interface, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are two writes: with delayed ACKs each costs 40 ms

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._reply(parse_qs(body.decode()))

        def _reply(self, form: dict[str, list[str]]) -> None:
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, url.path, parse_qs(url.query, keep_blank_values=True), headers, form)
            reply = ehr.answer(asked)
            time.sleep(reply.delay)
            body = reply.body()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/fhir+json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + (100 if reply.cut else 0)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the client did not wait
            self.close_connection = self.close_connection or reply.cut

        def log_message(self, *args: Any) -> None:
            """The test prints what matters."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up: the tests do so on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    ehr.root = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield ehr
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
