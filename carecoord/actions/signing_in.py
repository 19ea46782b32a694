"""Sign in, stay signed in, sign out: each verb its own transaction, and none held while a password is being checked."""

from auth import signin
from auth.errors import BadSignIn
from auth.signin import Session
from carecoord.store.engine import reading, writing
from carecoord.world import World


def sign_in(world: World, login: str, password: str, agent: str, leaving: str | None = None) -> str:
    """A new session id for the cookie; the session that the browser had before (`leaving`) ends.

    Raises auth.errors.BadSignIn, or Locked after too many wrong passwords.
    """
    now = _now(world)
    with writing(world.engine) as conn:
        tried = signin.attempt(conn, login, now)
    if not signin.proven(tried, password):
        raise BadSignIn("That login and password do not belong together.")
    with writing(world.engine) as conn:
        signin.leave(conn, leaving)
        return signin.enter(conn, tried, agent, now)


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


def _now(world: World) -> int:
    return int(world.clock().timestamp())
