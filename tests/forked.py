"""Programs of ours as processes of their own that begin within a moment: forked from a process that has imported the
application once, which otherwise takes each of them longer than what it is started for.

Such a process has a pid, signals, environment, working folder and output as one from a command line has. That the
installed command starts is for the tests that start it so.
"""

import io
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from carecoord import cli

ROOT = Path(__file__).resolve().parents[1]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.worker.machine", "carecoord.web.server"])

Main = Callable[[list[str]], int]


class Forked:
    """A program that runs; what a test asks of `subprocess.Popen`."""

    def __init__(
        self, main: Main, words: Sequence[str], output: Path, environ: Mapping[str, str], errors: Path | None = None
    ) -> None:
        """Start it; what it says is appended to a file, or to two."""
        files = (str(output), str(errors or output))
        self._process = _context.Process(target=_run, args=(main, list(words), files, dict(environ)))
        self._process.start()
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def carry_out(words: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a verb of `carecoord` to its end."""
    with TemporaryDirectory() as folder:
        said, complained = Path(folder, "said"), Path(folder, "complained")
        code = Forked(cli.main, words, said, environ, complained).wait(300)
        return subprocess.CompletedProcess(words, code, said.read_text(), complained.read_text())


def beside(target: Callable[..., None], *given: object) -> multiprocessing.Process:
    """A function that runs in a process of its own, started; ended with this one at the latest."""
    process = _context.Process(target=target, args=given, daemon=True)
    process.start()
    return process  # type: ignore[return-value]


def _run(main: Main, words: list[str], files: tuple[str, str], environ: dict[str, str]) -> None:
    """In the child: make it as a shell makes one, then run."""
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(ROOT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["carecoord", *words]
    for number, file in enumerate(files, 1):
        to = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(to, number)
        os.close(to)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(n, "w"), "utf-8", write_through=True) for n in (1, 2))
    sys.exit(main(words))
