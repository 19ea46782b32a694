"""Faults (security.md 7), over HTTP: a disk that is full, a database that may only be read, two servers on one file, a
clock that is wrong, PostgreSQL started again under load, processes killed again and again, memory under long load. Each
has a server of its own; what was answered is there afterwards, once, and the trail is whole."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from sqlalchemy import make_url

from carecoord import app, settings
from carecoord.actions.audit import seals
from carecoord.actions.server import deep, readiness
from carecoord.store.database.engine import migrate
from tests import postgres
from tests.api.test_serving import Served, children, serving, worker_of
from tests.attacks import measured, shifted
from tests.attacks.callers import at_work
from tests.attacks.fort import Fort, issued, standing

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
ROOM = 24_000_000  # bytes of the small disk
MINUTES = float(os.environ.get("CARECOORD_TEST_LOAD_MINUTES", "1"))  # 10 are what we promise


@dataclass
class Load:
    """Writers and readers beside a fault. kept: ids whose write was answered; statuses: of all answers, 0 for none."""

    kept: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


def patient(n: object, more: str = "") -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "http://x.test/n", "value": f"{n}"}],
            "name": [{"family": f"Load{n}", "text": more or "x"}]}  # fmt: skip


@contextmanager
def loaded(forts: list[Fort], token: str, count: int = 4) -> Iterator[Load]:
    """So many who write and read at these servers by turns."""
    told = Load()

    def ask(me: int, n: int) -> None:
        fort = forts[(me + n) % len(forts)]
        try:
            answer = fort.ask("POST", "Patient", token, patient(f"{me}-{n}"))
            told.statuses.append(answer.status_code)
            if answer.status_code == 201:
                told.kept.append(answer.json()["id"])
                told.statuses.append(fort.ask("GET", f"Patient/{told.kept[-1]}", token).status_code)
        except requests.RequestException:
            told.statuses.append(0)
            time.sleep(0.1)

    with at_work([partial(ask, me) for me in range(count)]):
        yield told


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.2)


def more(told: Load) -> None:
    """Wait for more writes that are answered."""
    before = len(told.kept)
    until(lambda: len(told.kept) > before + 20)


def demand_whole(fort: Fort, kept: list[str], token: str) -> None:
    """All that was answered is there, everything beside it agrees, and the trail is whole."""
    assert [id for id in kept if fort.ask("GET", f"Patient/{id}", token).status_code != 200] == []
    assert list(deep.walk(fort.world, deep.Looked())) == []
    assert not seals.walk(fort.world, whole=True).faults


# -- a disk that is full


def mounting() -> list[str]:
    """How a command is run with mounts of its own here; empty: it is not."""
    for way in (["unshare", "-m"], ["unshare", "-rm"]):
        tried = [*way, "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
        if shutil.which("unshare") and not subprocess.run(tried, capture_output=True, check=False).returncode:
            return way
    return []


@contextmanager
def on_a_small_disk(folder: Path, url: str, token: str) -> Iterator[tuple[Fort, Callable[[], None]]]:
    """A server whose folder is a disk of ROOM bytes; and what makes room on it. Where nothing may be mounted, files
    that may not grow beyond as much."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * (ROOM // 3))
    way = mounting()
    if way:
        shell = f'cp -a "{folder}" "{folder}.kept" && mount -t tmpfs -o size={ROOM} none "{folder}" && '
        shell += f'cp -a "{folder}.kept/." "{folder}" && exec "$@"'
        with standing(folder, url, through=[*way, "sh", "-c", shell, "sh"]) as fort:
            yield fort, lambda: Path(f"/proc/{fort.process.pid}/root{ballast}").unlink()
        return
    size = (folder / "carecoord.db").stat().st_size
    with standing(folder, url, through=["prlimit", f"--fsize={size + ROOM // 3}:unlimited"]) as fort:
        def free() -> None:
            for pid in measured.family(fort.process.pid):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        yield fort, free


@pytest.mark.slow
def test_on_a_full_disk_writes_are_refused_in_words_and_go_on_when_there_is_room(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    shutil.copyfile(make_url(new_database("sqlite")).database or "", folder / "carecoord.db")
    url = f"sqlite:///{folder / 'carecoord.db'}"
    world = app.world(settings.load({"CARECOORD_VAR": str(folder), "CARECOORD_DATABASE_URL": url}))
    token = issued(world)
    world.engine.dispose()
    kept, long = [], "x" * 200_000
    with on_a_small_disk(folder, url, token) as (fort, free):
        for n in range(400):
            answer = fort.ask("POST", "Patient", token, patient(n, long))
            if answer.status_code != 201:
                break
            kept.append(answer.json()["id"])
        else:
            raise AssertionError("the disk is not full")
        assert len(kept) > 3
        assert answer.status_code == 503, answer.text[:500]
        assert "OperationOutcome" in answer.text
        assert fort.get("/healthz").status_code == 200
        assert fort.get("/readyz").status_code == 503
        refused = {fort.ask("POST", "Patient", token, patient(n, long)).status_code for n in range(8)}
        assert refused == {503}
        seen = {fort.ask("GET", f"Patient/{id}", token).status_code for id in kept}
        assert seen <= {200, 503}, "a read that can not be noted is not answered"
        free()
        until(lambda: fort.ask("POST", "Patient", token, patient("after")).status_code == 201)
        assert [id for id in kept if fort.ask("GET", f"Patient/{id}", token).status_code != 200] == []


# -- a database that may only be read


@pytest.mark.slow
@pytest.mark.postgres
def test_a_database_that_may_only_be_read_is_read_and_writes_are_refused_in_words(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    """As a standby is, or a PostgreSQL whose disk is nearly full."""
    url = new_database("postgres")
    with standing(tmp_path, url) as fort:
        token = fort.token()
        fort.put({"resourceType": "Patient", "id": "one"})
        until(lambda: fort.log.read_text().count("Started worker") == 2)  # a process that begins meanwhile can not
        name = make_url(url).database
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as conn:
            for on, good in (("on", 503), ("off", 201)):
                conn.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {on}")  # type: ignore[arg-type]
                conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                             "AND datname = current_database()")
                conn.execute("SET default_transaction_read_only = off")
                until(lambda: fort.ask("GET", "Patient/one", token).status_code == 200)
                seen: set[int] = set()
                until(lambda: _statuses(fort, token, seen) == {good})  # noqa: B023 (called at once)
                assert seen <= {good, 503}, "until then a process met a connection that was ended: try again"
        fort.world.engine.dispose()  # our own connections were ended too
        demand_whole(fort, ["one"], token)


def _statuses(fort: Fort, token: str, seen: set[int]) -> set[int]:
    found = {fort.ask("POST", "Patient", token, patient(n)).status_code for n in range(6)}
    seen |= found
    return found


# -- two servers on one SQLite file


@pytest.mark.slow
def test_two_servers_on_one_file_lose_nothing(tmp_path: Path, new_database: Callable[[str], str]) -> None:
    """It is told to nobody to do so; somebody will, in the middle of an upgrade."""
    url = new_database("sqlite")
    with standing(tmp_path, url) as one, standing(tmp_path, url) as other:
        token = one.token()
        with loaded([one, other], token) as told:
            time.sleep(6)
        assert set(told.statuses) <= {200, 201, 503}, sorted(set(told.statuses))
        assert len(told.kept) > 20
        assert len(set(told.kept)) == len(told.kept)
        demand_whole(other, told.kept, token)


# -- a clock that is wrong


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_clock_an_hour_forward_and_back_breaks_neither_versions_nor_the_trail(
    kind: str, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    """Tokens end by the clock; versions, pages and seals go by their own numbers."""
    by = tmp_path / "by"
    by.write_text("0")
    beside = {shifted.FILE: str(by), "PYTHONPATH": str(ROOT)}
    with standing(tmp_path, new_database(kind), application="tests.attacks.shifted:create", beside=beside) as fort:
        long, short = fort.token(life=36_000), fort.token(life=1_800)
        for n, (hours, good) in enumerate([(0, 200), (1, 401), (-1, 200), (0, 200)], 1):
            by.write_text(str(hours * 3600))
            body = {"resourceType": "Patient", "id": "clock", "name": [{"family": f"At{n}"}]}
            assert fort.ask("PUT", "Patient/clock", long, body).status_code == (201 if n == 1 else 200)
            assert fort.ask("GET", "Patient/clock", long).headers["ETag"] == f'W/"{n}"'
            assert fort.ask("GET", "Patient/clock", short).status_code == good
            assert fort.get("/readyz").status_code in (200, 503)
        told = fort.ask("GET", "Patient/clock/_history", long).json()
        assert [each["resource"]["meta"]["versionId"] for each in told["entry"]] == ["4", "3", "2", "1"]
        seen, page = [], fort.ask("GET", "Patient/_history?_count=1", long).json()
        while True:
            seen += [each["resource"]["meta"]["versionId"] for each in page["entry"]]
            after = [each["url"] for each in page["link"] if each["relation"] == "next"]
            if not after:
                break
            page = fort.ask("GET", after[0].partition("/fhir/")[2], long).json()
        assert sorted(seen) == ["1", "2", "3", "4"], "each once, whatever the times say"
        demand_whole(fort, ["clock"], long)


# -- PostgreSQL started again


def data_of(url: str) -> str:
    with psycopg.connect(url.replace("+psycopg", "")) as conn:
        (data,) = conn.execute("SHOW data_directory").fetchone() or ("",)
    return str(data)


def control(data: str, *words: str) -> None:
    where = postgres.programs()
    assert where
    log = f"{Path(data).parent}/log"
    postgres._run([str(where / "pg_ctl"), "-D", data, "-w", "-l", log, *words], Path(data).parent)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_postgresql_started_again_under_load_costs_no_answered_write(tmp_path: Path) -> None:
    """Orderly, and as after a loss of power."""
    with postgres.cluster(durable=True) as url:
        world = app.world(settings.load({"CARECOORD_VAR": str(tmp_path), "CARECOORD_DATABASE_URL": url}))
        migrate(world.engine)
        world.engine.dispose()
        with standing(tmp_path, url) as fort:
            token = fort.token()
            fort.world.engine.dispose()
            with loaded([fort], token) as told:
                for mode in ("fast", "immediate"):
                    more(told)
                    control(data_of(url), "-m", mode, "restart")
                more(told)
            assert set(told.statuses) <= {200, 201, 401, 503}, sorted(set(told.statuses))
            assert 401 not in told.statuses
            fort.world.engine.dispose()
            demand_whole(fort, told.kept, token)


@pytest.mark.postgres
def test_a_process_that_begins_while_postgresql_is_started_again_waits_for_it(tmp_path: Path) -> None:
    """It ended, and its server with it, which others were still asking."""
    with postgres.cluster() as url:
        world = app.world(settings.load({"CARECOORD_VAR": str(tmp_path), "CARECOORD_DATABASE_URL": url}))
        migrate(world.engine)
        world.engine.dispose()
        data = data_of(url)
        control(data, "-m", "fast", "stop")
        with ThreadPoolExecutor(1) as pool:
            ready = pool.submit(readiness.await_ready, world)
            time.sleep(1.5)
            assert not ready.done()
            control(data, "restart")  # as it was started
            assert ready.result(60) is None
        world.engine.dispose()


# -- processes killed again and again


def servers(found: Served) -> list[int]:
    """The processes that answer, but for the one that sees to them and the worker."""
    return [pid for pid in children(found.pid) if pid != worker_of(found.pid)]


def answers(found: Served) -> bool:
    with suppress(OSError):
        return found.ask("GET", "/healthz")[0] == 200
    return False


@pytest.mark.slow
def test_processes_that_are_killed_are_started_again_each_time(tmp_path: Path) -> None:
    with serving(tmp_path) as found:
        for _ in range(3):
            for pid in servers(found):
                os.kill(pid, signal.SIGKILL)
            time.sleep(7)  # one that ends as soon as it began is another matter: the next test
            until(lambda: answers(found) and len(servers(found)) == 2)
        until(lambda: found.ask("GET", "/readyz")[0] == 200)


@pytest.mark.slow
def test_a_server_whose_processes_can_not_stay_ends_as_failed_and_the_system_starts_it_again(tmp_path: Path) -> None:
    """granian gives up after the second time in five seconds; a server that stayed there would answer nobody."""
    with serving(tmp_path) as found:
        end, ended = time.monotonic() + 60, None
        while ended is None and time.monotonic() < end:
            for pid in servers(found):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
            ended = os.waitid(os.P_PID, found.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        assert ended, "it goes on without answering"
        assert (ended.si_code, ended.si_status) == (os.CLD_EXITED, 1)
    units = [(ROOT / f"deploy/systemd/carecoord-{name}.service").read_text() for name in ("web", "work")]
    assert [re.findall(r"^Restart=(\S+)", unit, re.M) for unit in units] == [["always"], ["always"]]
    assert "restart: unless-stopped" in (ROOT / "compose.yaml").read_text()


# -- long load


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", KINDS)
def test_memory_does_not_grow_with_the_time_under_load(
    kind: str, tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    """From a fifth of the time on. CARECOORD_TEST_LOAD_MINUTES=10 is what we promise."""
    with standing(tmp_path, new_database(kind)) as fort, ExitStack() as stack:
        token = fort.token(life=36_000)
        told = stack.enter_context(loaded([fort], token))
        held = []
        for _ in range(5):
            time.sleep(MINUTES * 60 / 5)
            held.append(sum(measured.resident(pid, "RssAnon") for pid in measured.family(fort.process.pid)))
        sys.stdout.write(f"{kind}: {len(told.statuses)} answers; MB by fifths {[round(each) for each in held]}\n")
        assert set(told.statuses) == {200, 201}
        assert held[-1] < held[0] * 1.25 + 20, held
