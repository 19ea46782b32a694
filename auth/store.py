"""Clients, people, tokens and spent assertion ids, as functions over a Connection. The caller owns the transaction.

Times are whole seconds since 1970-01-01 UTC. Secrets come in plain and are hashed here; none goes out again.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection, Table, delete, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from auth.errors import BadRegistration
from auth.scopes import parse
from auth.tables import (
    authorization,
    client,
    code,
    embedded,
    failure,
    invitation,
    jti,
    launch,
    pending,
    session,
    token,
    user,
)  # fmt: skip

Held = TypeVar("Held", "Client", "User", "Token")
METHODS: Final = ("private_key_jwt", "client_secret_basic", "none")


@dataclass(frozen=True)
class Client:
    """A registered app. `method` is how it proves itself: private_key_jwt, client_secret_basic (or _post), none
    (public).

    `scope` is the widest it may be granted. A backend service has the grant client_credentials and needs
    private_key_jwt; `jwks` is its key set as JSON text, `jwks_url` where it publishes one: either or both. `roles`
    and `organization` narrow what a backend service sees, just as they do for a person; without roles only its scopes
    narrow it. `pending`: it registered itself and waits for an admin; `metadata`: what it said of itself, as JSON.
    `workflow`: what is agreed with it about referrals, an opaque name here; never what it says of itself.
    """

    id: str
    name: str
    scope: str
    method: str = "private_key_jwt"
    grants: tuple[str, ...] = ("client_credentials",)
    jwks: str | None = None
    jwks_url: str | None = None
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    organization: str | None = None
    roles: frozenset[str] = frozenset()
    disabled: bool = False
    pending: bool = False
    metadata: str | None = None
    workflow: str = ""


@dataclass(frozen=True)
class User:
    """A person who can sign in. `id` is opaque; `fhir_user` is `Practitioner/<id>` or the like, for id_tokens;
    `language`: in which they chose to read (BCP 47), empty where they never did."""

    id: str
    login: str
    name: str
    roles: frozenset[str] = frozenset()
    organization: str | None = None
    fhir_user: str | None = None
    disabled: bool = False
    language: str = ""


@dataclass(frozen=True)
class Token:
    """What a token says, as stored. `family` is the authorization it came from; a backend service's has none."""

    kind: str
    client: str
    subject: str
    scope: str
    issued: int
    expires: int
    name: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    organization: str | None = None
    fhir_user: str | None = None
    patient: str | None = None
    family: str | None = None
    spent: bool = False


def digest(secret: str) -> bytes:
    """sha256: enough for what is random (tokens, codes, session ids), never used for a password."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def add_client(conn: Connection, new: Client, now: int, secret: str | None = None) -> None:
    """Register a client. Raises BadRegistration when its parts do not fit together or the id is taken."""
    _judge(new, secret)
    if find_client(conn, new.id):
        raise BadRegistration(f"There is a client {new.id!r} already.", "app-taken", app=new.id)
    conn.execute(insert(client).values(**_plain(new), added=now, secret=secret and digest(secret)))


def find_client(conn: Connection, client_id: str) -> Client | None:
    """The client, disabled or not."""
    if not storable(client_id):
        return None
    row = conn.execute(select(client).where(client.c.id == client_id)).mappings().first()
    return _read(Client, row) if row else None


def clients(conn: Connection) -> list[Client]:
    """Every client, by name."""
    rows = conn.execute(select(client).order_by(client.c.name, client.c.id)).mappings()
    return [_read(Client, row) for row in rows]


def is_secret(conn: Connection, client_id: str, secret: str) -> bool:
    """Whether this is the client's secret, in constant time."""
    known = conn.execute(select(client.c.secret).where(client.c.id == client_id)).scalar()
    return known is not None and hmac.compare_digest(known, digest(secret))


def change_client(conn: Connection, changed: Client) -> None:
    """Replace a registration. Every token it holds dies, so that no old right outlives the change."""
    _judge(changed, "kept")
    conn.execute(update(client).where(client.c.id == changed.id).values(**_plain(changed)))
    conn.execute(delete(token).where(token.c.client == changed.id, token.c.kind == "access"))


def add_user(conn: Connection, new: User, password_hash: str, now: int) -> None:
    """Add a person. Raises BadRegistration when the login is taken."""
    if conn.execute(select(user.c.id).where(or_(user.c.login == fold(new.login), user.c.id == new.id))).first():
        raise BadRegistration(f"The login {new.login!r} is taken.", "login-taken", login=new.login)
    row = {**_plain(new), "login": fold(new.login), "password": password_hash}
    conn.execute(insert(user).values(**row, added=now))


def find_user(conn: Connection, user_id: str) -> User | None:
    """The person, disabled or not."""
    if not storable(user_id):
        return None
    row = conn.execute(select(user).where(user.c.id == user_id)).mappings().first()
    return _read(User, row) if row else None


def find_login(conn: Connection, login: str) -> User | None:
    """The person who types this login to sign in, disabled or not."""
    if not storable(login):
        return None
    row = conn.execute(select(user).where(user.c.login == fold(login))).mappings().first()
    return _read(User, row) if row else None


def users(conn: Connection) -> list[User]:
    """Everybody, by name."""
    rows = conn.execute(select(user).order_by(user.c.name, user.c.id)).mappings()
    return [_read(User, row) for row in rows]


def change_user(conn: Connection, changed: User) -> None:
    """Replace a person's name, roles or standing; in which language they read they alone say. Sessions and access
    tokens die, so that it counts at once."""
    row = {**_plain(changed), "login": fold(changed.login)}
    del row["language"]
    conn.execute(update(user).where(user.c.id == changed.id).values(**row))
    conn.execute(delete(session).where(session.c.user == changed.id))
    conn.execute(delete(token).where(token.c.subject == changed.id, token.c.kind == "access"))


def choose_language(conn: Connection, user_id: str, language: str) -> None:
    """Let a person read in this language from now on; their sessions go on."""
    conn.execute(update(user).where(user.c.id == user_id).values(language=language))


def place_user(conn: Connection, user_id: str, organization: str) -> bool:
    """Let a person who belongs nowhere belong to an organization; whether they belonged nowhere. They lose nothing by
    it, so their sessions and tokens go on."""
    nowhere = user.c.organization.is_(None) | (user.c.organization == "")
    placed = update(user).where(user.c.id == user_id, nowhere).values(organization=organization)
    return conn.execute(placed).rowcount > 0


def storable(text: str) -> bool:
    """Whether a database can hold this text at all: what strangers send may have a NUL or half a character in it."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def fold(login: str) -> str:
    """The form in which logins are compared."""
    return login.strip().casefold()


def fresh() -> str:
    """256 random bits to be shown once: a token, a code, a session id."""
    return secrets.token_urlsafe(32)


def issue(conn: Connection, new: Token, plain: str | None = None) -> str:
    """Store a token, `plain` or a fresh one, and return it in plain: the only time that it is seen."""
    plain = plain or fresh()
    conn.execute(insert(token).values(**_plain(new), hash=digest(plain)))
    return plain


def find_token(conn: Connection, plain: str, kind: str) -> Token | None:
    """The token of that kind, expired or spent ones too."""
    row = conn.execute(select(token).where(token.c.hash == digest(plain), token.c.kind == kind)).mappings().first()
    return _read(Token, row) if row else None


def revoke(conn: Connection, plain: str) -> None:
    """End one token at once. Unknown ones are no error (RFC 7009 section 2.2)."""
    conn.execute(delete(token).where(token.c.hash == digest(plain)))


def spend_jti(conn: Connection, client_id: str, value: str, expires: int) -> bool:
    """Note an assertion id as used until `expires`; False when it was used before (RFC 7523 section 3, item 7)."""
    row = {"client": client_id, "hash": digest(value), "expires": expires}
    once = upsert(conn, jti).values(row).on_conflict_do_nothing().returning(jti.c.expires)
    return conn.execute(once).first() is not None


def purge(conn: Connection, now: int, session_life: int = 86_400) -> int:
    """Delete what has expired and can mean nothing any more; returns how many rows. Safe to run at any time.

    A code outlives its time as long as its family lives, so that a late replay still kills the family.
    """
    alive = exists().where(authorization.c.id == code.c.family)
    ended = [
        delete(token).where(token.c.expires <= now),
        delete(jti).where(jti.c.expires <= now),
        delete(failure).where(failure.c.last <= now - session_life),
        delete(launch).where(launch.c.expires <= now),
        delete(pending).where(pending.c.expires <= now),
        delete(invitation).where(invitation.c.expires <= now),
        delete(embedded).where(embedded.c.expires <= now),
        delete(session).where(session.c.started <= now - session_life),
        delete(authorization).where(authorization.c.expires <= now),
        delete(code).where(code.c.expires <= now, ~alive),
    ]
    return sum(conn.execute(statement).rowcount for statement in ended)


def end_what_was_given(conn: Connection) -> int:
    """End every session, token, code and half-made sign-in; returns how many rows. For a database that was put back to
    an earlier state: what was signed out or revoked since must not come to life again."""
    return sum(conn.execute(delete(each)).rowcount for each in (token, code, session, pending, launch, embedded))


def upsert(conn: Connection, table: Table) -> Any:
    """An INSERT that may say what to do about a row that is there already: each database has its own."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def _judge(new: Client, secret: str | None) -> None:
    """Refuse a registration that could never work, or that would be weaker than it looks."""
    if new.method not in METHODS:
        methods = ", ".join(METHODS)
        said = f"method is one of {methods}, not {new.method!r}."
        raise BadRegistration(said, "method", methods=methods, method=new.method)
    if not parse(new.scope):
        raise BadRegistration(f"No SMART scope in {new.scope!r}; for example: system/*.rs", "scope", scope=new.scope)
    if "client_credentials" in new.grants and new.method != "private_key_jwt":
        raise BadRegistration("A backend service must use private_key_jwt (SMART backend services).", "service-method")
    if new.method == "private_key_jwt" and not (new.jwks or new.jwks_url):
        raise BadRegistration("private_key_jwt needs the client's public keys: a JWKS or the URL of one.", "no-keys")
    if new.method == "client_secret_basic" and not secret:
        raise BadRegistration("client_secret_basic needs a secret.", "no-secret")
    for uri in new.redirect_uris:
        judge_address(uri)
    for uri in filter(None, (new.launch_url, new.jwks_url)):
        judge_address(uri)


def judge_address(uri: str) -> None:
    """Raise BadRegistration unless codes, launches and keys may travel to or from this address. One with a blank in it
    would be stored as two."""
    try:
        parts = urlsplit(uri)
        local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        good = bool(parts.hostname) and (parts.port or 1) > 0 and (parts.scheme == "https" or local)
    except ValueError:
        good = False
    if not good or any(c in uri for c in "#\\ ") or "@" in parts.netloc or not (uri.isascii() and uri.isprintable()):
        said = f"{uri!r} can not be an app's address: https (or http to this machine), no fragment."
        raise BadRegistration(said, "address", address=uri)


def _plain(value: Client | User | Token) -> dict[str, Any]:
    """The columns of a value: sets and tuples become space-separated text."""
    row = {f.name: getattr(value, f.name) for f in fields(value)}
    return {
        k: " ".join(sorted(v) if isinstance(v, frozenset) else v) if isinstance(v, (frozenset, tuple)) else v
        for k, v in row.items()
    }


def _read(kind: type[Held], row: Any) -> Held:
    return kind(**{f.name: _cast(f.name, row[f.name]) for f in fields(kind)})


def _cast(name: str, value: Any) -> Any:
    if name == "roles":
        return frozenset(value.split())
    return tuple(value.split()) if name in ("grants", "redirect_uris") else value
