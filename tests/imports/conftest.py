"""An empty office, as who follows the README has it, and a way to bring tables in."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from carecoord.actions.imports import formats, importer, tables
from carecoord.actions.imports.batch import Brought
from carecoord.actions.imports.importer import IMPORTER
from carecoord.actions.imports.tables import Table
from carecoord.actions.worklist import project
from carecoord.domain.imports import headings
from carecoord.domain.imports.sheets import SHEETS
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine
from carecoord.words.catalogue import say
from carecoord.world import World

NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
ORGANIZATIONS = """Name,Kind,NPI,Payer number,Part of,Phone,Address,City,State,ZIP
Acme Health,payer,,AC001,,555-0190,,,,
Elm Clinic,clinic,9000010089,,,555-0117,1 Elm Street,Fairmont,NY,10001
Oak Group,group,9000010121,,,,,,,
Elm Clinic West,site,9000100807,,9000010089,,2 West Road,Fairmont,NY,10002
"""
PLANS = """Plan number,Plan name,Payer,Networks,Starts
AC-HMO,Acme HMO,AC001,Acme Select; Acme Broad,2026-01-01
AC-PPO,Acme PPO,Acme Health,Acme Broad,2026-01-01
"""


def made(var: Path, template: Path) -> World:
    shutil.copyfile(template, var / "carecoord.db")
    return made_on(Settings(var=str(var)), var)


def made_on(settings: Settings, var: Path) -> World:
    """A world on the database that the settings name."""
    rules = project.projector(project.policy(settings))
    engine = open_engine(settings.database)
    return World(engine, lambda: NOW, lambda: str(uuid4()), requests.Session, settings, rules, Journal(var / "audit"))


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    world = made(tmp_path, sqlite_template)
    yield world
    world.engine.dispose()


def bring(world: World, kind: str, data: bytes | str, name: str = "", **how: bool) -> tuple[Brought, list[str]]:
    """Bring a table in; what became of it, and the faults as people read them."""
    sheet = SHEETS[kind]
    table = formats.read(name or f"{kind}.csv", data if isinstance(data, bytes) else data.encode())
    mapped = headings.mapped(sheet, table.header)
    assert headings.lacking(sheet, mapped) == []
    brought = importer.bring(world, IMPORTER, "test", sheet, table, mapped, **how)
    return brought, [f"{tables.place(table, mapped, each)}: {say(each.why)}" for each in brought.faults]


@pytest.fixture
def office(world: World) -> World:
    """The world with two clinics, a payer, its plans and networks, brought in by tables."""
    assert bring(world, "organizations", ORGANIZATIONS)[1] == []
    assert bring(world, "plans", PLANS)[1] == []
    return world


Bring = Callable[..., tuple[Brought, list[str]]]
__all__ = ["NOW", "Table", "bring", "made", "made_on"]
