"""The zone in which the search index reads dates that name none, and the form of its rows. A row does not tell them:
they stand beside the rows, once for all, and a process that means others must not search them."""

from datetime import tzinfo
from typing import Final

from sqlalchemy import Connection

from carecoord.store.database import marks

MARK: Final = "dates"
_FORM: Final = "3"  # of the rows: since 2, a time of day to the second is a point; since 3, Contracts have parties


def wrong_zone(conn: Connection, zone: tzinfo) -> str:
    """What keeps the index from being searched in this zone; empty when nothing does."""
    made = marks.get(conn, MARK)
    if made is None or made == mark(zone):  # none: nothing was stored yet
        return ""
    form, _, before = made.decode().partition(" ")
    if form != _FORM:
        return "its search index is not yet that of this version: run carecoord init"
    return (
        f"its search index holds days of {before}, and CARECOORD_TIMEZONE is {zone}: set that to {before}, or end all "
        "that serves and run carecoord init, which reads every date anew"
    )


def mark(zone: tzinfo) -> bytes:
    """What stands beside rows that were made in this zone."""
    return f"{_FORM} {zone}".encode()
