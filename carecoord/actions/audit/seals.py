"""The audit looked after: sealed, and its chain of seals walked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from carecoord.actions.access.audit_entry import event
from carecoord.errors import Conflict
from carecoord.fhir.instants import micros
from carecoord.store.audit import seals
from carecoord.store.audit import verify as audit_verify
from carecoord.store.audit.events import record
from carecoord.store.audit.seals import Head, Noted
from carecoord.store.audit.verify import Mark, Verdict
from carecoord.store.database.engine import reading, writing
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
    heads = seals.noted(folder)
    if whole and (last := _mark(folder)):  # what was found whole once must still be there, however far we walk
        at = next((n for n, head in enumerate(heads) if head.seal > last.seal), len(heads))
        when = int((folder / MARK).stat().st_mtime * 1_000_000)
        heads.insert(at, Noted(when, last.seal, last.hash))
    found = audit_verify.verify(world.engine, heads, since, tell)
    if not found.faults and folder.is_dir():
        (folder / MARK).write_bytes(msgspec.json.encode(found.mark))
    return found


def restored(world: World, request: str) -> int:
    """The same as `put_back`, where somebody says so afterwards. Raises Conflict besides when no head behind the end of
    the chain was noted: then this is no restored database."""
    if not _ahead(world):
        raise Conflict("Nothing was noted behind the end of this database's trail: it is not put back to earlier.")
    return put_back(world, request)


def put_back(world: World, request: str) -> int:
    """The database was put back from a backup: heads that were noted behind its end do not count any more. Walks the
    whole chain before; returns how many heads were set aside. The trail itself tells of it.

    Raises Conflict when the chain is not whole up to its end. Raises ValueError for a file of heads that was tampered
    with.
    """
    folder, now, ahead = world.journal.folder, world.clock(), _ahead(world)
    with reading(world.engine) as conn:
        end = seals.head(conn)
    found = audit_verify.verify(world.engine, [head for head in seals.noted(folder) if head.seal <= end.seal])
    if found.faults:
        raise Conflict(f"The trail is not whole up to its end, so this is no backup of ours: {'; '.join(found.faults)}")
    with writing(world.engine) as conn:
        record(conn, [event(now, request, "restore", query=f"end={end.seal}&set-aside={ahead}")])
    seals.append(folder, Noted(micros(now), end.seal, end.hash.hex(), restored=True))
    (folder / MARK).unlink(missing_ok=True)
    seals.seal(world.engine)
    return ahead


def _ahead(world: World) -> int:
    """How many heads were noted behind the end of the chain."""
    with reading(world.engine) as conn:
        end = seals.head(conn)
    mark = _mark(world.journal.folder)
    heads = [head for head in seals.noted(world.journal.folder) if head.seal > end.seal]
    return len(heads) + bool(mark and mark.seal > end.seal)


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
