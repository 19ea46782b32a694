"""What a process of ours hands to those that it starts."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from carecoord.cli import children, demo
from carecoord.cli.children import environment
from carecoord.cli.serve import address
from carecoord.errors import Conflict
from carecoord.settings import load
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading
from carecoord.worker import life
from carecoord.worker.leases import Leases
from carecoord.world import World

from .conftest import Run


def test_a_secret_from_a_file_is_handed_on_as_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F9: /proc/PID/environ shows what a process was given."""
    file = tmp_path / "url"
    file.write_text("postgresql://cc:hush@h/cc\n")
    file.chmod(0o600)
    monkeypatch.setenv("CARECOORD_DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("CARECOORD_PORT", "8123")
    settings = load({"CARECOORD_DATABASE_URL_FILE": str(file), "CARECOORD_PORT": "8123"})
    given = environment(settings)
    assert "hush" not in str(given)
    assert given["CARECOORD_DATABASE_URL_FILE"] == str(file)
    assert given["CARECOORD_PORT"] == "8123"
    assert load(given) == settings


def test_a_child_gets_its_own_settings_and_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARECOORD_PORT", "8123")
    monkeypatch.setenv("CARECOORD_SERVICE_HOST", "10.96.0.7")
    given = environment(load({"CARECOORD_THREADS": "7"}))
    assert {name: value for name, value in given.items() if name.startswith("CARECOORD_")} == {"CARECOORD_THREADS": "7"}


@pytest.mark.parametrize(
    ("host", "found"), [("localhost", "127.0.0.1"), ("::1", "::1"), ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0")]
)
def test_a_name_to_listen_on_is_looked_up(host: str, found: str) -> None:
    """I01: the server itself takes addresses only."""
    assert address(host) == found


def test_a_name_that_nobody_knows_is_refused_by_its_setting() -> None:
    with pytest.raises(Conflict, match=r"CARECOORD_HOST=no\.such\.invalid is a name that this machine does not know"):
        address("no.such.invalid")


def test_a_demo_in_the_background_of_a_shell_is_ended_by_either_signal() -> None:
    """A shell without job control has what it starts in the background ignore SIGINT; only kill -9 ended it then."""
    for number in (signal.SIGINT, signal.SIGTERM):
        before = signal.signal(number, signal.SIG_IGN)
        try:
            with pytest.raises(KeyboardInterrupt), demo.interruptible():
                signal.raise_signal(number)
            assert signal.getsignal(number) is signal.SIG_IGN
        finally:
            signal.signal(number, before)


def test_nothing_is_forked_while_a_program_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server process forked then kept the pipe that the start waits for: a worker killed later stayed dead."""
    starting, go_on, forked = threading.Event(), threading.Event(), threading.Event()

    def slow(*args: object, **named: object) -> None:
        starting.set()
        go_on.wait(20)

    def fork() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        forked.set()

    monkeypatch.setattr(children.subprocess, "Popen", slow)
    starter = threading.Thread(target=children.Child, args=("work", "work", load({})))
    starter.start()
    assert starting.wait(20)
    forker = threading.Thread(target=fork)
    forker.start()
    assert not forked.wait(0.3)
    go_on.set()
    assert forked.wait(20)
    starter.join()
    forker.join()


def told(var: Path) -> list[int]:
    """The workers that gave a sign of life and are still there."""
    return [int(file.name) for file in (var / life.FOLDER).glob("[0-9]*") if Path(f"/proc/{file.name}").exists()]


def awaited(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_worker_that_is_there_and_does_nothing_is_told_ended_and_started_again(
    ready: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A process that is stopped has not ended: whoever started it looks whether its loop turns."""
    var = tmp_path / "var"
    assert ready("work", "--alive")[0] == 1
    with children.kept_running("work", load({"CARECOORD_VAR": str(var)})):
        awaited(lambda: bool(told(var)))
        (stuck,) = told(var)
        assert ready("work", "--alive") == (0, f"A worker of {var} is at work.\n", "")
        os.kill(stuck, signal.SIGSTOP)
        monkeypatch.setattr(life, "SLOW", 2.0)
        awaited(lambda: ready("work", "--alive")[0] == 1)
        assert "its loop has not turned for" in ready("work", "--alive")[2]
        monkeypatch.setattr(life, "STUCK", 3.0)
        monkeypatch.setattr(children, "GRACE", 1.0)
        awaited(lambda: not Path(f"/proc/{stuck}").exists())
        monkeypatch.setattr(life, "STUCK", 120.0)
        awaited(lambda: bool(told(var)))
        assert ready("work", "--alive")[0] == 0
    assert told(var) == []


def test_of_a_loop_that_turns_no_more_nobody_says_that_it_is_alive(world: World, tmp_path: Path) -> None:
    """The thread that renews leases lives on beside it: /readyz and check would be green."""
    once = threading.Event()
    once.set()

    def beat() -> int | None:
        Leases(world).pulse(once)
        with reading(world.engine) as conn:
            return outbox.last_beat(conn)

    life.turned(str(tmp_path))
    (file,) = (tmp_path / life.FOLDER).iterdir()
    os.utime(file, (time.time() - 61, time.time() - 61))
    assert beat() is None
    life.turned(str(tmp_path))
    assert beat() is not None
