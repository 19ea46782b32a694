"""The check of a bearer token on every request: one look-up by primary key, nothing cached, so revocation counts at
once.

Clause: RFC 6750 section 2.1 (only the Authorization header is read: a token in a URL or a form is not one).
"""

from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.dialects.sqlite import dialect as sqlite

from auth.errors import BadToken, NoToken
from auth.grant import Grant
from auth.scopes import Scope, names, parse, resources
from auth.store import digest
from auth.tables import token

_LONGEST: Final = 512  # characters; ours have 43

COLUMNS: Final = (  # of a token's row: what it says of who asks, and until when
    token.c.client, token.c.subject, token.c.name, token.c.scope, token.c.roles, token.c.organization, token.c.patient,
    token.c.fhir_user, token.c.family, token.c.expires,
)  # fmt: skip
KIND: Final = "access"
FIND: Final = select(*COLUMNS).where(token.c.hash == bindparam("hash"), token.c.kind == bindparam("kind"))
_DIALECTS: Final = {"sqlite": sqlite(paramstyle="named"), "postgresql": postgresql(paramstyle="pyformat")}  # type: ignore[no-untyped-call]


def check(conn: Connection, header: str | None, now: datetime) -> Grant:
    """Who the Authorization header speaks for. `now` is aware.

    Raises NoToken when there is no bearer token, BadToken when it is unknown, revoked or expired: both mean 401, with
    `challenge(error)` as the WWW-Authenticate header.
    """
    return granted(_find(conn, key(header)), now)


def key(header: str | None) -> bytes:
    """By what the row of the token in an Authorization header is found. Raises NoToken, or BadToken for one that can be
    none of ours."""
    scheme, _, plain = (header or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NoToken("Send the access token in the header: Authorization: Bearer <token>")
    plain = plain.strip()
    if not plain or len(plain) > _LONGEST:
        raise BadToken("The access token is malformed.")
    return digest(plain)


def granted(row: tuple[Any, ...] | None, now: datetime) -> Grant:
    """Who the COLUMNS of a token's row speak for. Raises BadToken when there is none, or its time is over."""
    if row is None or row[-1] <= now.timestamp():
        raise BadToken("The access token is unknown, revoked or expired. Ask the token endpoint for a new one.")
    return meant(row[:-1])


@lru_cache(maxsize=1024)
def meant(said: tuple[Any, ...]) -> Grant:
    """Who a token speaks for that says this: its COLUMNS but the last. Remembered by all that it says, not by the
    token."""
    client, subject, name, scope, roles, organization, patient, fhir_user, family = said
    return Grant(
        subject=subject,
        client=client,
        scopes=_scopes(scope, fhir_user),
        roles=_roles(roles),
        organization=organization,
        patient=patient,
        fhir_user=fhir_user,
        name=name,
        launch=family,
    )


def _find(conn: Connection, hash: bytes) -> tuple[Any, ...] | None:
    """Straight through the driver: it is asked on every request, and SQLAlchemy's own price is several times the
    database's."""
    raw: Any = conn.connection.dbapi_connection
    found = raw.execute(_sql(conn.dialect.name), {"hash": hash, "kind": KIND}).fetchone()
    return tuple(found) if found else None


@cache
def _sql(dialect: str) -> str:
    return str(FIND.compile(dialect=_DIALECTS[dialect]))


def challenge(error: NoToken | BadToken, realm: str = "fhir") -> str:
    """The WWW-Authenticate header of the 401 (RFC 6750 section 3)."""
    told = f', error="{error.error}", error_description="{error.text}"' if error.error else ""
    return f'Bearer realm="{realm}"{told}'


@lru_cache(maxsize=1024)
def _scopes(text: str, fhir_user: str | None) -> tuple[Scope, ...]:
    """The permissions; `fhirUser` is one too, to read who the person is (SMART scopes, "fhirUser")."""
    granted = parse(text)
    kind, _, id = (fhir_user or "").partition("/")
    own = (Scope("user", kind, frozenset("r"), (("_id", id),)),) if id and "fhirUser" in names(granted) else ()
    return resources(granted) + own


@lru_cache(maxsize=256)
def _roles(text: str) -> frozenset[str]:
    return frozenset(text.split())
