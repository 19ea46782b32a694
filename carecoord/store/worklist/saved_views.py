"""Views of the worklist that people keep and share, kept and read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, or_, select

from carecoord.store.worklist.tables import saved_view

MOST = 200  # of one office


@dataclass(frozen=True)
class SavedView:
    """As the table has it."""

    id: str
    account: str
    office: str
    shared: str
    name: str
    query: str
    recorded: int


def seen(conn: Connection, account: str, offices: Sequence[str], groups: Sequence[str]) -> list[SavedView]:
    """Those of an account in these offices, and those that are shared there with one of these groups, by name."""
    whose = or_(saved_view.c.account == account, saved_view.c.shared.in_(groups))
    found = select(saved_view).where(saved_view.c.office.in_(offices), whose)
    rows = conn.execute(found.order_by(saved_view.c.name, saved_view.c.id).limit(MOST))
    return [SavedView(**row._mapping) for row in rows]


def put(conn: Connection, view: SavedView) -> None:
    """Keep a view in the place of the account's own of the same name in that office."""
    same = (saved_view.c.account == view.account, saved_view.c.office == view.office, saved_view.c.name == view.name)
    conn.execute(delete(saved_view).where(*same))
    conn.execute(insert(saved_view).values(**asdict(view)))


def remove(conn: Connection, id: str, account: str) -> bool:
    """Let an account's own view go; returns whether there was one."""
    whose = (saved_view.c.id == id, saved_view.c.account == account)
    return conn.execute(delete(saved_view).where(*whose)).rowcount > 0
