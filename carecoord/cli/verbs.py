"""How a verb is hung into the parser, and how it comes by its world."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from carecoord import app
from carecoord.cli.screen import Screen
from carecoord.settings import Settings
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


@contextmanager
def opened(settings: Settings) -> Iterator[World]:
    """The world of these settings; its database is closed at the end."""
    world = app.world(settings)
    try:
        yield world
    finally:
        world.engine.dispose()
