"""Which form the tables have: read without Alembic, for its start takes longer than most commands, and readiness is
asked for every few seconds."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations" / "versions"
_PRESENT: Final = text("SELECT version_num FROM alembic_version")


def present(conn: Connection) -> str | None:
    """The revision of the tables; None where there are none yet."""
    found: str | None = conn.scalar(_PRESENT) if inspect(conn).has_table("alembic_version") else None
    return found


@cache
def newest() -> str:
    """The revision of this version."""
    return max(_steps())


def is_known(revision: str) -> bool:
    """Whether this version has had tables of this revision, so that it can bring them to its own."""
    return revision in _steps()


def to_come(revision: str) -> list[tuple[str, str]]:
    """The revisions after one, first to last, each with what it is about."""
    return [(number, _about(path)) for number, path in sorted(_steps().items()) if number > revision]


def misfit(conn: Connection, where: str) -> str:
    """Why these tables can not be used by this version, and what to do; empty when they can. where: which database."""
    found = present(conn)
    if found is None:
        return f"The database {where} has no tables yet: run carecoord init"
    if found == newest():
        return ""
    if not is_known(found):
        return (
            f"The tables of {where} are at {found}, which this version of carecoord ({newest()}) does not know: "
            "install the version that last worked with it, or a later one; nothing was changed"
        )
    return f"The tables of {where} are at {found}, this version wants {newest()}: run carecoord upgrade"


@cache
def _steps() -> Mapping[str, Path]:
    """The file of each revision: a chain whose numbers stand first in their names."""
    return {each.name.partition("_")[0]: each for each in _MIGRATIONS.glob("[0-9]*.py")}


def _about(path: Path) -> str:
    return " ".join((ast.get_docstring(ast.parse(path.read_text())) or path.stem).split())
