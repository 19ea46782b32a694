"""The words that offices have of their own for messages and letters: written once, and superseded by the next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from carecoord.store.agreements.tables import NEVER
from carecoord.store.messages.tables import letter_template as table


@dataclass(frozen=True, slots=True)
class Row:
    """A version, by the names of its columns."""

    n: int
    organization: str
    name: str
    language: str
    words: str
    recorded_at: int
    superseded_at: int
    by: str

    @property
    def current(self) -> bool:
        """Whether it is used now."""
        return self.superseded_at == NEVER


def current(conn: Connection, organizations: Iterable[str]) -> list[Row]:
    """What those with these keys have now, in the order in which it was written."""
    wanted = sorted(set(organizations))
    found = select(table).where(table.c.organization.in_(wanted), table.c.superseded_at == NEVER)
    return [Row(**row) for row in conn.execute(found.order_by(table.c.n)).mappings()]


def versions(conn: Connection, organization: str, name: str, language: str) -> Sequence[Row]:
    """All that an office ever had for a kind in a language, the latest first."""
    whose = (table.c.organization == organization, table.c.name == name, table.c.language == language)
    return [Row(**row) for row in conn.execute(select(table).where(*whose).order_by(table.c.n.desc())).mappings()]


def state(conn: Connection, organization: str, name: str, language: str) -> str:
    """A mark of these words: another after each change of them."""
    whose = (table.c.organization == organization, table.c.name == name, table.c.language == language)
    last, ended = conn.execute(
        select(func.max(table.c.n), func.count().filter(table.c.superseded_at < NEVER)).where(*whose)
    ).one()
    return f"{last or 0}-{ended}"


def add(conn: Connection, organization: str, name: str, language: str, *, words: str, at: int, by: str) -> None:
    """Let these be the words from an instant on."""
    end(conn, organization, name, language, at)
    told = {"organization": organization, "name": name, "language": language, "words": words, "by": by}
    conn.execute(insert(table).values(**told, recorded_at=at, superseded_at=NEVER))


def end(conn: Connection, organization: str, name: str, language: str, at: int) -> bool:
    """Let an office have no words of its own from an instant on; whether it had any."""
    whose = (table.c.organization == organization, table.c.name == name, table.c.language == language)
    gone = update(table).where(*whose, table.c.superseded_at == NEVER).values(superseded_at=at)
    return bool(conn.execute(gone).rowcount)
