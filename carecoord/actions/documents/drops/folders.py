"""A watched folder: one inside it for each organization, by its id, into which a fax server, a scanner or a person
puts files. Each is filed once and then moved to `filed`; one that can not be kept is moved to `refused`, beside it a
text that says why. A file is moved only once what became of it is committed: whatever dies between, nothing is lost
and nothing filed twice."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import structlog

from carecoord.actions.documents.drops import receipt
from carecoord.actions.documents.drops.receipt import Refused
from carecoord.errors import Unavailable
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

FILED: Final = "filed"
REFUSED: Final = "refused"
_SETTLED: Final = 5  # seconds since a file was last written to: what is younger may still be being written
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".crdownload", ".filepart")
_MOST: Final = 200  # files of an organization at once
_log = structlog.get_logger()


def organizations(folder: Path) -> list[str]:
    """Whose folders there are. Raises Unavailable where the folder itself can not be read."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as trouble:
        raise Unavailable(f"{folder} can not be read: {trouble.strerror}.") from trouble


def take_in(world: World, organization: str) -> None:
    """File what lies in an organization's folder. Raises Unavailable where it can not be read or written, or a file of
    it stays where it is."""
    receipt.demand_organization(world, organization)
    folder = Path(world.settings.intake_folder) / organization
    left = 0
    try:
        for path in sorted(_waiting(folder))[:_MOST]:
            left += not _taken(world, organization, path)
    except OSError as trouble:
        raise Unavailable(f"{folder} can not be read or written: {trouble.strerror}.") from trouble
    if left:
        raise Unavailable(f"{left} files of {folder} could not be filed yet; they stay where they are.")


def aside(folder: Path, organization: str) -> list[Path]:
    """The files of an organization that were refused, the oldest first."""
    there = folder / organization / REFUSED
    found = [each for each in there.iterdir() if each.suffix != ".why"] if there.is_dir() else []
    return sorted(found, key=lambda each: each.stat().st_mtime)


def _waiting(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
            continue
        if entry.is_file(follow_symlinks=False) and time.time() - entry.stat().st_mtime >= _SETTLED:
            yield Path(entry.path)


def _taken(world: World, organization: str, path: Path) -> bool:
    """Whether a file is filed, or kept aside. One that nobody foresaw stays, and the next is looked at."""
    is_letter = path.suffix.lower() == ".eml"
    try:
        data = _read(path, world.settings.max_document * (receipt.LETTER if is_letter else 1))
        file: Callable[[World, str, bytes], Refused | None] = receipt.file_letter if is_letter else receipt.file_paper
        refused = file(world, organization, data) if data is not None else Refused([say(sentence("intake.too-large"))])
    except FileNotFoundError:  # somebody took it away
        return True
    except Unavailable:  # we can not write now: all of it waits
        raise
    except Exception as trouble:
        _log.error("document_not_filed", organization=organization, error=type(trouble).__name__)
        return False
    _move(path, FILED if refused is None else REFUSED, "" if refused is None else "\n".join(refused.reasons))
    return True


def _read(path: Path, most: int) -> bytes | None:
    """The bytes of a file of at most so many; None of a larger one. Never through a link that was put there."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        told = os.fstat(file.fileno())
        if not stat.S_ISREG(told.st_mode):
            raise OSError("not a file")
        return file.read(most + 1) if told.st_size <= most else None


def _move(path: Path, to: str, why: str) -> None:
    """Move a file into a folder beside it, over none that is there by the same name. The reason comes first: no file
    lies there without."""
    folder = path.parent / to
    folder.mkdir(exist_ok=True)
    place = folder / path.name
    if place.exists():
        place = folder / f"{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}-{path.name}"
    if why:
        place.with_name(f"{place.name}.why").write_text(f"{why}\n")
    path.replace(place)
