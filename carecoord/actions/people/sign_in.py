"""Sign in, stay signed in, sign out: each verb its own transaction, and none held while a password is being checked.

Who has a second factor is let in in two steps: between them stands a value kept for five minutes, which opens nothing
but the second step. Right or wrong, every sign-in is audited, but never what was typed: people type passwords into the
wrong field.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from auth import store
from auth.errors import BadSignIn, Locked, Refused
from auth.people import factors, one_time, passkeys, sessions, totp
from auth.people.passkeys import Site
from auth.people.sessions import Session
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.domain.access import verbs
from carecoord.errors import Conflict
from carecoord.store.database.engine import reading, writing
from carecoord.words.sentence import sentence
from carecoord.world import World

HALFWAY: Final = 300  # seconds from the right password to the second factor
DAY: Final = 86_400
# Whoever rules over accounts, or reads who saw which patient, should not hang on a password alone.
ADVISED: Final = frozenset(verbs.holders("manage-people", "read-trail"))
_STEP: Final = "second-step"
_LATE: Final = "That took too long. Sign in again with your password."


@dataclass(frozen=True)
class SignedIn:
    """Signed in. cookie: the new session's id. advised: this person should set up a second factor."""

    cookie: str
    advised: bool


@dataclass(frozen=True)
class SecondStepNeeded:
    """The password was right, a second factor is to follow. cookie: what fetches the half-made sign-in."""

    cookie: str


@dataclass(frozen=True)
class SecondStep:
    """The second step of somebody: which kinds they have (`otp`, `hwk`)."""

    who: User
    kinds: frozenset[str]


@dataclass(frozen=True)
class Browser:
    """Who asks: what the browser calls itself, the request's id, and the session it had until now, which ends."""

    agent: str
    request: str
    leaving: str | None = None


def sign_in(world: World, login: str, password: str, browser: Browser) -> SignedIn | SecondStepNeeded:
    """Check a login and its password. Raises auth.errors.BadSignIn, or Locked after too many wrong passwords."""
    now = world.seconds()
    try:
        with writing(world.engine) as conn:
            attempt = sessions.begin_attempt(conn, login, now)
    except Locked:
        record_event(world, browser.request, "sign-in", 429, None)
        raise
    if not sessions.verify_password(attempt, password) or attempt.user is None:
        record_event(world, browser.request, "sign-in", 401, attempt.user)
        raise BadSignIn("That login and password do not belong together.", "password")
    with writing(world.engine) as conn:
        store.purge(conn, now)
        if factors.kinds(conn, attempt.user.id):
            sessions.undo_failure(conn, attempt)
            return SecondStepNeeded(one_time.keep(conn, _STEP, {}, now, HALFWAY, attempt.user.id))
        entered = _open_session(world, conn, attempt.user, browser, "pwd")
    record_event(world, browser.request, "sign-in", 200, attempt.user)
    return entered


def second_step(world: World, half: str | None) -> SecondStep | None:
    """The second step that waits under this value, if it still does."""
    with reading(world.engine) as conn:
        return _step(conn, half, world.seconds())


def verify_code(world: World, half: str | None, code: str, browser: Browser) -> SignedIn:
    """Finish a sign-in by a code of the authenticator app, or a recovery code. Each try counts like a wrong password
    until it turns out right. Raises BadSignIn, Locked."""
    now = world.seconds()
    entered = None
    try:
        with writing(world.engine) as conn:
            step = _step(conn, half, now)
            if step is None:
                raise BadSignIn(_LATE, "late")
            sessions.count_failure(conn, store.digest(step.who.login), now)
            if is_code(conn, step.who, code, now) and one_time.take(conn, _STEP, half or "", now):
                entered = _open_session(world, conn, step.who, browser, "pwd otp")
    except Locked:
        record_event(world, browser.request, "sign-in", 429, step.who if step else None)
        raise
    record_event(world, browser.request, "sign-in", 200 if entered else 401, step.who)
    if entered is None:
        raise BadSignIn("That code is not right, or was used before. Wait for the next one and try again.", "code")
    return entered


def passkey_options(world: World, bound: str, half: str | None = None) -> dict[str, Any]:
    """What the browser needs to show a passkey: alone, or as the second step. Raises Conflict, BadSignIn."""
    now = world.seconds()
    here = site(world)
    with writing(world.engine) as conn:
        if half is None:
            return passkeys.authentication_options(conn, here, bound, now)
        step = _step(conn, half, now)
        if step is None:
            raise BadSignIn(_LATE, "late")
        return passkeys.authentication_options(conn, here, bound, now, step.who.id)


def verify_passkey(world: World, credential: str, bound: str, browser: Browser, half: str | None = None) -> SignedIn:
    """Sign in by the passkey that the browser shows: alone, or as the second step. Raises Refused."""
    now = world.seconds()
    here = site(world)
    refused: Refused | None = None
    who: User | None = None
    with writing(world.engine) as conn:  # kept also when refused, for the challenge is spent
        try:
            step = _step(conn, half, now) if half is not None else None
            if half is not None and step is None:
                raise BadSignIn(_LATE, "late")
            who = passkeys.authenticate(conn, here, credential, bound, now, step.who.id if step else None)
            if half is not None and one_time.take(conn, _STEP, half, now) is None:
                raise BadSignIn(_LATE, "late")
            entered = _open_session(world, conn, who, browser, "pwd hwk" if step else "hwk")
        except Refused as error:
            refused = error
    record_event(world, browser.request, "sign-in", 401 if refused else 200, who)
    if refused:
        raise refused
    return entered


def is_code(conn: Connection, who: User, code: str, now: int) -> bool:
    """Whether this is the person's code of the moment or an unused recovery code; then it is used up."""
    return totp.use_code(conn, who.id, code, now) or factors.use_recovery_code(conn, who.id, code, now)


def find_session(world: World, cookie: str | None, kind: str = "desk", *, used: bool = True) -> Session | None:
    """The session of a cookie, or None. used: a person asks, so its use is noted; a page that looks for news by itself
    must not keep a session alive that nobody sits before."""
    if not cookie:
        return None
    now = world.seconds()
    with reading(world.engine) as conn:
        session = sessions.find(conn, cookie, now, kind)
    if used and session and session.stale(now):
        with writing(world.engine) as conn:
            sessions.touch(conn, session, now)
    return session


def sign_out(world: World, session: Session, request: str) -> None:
    """End this session."""
    with writing(world.engine) as conn:
        sessions.end_one(conn, session.user.id, session.hash)
    record_event(world, request, "sign-out", 200, session.user)


def sign_out_everywhere(world: World, session: Session, request: str) -> None:
    """End every session of this person, this one too."""
    with writing(world.engine) as conn:
        sessions.end_all(conn, session.user.id)
    record_event(world, request, "sign-out", 200, session.user, "everywhere")


def site(world: World) -> Site:
    """Where passkeys count. Raises Conflict where browsers know none."""
    here = passkeys.site(world.settings.url)
    if here is None:
        raise Conflict(sentence("refusals.passkeys-need-https-and-host", url=world.settings.url))
    return here


def record_event(
    world: World, request: str, what: str, status: int, who: User | None, query: str | None = None
) -> None:
    """Write into the trail what somebody did about an account; never what was typed."""
    world.journal.append(event(world.clock(), request, what, status, by=who, query=query))


def second_factor_due(world: World, conn: Connection, who: User) -> int | None:
    """Until when this person may go on without a second factor; None: as long as they like."""
    days = world.settings.second_factor_days
    return sessions.added_at(conn, who.id) + days * DAY if days and who.roles & ADVISED else None


def _open_session(world: World, conn: Connection, who: User, browser: Browser, amr: str) -> SignedIn:
    """A new session. By password alone and past the day for it, an admin or auditor gets one that opens nothing but the
    page on which to set up a second factor."""
    now = world.seconds()
    sessions.end_session(conn, browser.leaving)
    sessions.reset_failures(conn, who.login)
    bare = amr == "pwd" and bool(who.roles & ADVISED)
    until = second_factor_due(world, conn, who)
    kind = "enrol" if bare and until is not None and now >= until else "desk"
    return SignedIn(sessions.open_session(conn, who, browser.agent, now, amr=amr, kind=kind), bare)


def _step(conn: Connection, half: str | None, now: int) -> SecondStep | None:
    kept = one_time.peek(conn, _STEP, half, now) if half else None
    who = store.find_user(conn, kept.user) if kept and kept.user else None
    return SecondStep(who, factors.kinds(conn, who.id)) if who and not who.disabled else None
