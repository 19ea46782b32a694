"""The world made of settings: the one place that reads the clock, makes ids and opens what is outside. It loads none of
the rooms, so that a command that only looks starts at once."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import Connection

from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine
from carecoord.world import Projector, World

if TYPE_CHECKING:
    import requests

    from carecoord.store.resources.change import Touched


def world(settings: Settings) -> World:
    """The effects of these settings. Opens nothing yet."""
    engine = open_engine(settings.database, settings.database_pool)
    if settings.otlp_url:
        from carecoord.store import traced_statements  # a listener makes every statement dearer: where it is wanted

        traced_statements.install(engine)
    return World(
        engine=engine,
        clock=lambda: datetime.now(UTC),
        new_id=lambda: str(uuid4()),
        http=partial(session, settings),
        settings=settings,
        project=_projector(settings),
        journal=Journal(Path(settings.var) / "audit"),
    )


def session(settings: Settings) -> "requests.Session":
    """A guarded session, which asks the environment for nothing but whose certificates to trust."""
    from carecoord.actions.server import outgoing

    made = outgoing.session(settings)
    made.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return made


def _projector(settings: Settings) -> Projector:
    """What keeps the worklist true and EHRs told, loaded by the first write: most commands write nothing."""

    @cache
    def made() -> Projector:
        from carecoord.actions.ehrs import write_back
        from carecoord.actions.worklist import project

        return write_back.noted(project.projector(project.policy(settings)))

    def project(conn: Connection, touched: "Sequence[Touched]", now: datetime) -> None:
        made()(conn, touched, now)

    return project
