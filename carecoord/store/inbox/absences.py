"""Who is away and who stands in, kept and read."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from carecoord.store.inbox.tables import absence, absence_cover


def present(conn: Connection, now: int) -> list[tuple[Any, dict[str, str]]]:
    """Every absence that is not over: (account, begins, ends), with who stands in, by kind."""
    rows = conn.execute(
        select(absence.c.account, absence.c.begins, absence.c.ends)
        .where(absence.c.ends > now)
        .order_by(absence.c.account)
    ).all()
    covers: dict[str, dict[str, str]] = {}
    for each in conn.execute(select(absence_cover)) if rows else ():
        covers.setdefault(each.account, {})[each.kind] = each.substitute
    return [(row, covers.get(row.account, {})) for row in rows]


def put(
    conn: Connection, account: str, span: tuple[int, int], covers: Mapping[str, str], by: str, now: int
) -> None:  # fmt: skip
    """Keep an absence in the place of whatever was said before. span: when it begins and ends."""
    remove(conn, [account])
    row = {"account": account, "begins": span[0], "ends": span[1], "by": by, "recorded": now}
    conn.execute(insert(absence), [row])
    rows = [{"account": account, "kind": kind, "substitute": to} for kind, to in covers.items()]
    conn.execute(insert(absence_cover), rows)


def remove(conn: Connection, accounts: Iterable[str]) -> None:
    """These people are not away, or no longer."""
    for table in (absence, absence_cover):
        conn.execute(delete(table).where(table.c.account.in_(list(accounts))))
