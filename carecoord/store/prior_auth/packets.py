"""The packets of requests as they were asked for: one of each request and person, the newest, kept a while."""

from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, delete, insert, select, update

from carecoord.store.prior_auth.tables import request_packet as packet

State = Literal["waiting", "made", "failed"]
_c = packet.c
_SHOWN: Final[tuple[Any, ...]] = (_c.id, _c.digest, _c.state, _c.asked, _c.made, _c.pages, _c.left, _c.why)


def one(conn: Connection, id: str, after: int) -> Row[Any] | None:
    """A packet that was asked for later than an instant, without its bytes."""
    return conn.execute(select(*_SHOWN).where(_c.id == id, _c.asked > after)).first()


def sheets(conn: Connection, id: str) -> bytes:
    """What is to be made into pages; empty where nothing is."""
    return conn.scalar(select(_c.sheets).where(_c.id == id)) or b""


def body(conn: Connection, id: str, digest: str, after: int) -> bytes:
    """The PDF of a packet that was made of this and nothing else; empty where none was asked for since."""
    these = _c.id == id, _c.digest == digest, _c.state == "made", _c.asked > after
    return conn.scalar(select(_c.body).where(*these)) or b""


def ask(conn: Connection, id: str, digest: str, sheets: bytes, at: int) -> None:
    """Have a packet wait to be made, in the place of the one of before."""
    conn.execute(delete(packet).where(_c.id == id))
    waits = {"id": id, "digest": digest, "state": "waiting", "sheets": sheets, "asked": at}
    conn.execute(insert(packet).values(**waits, made=None, pages=0, left=0, why="", body=b""))


def made(conn: Connection, id: str, digest: str, body: bytes, *, pages: int, left: int, at: int) -> None:
    """Keep what was made, unless something else was asked for meanwhile."""
    done = {"state": "made", "sheets": b"", "made": at, "pages": pages, "left": left, "body": body}
    conn.execute(update(packet).where(_c.id == id, _c.digest == digest, _c.state == "waiting").values(done))


def failed(conn: Connection, id: str, digest: str, why: str) -> None:
    """Note that a packet that waits is not made, and why, unless something else was asked for meanwhile."""
    gone = {"state": "failed", "sheets": b"", "why": why}
    conn.execute(update(packet).where(_c.id == id, _c.digest == digest, _c.state == "waiting").values(gone))


def remove(conn: Connection, id: str, until: int) -> None:
    """Let go of a packet that was asked for no later than an instant."""
    conn.execute(delete(packet).where(_c.id == id, _c.asked <= until))
