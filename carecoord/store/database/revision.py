"""Which form the tables have: read without Alembic, for its start takes longer than most commands, and readiness is
asked for every few seconds."""

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
    """The revision of this version. Its files are a chain whose numbers stand first in their names."""
    return max(each.name.partition("_")[0] for each in _MIGRATIONS.glob("[0-9]*.py"))
