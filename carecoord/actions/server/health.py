"""How this server stands: whether it can do its work now, and the numbers that an operator watches."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from carecoord.actions.ehrs import sync_health
from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.errors import DatabaseAway, Unavailable
from carecoord.fhir.instants import micros
from carecoord.store import metrics
from carecoord.store.database import outbox, private_files, revision
from carecoord.store.database.engine import reading
from carecoord.store.metrics import Standing
from carecoord.store.search import date_zone
from carecoord.world import World

BEAT: Final = 10.0  # seconds between two signs of life of a worker
SILENT: Final = 45  # seconds after which it is taken for dead
LATE: Final = 300  # seconds after which a job that is due should be done
LEAST: Final = 50 * 2**20  # bytes that must be free where databases and journals grow


def lacking(world: World) -> dict[str, str]:
    """What keeps this server from its work: the part, and what is wrong with it. Empty when nothing does."""
    return {name: wrong for name, look in _parts(world) if (wrong := _looked(look))}


def numbers(world: World) -> Standing:
    """How the work stands. Raises Unavailable when the database is away."""
    with reading(world.engine) as conn:
        return metrics.standing(conn, micros(world.clock()))


def late(found: Standing, now: int) -> int:
    """For how many seconds the longest due job has waited where that is too long, else 0. now: microseconds."""
    seconds = (now - found.oldest) // 1_000_000 if found.oldest else 0
    return seconds if seconds > LATE else 0


def syncs(world: World) -> list[SyncHealth]:
    """How fresh what we hold of each EHR is. Raises Unavailable when the database is away."""
    with reading(world.engine) as conn:
        return sync_health.of_each(conn, world.settings, world.clock())


def tables(world: World) -> str:
    """What keeps the tables from being those of this version; empty when nothing does. Raises Unavailable when the
    database is away."""
    with reading(world.engine) as conn:
        return revision.misfit(conn, "the database") or date_zone.wrong_zone(conn, world.base.zone)


def worker(world: World) -> str:
    """Whether somebody does what is due later (syncs above all): empty, or since when nobody was heard of. Raises
    Unavailable when the database is away."""
    with reading(world.engine) as conn:
        beat = outbox.last_beat(conn)
    if beat is None:
        return "no worker was heard of yet"
    silent = (micros(world.clock()) - beat) // 1_000_000
    return f"no worker was heard of for {silent} s" if silent > SILENT else ""


def _parts(world: World) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "database", lambda: tables(world)
    yield "later work", lambda: worker(world)
    yield "journal", lambda: _journal(Path(world.settings.var) / "audit")
    yield "disk", lambda: _disk(Path(world.settings.var))


def _looked(look: Callable[[], str]) -> str:
    try:
        return look()
    except DatabaseAway as e:
        return f"not available ({e.cause})"
    except (Unavailable, OSError) as e:
        return f"not available ({type(e).__name__})"


def _journal(folder: Path) -> str:
    """Reads are audited there before they are answered."""
    private_files.make_folder(folder)
    with tempfile.TemporaryFile(dir=folder) as probe:
        probe.write(b"\n")
    return ""


def _disk(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    return "" if free >= LEAST else f"{free // 2**20} MiB free, {LEAST // 2**20} needed"
