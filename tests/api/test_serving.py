"""`carecoord serve` as it runs in practice: several processes on real sockets, and clients that mean no good."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from carecoord.store.audit import seals
from carecoord.store.database.engine import open_engine, reading
from carecoord.worker import life
from tests.forked import carry_out
from tests.ports import free_port

THREADS, WORKERS = 3, 2


@dataclass
class Served:
    """A running `carecoord serve`."""

    port: int
    log: Path
    pid: int = 0

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            line.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()

    def line(self, text: str) -> socket.socket:
        """A connection on which this much has been sent."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        made.sendall(text.replace("\n", "\r\n").encode())
        return made


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serving")
    (folder / "metrics").mkdir()
    (folder / "metrics" / "counter_1.db").write_bytes(b"of a process that is long gone")
    with serving(folder) as found:
        yield found


COMMAND = (sys.executable, "-m", "carecoord.cli")


@contextmanager
def serving(folder: Path, *options: str, ready: str = "/readyz") -> Iterator[Served]:
    """A running `carecoord serve` with this CARECOORD_VAR, once the path `ready` answers 200."""
    found = Served(free_port(), folder / "log")
    environ = _environ(folder) | {
        f"CARECOORD_{name}": str(value)
        for name, value in {"PORT": found.port, "WORKERS": WORKERS, "THREADS": THREADS}.items()
    }
    assert carry_out(("init",), environ).returncode == 0
    with found.log.open("wb") as log:
        process = subprocess.Popen([*COMMAND, "serve", *options], env=environ, stdout=log, stderr=log)
    found.pid = process.pid
    try:
        _wait(found, process, ready)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _environ(folder: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("CARECOORD_")}
    return own | {"CARECOORD_VAR": str(folder)}


def _wait(found: Served, process: subprocess.Popen[bytes], ready: str = "/readyz") -> None:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            if found.ask("GET", ready)[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError(found.log.read_text()[-5000:])


def children(pid: int) -> list[int]:
    """The processes that this one started and that still live, by what they were started as."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if fields[1] == str(pid) and fields[0] != "Z":
                found.append(int(status.parent.name))
    return found


def worker_of(pid: int) -> int | None:
    """The process that does later work for this one."""
    for child in children(pid):
        with suppress(OSError):
            if b"\0work\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    return None


def test_a_worker_that_was_killed_is_started_again_and_the_log_says_so(served: Served) -> None:
    """F2: it stayed a zombie, and everything said good."""
    before = worker_of(served.pid)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    for _ in range(300):
        if worker_of(served.pid) not in (None, before):
            break
        time.sleep(0.1)
    else:
        raise AssertionError(served.log.read_text())
    ended = [line for line in map(json.loads, served.log.read_text().splitlines()) if line["event"] == "child_ended"]
    assert [(line["kind"], line["status"], line["level"]) for line in ended] == [("work", -9, "error")]


def test_its_worker_gives_way_to_those_who_serve(served: Served) -> None:
    own = os.getpriority(os.PRIO_PROCESS, served.pid)
    for _ in range(300):  # it may have been started again just now
        worker = worker_of(served.pid)
        if worker and os.getpriority(os.PRIO_PROCESS, worker) == own + 10:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(served.log.read_text())
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in children(served.pid) if pid != worker} == {own}


def test_without_a_worker_it_starts_none_and_is_not_ready_until_one_is_heard_of_from_elsewhere(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-worker", ready="/healthz") as found:
        assert worker_of(found.pid) is None
        assert len(children(found.pid)) == WORKERS
        assert found.ask("GET", "/readyz") == (503, "later work: no worker was heard of yet\n")
        with (tmp_path / "worker").open("wb") as log:
            worker = subprocess.Popen([*COMMAND, "work"], env=_environ(tmp_path), stdout=log, stderr=log)
        try:
            _wait(found, worker)
            assert worker_of(found.pid) is None
        finally:
            worker.terminate()
            worker.wait(30)


def test_a_worker_that_never_could_start_turns_readyz_and_check_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 12, must-show 2. check said good: a house that nobody has opened yet has no worker either."""
    (tmp_path / "sitecustomize.py").write_text("import os, sys\nif 'work' in sys.orig_argv:\n    os._exit(3)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    var = tmp_path / "var"
    var.mkdir()
    with serving(var, ready="/healthz") as found:
        assert found.ask("GET", "/readyz") == (503, "later work: no worker was heard of yet\n")
        (sign,) = (var / life.FOLDER).iterdir()
        os.utime(sign, (time.time() - 31, time.time() - 31))  # it has served for half a minute
        done = carry_out(("check", "--json"), _environ(var))
        worker = next(row for row in json.loads(done.stdout) if row["what"] == "worker")
        assert (done.returncode, worker["standing"], worker["told"]) == (
            1, "bad", "carecoord serve runs, but no worker was ever heard of: its log says why (child_ended)",
        )  # fmt: skip
        ended = [each for each in map(json.loads, found.log.read_text().splitlines()) if each["event"] == "child_ended"]
    assert ended
    assert {each["status"] for each in ended} == {3}


def test_nothing_of_a_server_that_was_killed_goes_on(tmp_path: Path) -> None:
    """Its processes answered on for ever, on a port that a new server could not have; one worked beside a new one's."""
    with serving(tmp_path) as found:
        started = children(found.pid)
        assert len(started) == WORKERS + 1
        os.kill(found.pid, signal.SIGKILL)
        for _ in range(300):
            if not any(Path(f"/proc/{pid}").exists() for pid in started):
                break
            time.sleep(0.1)
        assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []


def test_what_it_writes_is_for_its_owner_alone(served: Served) -> None:
    """F6: also what the processes that serve make: counts, journals, what SQLite puts beside its file."""
    folder = served.log.parent
    made = [path for path in folder.rglob("*") if path != served.log]
    assert {path.name for path in made} >= {"carecoord.db", "carecoord.db-wal", "carecoord.db-shm"}
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_file()} == {"0o600"}


def test_whichever_process_is_asked_tells_the_counts_of_all(served: Served) -> None:
    for _ in range(40):
        assert served.ask("GET", "/fhir/metadata")[0] == 200
    pattern = r'carecoord_requests_total\{method="GET",route="/fhir/metadata",status="200"\} ([\d.]+)'
    told = [served.ask("GET", "/metrics")[1] for _ in range(6)]
    assert [re.findall(pattern, text) for text in told] == [["40.0"]] * 6
    counted = list((served.log.parent / "metrics").glob("counter_*.db"))
    assert len(counted) == WORKERS, "one file for each process, and none of an earlier run"
    held = [path.stat() for path in (served.log.parent / "metrics").glob("*.db")]
    assert all(each.st_blocks * 512 >= each.st_size for each in held), "a hole in one ends its process on a full disk"


def test_clients_that_never_finish_their_headers_hold_nobody_up(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(10 * THREADS * WORKERS):
            stack.enter_context(served.line("GET /healthz HTTP/1.1\nHost: x\n"))
        assert [served.ask("GET", "/healthz")[0] for _ in range(10)] == [200] * 10


def test_clients_that_never_finish_their_bodies_hold_nobody_up(served: Served) -> None:
    """They may have all threads but one; further bodies are refused at once, in words, until there is room."""
    kind = "Content-Type: application/x-www-form-urlencoded"
    said = f"POST /oauth/token HTTP/1.1\nHost: x\n{kind}\nContent-Length: 99\n\na"
    with ExitStack() as stack:
        slow = [stack.enter_context(served.line(said)) for _ in range(2 * THREADS * WORKERS)]
        refused = 0
        for one in slow:
            one.settimeout(2)
            with suppress(TimeoutError):
                refused += one.recv(65536).startswith(b"HTTP/1.1 503")
        assert refused >= 2
        assert [served.ask("GET", "/healthz")[0] for _ in range(20)] == [200] * 20
    for _ in range(100):
        if served.ask("POST", "/oauth/token", b"grant_type=x")[0] != 503:
            break
        time.sleep(0.1)
    assert served.ask("POST", "/oauth/token", b"grant_type=x")[0] in (400, 401)


def test_many_who_post_at_once_are_all_served(served: Served) -> None:
    """Judgement 31: 16 connections with bodies of 54 KB that are already there; 17 of 100 got a 503."""
    body = b"grant_type=x&padding=" + b"x" * 54_000
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: served.ask("POST", "/oauth/token", body)[0], range(160)))
    assert 503 not in answers
    assert set(answers) <= {400, 401}


def test_an_address_or_header_that_is_far_too_long_is_refused(served: Served) -> None:
    for text in (f"GET /fhir/Patient?name={'x' * 200_000} HTTP/1.1\nHost: x\n\n",
                 f"GET /healthz HTTP/1.1\nHost: x\nX-Long: {'x' * 200_000}\n\n"):  # fmt: skip
        with served.line(text) as line:
            try:
                status = line.recv(65536)[9:12]
            except ConnectionResetError:
                status = b""
        assert status in (b"", b"400", b"414", b"431"), status
    assert served.ask("GET", "/healthz")[0] == 200


def test_when_it_ends_the_last_reads_are_sealed_and_the_head_is_noted(tmp_path: Path) -> None:
    """F14, decision 17: at each end. Processes of a server end without atexit."""
    file = tmp_path / "patients.ndjson"
    with serving(tmp_path):
        for id in ("a", "b"):
            file.write_text(json.dumps({"resourceType": "Patient", "id": id}))
            assert carry_out(("load", str(file)), _environ(tmp_path)).returncode == 0
            if id == "a":
                time.sleep(3)  # until its head has been noted: the next one is then not due for ten minutes
        assert {head.seal for head in seals.noted(tmp_path / "audit")} == {1}, "by one process, or by both at once"
    engine = open_engine(f"sqlite:///{tmp_path}/carecoord.db")
    with reading(engine) as conn:
        head = seals.head(conn)
    engine.dispose()
    assert head.seal == 2
    assert seals.noted(tmp_path / "audit")[-1].hash == head.hash.hex()
    assert list((tmp_path / "audit").glob("audit-*.jsonl")) == []


def test_all_that_the_processes_say_is_json(served: Served) -> None:
    """F16: what the worker said stood in a file of its own, which nobody looked at and nothing cut."""
    assert Path(f"/proc/{worker_of(served.pid)}/fd/2").readlink() == served.log
    assert [path for path in served.log.parent.rglob("*.log") if "worker" in path.name] == []
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert {"server", "asked"} <= {line["event"] for line in lines}
    assert any("Listening at" in line.get("said", "") for line in lines)
