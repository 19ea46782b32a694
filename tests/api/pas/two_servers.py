"""A clinic's server and a payer's, each a whole carecoord with a database of its own, that speak over real sockets."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Any

import requests
from werkzeug.serving import BaseWSGIServer, make_server

from auth import store
from auth.grant import Grant
from auth.scopes import parse, resources
from auth.store import Client, Token
from carecoord import app
from carecoord.actions import demo
from carecoord.actions.acts.act import Submission
from carecoord.actions.prior_auth import request_acts
from carecoord.actions.prior_auth.pas_client import payers
from carecoord.actions.prior_auth.request_acts import Outgoing
from carecoord.settings import Settings
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import outbox
from carecoord.store.prior_auth import sendings
from carecoord.store.prior_auth.payer_endpoints import Endpoint
from carecoord.store.prior_auth.sendings import Sending
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.worker import loop
from carecoord.world import World
from tests.conftest import BUSY

Json = dict[str, Any]
NPI = "http://hl7.org/fhir/sid/us-npi"
MEMBER = {"system": "https://payer.example/members", "value": "M-4711",
          "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}}  # fmt: skip
PAYS = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "pay"}]}
CLINIC = {"resourceType": "Organization", "id": "office", "name": "Fairmont Primary Care",
          "identifier": [{"system": NPI, "value": "1234567893"}]}  # fmt: skip
PAYER = {"resourceType": "Organization", "id": "insurer", "name": "Meridian Health", "type": [PAYS],
         "identifier": [{"system": NPI, "value": "1093817465"}]}  # fmt: skip
SURGEON = {"resourceType": "Organization", "id": "surgeon", "name": "Harborview",
           "identifier": [{"system": NPI, "value": "1356302411"}]}  # fmt: skip
SCOPE = "system/*.cruds"
CODE = "73721"
CPT = "http://www.ama-assn.org/go/cpt"


@dataclass
class Clock:
    """Now, moved on by hand."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now().astimezone() + self.ahead


@dataclass
class Server:
    """A carecoord on a socket. stop and start again on the same port."""

    world: World
    clock: Clock
    port: int = 0
    _server: BaseWSGIServer | None = None
    _thread: threading.Thread | None = None
    _clients: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        listening = socket()
        listening.bind(("127.0.0.1", self.port))
        listening.listen(64)
        wired = app.wired(self.world)
        self._server = make_server("127.0.0.1", self.port, wired, threaded=True, fd=listening.fileno())
        self._listening = listening
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._listening.close()
            self._server = None

    def put(self, *told: Json) -> None:
        """Write as whoever keeps whole records."""
        changes = [Change(str(each["resourceType"]), str(each["id"]), each) for each in told]
        with writing(self.world.engine) as conn:
            put_all(conn, changes, now=self.world.clock(), actor=Actor("test", None, None, "test"),
                    base=self.world.base, project=self.world.project)  # fmt: skip

    def held(self, type: str) -> list[Json]:
        """All of a type, the oldest first."""
        found = self.call("GET", f"{type}?_sort=_lastUpdated&_count=200").json()
        return [each["resource"] for each in found.get("entry", [])]

    def get(self, name: str) -> Json:
        with reading(self.world.engine) as conn:
            row = read.get(conn, *name.split("/"))
            assert row is not None, name
            found: Json = json.loads(row.body)
            return found

    def call(self, method: str, path: str, body: Any = None, by: Grant | None = None) -> requests.Response:
        """As a client of its API: who keeps whole records, or somebody."""
        now = int(self.world.clock().timestamp())
        subject, org = (by.subject, by.organization) if by else ("whole", None)
        roles = " ".join(sorted(by.roles)) if by else ""
        new = Token("access", subject, subject, SCOPE, now, now + 3600, roles=roles, organization=org)
        with writing(self.world.engine) as conn:
            token = store.issue(conn, new)
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        return requests.request(method, f"{self.world.settings.fhir_url}/{path}", headers=sent, timeout=30,
                                data=json.dumps(body) if body is not None else None)  # fmt: skip

    def work(self) -> int:
        """The worker does what is due."""
        return loop.once(self.world)

    def page(self, path: str) -> str:
        raise NotImplementedError(path)


@contextmanager
def server(folder: Path, database_url: str) -> Iterator[Server]:
    """A server, not started yet."""
    folder.mkdir()
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clock = Clock()
    made = app.world(Settings(var=str(folder), database_url=database_url, base_url=f"http://127.0.0.1:{port}",
                              private_hosts="127.0.0.1", **BUSY))  # fmt: skip
    found = Server(replace(made, clock=clock), clock, port)
    try:
        yield found
    finally:
        found.stop()
        made.engine.dispose()


MARIA = Grant("maria", "", tuple(resources(parse("user/*.cruds"))), frozenset({"coordinator"}), "office",
              name="Reyes, Maria")  # fmt: skip
CLERK = Grant("insurer-clerk", roles=frozenset({"payer"}), organization="insurer")


def request(id: str, units: int = 6) -> list[Json]:
    """A patient with a card and an order, and the draft of the request for it."""
    about = {"reference": f"Patient/p-{id}"}
    number = MEMBER | {"value": f"M-{id}"}
    code = {"coding": [{"system": CPT, "code": CODE}], "text": "MRI of the knee"}
    span = {"start": "2027-01-04", "end": "2027-03-31"}
    return [
        {"resourceType": "Patient", "id": f"p-{id}", "identifier": [number], "birthDate": "1980-02-03",
         "gender": "female", "name": [{"family": "Okafor", "given": ["Ngozi"]}]},
        {"resourceType": "Coverage", "id": f"card-{id}", "status": "active", "beneficiary": about,
         "identifier": [number], "subscriberId": f"M-{id}", "payor": [{"reference": "Organization/insurer"}]},
        {"resourceType": "ServiceRequest", "id": f"order-{id}", "status": "active", "intent": "order",
         "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}], "code": code,
         "subject": about, "requester": {"reference": "Organization/office"},
         "performer": [{"reference": "Organization/surgeon"}], "occurrencePeriod": span,
         "insurance": [{"reference": f"Coverage/card-{id}"}]},
        {"resourceType": "Task", "id": f"task-{id}", "status": "requested", "intent": "order", "for": about,
         "focus": {"reference": f"ServiceRequest/order-{id}"}, "requester": {"reference": "Organization/office"},
         "owner": {"reference": "Organization/surgeon"}},
        {"resourceType": "DocumentReference", "id": f"note-{id}", "status": "current", "subject": about,
         "type": {"coding": [{"system": "http://loinc.org", "code": "11488-4"}]},
         "context": {"related": [{"reference": f"ServiceRequest/order-{id}"}]},
         "custodian": {"reference": "Organization/office"},
         "content": [{"attachment": {"contentType": "text/plain", "data": "VGhlIGtuZWUgbG9ja3Mu"}}]},
        {"resourceType": "Claim", "id": id, "status": "draft", "use": "preauthorization",
         "identifier": [{"system": "https://carecoord.example/id/authorization", "value": f"Q-{id}"}],
         "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]},
         "patient": about, "created": "2026-11-20T09:00:00Z", "insurer": {"reference": "Organization/insurer"},
         "provider": {"reference": "Organization/office"}, "referral": {"reference": f"ServiceRequest/order-{id}"},
         "priority": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/processpriority",
                                  "code": "normal"}]},
         "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": f"Coverage/card-{id}"}}],
         "item": [{
             "sequence": 1, "productOrService": code, "servicedPeriod": span, "quantity": {"value": units},
             "extension": [{"url": "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-requestedService",
                            "valueReference": {"reference": f"ServiceRequest/order-{id}"}}]}]},
    ]  # fmt: skip


@dataclass
class Pair:
    """Both, and the clinic's endpoint at the payer."""

    clinic: Server
    payer: Server
    endpoint: Endpoint

    def send(self, id: str, form: str = "", channel: str = "pas", papers: tuple[str, ...] = ()) -> None:
        """The coordinator sends a request."""
        said = Submission(request_acts.about(id), form or f"send-{id}")
        out = Outgoing(channel, papers=papers)  # type: ignore[arg-type]
        request_acts.send(self.clinic.world, MARIA, "test", said, out)

    def sending(self, id: str) -> Sending:
        with reading(self.clinic.world.engine) as conn:
            found = sendings.one(conn, id if ":" in id else f"submit:{id}")
        assert found is not None
        return found

    def work(self) -> None:
        """Both workers, until nothing is due."""
        while self.clinic.work() + self.payer.work():
            pass

    def hasten(self) -> None:
        """What failed or waits at the clinic is due now; a worker that was killed has lost its lease."""
        with writing(self.clinic.world.engine) as conn:
            due = outbox.update().where(outbox.c.kind.like("pas-%"))
            conn.execute(due.values(due_at=0, claimed_until=0))


@contextmanager
def pair(folder: Path, clinics_database: str, payers_database: str) -> Iterator[Pair]:
    """Both started; the clinic is a backend client of the payer's, bound to its organization."""
    with server(folder / "clinic", clinics_database) as clinic, server(folder / "payer", payers_database) as payer:
        payer.put(CLINIC, PAYER, SURGEON)
        clinic.put(CLINIC, PAYER, SURGEON)
        key = folder / "clinic" / "key.pem"
        client = Client("fairmont", "Fairmont", SCOPE, organization="office", roles=frozenset({"coordinator"}))
        demo.register(payer.world, client, key)
        payer.start()
        clinic.start()
        one = Endpoint("insurer", payer.world.settings.fhir_url, "office", client_id="fairmont", key_file=str(key))
        payers.add(clinic.world, one)
        yield Pair(clinic, payer, one)
