"""Sign in, stay signed in, sign out: each verb its own transaction, and none held while a password is being checked."""

from auth import signin, store
from auth.errors import BadSignIn, Locked
from auth.signin import Session
from auth.store import User
from carecoord.fhir.instants import micros
from carecoord.store.audit import Event
from carecoord.store.engine import reading, writing
from carecoord.world import World


def sign_in(world: World, login: str, password: str, agent: str, request: str, leaving: str | None = None) -> str:
    """A new session id for the cookie; the session that the browser had before (`leaving`) ends. Right or wrong, it is
    audited, but not what was typed: people type passwords into the wrong field.

    Raises auth.errors.BadSignIn, or Locked after too many wrong passwords.
    """
    now = _now(world)
    try:
        with writing(world.engine) as conn:
            tried = signin.attempt(conn, login, now)
    except Locked:
        _audit(world, request, 429, None)
        raise
    if not signin.proven(tried, password):
        _audit(world, request, 401, tried.user)
        raise BadSignIn("That login and password do not belong together.")
    with writing(world.engine) as conn:
        store.purge(conn, now)
        signin.leave(conn, leaving)
        cookie = signin.enter(conn, tried, agent, now)
    _audit(world, request, 200, tried.user)
    return cookie


def who(world: World, cookie: str | None) -> Session | None:
    """The session of a cookie, its use noted, or None."""
    if not cookie:
        return None
    now = _now(world)
    with reading(world.engine) as conn:
        found = signin.find(conn, cookie, now)
    if found and found.stale(now):
        with writing(world.engine) as conn:
            signin.touch(conn, found, now)
    return found


def sign_out(world: World, cookie: str | None) -> None:
    """End this session."""
    with writing(world.engine) as conn:
        signin.leave(conn, cookie)


def sign_out_everywhere(world: World, session: Session) -> None:
    """End every session of this person, this one too."""
    with writing(world.engine) as conn:
        signin.leave_everywhere(conn, session.user.id)


def _audit(world: World, request: str, status: int, who: User | None) -> None:
    subject, organization = (who.id, who.organization) if who else (None, None)
    now = micros(world.clock())
    world.journal.append(Event(now, request, "sign-in", status, subject, organization=organization))


def _now(world: World) -> int:
    return int(world.clock().timestamp())
