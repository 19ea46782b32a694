"""Launches of ours from an EHR: each has a context of its own, under a random id that stands in the path of its pages,
so that two patients open at once never mix.

A launch belongs to the session that made it. Two that begin in the same moment each open a session, and the browser
keeps the cookie of one; so a launch moves along to another live session of the same kind and the same person. Nobody
else's session ever shows it.

Between the answer of the EHR and the page stands a handover: a value good once, for a minute, by which the launch goes
to the session whose cookie came back or, where the browser keeps no cookies in a frame, to a tab of its own.
"""

import json
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from auth.people import one_time
from auth.people import sessions as people_sessions
from auth.people.sessions import Session
from auth.store import storable
from auth.tables import embedded

LIFE: Final = people_sessions.ABSOLUTE  # seconds: no session lives longer
HANDOVER: Final = 60  # seconds
_PURPOSE: Final = "embed:handover"


@dataclass(frozen=True)
class FrameLaunch:
    """What an EHR opened us for. `patient`: our id of theirs; none when they had no patient open. `context`: what the
    EHR's token response said."""

    ehr: str
    patient: str | None
    context: dict[str, Any]


@dataclass(frozen=True)
class Handover:
    """A launch on its way to a session of `user`."""

    user: str
    launched: FrameLaunch


def hand_over(conn: Connection, user: str, launched: FrameLaunch, now: int) -> str:
    """Keep a launch for a minute; returns the value that fetches it, once."""
    data = {"ehr": launched.ehr, "patient": launched.patient, "context": launched.context}
    return one_time.keep(conn, _PURPOSE, data, now, HANDOVER, user)


def peek(conn: Connection, value: str, now: int) -> Handover | None:
    """What is kept under this value, left in place."""
    return _handover(one_time.peek(conn, _PURPOSE, value, now))


def take(conn: Connection, value: str, now: int) -> Handover | None:
    """What is kept under this value; nobody gets it again."""
    return _handover(one_time.take(conn, _PURPOSE, value, now))


def start(conn: Connection, session: Session, launched: FrameLaunch, now: int) -> str:
    """Bind a launch to a session; returns its id, for the path."""
    id = secrets.token_urlsafe(18)
    row = {"id": id, "session": session.hash, "ehr": launched.ehr, "patient": launched.patient}
    conn.execute(insert(embedded).values(**row, context=json.dumps(launched.context), made=now, expires=now + LIFE))
    return id


def find(conn: Connection, id: str, now: int) -> FrameLaunch | None:
    """The launch of this id, whosever it is."""
    row = _row(conn, id, now)
    return FrameLaunch(row.ehr, row.patient, json.loads(row.context)) if row else None


def owner(conn: Connection, id: str, session: Session, now: int) -> bytes | None:
    """The session that this launch belongs to, when it is this one or another live one of the same person and kind;
    else None."""
    row = _row(conn, id, now)
    if row is None or session.kind != "embed":
        return None
    if row.session == session.hash:
        return session.hash
    others = (one.hash for one in people_sessions.of_user(conn, session.user.id, now) if one.kind == session.kind)
    return next((hash for hash in others if hash == row.session), None)


def move(conn: Connection, id: str, session: Session) -> None:
    """Bind a launch to another session: see `owner`."""
    conn.execute(update(embedded).where(embedded.c.id == id).values(session=session.hash))


def end(conn: Connection, id: str) -> None:
    """Close a launch."""
    conn.execute(delete(embedded).where(embedded.c.id == id))


def _row(conn: Connection, id: str, now: int) -> Any:
    if not storable(id):
        return None
    return conn.execute(select(embedded).where(embedded.c.id == id, embedded.c.expires > now)).first()


def _handover(kept: one_time.Pending | None) -> Handover | None:
    if kept is None or kept.user is None:
        return None
    return Handover(kept.user, FrameLaunch(kept.data["ehr"], kept.data["patient"], kept.data["context"]))
