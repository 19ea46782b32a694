"""A backup is one file: the database as it was at one instant, the journal of the audit, the heads of its chain, our
keys, and a manifest by which each of them is known to be whole.

The archive is a tar, gzipped; its first member is the manifest. The journal is read before the database: what is moved
between the two is then in both, and counts once, for every event has an id.
"""

import gzip
import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, Literal

import msgspec

from carecoord.errors import Conflict, Invalid, Unavailable
from carecoord.fhir.instants import micros
from carecoord.settings import Settings
from carecoord.store.backup import contents, postgresql, sqlite
from carecoord.store.backup.contents import Contents
from carecoord.store.database import marks, private_files
from carecoord.store.database.engine import reading, writing
from carecoord.world import World

Kind = Literal["sqlite", "postgresql"]
Tell = Callable[[int, int], None]

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final[dict[str, str]] = {"sqlite": "carecoord.db", "postgresql": "carecoord.pgdump"}
FOLDER: Final = "backups"  # under CARECOORD_VAR, when nothing else is said
BESIDES: Final = ("audit", "keys")  # the folders of CARECOORD_VAR that go along
_LEFT: Final = "verified.json"  # how far a walk came: of use to nobody but the walker
_CHUNK: Final = 2**20
_NAME: Final = re.compile(r"carecoord-\d{8}T\d{6}Z\.tar\.gz")
_MARK: Final = "backup"


@dataclass(frozen=True)
class Member:
    """A file of the archive: bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup is: made at (microseconds), by which version of carecoord, of which kind of database (schema: of
    PostgreSQL), what that held, and every file."""

    made: int
    product: str
    database: Kind
    held: Contents
    schema: str = ""
    files: dict[str, Member] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def at(self) -> datetime:
        """When it was made."""
        return datetime.fromtimestamp(self.made / 1_000_000, UTC)


def file_name(now: datetime) -> str:
    """How a backup of this instant is called, so that names sort by time."""
    return f"carecoord-{now:%Y%m%dT%H%M%SZ}.tar.gz"


def make(world: World, archive: IO[bytes], tell: Tell = lambda done, of: None) -> Manifest:
    """Write a backup of the running service. Nobody waits for it, and it waits for nobody. Raises Unavailable when the
    database is away, has no tables, or the disk has no room for the copy."""
    now, var = world.clock(), Path(world.settings.var)
    with _staging(var) as folder:
        for name in BESIDES:
            _copy_folder(var / name, folder / name)
        made = replace(_database(world, folder, tell), made=micros(now))
        whole = replace(made, files={name: _member(folder / name) for name in _names(folder)})
        (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(whole)))
        with (
            gzip.GzipFile(fileobj=archive, mode="wb", compresslevel=1, filename="", mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name in (MANIFEST, *whole.files):
                tar.add(folder / name, name, filter=_plain)
    return whole


def make_file(world: World, path: Path, tell: Tell = lambda done, of: None) -> Manifest:
    """Write a backup into a new file, for its owner alone; there is none of that name until it is whole. Raises
    Conflict when there is one, and what `make` does."""
    if path.exists():
        raise Conflict(f"There is a file {path} already: name another, or a folder")
    partial = path.with_name(f".{path.name}.partial")
    private_files.make_folder(path.parent)
    try:
        partial.unlink(missing_ok=True)
        with private_files.new_file(partial) as archive:
            made = make(world, archive, tell)
            archive.flush()
            os.fsync(archive.fileno())
        partial.rename(path)
    except OSError as e:
        raise Unavailable(f"The backup could not be written to {path}: {e.strerror or e}") from e
    finally:
        partial.unlink(missing_ok=True)
    return made


def too_old(folder: Path, keep: int) -> list[Path]:
    """The backups in a folder that are more than `keep`, the oldest of them; other files do not count."""
    return sorted(path for path in folder.glob("carecoord-*.tar.gz") if _NAME.fullmatch(path.name))[:-keep]


def note(world: World, made: Manifest) -> None:
    """Write down that there is a backup, so that whoever looks whether all is well can tell how old the last one is."""
    with writing(world.engine) as conn:
        marks.put(conn, _MARK, str(made.made).encode())


def last(world: World) -> datetime | None:
    """When the last backup was made with `carecoord backup`."""
    with reading(world.engine) as conn:
        kept = marks.get(conn, _MARK)
    return datetime.fromtimestamp(int(kept) / 1_000_000, UTC) if kept else None


def read(archive: Path, into: Path | None = None) -> Manifest:
    """The manifest of a backup, each of its files held against it. into: a folder to put the files in. Raises Invalid
    for what is no backup of ours, or not whole any more."""
    wrong = f"{archive} is no backup of carecoord, or not whole any more"
    try:
        with tarfile.open(archive, mode="r|gz") as tar:
            first = tar.next()
            opened = tar.extractfile(first) if first and first.name == MANIFEST else None
            if opened is None:
                raise Invalid(f"{wrong}: it does not begin with {MANIFEST}")
            told = _manifest(opened.read(), wrong)
            found = dict(_unpacked(tar, told, into, wrong))
    except (tarfile.TarError, EOFError, OSError, gzip.BadGzipFile) as e:
        if isinstance(e, FileNotFoundError):
            raise Invalid(f"There is no file {archive}") from e
        raise Invalid(f"{wrong}: {e}") from e
    for name, member in told.files.items():
        if found.get(name) != member:
            raise Invalid(f"{wrong}: {name} is not what the manifest says")
    return told


def matching(told: Manifest, settings: Settings) -> None:
    """Refuse a backup of another kind of database than that of these settings. Raises Conflict."""
    kind = settings.database.partition(":")[0].partition("+")[0]
    if told.database != kind:
        raise Conflict(
            f"This is a backup of {told.database}, but CARECOORD_DATABASE_URL leads to {kind}: "
            "point it to a database of that kind"
        )


def _database(world: World, folder: Path, tell: Tell) -> Manifest:
    url = world.engine.url
    kind: Kind = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
    to, schema = folder / DATABASE[kind], ""
    with reading(world.engine) as conn:
        held = contents.contents(conn)
        if held is None:
            raise Unavailable("There is no database to back up yet: run carecoord init")
        if kind == "sqlite":
            sqlite.copy(conn, to, tell)
        else:
            schema = postgresql.schema(conn)
            postgresql.copy(conn, url, to)
    return Manifest(0, version("carecoord"), kind, held, schema)


@contextmanager
def _staging(var: Path) -> Iterator[Path]:
    private_files.make_folder(var / FOLDER)
    try:
        with TemporaryDirectory(prefix=".making-", dir=var / FOLDER) as folder:
            yield Path(folder)
    except OSError as e:
        raise Unavailable(f"The backup could not be made in {var / FOLDER}: {e.strerror or e}") from e


def _copy_folder(folder: Path, to: Path) -> None:
    """What is in a folder now; files of the journal come and go meanwhile."""
    to.mkdir(mode=0o700)
    for path in sorted(folder.glob("*")):
        if path.name != _LEFT and path.is_file() and not path.is_symlink():
            try:
                shutil.copyfile(path, to / path.name)
            except FileNotFoundError:
                continue  # moved into the database, which is read after


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _member(path: Path) -> Member:
    with path.open("rb") as file:
        return Member(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nobody's name, and rights for the owner alone."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info


def _manifest(raw: bytes, wrong: str) -> Manifest:
    try:
        told = msgspec.json.decode(raw, type=Manifest)
    except msgspec.MsgspecError as e:
        raise Invalid(f"{wrong}: {MANIFEST}: {e}") from e
    if told.format != FORMAT:
        raise Conflict(f"This backup was made by carecoord {told.product}, in a format that this version does not know")
    return told


def _unpacked(tar: tarfile.TarFile, told: Manifest, into: Path | None, wrong: str) -> Iterator[tuple[str, Member]]:
    """The files of the archive that the manifest names, written into the folder on the way."""
    for info in iter(tar.next, None):
        if not info.isfile() or info.name not in told.files or Path(info.name).is_absolute() or ".." in info.name:
            raise Invalid(f"{wrong}: {info.name} is not in its manifest")
        source, sha, size = tar.extractfile(info), hashlib.sha256(), 0
        with _written(into, info.name) as to:
            while source and (chunk := source.read(_CHUNK)):
                sha.update(chunk)
                size += len(chunk)
                to(chunk)
        yield info.name, Member(size, sha.hexdigest())


@contextmanager
def _written(into: Path | None, name: str) -> Iterator[Callable[[bytes], object]]:
    if into is None:
        yield lambda chunk: None
        return
    private_files.make_folder((into / name).parent)
    with private_files.new_file(into / name) as file:
        yield file.write
