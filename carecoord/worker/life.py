"""Signs of life of a worker's loop. A file of each worker's own in CARECOORD_VAR is touched whenever its loop turned:
a process that is there and does nothing (stopped, or waiting for what never comes) is so told from one that works. Who
started it ends it then and starts it again; and it does not say in the database that it is alive.

A server has such a file too, from its start: a server beside which no worker ever began is told so from a house that
nobody has opened yet.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = "alive"
STARTING: Final = 30.0  # seconds that a server's worker has until it is heard of
_SERVER: Final = "server-"
STUCK = 120.0  # seconds without a turn after which it is ended: longer than a database that is locked is waited for
SLOW: Final = 60.0  # … after which it no longer passes for alive


def turned(var: str) -> None:
    """The loop of this process has turned once more. A disk that is full is no reason to end."""
    with suppress(OSError):
        file = _file(var, os.getpid())
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)


def silent(var: str, pid: int) -> float | None:
    """Seconds since the last turn of this process; None: it never told of one."""
    try:
        return max(0.0, time.time() - _file(var, pid).stat().st_mtime)
    except OSError:
        return None


def forget(var: str, pid: int) -> None:
    """The process has ended."""
    with suppress(OSError):
        _file(var, pid).unlink()


def newest(var: str) -> float | None:
    """Seconds since the last turn of any worker here that is still there; None: there is none."""
    there = [int(file.name) for file in Path(var, FOLDER).glob("[0-9]*") if Path(f"/proc/{file.name}").exists()]
    return min((age for age in (silent(var, pid) for pid in there) if age is not None), default=None)


def serves(var: str) -> None:
    """This process serves from now on; those that are no more do not."""
    with suppress(OSError):
        for file in _servers(var):
            if not _is_there(file):
                file.unlink()
        file = Path(var) / FOLDER / f"{_SERVER}{os.getpid()}"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)


def served(var: str) -> float | None:
    """For how many seconds a server that is still there has served here; None: there is none."""
    with suppress(OSError):
        return max((time.time() - file.stat().st_mtime for file in _servers(var) if _is_there(file)), default=None)
    return None


def _servers(var: str) -> list[Path]:
    return [*Path(var, FOLDER).glob(f"{_SERVER}[0-9]*")]


def _is_there(file: Path) -> bool:
    return Path("/proc", file.name.removeprefix(_SERVER)).exists()


def _file(var: str, pid: int) -> Path:
    return Path(var) / FOLDER / str(pid)
