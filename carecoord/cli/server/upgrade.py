"""`upgrade`: the tables of an older version, brought to this one."""

import argparse
from importlib.metadata import version
from typing import Final

from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, made, raw, verb
from carecoord.errors import Unavailable
from carecoord.settings import Settings
from carecoord.store.database import revision
from carecoord.store.database.engine import reading
from carecoord.store.database.refusals import described

_MORE: Final = """\
carecoord serve does the same when it starts. It is one transaction: an upgrade that is broken off has changed nothing,
and can be begun again. There is no way back but a backup, so carecoord backup comes first."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    added = verb(verbs, "upgrade", upgrade, about("upgrade"), _MORE)
    added.add_argument("--dry-run", action="store_true", help="only say what would be changed")


def upgrade(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Bring the tables to this version."""
    with raw(settings) as world, reading(world.engine) as conn:
        where = described(world.engine.url)
        present = revision.present(conn)
        if present is None or not revision.is_known(present):
            raise Unavailable(revision.misfit(conn, where))
    steps = revision.to_come(present)
    if not steps:
        screen.say(f"{where} is at {present}, as carecoord {version('carecoord')} wants it.")
        return
    screen.say(f"{where}: {len(steps)} steps from {present} to {steps[-1][0]}")
    for number, what in steps:
        screen.say(f"  {number}  {what.rstrip('.')}")
    if args.dry_run:
        screen.say("Nothing was changed. Next: carecoord backup, then carecoord upgrade")
        return
    with made(settings):
        screen.say("Done.")
