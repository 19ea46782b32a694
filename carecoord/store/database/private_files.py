"""Files and folders that their owner alone may read, whatever the umask: CARECOORD_VAR holds patients and our keys."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from carecoord.errors import Unavailable

SQLITE: Final = ("", "-wal", "-shm", "-journal")  # what SQLite puts beside its file, with the file's own rights
FOLDERS: Final = frozenset({"audit", "backups", "demo-ehr", "keys", "locks", "metrics"})
FILES: Final = frozenset(
    {"carecoord.db" + end for end in SQLITE} | {"carecoord.toml", "demo.json", "server.log", "worker.log"}
)
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path) -> Path:
    """A folder for its owner alone, made if it is not there. Raises Unavailable saying why it can not be made."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
        if missing:
            folder.chmod(0o700)
    except OSError as e:
        raise Unavailable(
            f"The folder {folder} can not be made ({e.strerror}): choose another with CARECOORD_VAR, or mend that."
        ) from e
    return folder


def make_file(path: Path) -> None:
    """An empty file for its owner alone, if there is none. Where it can not be made, whoever opens it says so.

    One that is there is not opened: to close it again would take from this process every lock that SQLite holds on it
    (fcntl: "closing any file descriptor releases all of the process's locks"), and the next that ends elsewhere would
    take itself for the last one and delete the write-ahead log under our hands (sqlite.org/howtocorrupt.html, 2.2)."""
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def new_file(path: Path) -> BinaryIO:
    """A new file for its owner alone, to be written. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")


def tighten(var: Path) -> None:
    """Take from others what an earlier version, or a copy, let them read in CARECOORD_VAR. What is not ours is left
    as it is: the folder itself too, when it holds more than our files."""
    for path in wide(var):
        if path != var or {each.name for each in var.iterdir()} <= FOLDERS | FILES:
            with suppress(OSError):
                path.chmod(path.stat().st_mode & 0o700)


def wide(var: Path) -> Iterator[Path]:
    """CARECOORD_VAR and what is ours in it, as far as others may read, write or enter it."""
    ours = [var / name for name in sorted(FILES | FOLDERS)]
    inside = (path for name in sorted(FOLDERS) for path in sorted((var / name).rglob("*")))
    for path in (var, *ours, *inside):
        with suppress(OSError):
            if not path.is_symlink() and path.stat().st_mode & OTHERS:
                yield path
