"""People sign in: passwords by argon2id, sessions as rows, backoff after wrong passwords. Times are whole seconds.

A session is a random id whose hash is stored; it dies after half an hour without use, after twelve hours in any case,
at sign-out, and when its person is changed or disabled. Each has its own CSRF token. A session of the kind "embed", of
somebody who came from an EHR, opens embedded pages alone: its id means nothing at the desk.

Who has a second factor is let in in two steps. In between nothing is forgotten: after the right password `undo_failure`
takes back only what this attempt itself had counted, and each code counts as a failure (`count_failure`) until
`reset_failures`.
"""

import hmac
from base64 import b64encode
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from sqlalchemy import Connection, delete, insert, select, update

from auth.errors import BadRegistration, Locked
from auth.grant import Grant
from auth.scopes import parse, resources
from auth.store import User, digest, find_user, fold, fresh, storable, upsert
from auth.tables import failure, session, user

IDLE: Final = 1_800  # seconds without a request
ABSOLUTE: Final = 43_200  # seconds from sign-in
FREE_TRIES: Final = 5
FIRST_WAIT: Final = 30  # seconds after the last free try; doubles
LONGEST_WAIT: Final = 900
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 1024  # argon2 would read more for as long as somebody sends it
NOTICED: Final = 60  # seconds between two notes of a session's use: a write on every page would be dear
PROOF: Final = 300  # seconds for which who just proved who they are may change how they sign in

# A person at the desk is limited by roles, not by scopes.
_ALL: Final = resources(parse("user/*.cruds"))
_hasher: Final = PasswordHasher()


def _no_ones(hasher: PasswordHasher) -> str:
    """What looks like the hash of a password and is of no password, but takes as long to check as a real one: salt and
    sum are by chance. To hash something would cost each start of each process what a guess costs a guesser."""
    salt, hashed = (b64encode(token_bytes(size)).decode().rstrip("=") for size in (hasher.salt_len, hasher.hash_len))
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${cost}${salt}${hashed}"


_nobody: Final = _no_ones(_hasher)  # what an unknown login is checked against, so that it takes as long


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `hash` names its row; `csrf` must come back with every form."""

    hash: bytes
    user: User
    csrf: str
    started: int
    seen: int
    agent: str = ""
    kind: str = "desk"
    amr: str = "pwd"
    proved: int = 0

    def fresh(self, now: int) -> bool:
        """Whether the person proved moments ago who they are."""
        return now - self.proved < PROOF

    def stale(self, now: int) -> bool:
        """Whether its use should be noted (`touch`) again."""
        return now - self.seen >= NOTICED

    def grant(self) -> Grant:
        return grant_of(self.user, self.hash.hex())


def grant_of(who: User, session: str | None = None) -> Grant:
    """What a person may do, in a session or by what they left to be done."""
    return Grant(
        subject=who.id, scopes=_ALL, roles=who.roles, organization=who.organization, name=who.name,
        session=session, fhir_user=who.fhir_user,
    )  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """A sign-in under way: already counted as a failure, until it turns out to be none. `former`: how many failures
    there were before it, and when the last was; `at`: when it was counted."""

    login: bytes
    user: User | None
    password: str
    former: tuple[int, int] | None = None
    at: int = 0


def hash_password(password: str, login: str = "") -> str:
    """The argon2id hash to store. Raises BadRegistration when the password is too short or absurdly long, or is the
    login."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        said = f"A password has between {SHORTEST_PASSWORD} and {LONGEST_PASSWORD} characters."
        raise BadRegistration(said, "password-length", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)
    if login and fold(login) == fold(password):
        raise BadRegistration("The password must not be the login.", "password-login")
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def change_password(conn: Connection, user_id: str, password: str) -> None:
    """Set a password and sign the person out everywhere. Raises BadRegistration."""
    set_password(conn, user_id, hash_password(password))


def set_password(conn: Connection, user_id: str, hashed: str, but: bytes = b"") -> None:
    """As `change_password`, with a hash that was made outside the transaction, for that is slow; the session with the
    hash `but` stays."""
    conn.execute(update(user).where(user.c.id == user_id).values(password=hashed))
    end_all(conn, user_id, but)


def has_password(conn: Connection, user_id: str) -> bool:
    """Whether the person can sign in by a password at all: who was let in by a provider may have none."""
    return bool(conn.scalar(select(user.c.password).where(user.c.id == user_id)))


def added_at(conn: Connection, user_id: str) -> int:
    """When the person was let in."""
    return conn.scalar(select(user.c.added).where(user.c.id == user_id)) or 0


def sign_in_status(conn: Connection) -> dict[str, tuple[int | None, bool]]:
    """user id -> when they last signed in, and whether they have a password."""
    listed = select(user.c.id, user.c.seen, user.c.password != "")
    return {row[0]: (row[1], bool(row[2])) for row in conn.execute(listed)}


def begin_attempt(conn: Connection, login: str, now: int) -> Attempt:
    """Begin a sign-in; counts as a failure at once, so that guesses sent side by side count too. Raises Locked.

    Then check the password with `verify_password`, outside any transaction for it is slow; `open_session` follows.
    """
    login_digest = digest(fold(login))
    former = count_failure(conn, login_digest, now)
    storable_login = fold(login) if storable(login) else ""
    row = conn.execute(select(user.c.id, user.c.password).where(user.c.login == storable_login)).first()
    person = find_user(conn, row.id) if row else None
    return Attempt(login_digest, person, (row.password if row else "") or _nobody, former, now)


def count_failure(conn: Connection, login_digest: bytes, now: int) -> tuple[int, int] | None:
    """Count one more failure for a login, by its digest; returns how many there were, and when the last. Raises Locked
    while one has to wait."""
    failed = conn.execute(select(failure.c["count"], failure.c.last).where(failure.c.login == login_digest)).first()
    if failed and (wait := failed.last + _wait(failed[0]) - now) > 0:
        raise Locked(wait)
    counted = upsert(conn, failure).values(login=login_digest, count=1, last=now)
    conn.execute(
        counted.on_conflict_do_update(index_elements=["login"], set_={"count": failure.c["count"] + 1, "last": now})
    )
    return (failed[0], failed.last) if failed else None


def verify_password(attempt: Attempt, password: str) -> bool:
    """Whether the password is right and the person may sign in. Takes as long for a login that nobody has, and for
    somebody who has no password."""
    try:
        right = _hasher.verify(attempt.password, password[:LONGEST_PASSWORD].encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False
    return right and len(password) <= LONGEST_PASSWORD and attempt.user is not None and not attempt.user.disabled


def undo_failure(conn: Connection, attempt: Attempt) -> None:
    """Take back the failure that a right password was counted as, and nothing more: the codes that follow are still
    counted. Without this, who has waited out a lock would be locked again by their own right password."""
    mine = (failure.c.login == attempt.login, failure.c.last == attempt.at)
    if attempt.former is None:
        conn.execute(delete(failure).where(*mine, failure.c["count"] == 1))
    else:
        before, last = attempt.former
        conn.execute(update(failure).where(*mine, failure.c["count"] == before + 1).values(count=before, last=last))


def reset_failures(conn: Connection, login: str) -> None:
    """Forget the failures of a login: its person has proved who they are, or an admin vouches for them."""
    conn.execute(delete(failure).where(failure.c.login == digest(fold(login))))


def open_session(conn: Connection, who: User, agent: str, now: int, *, amr: str, kind: str = "desk") -> str:
    """Open a session for somebody who was proved otherwise than by a password; returns its id, for the cookie alone.

    amr: how they were (RFC 8176, space-separated). kind: desk or embed. Whether they are disabled is the caller's to
    ask; `find` asks again each time.
    """
    plain = fresh()
    row = {"hash": digest(plain), "user": who.id, "csrf": fresh(), "started": now, "seen": now, "proved": now}
    conn.execute(insert(session).values(**row, agent=agent[:200], kind=kind, amr=amr))
    conn.execute(update(user).where(user.c.id == who.id).values(seen=now))
    return plain


def find(conn: Connection, plain: str | None, now: int, kind: str = "desk") -> Session | None:
    """The session of a cookie, or None when there is none of that kind, it is over, or its person is disabled."""
    if not plain:
        return None
    row = conn.execute(select(session).where(session.c.hash == digest(plain), session.c.kind == kind)).first()
    if row is None or now >= row.seen + IDLE or now >= row.started + ABSOLUTE:
        return None
    who = find_user(conn, row.user)
    return None if who is None or who.disabled else _session(row, who)


def touch(conn: Connection, used: Session, now: int) -> None:
    """Note that the session was used."""
    conn.execute(update(session).where(session.c.hash == used.hash).values(seen=now))


def mark_reauthenticated(conn: Connection, used: Session, now: int) -> None:
    """Note that the person proved again who they are."""
    conn.execute(update(session).where(session.c.hash == used.hash).values(proved=now))


def promote(conn: Connection, used: Session, amr: str, now: int) -> None:
    """Let a session that was good for one page only (kind "enrol") go on as a full one, proved as `amr` says."""
    conn.execute(update(session).where(session.c.hash == used.hash).values(kind="desk", amr=amr, proved=now))


def of_user(conn: Connection, user_id: str, now: int) -> list[Session]:
    """Where this person is signed in, at the desk or inside an EHR, latest use first."""
    who = find_user(conn, user_id)
    rows = conn.execute(select(session).where(session.c.user == user_id).order_by(session.c.seen.desc()))
    return [_session(row, who) for row in rows if who and now < row.seen + IDLE and now < row.started + ABSOLUTE]


def end_session(conn: Connection, plain: str | None) -> None:
    """End the session of a cookie."""
    conn.execute(delete(session).where(session.c.hash == digest(plain or "")))


def end_one(conn: Connection, user_id: str, hash: bytes) -> bool:
    """End one session of a person, by its hash; False when they have no such."""
    ended = delete(session).where(session.c.hash == hash, session.c.user == user_id)
    return conn.execute(ended).rowcount > 0


def end_all(conn: Connection, user_id: str, but: bytes = b"") -> None:
    """End every session of a person, except the one with the hash `but`."""
    conn.execute(delete(session).where(session.c.user == user_id, session.c.hash != but))


def former_owner(conn: Connection, plain: str | None, csrf: str) -> str | None:
    """Whose session it was that a form was shown in, though it may be over; None where the form is not of it."""
    row = conn.execute(select(session.c.user, session.c.csrf).where(session.c.hash == digest(plain or ""))).first()
    return row.user if row and is_csrf(row.csrf, csrf) else None


def is_csrf(token: str, sent: str | None) -> bool:
    """Whether a form carries its session's token, in constant time."""
    return hmac.compare_digest(token.encode(), (sent or "").encode("utf-8", "surrogatepass"))


def _session(row: Any, who: User) -> Session:
    return Session(row.hash, who, row.csrf, row.started, row.seen, row.agent, row.kind, row.amr, row.proved)


def _wait(count: int) -> int:
    """Seconds to wait after that many failures in a row."""
    over = count - FREE_TRIES
    return 0 if over < 0 else min(FIRST_WAIT * 2 ** min(over, 10), LONGEST_WAIT)
