"""What a process of ours hands to those that it starts."""

import os
import threading
from pathlib import Path

import pytest

from carecoord.cli import children
from carecoord.cli.children import environment
from carecoord.cli.serve import address
from carecoord.errors import Conflict
from carecoord.settings import load


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
