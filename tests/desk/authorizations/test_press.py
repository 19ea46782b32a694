"""Letters printed by a process of its own that gives way to everything."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pypdf import PdfReader

from carecoord.actions.prior_auth.letters import press
from carecoord.errors import Unavailable

pytest.importorskip("weasyprint", reason="WeasyPrint is not installed")
SHEET = "<!doctype html><html lang='en'><head><title>x</title></head><body><p>Letter {}</p></body></html>"
SOON = 20.0  # seconds


def printed(n: int) -> str:
    return PdfReader(io.BytesIO(press.pdf(SHEET.format(n)))).pages[0].extract_text()


def presses(parent: int) -> list[int]:
    """The children of a process that print."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(each) for each in children if b"letters.press" in Path(f"/proc/{each}/cmdline").read_bytes()]


def test_a_letter_is_printed_by_an_idle_child_that_knows_no_secret_and_ends_with_the_worker() -> None:
    with press.apart():
        assert "Letter 1" in printed(1)
        (child,) = presses(os.getpid())
        assert os.sched_getscheduler(child) == os.SCHED_IDLE
        assert b"CARECOORD_" not in Path(f"/proc/{child}/environ").read_bytes()
        assert "Letter 2" in printed(2)
        assert presses(os.getpid()) == [child]
    assert presses(os.getpid()) == []
    assert "Letter 3" in printed(3), "without a child, here"


def test_a_child_that_was_killed_is_started_again_and_a_sheet_that_brings_it_down_is_told_of() -> None:
    with press.apart():
        assert "Letter 1" in printed(1)
        (child,) = presses(os.getpid())
        os.kill(child, signal.SIGKILL)
        assert "Letter 2" in printed(2)
        with pytest.raises(Unavailable, match="could not be printed"):
            press.pdf("")
        assert "Letter 3" in printed(3)


def test_letters_asked_for_at_once_are_each_its_own() -> None:
    said: dict[int, str] = {}
    with press.apart():
        hands = [threading.Thread(target=lambda n=n: said.setdefault(n, printed(n))) for n in range(4)]  # type: ignore[misc]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
    assert [said[n].split()[1] for n in range(4)] == ["0", "1", "2", "3"]


def test_nothing_of_a_worker_that_was_killed_goes_on_printing() -> None:
    lines = (
        "from carecoord.actions.prior_auth.letters import press",
        "with press.apart():",
        f"    press.pdf({SHEET!r})",
        "    print('printed', flush=True)",
        "    input()",
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout
        assert worker.stdout.readline() == "printed\n"
        (child,) = presses(worker.pid)
        worker.kill()
    end = time.monotonic() + SOON
    while Path(f"/proc/{child}/cmdline").exists() and time.monotonic() < end:
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()
