"""The application on a clock that a test sets: the true time and so many seconds, which a file says."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from carecoord import app
from carecoord.settings import Settings
from carecoord.world import World

FILE = "SHIFTED_BY"  # of the environment: the path of the file
_true = app.world


def now() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=int(Path(os.environ[FILE]).read_text()))


def world(settings: Settings) -> World:
    return replace(_true(settings), clock=now)


def create() -> Flask:
    """What each process of the server runs."""
    app.world = world
    return app.create()
