"""Signs of life of a worker's loop. A file of each worker's own in CARECOORD_VAR is touched whenever its loop turned:
a process that is there and does nothing (stopped, or waiting for what never comes) is so told from one that works. Who
started it ends it then and starts it again; and it does not say in the database that it is alive.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = "alive"
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


def _file(var: str, pid: int) -> Path:
    return Path(var) / FOLDER / str(pid)
