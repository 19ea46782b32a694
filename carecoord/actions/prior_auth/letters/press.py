"""Letters printed beside a server: by a process of its own that works while nobody else wants the processor.

Printing a letter takes as long as five requests, and a payer's rules approve dozens a second: a letter can wait, who
waits for a page can not, nor can the rows of the worklist, which the same worker judges anew.

    python -m carecoord.actions.prior_auth.letters.press < sheets > PDFs

Each sheet, and each PDF, has its length before it: eight bytes, the highest first. The child ends with what it reads
from, and after a minute without a letter.
"""

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Final

from carecoord.actions.documents.pdf_reader import ENVIRONMENT
from carecoord.actions.prior_auth.letters import sheet
from carecoord.errors import Unavailable

PATIENCE: Final = 600.0  # seconds: on a machine that is busy all the time it has a hundredth of it
IDLE: Final = 60.0  # seconds
LAST: Final = 1.0  # … that it has to end
_WIDTH: Final = 8  # bytes of a length


class Press:
    """The child, started when there is something to print, and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def pdf(self, whole: str) -> bytes:
        """The sheet printed, its pages numbered. Raises Unavailable where the child can not do it."""
        with self._lock:
            for _ in range(2):  # it may have ended, for want of letters, just now
                child = self._started()
                late = threading.Timer(PATIENCE, child.kill)
                late.start()
                try:
                    return _asked(child, whole.encode())
                except (OSError, EOFError):
                    self._end()
                finally:
                    late.cancel()
        raise Unavailable("The letter could not be printed.")

    def end(self) -> None:
        """Let the child end."""
        with self._lock:
            self._end()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._child is None or self._child.poll() is not None:
            self._end()
            given = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
            self._child = subprocess.Popen(  # noqa: S603 (our own module, no shell)
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=given,
            )  # fmt: skip
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            with suppress(OSError, ValueError, subprocess.TimeoutExpired):
                child.communicate(timeout=LAST)  # closes what it reads from, and then it ends by itself
            child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout):
                with suppress(OSError):  # what was not read any more
                    if stream:
                        stream.close()


_presses: list[Press] = []  # of this process: none, or one


@contextmanager
def apart() -> Iterator[None]:
    """Print by a child until the block is left."""
    press = Press()
    _presses.append(press)
    try:
        yield
    finally:
        _presses.remove(press)
        press.end()


def pdf(whole: str) -> bytes:
    """The sheet printed: by the child where there is one. Raises Unavailable where that can not."""
    return _presses[-1].pdf(whole) if _presses else sheet.pdf(whole)


def _asked(child: "subprocess.Popen[bytes]", data: bytes) -> bytes:
    if child.stdin is None or child.stdout is None:
        raise EOFError
    _put(child.stdin, data)
    return _taken(child.stdout)


def _put(stream: IO[bytes], data: bytes) -> None:
    stream.write(len(data).to_bytes(_WIDTH) + data)
    stream.flush()


def _taken(stream: IO[bytes]) -> bytes:
    """What has its length before it. Raises EOFError where it is not whole."""
    head = stream.read(_WIDTH)
    data = stream.read(int.from_bytes(head)) if len(head) == _WIDTH else b""
    if not data:
        raise EOFError
    return data


def _give_way() -> None:
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def main() -> None:
    """Print what comes, until nothing does."""
    _give_way()
    given = sys.stdin.buffer
    while select.select([given], [], [], IDLE)[0]:
        try:
            whole = _taken(given)
        except EOFError:
            return
        _put(sys.stdout.buffer, sheet.pdf(whole.decode()))


if __name__ == "__main__":
    main()
