"""People enter by their organization's own OpenID provider: sent there, come back, known or made, and signed in.

Whoever comes is known by issuer and subject alone, never by e-mail address (`auth.people.providers`). Somebody new is
made only where the provider was given roles for it; otherwise an administrator links them, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeGuard

import structlog
from sqlalchemy import Connection

from auth import store
from auth.client import openid
from auth.client.backend import TokenError
from auth.client.metadata import MetadataCache, UnusableProvider
from auth.client.openid import InvalidIdToken, OpenIDProvider, PendingSignIn
from auth.errors import BadRegistration
from auth.keys.fetched import KeySets, KeysUnavailable
from auth.people import providers, sessions
from auth.people.providers import Provider
from auth.store import User, storable
from carecoord.actions.access.audited import event
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.people.organizations import needs_one
from carecoord.actions.people.sign_in import Browser, SignedIn
from carecoord.actions.server import keys as server_keys
from carecoord.errors import BadGateway, Forbidden, Invalid, NotFound, Problem, Unavailable
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

PURPOSE: Final = "provider"
SCOPE: Final = "openid profile"
CALLBACK: Final = (
    "/sign-in/callback/"  # one address for each provider, so that no other can have its answer taken for theirs
)
LONGEST_NAME: Final = 200

_log = structlog.get_logger()


@dataclass(frozen=True)
class ProviderCaches:
    """What providers have told, remembered for a while by this process."""

    directory: MetadataCache
    keys: KeySets


@dataclass(frozen=True)
class ProviderCallback:
    """A browser that comes back. answer: the parameters of the redirect. went: the value of the cookie that it left
    with."""

    answer: Mapping[str, str]
    went: str
    browser: Browser


def new_caches(world: World) -> ProviderCaches:
    """An empty memory; one for each process."""
    return ProviderCaches(MetadataCache(world.http, world.settings.allowed), KeySets(world.http))


def buttons(world: World) -> list[tuple[str, str]]:
    """Id and name of each provider for the sign-in page."""
    with reading(world.engine) as conn:
        return providers.enabled(conn)


def begin(world: World, caches: ProviderCaches, id: str, next: str, went: str) -> str:
    """Where to send a browser that wants to sign in by a provider. It must come back with `went`, a random value of a
    cookie: else somebody could have another finish a sign-in that they began, and work on in their name.

    Raises NotFound for an unknown provider, BadGateway when it can not be asked.
    """
    provider = _provider(world, id)
    openid_provider = _openid_provider(world, caches, provider)
    kept = {"provider": id, "went": _digest(went), "next": next}
    now = world.seconds()
    with writing(world.engine) as conn:
        store.purge(conn, now)
        return openid.start(conn, openid_provider, world.settings.url + CALLBACK + id, PURPOSE, kept, now).url


def finish(world: World, caches: ProviderCaches, id: str, callback: ProviderCallback) -> tuple[SignedIn, str]:
    """Sign in whoever comes back from a provider; also says where they wanted to go. Of a failure nothing remains but
    the audit's event.

    Raises NotFound, Invalid (too old, or used already), Forbidden (not proved, or nobody here), BadGateway.
    """
    try:
        pending = _pending(world, id, callback)
        provider = _provider(world, id)
        claims = _verified_claims(world, caches, provider, pending, callback)
        entered, who = _open_session(world, provider, claims, callback)
    except Problem as problem:
        _audit(world, callback, id, problem.status, None)
        raise
    _audit(world, callback, id, 200, who)
    return SignedIn(entered, advised=False), pending.data["next"]


def _pending(world: World, id: str, callback: ProviderCallback) -> PendingSignIn:
    """What was kept for this state, when the same browser brings it back from the same provider."""
    with writing(world.engine) as conn:
        pending = openid.take_state(conn, PURPOSE, callback.answer.get("state", ""), world.seconds())
    if pending is None:
        raise Invalid(sentence("refusals.this-sign-in-took-too"))
    if pending.data["went"] != _digest(callback.went):
        raise Forbidden(sentence("refusals.this-sign-in-was-begun"))
    if pending.data["provider"] != id:
        raise Forbidden(sentence("refusals.answer-came-from-another-provider"))
    return pending


def _verified_claims(
    world: World, caches: ProviderCaches, provider: Provider, pending: PendingSignIn, callback: ProviderCallback
) -> dict[str, Any]:
    """The claims of an id_token that holds."""
    openid_provider = _openid_provider(world, caches, provider)
    try:
        openid.check_issuer(openid_provider, callback.answer.get("iss"))
        if "error" in callback.answer or not callback.answer.get("code"):
            raise Forbidden(
                sentence("refusals.did-not-sign-you-in", name=provider.name, answer=_error_text(callback.answer))
            )
        with world.http() as session:
            code = callback.answer["code"]
            token_response = openid.exchange_code(session, openid_provider, pending, code, world.clock, world.new_id)
        token = token_response.get("id_token", "")
        return openid.verify_id_token(
            token, openid_provider, caches.keys, pending.nonce, world.seconds(), token_response["access_token"]
        )
    except TokenError as trouble:
        raise _unusable(provider, trouble) from trouble
    except InvalidIdToken as refused:
        if isinstance(refused.__cause__, KeysUnavailable):
            raise _unusable(provider, refused.__cause__) from refused
        _log.warning("sign_in_not_proved", provider=provider.id, why=refused.text)
        raise Forbidden(sentence("refusals.x", name=provider.name, text=refused.text)) from refused


def _open_session(
    world: World, provider: Provider, claims: dict[str, Any], callback: ProviderCallback
) -> tuple[str, User]:
    """A session for the person of these claims."""
    now = world.seconds()
    with writing(world.engine) as conn:
        store.purge(conn, now)
        subject = str(claims["sub"])
        id = providers.linked_user(conn, provider.issuer, subject)
        who = store.find_user(conn, id) if id else _newcomer(world, conn, provider, claims)
        if who is None:
            raise Forbidden(
                sentence("refusals.knows-you-but-nobody-here", name=provider.name, id=provider.id, subject=subject)
            )
        if who.disabled:
            raise Forbidden(sentence("refusals.you-may-not-sign-in"))
        providers.mark_seen(conn, provider.issuer, subject, now)
        sessions.end_session(conn, callback.browser.leaving)
        return sessions.open_session(conn, who, callback.browser.agent, now, amr=providers.methods(claims)), who


def _newcomer(world: World, conn: Connection, provider: Provider, claims: dict[str, Any]) -> User | None:
    """Somebody new, where the provider was given roles for them. They have no password, and a login that nobody else
    can be meant by: it begins with the provider's id. Raises Forbidden where their roles see nothing without an
    organization, and that of the provider is not said or not here any more: their desk would be empty, and nobody would
    know why."""
    if not provider.roles:
        return None
    if needs_one(NewUser("", "", provider.roles, _organization(conn, provider))):
        raise Forbidden(sentence("refusals.provider-without-organization", name=provider.name, id=provider.id))
    subject, id = str(claims["sub"]), world.new_id()
    name = next(filter(_is_name, (claims.get("name"), claims.get("preferred_username"), subject)), id)
    who = User(id, f"{provider.id}/{subject}", name[:LONGEST_NAME], provider.roles, provider.organization)
    try:
        store.add_user(conn, who, "", world.seconds())
    except BadRegistration:  # logins do not heed case, subjects do
        who = replace(who, login=f"{who.login}~{id}")
        store.add_user(conn, who, "", world.seconds())
    providers.link(conn, provider.issuer, subject, id, world.seconds())
    return who


def _organization(conn: Connection, provider: Provider) -> str | None:
    """Whom those belong to whom the provider lets in; None where that is not said, or it is not here."""
    row = read.get(conn, "Organization", provider.organization) if provider.organization else None
    return provider.organization if row and not row.deleted else None


def _is_name(said: Any) -> TypeGuard[str]:
    return isinstance(said, str) and bool(said.strip()) and storable(said)


def _provider(world: World, id: str) -> Provider:
    with reading(world.engine) as conn:
        provider = providers.find(conn, id)
    if provider is None or provider.disabled:
        raise NotFound(sentence("refusals.there-no-such-way-sign"))
    return provider


def _openid_provider(world: World, caches: ProviderCaches, provider: Provider) -> OpenIDProvider:
    """The provider as OpenID asks it, with our proof. Raises BadGateway, Unavailable."""
    try:
        metadata = caches.directory.get(provider.issuer, world.clock().timestamp())
    except UnusableProvider as error:
        raise _unusable(provider, error) from error
    secret = _secret(provider)
    keys = () if secret else server_keys.signing(world)
    return OpenIDProvider(
        provider.issuer, metadata.authorize_url, metadata.token_url, provider.client, SCOPE, secret, keys,
        metadata.jwks_url, metadata.algorithms, metadata.methods, metadata.tells_issuer,
    )  # fmt: skip


def _secret(provider: Provider) -> str | None:
    if provider.secret_file is None:
        return None
    try:
        secret = Path(provider.secret_file).read_text().strip()
    except (OSError, ValueError) as error:
        _log.warning("provider_secret_unreadable", provider=provider.id, error=type(error).__name__)
        raise Unavailable(sentence("refusals.signing-in-with-not-set-up", name=provider.name)) from error
    if not secret:
        raise Unavailable(sentence("refusals.signing-in-with-not-set", name=provider.name))
    return secret


def _unusable(provider: Provider, why: Exception) -> BadGateway:
    _log.warning("provider_unusable", provider=provider.id, why=str(why))
    return BadGateway(sentence("refusals.can-not-sign-you-in", name=provider.name, why=str(why)))


def _error_text(answer: Mapping[str, str]) -> str:
    said = " ".join(answer[name] for name in ("error", "error_description") if answer.get(name))
    return said[:200] or "it gave no code"


def _digest(went: str) -> str:
    return sha256(went.encode("utf-8", "surrogatepass")).hexdigest()


def _audit(world: World, callback: ProviderCallback, id: str, status: int, who: User | None) -> None:
    request, query = callback.browser.request, f"provider={id}"[:200]
    world.journal.append(event(world.clock(), request, "sign-in", status, by=who, query=query))
