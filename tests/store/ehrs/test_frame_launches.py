"""A launch from an EHR and the session that it belongs to, on both databases."""

from dataclasses import replace

from sqlalchemy import Connection, Engine

from auth import store
from auth.people import frame_launches, sessions
from auth.people.frame_launches import FrameLaunch
from auth.people.sessions import Session
from auth.store import User

NOW = 1_795_000_000
ANA = User("ana", "ana", "Ana", frozenset({"coordinator"}), "clinic")
BEN = replace(ANA, id="ben", login="ben")
OPENED = FrameLaunch("city", "patient-1", {"missing": [], "need_patient_banner": True})


def entered(conn: Connection, who: User, kind: str = "embed") -> Session:
    found = sessions.find(conn, sessions.open_session(conn, who, "test", NOW, amr="fed", kind=kind), NOW, kind=kind)
    assert found
    return found


def added(conn: Connection) -> None:
    for who in (ANA, BEN):
        store.add_user(conn, who, "", NOW)


def test_a_handover_is_good_once_and_for_a_minute(engine: Engine) -> None:
    with engine.begin() as conn:
        value = frame_launches.hand_over(conn, "ana", OPENED, NOW)
        old = frame_launches.hand_over(conn, "ana", OPENED, NOW - frame_launches.HANDOVER)
        waiting = frame_launches.peek(conn, value, NOW)
        assert waiting
        assert (waiting.user, waiting.launched) == ("ana", OPENED)
        assert frame_launches.take(conn, value, NOW) == waiting
        assert frame_launches.take(conn, value, NOW) is None
        assert frame_launches.take(conn, old, NOW) is None
        assert frame_launches.peek(conn, "\0", NOW) is None


def test_a_launch_moves_to_another_session_of_the_same_person_and_to_nobody_elses(engine: Engine) -> None:
    with engine.begin() as conn:
        added(conn)
        first, second, other = entered(conn, ANA), entered(conn, ANA), entered(conn, BEN)
        desk = entered(conn, ANA, "desk")
        id = frame_launches.start(conn, first, OPENED, NOW)
        assert frame_launches.find(conn, id, NOW) == OPENED
        assert frame_launches.owner(conn, id, first, NOW) == first.hash
        assert frame_launches.owner(conn, id, second, NOW) == first.hash
        assert frame_launches.owner(conn, id, other, NOW) is None
        assert frame_launches.owner(conn, id, desk, NOW) is None
        frame_launches.move(conn, id, second)
        sessions.end_one(conn, "ana", second.hash)
        assert frame_launches.owner(conn, id, first, NOW) is None, "what it belonged to was closed"


def test_a_launch_ends_by_itself_and_when_it_is_closed(engine: Engine) -> None:
    with engine.begin() as conn:
        added(conn)
        session = entered(conn, ANA)
        id, closed = frame_launches.start(conn, session, OPENED, NOW), frame_launches.start(conn, session, OPENED, NOW)
        frame_launches.end(conn, closed)
        assert frame_launches.find(conn, closed, NOW) is None
        assert frame_launches.find(conn, id, NOW + frame_launches.LIFE) is None
        assert frame_launches.find(conn, "\0", NOW) is None
