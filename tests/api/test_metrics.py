"""Issue 3, operations: `/metrics` for Prometheus, `/healthz` and `/readyz`."""

import errno
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, text
from werkzeug.test import Client, TestResponse

from carecoord import app
from carecoord.actions.server import health
from carecoord.errors import Unavailable
from carecoord.fhir.instants import micros
from carecoord.store.database import outbox
from carecoord.store.database.engine import open_engine, writing
from carecoord.store.database.tables import ehr_run
from carecoord.store.database.tables import outbox as outbox_table
from carecoord.world import World

from .conftest import Api, Clock

HERE = {"REMOTE_ADDR": "127.0.0.1"}
MARK = "Quillfeather"


@pytest.fixture
def world(world: World) -> World:
    """One that no proxy stands before."""
    return replace(world, settings=replace(world.settings, base_url="http://127.0.0.1:8000"))


def told(http: Client, **more: Any) -> dict[tuple[str, ...], float]:
    """The samples of a scrape, by name and sorted labels."""
    answer = http.get("/metrics", environ_base=HERE, **more)
    assert answer.status_code == 200, answer.get_data()
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {
        (one.name, *(f"{k}={v}" for k, v in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_requests_are_counted_and_timed_by_the_template_of_their_address(api: Api) -> None:
    for name in ("a", "b", "c"):
        api.get(f"/Patient/{name}")
    api.get("/Patient?name=x")
    api.post("/Patient/_search", "name=x", Content_Type="application/x-www-form-urlencoded")
    api.http.get("/nowhere/at/all")
    found = told(api.http)
    read = ("carecoord_requests_total", "method=GET", "route=/fhir/<type>/<id>", "status=404")
    assert found[read] == 3
    assert found["carecoord_request_seconds_count", "route=/fhir/<type>/<id>"] == 3
    assert found["carecoord_request_seconds_bucket", "le=+Inf", "route=/fhir/<type>/<id>"] == 3
    assert found["carecoord_searches_total", "status=200", "type=Patient"] == 2
    assert found["carecoord_requests_total", "method=GET", "route=none", "status=404"] == 1


def test_what_can_not_be_counted_for_want_of_room_on_the_disk_is_answered_all_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "MmapedDict", values.MmapedDict)
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    http = app.wired(world, tmp_path / "counts").test_client()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "posix_fallocate", full)
        assert http.get("/fhir/Patient/a", environ_base=HERE).status_code == 401
    assert http.get("/fhir/Patient/b", environ_base=HERE).status_code == 401
    assert told(http)["carecoord_requests_total", "method=GET", "route=/fhir/<type>/<id>", "status=401"] == 1


def test_no_label_holds_what_a_caller_wrote(api: Api) -> None:
    api.get(f"/Patient/{MARK}?name={MARK}")
    api.get(f"/{MARK}?name={MARK}")
    api.get(f"/{MARK}")
    api(MARK.upper(), f"/Patient/{MARK}")
    api.http.get(f"/{MARK}/{MARK}")
    text = api.http.get("/metrics", environ_base=HERE).get_data(as_text=True)
    assert MARK.lower() not in text.lower()
    assert 'method="OTHER"' in text


def test_tokens_and_sign_ins_are_counted_by_what_came_of_them(api: Api) -> None:
    api.http.post("/oauth/token", data={"grant_type": "client_credentials"})
    api.http.post("/sign-in", data={"login": "x", "password": "y"})
    found = told(api.http)
    assert found["carecoord_tokens_total", "result=refused"] == 1
    assert found["carecoord_sign_ins_total", "result=refused", "step=password"] == 1


def test_how_the_work_stands_is_told(world: World, clock: Clock) -> None:
    now = clock()
    with writing(world.engine) as conn:
        for n in range(3):
            outbox.add(conn, "sync", f"ehr-{n}", b"{}", now)
        conn.execute(outbox_table.update().where(outbox_table.c.key == "ehr-2").values(parked=True))
        at = micros(now)
        rows: list[dict[str, Any]] = [
            {"ehr": "city", "started": at - 9_000_000, "finished": at - 8_000_000, "received": 5, "error": "away"},
            {"ehr": "city", "started": at - 4_000_000, "finished": at - 1_000_000, "received": 7, "error": None},
            {"ehr": "lake", "started": at, "finished": None, "received": 0, "error": "away"},
        ]
        conn.execute(insert(ehr_run), rows)
    clock.now = now.replace(minute=now.minute + 1)
    found = told(Client(app.wired(world)))
    assert found["carecoord_database_up",] == 1
    assert (found["carecoord_outbox_waiting",], found["carecoord_outbox_parked",]) == (2, 1)
    assert found["carecoord_outbox_late_seconds",] >= 60
    assert (found["carecoord_ehr_sync_failed", "ehr=city"], found["carecoord_ehr_sync_failed", "ehr=lake"]) == (0, 1)
    assert found["carecoord_ehr_sync_received", "ehr=city"] == 7
    assert found["carecoord_ehr_sync_finished_seconds", "ehr=city"] == pytest.approx(now.timestamp() - 1, abs=0.01)
    assert ("carecoord_ehr_sync_finished_seconds", "ehr=lake") not in found
    assert found["carecoord_audit_unsealed",] >= 0
    assert ("carecoord_database_connections", "state=used") in found


def test_metrics_are_told_without_a_database_too(api: Api, world: World, tmp_path: Path) -> None:
    away = replace(world, engine=open_engine("postgresql://nobody@127.0.0.1:1/none"))
    found = told(Client(app.wired(away)))
    assert found["carecoord_database_up",] == 0
    assert ("carecoord_outbox_waiting",) not in found


@dataclass(frozen=True)
class Peer:
    """Who asks, and what of the settings is other than usual."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("peer", "status"),
    [
        (Peer("127.0.0.1"), 200),
        (Peer("::1"), 200),
        (Peer("203.0.113.1"), 403),
        (Peer(""), 403),
        (Peer("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}), 403),
        (Peer("127.0.0.1", {"Forwarded": "for=127.0.0.1"}), 403),
        (Peer("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, {"trusted_proxies": 1}), 403),
        (Peer("127.0.0.1", {}, {"base_url": "https://care.example"}), 403),
        (Peer("203.0.113.1", {"Authorization": "Bearer right"}, {"metrics_token": "right"}), 200),
        (Peer("203.0.113.1", {"Authorization": "Bearer wrong"}, {"metrics_token": "right"}), 401),
        (Peer("203.0.113.1", {"Authorization": "Bearer "}, {"metrics_token": "right"}), 401),
        (Peer("127.0.0.1", {}, {"metrics_token": "right"}), 401),
    ],
)
def test_metrics_are_told_to_this_machine_or_to_who_has_the_token(world: World, peer: Peer, status: int) -> None:
    http = Client(app.wired(replace(world, settings=replace(world.settings, **peer.settings))))
    answer = http.get("/metrics", headers=peer.headers, environ_base={"REMOTE_ADDR": peer.address})
    assert answer.status_code == status
    assert ("carecoord_" in answer.get_data(as_text=True)) == (status == 200)


def ready(world: World) -> TestResponse:
    with suppress(Unavailable), writing(world.engine) as conn:
        outbox.beat(conn, world.clock())
    return Client(app.wired(world)).get("/readyz")


def test_a_server_that_can_work_says_it_is_ready(world: World) -> None:
    assert (ready(world).status_code, ready(world).get_data()) == (200, b"ready\n")


@pytest.mark.parametrize(("silent", "status"), [(0, 200), (44, 200), (46, 503), (200, 503)])
def test_within_a_minute_of_its_workers_death_a_server_is_not_ready(
    world: World, clock: Clock, silent: int, status: int
) -> None:
    """F2: nobody else would tell that no sync runs any more."""
    with writing(world.engine) as conn:
        outbox.beat(conn, clock())
    clock.now += timedelta(seconds=silent)
    answer = Client(app.wired(world)).get("/readyz")
    assert answer.status_code == status
    if status == 503:
        assert answer.get_data(as_text=True) == f"later work: no worker was heard of for {silent} s\n"
        assert told(Client(app.wired(world)))["carecoord_worker_silent_seconds",] == pytest.approx(silent, abs=1)


def test_a_server_without_a_worker_is_not_ready(world: World) -> None:
    answer = Client(app.wired(world)).get("/readyz")
    assert (answer.status_code, answer.get_data()) == (503, b"later work: no worker was heard of yet\n")


def test_without_its_database_a_server_is_alive_and_not_ready(world: World) -> None:
    """Liveness and readiness as Kubernetes means them: to restart it would not bring the database back."""
    away = replace(world, engine=open_engine("postgresql://nobody@127.0.0.1:1/none"))
    answer = ready(away)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.get_data(as_text=True).startswith("database: not available (nobody_listens)")
    assert "127.0.0.1" not in answer.get_data(as_text=True)
    assert Client(app.wired(away)).get("/healthz").get_data() == b"ok\n"


def test_with_tables_of_another_version_a_server_is_not_ready(world: World) -> None:
    with writing(world.engine) as conn:
        before = conn.scalar(text("SELECT version_num FROM alembic_version"))
        conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        answer = ready(world)
    finally:
        with writing(world.engine) as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = :n"), {"n": before})
    assert answer.status_code == 503
    assert "The tables of the database are at 0001, this version wants" in answer.get_data(as_text=True)


def test_without_a_place_for_its_journal_a_server_is_not_ready(world: World, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "audit", ignore_errors=True)
    (tmp_path / "audit").write_text("a file where the folder should be")
    answer = ready(world)
    assert answer.status_code == 503
    assert "journal: not available" in answer.get_data(as_text=True)


def test_on_a_full_disk_a_server_is_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LEAST", 2**70)
    answer = ready(world)
    assert answer.status_code == 503
    assert "disk: " in answer.get_data(as_text=True)
