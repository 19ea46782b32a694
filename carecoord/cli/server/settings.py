"""`settings`: what is in force, and from where."""

import argparse
import os
from pathlib import Path

from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, verb
from carecoord.configuration import SECRETS, Configuration, database, read
from carecoord.settings import FIELDS, PREFIX, Settings

MORE = """\
Secrets are not shown. The environment overrules the file, and the file the defaults."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    for_programs(verb(verbs, "settings", show, about("settings"), MORE))


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Every setting, whoever gave it."""
    made = read(os.environ)
    rows = [(f"{PREFIX}{f.name.upper()}", _value(f.name, made), _source(f.name, made)) for f in FIELDS]
    screen.say(f"Instance: {Path(settings.var).absolute()}, database {database(settings)}")
    screen.table(("name", "value", "from"), rows, elastic=("value", "from"))


def _value(name: str, made: Configuration) -> str:
    value = getattr(made.settings, name)
    if name in SECRETS and value:
        return "(set, not shown)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _source(name: str, made: Configuration) -> str:
    source, given = made.given.get(name, ("default", ""))
    if source == "file":
        return f"{given} in {made.file}" if given != name else str(made.file)
    return given if given.endswith("_FILE") else source
