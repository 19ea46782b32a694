"""Syncing from sekmet-fhir, a small EHR that others wrote, a program of its own: no code of ours knows it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey, KeySet, RSAKey

from carecoord.actions.ehrs.sync import add_ehr, examine, run
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.identity import local_id
from tests.adapters.content import held, versions

pytest.importorskip("sekmet", reason="sekmet-fhir is not installed: pip install -e '.[test]'")

BASIC = ("clerk", "not-a-secret")


@dataclass
class Sekmet:
    """A running sekmet: where it is, and how the test itself writes into it."""

    base: str
    session: requests.Session

    def put(self, resource: dict[str, Any]) -> None:
        address = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        self.session.put(address, json=resource, timeout=10).raise_for_status()

    def delete(self, reference: str) -> None:
        self.session.delete(f"{self.base}/{reference}", timeout=10).raise_for_status()


@contextmanager
def running(folder: Path, auth: dict[str, Any]) -> Iterator[Sekmet]:
    """sekmet on a free port, with its data in the folder, until the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}/fhir"
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "base_url": base,
        "data_dir": str(folder / "data"),
        "log_inbound": False,
        "simulator": {"enabled": False},
        "server_auth": auth,
    }
    (folder / "data").mkdir()
    (folder / "settings.yaml").write_text(json.dumps(settings))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        program = subprocess.Popen(
            [sys.executable, "-c", "from sekmet.cli import app; app()", "serve", "-c", str(folder / "settings.yaml")],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdout=log,
            stderr=log,
        )
    try:
        with requests.Session() as session:
            session.auth = BASIC if auth["types"] != ["none"] else None
            wait_for(base, session, program, folder / "log")
            yield Sekmet(base, session)
    finally:
        program.terminate()
        program.wait(10)


def wait_for(base: str, session: requests.Session, program: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and program.poll() is None:
        try:
            if session.get(f"{base}/metadata", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail(f"sekmet did not start: {log.read_text()[-2000:]}")


def fill(sekmet: Sekmet) -> None:
    """25 patients, each with a referral, an appointment and a coverage: more than one of sekmet's pages of each."""
    sekmet.put({"resourceType": "Organization", "id": "clinic", "name": "Riverside Cardiology"})
    for n in range(25):
        subject = {"reference": f"Patient/p{n}"}
        sekmet.put({"resourceType": "Patient", "id": f"p{n}", "name": [{"family": f"Family{n}", "given": ["A"]}]})
        sekmet.put(
            {
                "resourceType": "ServiceRequest",
                "id": f"r{n}",
                "status": "active",
                "intent": "order",
                "subject": subject,
                "code": {"text": "Cardiology, consult and treat"},
                "performer": [{"reference": "Organization/clinic"}],
            }
        )
        sekmet.put(appointment(n, "booked"))


def appointment(n: int, status: str) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": f"a{n}",
        "status": status,
        "start": "2026-12-01T09:00:00Z",
        "end": "2026-12-01T09:30:00Z",
        "basedOn": [{"reference": f"ServiceRequest/r{n}"}],
        "participant": [{"actor": {"reference": f"Patient/p{n}"}, "status": "accepted"}],
    }


def check(world: World, sekmet: Sekmet) -> None:
    """A first sync brings everything, a second changes nothing, a third brings the one change."""
    first = run(world, "sekmet")
    assert (first.error, first.flagged) == (None, 0)
    for one in first.types:
        total = sekmet.session.get(f"{sekmet.base}/{one.type}?_summary=count", timeout=10).json()["total"]
        assert one.created == len(held(world.engine, one.type)) == total
    assert len(held(world.engine, "Patient")) == 25
    visit = held(world.engine, "Appointment")[local_id("sekmet", "Appointment", "a7")]
    assert visit["basedOn"] == [{"reference": f"ServiceRequest/{local_id('sekmet', 'ServiceRequest', 'r7')}"}]
    assert visit["meta"]["source"] == f"{sekmet.base}/Appointment/a7"
    before = versions(world.engine)
    assert run(world, "sekmet").changed == 0
    assert versions(world.engine) == before
    sekmet.put(appointment(7, "cancelled"))
    assert run(world, "sekmet").changed == 1
    after = versions(world.engine)
    assert [key[0] for key in after if after[key] != before[key]] == ["Appointment"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # on PostgreSQL: the next test, by the same check
def test_it_syncs_from_sekmet_without_any_code_for_it(world: World, tmp_path: Path) -> None:
    with running(tmp_path, {"types": ["none"]}) as sekmet:
        fill(sekmet)
        add_ehr(world, Ehr("sekmet", sekmet.base))
        check(world, sekmet)
        sekmet.delete("Appointment/a8")
        assert run(world, "sekmet").changed == 0
        tomorrow = replace(world, clock=lambda: datetime.now(UTC) + timedelta(days=1))
        assert run(tomorrow, "sekmet").changed == 1
        assert local_id("sekmet", "Appointment", "a8") not in held(world.engine, "Appointment")


def test_it_syncs_from_sekmet_as_its_backend_services_client(
    world: World, tmp_path: Path, ec: ECKey, rsa: RSAKey
) -> None:
    """Each of the two algorithms on one of the two databases: neither knows of the other."""
    kind, key = ("ES384", ec) if world.engine.dialect.name == "sqlite" else ("RS384", rsa)
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    public = {**key.as_dict(private=False), "alg": kind}
    client = {"client_id": "carecoord", "jwks": {"keys": [public]}, "scopes": "system/*.read"}
    auth = {"types": ["basic", "smart"], "users": dict([BASIC]), "smart_clients": [client]}
    with running(tmp_path, auth) as sekmet:
        fill(sekmet)
        assert requests.get(f"{sekmet.base}/Patient", timeout=10).status_code == 401
        add_ehr(world, Ehr("sekmet", sekmet.base, auth=BackendServices("carecoord", str(tmp_path / "key.pem"))))
        assert examine(world, "sekmet").notices == ()
        check(world, sekmet)
        stranger = KeySet([ECKey.generate_key("P-384")])
        (tmp_path / "key.pem").write_text(json.dumps(stranger.as_dict(private=True)))
        assert "gave no token" in str(run(world, "sekmet").error)
