"""A backup put in the place of the database: all of it or nothing, and what was there before is kept.

What was signed out, revoked or ended after the backup must not come to life with it: sessions and tokens end. The
trail of the audit tells that it was put back.
"""

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from auth import store
from carecoord.actions.audit import seals
from carecoord.actions.server import backups
from carecoord.actions.server.backups import Manifest
from carecoord.errors import Conflict, Invalid, Unavailable
from carecoord.store.backup import contents, postgresql, sqlite
from carecoord.store.backup.contents import Contents
from carecoord.store.database import private_files, revision
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist.bitmaps import changes
from carecoord.world import World

STOP: Final = "stop carecoord serve and carecoord work, on every machine, and try again"


@dataclass(frozen=True)
class Restored:
    """What was put back, and where what was there before is kept (None: nothing was there)."""

    told: Manifest
    kept: Path | None


@dataclass(frozen=True)
class Ended:
    """What followed: sessions and tokens that were ended, heads of the audit's chain that count no more."""

    given: int
    set_aside: int


def examined(world: World, archive: Path, replace: bool) -> Manifest:
    """A backup that could be put back here now. Reads all of it, changes nothing.

    Raises Invalid for a file that is no whole backup; Conflict when it is one of another kind of database or of a later
    version, when a database is here and is not to be replaced, or somebody works with it.
    """
    told = backups.read(archive)
    backups.matching(told, world.settings)
    _known(told)
    there = _present(world)
    if there and not replace:
        raise Conflict(
            f"There is a database here already{_size(there)}: carecoord restore --replace puts the backup in its "
            "place, and keeps it beside"
        )
    _unused(world)
    if told.database == "postgresql":
        _ours_alone(world, told)
    return told


def restore(world: World, archive: Path, replace: bool) -> Restored:
    """Put a backup in the place of the database that these settings lead to, and the journal and keys with it. Raises
    what `examined` does, and Unavailable when the database does not take it: then nothing was changed."""
    told, var = examined(world, archive, replace), Path(world.settings.var)
    private_files.make_folder(var / backups.FOLDER)
    with TemporaryDirectory(prefix=".restoring-", dir=var / backups.FOLDER) as staging:
        folder = Path(staging)
        backups.read(archive, folder)
        copied = folder / backups.DATABASE[told.database]
        kept = (_put_file if told.database == "sqlite" else _put_tables)(world, told, copied)
        for name in backups.BESIDES:
            _add(folder / name, var / name)
    with reading(world.engine) as conn:
        odd = contents.differences(told.held, contents.contents(conn))
    if odd:
        raise Unavailable(f"The database is not what the backup says: {'; '.join(odd[:5])}")
    return Restored(told, kept)


def settle(world: World, told: Manifest) -> Ended:
    """After the database was brought to this version: end what was given out, and say in the trail that it was put
    back. Raises Conflict when the chain of the audit is not whole."""
    backups.note(world, told)  # the database does not know yet of the backup that it came from
    with writing(world.engine) as conn:
        given = store.end_what_was_given(conn)
        changes.prune(conn)  # of another server's transactions, whose numbers are yet to come here
    return Ended(given, seals.put_back(world, "cli"))


def _known(told: Manifest) -> None:
    if not revision.is_known(told.held.revision):
        raise Conflict(
            f"This backup was made by carecoord {told.product}, whose tables ({told.held.revision}) this version does "
            "not know: install that version or a later one"
        )


def _present(world: World) -> Contents | None:
    """What the database holds; a file that is broken holds nothing that can be counted, but is there."""
    path = _file(world)
    if path is None:
        with reading(world.engine) as conn:
            return contents.contents(conn)
    return sqlite.held(path) if path.exists() else None


def _size(there: Contents) -> str:
    return f", with {there.rows['resource']:,} resources" if "resource" in there.rows else ""


def _unused(world: World) -> None:
    """Nobody may write while the database is exchanged under their hands."""
    path = _file(world)
    world.engine.dispose()
    if path:
        if sqlite.is_used(path):
            raise Conflict(f"A program has {path} open: {STOP}")
        return
    with reading(world.engine) as conn:
        programs = postgresql.others(conn)
    if programs:
        raise Conflict(f"Others work with this database ({', '.join(programs)}): {STOP}")


def _ours_alone(world: World, told: Manifest) -> None:
    with reading(world.engine) as conn:
        here = postgresql.schema(conn)
        strangers = postgresql.strangers(conn, list(told.held.rows))
    if here != told.schema:
        raise Conflict(f"The backup is of the schema {told.schema}, this database's is {here}: set search_path")
    if strangers:
        raise Conflict(f"The database has tables of somebody else: {', '.join(strangers[:5])}. Give carecoord its own")


def _put_file(world: World, told: Manifest, copied: Path) -> Path | None:
    fault = sqlite.fault(copied)
    if fault:
        raise Invalid(f"The database in the backup is broken: {fault}")
    path = Path(world.engine.url.database or "")
    world.engine.dispose()
    private_files.make_folder(path.parent)
    aside = _free(path.with_name(f"{path.name}.before-{world.clock():%Y%m%dT%H%M%SZ}"))
    kept = sqlite.set_aside(path, aside)
    sqlite.put(copied, path)
    return kept


def _put_tables(world: World, told: Manifest, copied: Path) -> Path | None:
    kept = None
    if _present(world):
        kept = _free(Path(world.settings.var) / backups.FOLDER / f"before-{backups.file_name(world.clock())}")
        backups.make_file(world, kept)
    with reading(world.engine) as conn:
        postgresql.put(conn, world.engine.url, copied)
    world.engine.dispose()
    return kept


def _free(path: Path) -> Path:
    """A name that nothing has: two who put back within a second keep both of what was there."""
    named = (path.with_name(f"{n}-{path.name}") if n else path for n in itertools.count())
    return next(each for each in named if not each.exists())


def _add(folder: Path, to: Path) -> None:
    """Files of a backup that are not here. The heads that are here go on: they may know of more than the backup."""
    private_files.make_folder(to)
    for path in sorted(folder.glob("*")):
        if not (to / path.name).exists():
            shutil.copyfile(path, to / path.name)
            (to / path.name).chmod(0o600)


def _file(world: World) -> Path | None:
    """The file of a SQLite database."""
    url = world.engine.url
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None
