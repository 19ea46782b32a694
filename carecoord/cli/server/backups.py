"""`backup`, `restore`: everything in one file, and back."""

import argparse
import sys
from pathlib import Path
from typing import Final

from carecoord.actions.server import backups, restoration
from carecoord.actions.server.backups import Manifest
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, made, opened, raw, verb
from carecoord.errors import Conflict
from carecoord.settings import Settings

PIPE: Final = "-"

_BACKUP: Final = """\
Nobody has to stop: the copy is of one instant, and neither waits for others nor holds them up. The file holds patients
and private keys in clear: keep it where nobody else can read it, and away from this machine. Encrypted, for example:
  carecoord backup - | age -r RECIPIENT > carecoord.tar.gz.age
PostgreSQL: pg_dump must be on the PATH, of the server's version or a later one."""
_RESTORE: Final = """\
First end carecoord serve and carecoord work everywhere. All of the file is judged before anything is changed; a
database that is here is kept (--replace). Then the tables are brought to this version, sessions and tokens end, and
the audit tells that the database was put back. PostgreSQL: pg_restore and psql must be on the PATH."""


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    kept = verb(verbs, "backup", backup, about("backup"), _BACKUP)
    kept.add_argument("to", nargs="?", help="file, folder, or - for stdout (default: CARECOORD_VAR/backups)")
    kept.add_argument("--keep", type=int, metavar="N", help="remove all but the N newest backups of that folder")
    back = verb(verbs, "restore", restore, about("restore"), _RESTORE)
    back.add_argument("archive", type=Path, help="a file that carecoord backup wrote")
    back.add_argument("--replace", action="store_true", help="there is a database here: put the backup in its place")
    back.add_argument(
        "--dry-run", action="store_true", help="only say what the file is, and whether it could be put in"
    )


def backup(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """Write a backup."""
    if args.keep is not None and args.keep < 1:
        screen.complain("--keep must be 1 or more")
        return 2
    if args.to == PIPE:
        return _piped(settings, screen)
    with opened(settings) as world, screen.progress("backing up") as report:
        folder = Path(args.to or Path(settings.var) / backups.FOLDER)
        named = folder.suffix == ".gz" and not folder.is_dir()
        if named and args.keep is not None:
            raise Conflict("--keep goes with a folder, not with a file")
        path = folder if named else folder / backups.file_name(world.clock())
        told = backups.make_file(world, path, lambda done, of: report("pages", done, of))
        backups.note(world, told)
    screen.say(f"{_described(told)}: {path} ({path.stat().st_size:,} bytes)")
    for old in backups.too_old(path.parent, args.keep) if args.keep else ():
        old.unlink()
        screen.say(f"removed {old.name}")
    return 0


def restore(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Put a backup back."""
    with raw(settings) as world:
        if args.dry_run:
            screen.say(f"{_described(restoration.examined(world, args.archive, args.replace))}. It could be put back.")
            return
        done = restoration.restore(world, args.archive, args.replace)
    screen.say(f"{_described(done.told)}, is put back.")
    if done.kept:
        screen.say(f"What was here is kept: {done.kept}")
    with made(settings) as world:
        ended = restoration.settle(world, done.told)
    if ended.set_aside:
        screen.say(f"{ended.set_aside} heads of the audit that were noted after it are set aside; the trail says so.")
    screen.say(f"{ended.given:,} sessions and tokens were ended: everybody signs in again.")
    when = f"{done.told.at:%Y-%m-%d %H:%M} UTC"
    screen.say(f"People, apps and links that were barred after {when} are as they were then: bar them again.")
    screen.say("Next: carecoord check, then carecoord serve")


def _piped(settings: Settings, screen: Screen) -> int:
    if sys.stdout.isatty():
        screen.complain("a backup is no text for a screen: send it into a file or a program")
        return 2
    with opened(settings) as world:
        told = backups.make(world, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        backups.note(world, told)
    return 0


def _described(told: Manifest) -> str:
    rows = sum(told.held.rows.values())
    of = "SQLite" if told.database == "sqlite" else "PostgreSQL"
    return (
        f"Backup of {told.at:%Y-%m-%d %H:%M:%S} UTC, {of}, carecoord {told.product}, tables {told.held.revision}: "
        f"{told.held.rows.get('resource', 0):,} resources, {rows:,} rows, audit sealed to {told.held.seal:,}"
    )
