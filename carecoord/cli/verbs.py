"""How a verb is hung into the parser, and how it comes by its world."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from carecoord import effects, logs
from carecoord.cli.screen import Screen
from carecoord.errors import DatabaseAway, Unavailable
from carecoord.settings import Settings
from carecoord.store.database import private_files, revision
from carecoord.store.database.engine import reading
from carecoord.store.database.refusals import described
from carecoord.store.search import date_zone
from carecoord.world import World

Run: TypeAlias = Callable[[Settings, Screen, argparse.Namespace], int | None]
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def verb(verbs: Verbs, name: str, run: Run, help: str, more: str = "") -> argparse.ArgumentParser:
    """Add a verb; returns its parser, for its arguments. `more` is shown under the arguments."""
    shaped = argparse.RawDescriptionHelpFormatter
    about = f"{help[:1].upper()}{help[1:]}."
    added = verbs.add_parser(name, help=help, description=about, epilog=more, formatter_class=shaped)
    added.set_defaults(run=run)
    return added


def verbs_of(verbs: Verbs, name: str, help: str) -> Verbs:
    """Add a verb that has verbs of its own; where none of them is given, its help is shown."""
    added = verbs.add_parser(name, help=help, description=f"{help[:1].upper()}{help[1:]}.")
    added.set_defaults(helped=added.print_help)
    return added.add_subparsers(title="verbs", metavar="VERB")


def for_programs(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Let a verb that prints rows print them for programs too."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", const="json", dest="form", help="the rows as JSON, for programs")
    form.add_argument("--csv", action="store_const", const="csv", dest="form", help="the rows as CSV")
    return parser


@contextmanager
def raw(settings: Settings) -> Iterator[World]:
    """The world of these settings as it is; its database is closed at the end."""
    logs.configure(settings.log_level)
    world = effects.world(settings)
    try:
        yield world
    finally:
        world.engine.dispose()


@contextmanager
def made(settings: Settings) -> Iterator[World]:
    """The same, with its database made or brought to this version, and what is ours in its folder for us alone."""
    from carecoord.actions.server.readiness import make_ready  # every room: who only looks needs none

    with raw(settings) as world:
        private_files.make_folder(Path(settings.var))
        private_files.tighten(Path(settings.var))
        make_ready(world)
        yield world


@contextmanager
def opened(settings: Settings) -> Iterator[World]:
    """The same, once `carecoord init` has run. Raises Unavailable when the database is not of this version."""
    with raw(settings) as world:
        current(world)
        yield world


def current(world: World) -> str:
    """The revision of the database's tables. Raises Unavailable when it is not this version's, or its
    search index is not that of these settings."""
    where = described(world.engine.url)
    with reading(world.engine) as conn:
        if misfit := revision.misfit(conn, where):
            raise Unavailable(misfit)
        unready = date_zone.wrong_zone(conn, world.base.zone)
    if unready:
        raise Unavailable(f"The database {where} can not be used: {unready}")
    return revision.newest()


def words(error: BaseException) -> str:
    """What a person at the command is told of a failure: of a database also which one, and why."""
    return (isinstance(error, DatabaseAway) and error.operator) or str(error)
