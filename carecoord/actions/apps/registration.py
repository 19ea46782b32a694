"""What admins decide about apps: who is let in, with how much, and who no longer. Each verb is one transaction and one
line in the audit.

Raises errors.Invalid for what can not be so, NotFound for an app that is not there, Forbidden for whoever is no admin.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from auth import store
from auth.errors import BadRegistration
from auth.grant import Grant
from auth.keys.fetched import KeysUnavailable, parse_jwks
from auth.scopes import Scope, Special, parse
from auth.server import registrations
from auth.server.registrations import AppOverview
from auth.store import Client, fresh
from carecoord.actions.access.audited import COMMAND, event
from carecoord.actions.people.refusals import sentence_of
from carecoord.domain.access import verbs
from carecoord.domain.apps import scopes_in_words
from carecoord.domain.apps.scopes_in_words import Line
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.words.sentence import sentence
from carecoord.world import World

PEOPLE = ("authorization_code", "refresh_token")  # the grants of an app that people open
SENDING = (  # the scopes of an app that sends referrals: it finds those whom it names, and writes what a referral needs
    "system/Organization.rs system/Practitioner.rs system/Location.rs system/Patient.cu system/Coverage.cu "
    "system/ServiceRequest.cu system/Task.cu system/DocumentReference.cu"
)
OPERATOR = Grant(COMMAND, roles=frozenset(verbs.holders("manage-apps")))  # whoever has the machine


@dataclass(frozen=True)
class App:
    """An app as an admin judges it. `says`: what it asks or may do, in words; `told`: what it said of itself."""

    row: AppOverview
    says: tuple[Line, ...]
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        return self.row.app

    @property
    def scopes(self) -> tuple[Scope | Special, ...]:
        """What it asks or may do."""
        return parse(self.client.scope)


@dataclass(frozen=True)
class NewApp:
    """An app that an admin adds by hand. `method`: none, client_secret_basic or private_key_jwt."""

    name: str
    redirect_uris: tuple[str, ...]
    scope: str
    method: str = "none"
    launch_url: str | None = None
    jwks_url: str | None = None


def apps(world: World, grant: Grant) -> list[App]:
    """Every app: those that wait for an answer first."""
    _require_admin(grant)
    with reading(world.engine) as conn:
        return [_app(row) for row in registrations.overview(conn, world.seconds())]


def app(world: World, grant: Grant, id: str) -> App:
    """One app."""
    found = next((one for one in apps(world, grant) if one.client.id == id), None)
    if found is None:
        raise NotFound(sentence("refusals.there-no-app", id=repr(id)))
    return found


def approve(world: World, grant: Grant, id: str, scope: str | None = None, *, request: str = "") -> Client:
    """Let a waiting app in; `scope`: with only this much of what it asked."""
    with _admin_transaction(world, grant, "approve-app", id, request) as conn:
        return registrations.approve(conn, id, scope)


def refuse(world: World, grant: Grant, id: str, *, request: str = "") -> Client:
    """Turn a waiting app away: nothing of its registration stays but the audit."""
    with _admin_transaction(world, grant, "refuse-app", id, request) as conn:
        found = registrations.find_pending(conn, id)
        registrations.forget(conn, id)
        return found


def add(world: World, grant: Grant, new: NewApp, *, request: str = "") -> tuple[Client, str | None]:
    """Register an app that people open; returns its secret too where it is to have one, seen only now."""
    secret = fresh() if new.method == "client_secret_basic" else None
    row = Client(
        world.new_id(), " ".join(new.name.split())[:100], new.scope, new.method, PEOPLE, None, new.jwks_url,
        new.redirect_uris, new.launch_url,
    )  # fmt: skip
    if not row.name or not row.redirect_uris:
        raise Invalid(sentence("refusals.app-needs-name-and-at"))
    with _admin_transaction(world, grant, "add-app", row.id, request) as conn:
        store.add_client(conn, row, world.seconds(), secret)
    return row, secret


def add_sender(world: World, grant: Grant, name: str, keys: str, *, request: str = "") -> Client:
    """Register a backend service that sends referrals by itself (SMART Backend Services). keys: the https address of
    its public keys, or the key set itself (RFC 7517) as JSON."""
    url = keys.startswith(("https://", "http://"))
    jwks = None if url else _key_set(keys)
    row = Client(
        world.new_id(), " ".join(name.split())[:100], SENDING, "private_key_jwt", jwks=jwks,
        jwks_url=keys if url else None,
    )  # fmt: skip
    if not row.name:
        raise Invalid(sentence("refusals.app-needs-name"))
    with _admin_transaction(world, grant, "add-app", row.id, request) as conn:
        store.add_client(conn, row, world.seconds())
    return row


def change_redirect_uris(world: World, grant: Grant, id: str, uris: tuple[str, ...], *, request: str = "") -> None:
    """Where the app takes its codes from now on."""
    if not uris:
        raise Invalid(sentence("refusals.app-needs-at-least-one"))
    _change(world, grant, "redirect-app", id, request, lambda found: replace(found, redirect_uris=uris))


def disable(world: World, grant: Grant, id: str, *, request: str = "") -> None:
    """Let an app in no more, until it is enabled again; its access tokens die now."""
    _change(world, grant, "disable-app", id, request, lambda found: replace(found, disabled=True))


def enable(world: World, grant: Grant, id: str, *, request: str = "") -> None:
    """Let an app in again. One that waits for an answer is not let in by this."""
    _change(world, grant, "enable-app", id, request, lambda found: replace(found, disabled=found.pending))


def new_secret(world: World, grant: Grant, id: str, *, request: str = "") -> str:
    """A new secret, seen only now; the old one is worth nothing any more."""
    with _admin_transaction(world, grant, "new-secret", id, request) as conn:
        if _find(conn, id).method != "client_secret_basic":
            raise Invalid(sentence("refusals.this-app-proves-itself-without"))
        secret = fresh()
        registrations.set_secret(conn, id, secret)
        return secret


def registration_recorder(world: World) -> Callable[[Connection, str, str], None]:
    """How the registration endpoint tells the audit what an app did about itself."""

    def noted(conn: Connection, what: str, id: str) -> None:
        at, request = world.clock(), world.new_id()
        record(conn, [event(at, request, what, by=id, client=id, type="Client", resource=id)])

    return noted


def _change(world: World, grant: Grant, what: str, id: str, request: str, changed: Callable[[Client], Client]) -> None:
    with _admin_transaction(world, grant, what, id, request) as conn:
        store.change_client(conn, changed(_find(conn, id)))


@contextmanager
def _admin_transaction(world: World, grant: Grant, what: str, id: str, request: str) -> Iterator[Connection]:
    """A transaction of an admin, with its line in the audit; what auth refuses comes out as our own."""
    _require_admin(grant)
    try:
        with writing(world.engine) as conn:
            yield conn
            request = request or world.new_id()
            record(conn, [event(world.clock(), request, what, by=grant, type="Client", resource=id)])
    except BadRegistration as refused:
        raise Invalid(sentence("refusals.app.metadata", why=sentence_of(refused))) from refused


def _key_set(text: str) -> str:
    """A public key set as it is kept. Raises Invalid where it has no key by which an app can prove itself."""
    try:
        found = parse_jwks(text)
    except KeysUnavailable as refused:
        why = sentence("auth.keys.private") if refused.private else sentence("auth.keys.none")
        raise Invalid(sentence("refusals.app.metadata", why=why)) from refused
    if not found:
        raise Invalid(sentence("refusals.key-set-has-no-key"))
    return text


def _app(row: AppOverview) -> App:
    told = json.loads(row.app.metadata) if row.app.metadata else {}
    return App(row, scopes_in_words.lines(parse(row.app.scope)), told)


def _find(conn: Connection, id: str) -> Client:
    found = store.find_client(conn, id)
    if found is None:
        raise NotFound(sentence("refusals.there-no-app", id=repr(id)))
    return found


def _require_admin(grant: Grant) -> None:
    if not verbs.may(grant.roles, "manage-apps"):
        raise Forbidden(sentence("refusals.apps-looked-after-by-admins"))
