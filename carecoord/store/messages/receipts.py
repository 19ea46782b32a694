"""Receipts of messages: who has read which, and when first."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, insert, select

from carecoord.store.database.engine import alone
from carecoord.store.messages.tables import message_receipt as table


def note(conn: Connection, read: Collection[tuple[str, str]], at: int) -> None:
    """Note that these (message, party) were read; who has read one before keeps the time."""
    for message in sorted({message for message, _ in read}):
        alone(conn, f"receipts {message}")
    known = of(conn, {message for message, _ in read})
    new = [pair for pair in dict.fromkeys(read) if pair[1] not in known.get(pair[0], {})]
    if new:
        conn.execute(insert(table), [{"message": message, "party": party, "at": at} for message, party in new])


def of(conn: Connection, messages: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """message -> party -> when it was first read."""
    found: dict[str, dict[str, int]] = {}
    if messages:
        for row in conn.execute(select(table).where(table.c.message.in_(sorted(messages)))):
            found.setdefault(row.message, {})[row.party] = row.at
    return found
