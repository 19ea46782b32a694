"""The audit looked after: sealed, and its chain of seals walked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from carecoord.fhir.instants import micros
from carecoord.store import chain, seals
from carecoord.store.chain import Mark, Verdict
from carecoord.store.engine import reading
from carecoord.store.seals import Head
from carecoord.world import World

MARK = "verified.json"  # how far the chain was found whole, beside the journal


@dataclass(frozen=True)
class Left:
    """Files of the journal that wait to be moved into the table: how many, and how old the oldest is, in seconds."""

    count: int
    oldest: int


def walk(world: World, whole: bool, tell: Callable[[int, int], None] = lambda done, of: None) -> Verdict:
    """Walk the chain: all of it (`whole`), or from where it was found whole the last time. Remembers how far it is
    whole now. Raises ValueError for a file of heads that was tampered with."""
    folder = world.journal.folder
    since = None if whole else _mark(folder)
    found = chain.verify(world.engine, seals.noted(folder), since, tell)
    if not found.faults and folder.is_dir():
        (folder / MARK).write_bytes(msgspec.json.encode(found.mark))
    return found


def head(world: World) -> Head:
    """The end of the chain: to be kept where no one who holds this machine can change it. Noted in the file too."""
    seals.note(world.engine, world.journal.folder, micros(world.clock()), now=True)
    with reading(world.engine) as conn:
        return seals.head(conn)


def left(world: World) -> Left:
    """The files of the journal."""
    now = world.clock().timestamp()
    ages = [now - path.stat().st_mtime for path in world.journal.folder.glob("audit-*.jsonl")]
    return Left(len(ages), max(map(int, ages), default=0))


def _mark(folder: Path) -> Mark | None:
    """Where the last walk ended; one that can not be read costs only a longer walk."""
    try:
        return msgspec.json.decode((folder / MARK).read_bytes(), type=Mark)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
