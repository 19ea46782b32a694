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
from auth.client.backend import TokenTrouble
from auth.client.metadata import Directory, Unusable
from auth.client.openid import Came, Party, Unproven
from auth.errors import BadRegistration
from auth.keys.fetched import KeySets, NoKeys
from auth.people import providers, sessions
from auth.people.providers import Provider
from auth.store import User, storable
from carecoord.actions.people.sign_in import Browser, Entered
from carecoord.actions.server import keys as server_keys
from carecoord.errors import BadGateway, Forbidden, Invalid, NotFound, Problem, Unavailable
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import Event
from carecoord.store.database.engine import reading, writing
from carecoord.world import World

PURPOSE: Final = "provider"
SCOPE: Final = "openid profile"
CAME: Final = "/sign-in/came/"  # one address for each provider, so that no other can have its answer taken for theirs
LONGEST_NAME: Final = 200

_log = structlog.get_logger()


@dataclass(frozen=True)
class Sources:
    """What providers have told, remembered for a while by this process."""

    directory: Directory
    keys: KeySets


@dataclass(frozen=True)
class Visit:
    """A browser that comes back. answer: the parameters of the redirect. went: the value of the cookie that it left
    with."""

    answer: Mapping[str, str]
    went: str
    browser: Browser


def sources(world: World) -> Sources:
    """An empty memory; one for each process."""
    return Sources(Directory(world.http, world.settings.allowed), KeySets(world.http))


def offered(world: World) -> list[tuple[str, str]]:
    """Id and name of each provider for the sign-in page."""
    with reading(world.engine) as conn:
        return providers.enabled(conn)


def go(world: World, known: Sources, id: str, next: str, went: str) -> str:
    """Where to send a browser that wants to sign in by a provider. It must come back with `went`, a random value of a
    cookie: else somebody could have another finish a sign-in that they began, and work on in their name.

    Raises NotFound for an unknown provider, BadGateway when it can not be asked.
    """
    found = _provider(world, id)
    party = _party(world, known, found)
    kept = {"provider": id, "went": _digest(went), "next": next}
    now = _now(world)
    with writing(world.engine) as conn:
        store.purge(conn, now)
        return openid.begin(conn, party, world.settings.url + CAME + id, PURPOSE, kept, now).url


def arrive(world: World, known: Sources, id: str, visit: Visit) -> tuple[Entered, str]:
    """Sign in whoever comes back from a provider; also says where they wanted to go. Of a failure nothing remains but
    the audit's event.

    Raises NotFound, Invalid (too old, or used already), Forbidden (not proved, or nobody here), BadGateway.
    """
    try:
        back = _back(world, id, visit)
        found = _provider(world, id)
        claims = _proved(world, known, found, back, visit)
        entered, who = _admit(world, found, claims, visit)
    except Problem as problem:
        _audit(world, visit, id, problem.status, None)
        raise
    _audit(world, visit, id, 200, who)
    return Entered(entered, advised=False), back.data["next"]


def _back(world: World, id: str, visit: Visit) -> Came:
    """What was kept for this state, when the same browser brings it back from the same provider."""
    with writing(world.engine) as conn:
        back = openid.came(conn, PURPOSE, visit.answer.get("state", ""), _now(world))
    if back is None:
        raise Invalid("This sign-in took too long, or was finished before. Please begin again.")
    if back.data["went"] != _digest(visit.went):
        raise Forbidden("This sign-in was begun in another browser. Please begin again here.")
    if back.data["provider"] != id:
        raise Forbidden("The answer came from another provider than the one that was asked. Please begin again.")
    return back


def _proved(world: World, known: Sources, found: Provider, back: Came, visit: Visit) -> dict[str, Any]:
    """The claims of an id_token that holds."""
    party = _party(world, known, found)
    try:
        openid.from_issuer(party, visit.answer.get("iss"))
        if "error" in visit.answer or not visit.answer.get("code"):
            raise Forbidden(f"{found.name} did not sign you in ({_said(visit.answer)}). You may try again.")
        with world.http() as session:
            code = visit.answer["code"]
            told = openid.exchange(session, party, back, code, world.clock, world.new_id)
        token = told.get("id_token", "")
        return openid.verified(token, party, known.keys, back.nonce, _now(world), told["access_token"])
    except TokenTrouble as trouble:
        raise _unasked(found, trouble) from trouble
    except Unproven as refused:
        if isinstance(refused.__cause__, NoKeys):
            raise _unasked(found, refused.__cause__) from refused
        _log.warning("sign_in_not_proved", provider=found.id, why=refused.text)
        raise Forbidden(f"{found.name}: {refused.text}") from refused


def _admit(world: World, found: Provider, claims: dict[str, Any], visit: Visit) -> tuple[str, User]:
    """A session for the person of these claims."""
    now = _now(world)
    with writing(world.engine) as conn:
        store.purge(conn, now)
        subject = str(claims["sub"])
        id = providers.linked_user(conn, found.issuer, subject)
        who = store.find_user(conn, id) if id else _newcomer(world, conn, found, claims)
        if who is None:
            raise Forbidden(
                f"{found.name} knows you, but nobody here does yet. Ask your administrator to link you, and give them "
                f"this: {found.id} {subject}"
            )
        if who.disabled:
            raise Forbidden("You may not sign in here any more. Ask your administrator.")
        providers.mark_seen(conn, found.issuer, subject, now)
        sessions.end_session(conn, visit.browser.leaving)
        return sessions.open_session(conn, who, visit.browser.agent, now, amr=providers.methods(claims)), who


def _newcomer(world: World, conn: Connection, found: Provider, claims: dict[str, Any]) -> User | None:
    """Somebody new, where the provider was given roles for them. They have no password, and a login that nobody else
    can be meant by: it begins with the provider's id."""
    if not found.roles:
        return None
    subject, id = str(claims["sub"]), world.new_id()
    name = next(filter(_is_name, (claims.get("name"), claims.get("preferred_username"), subject)), id)
    who = User(id, f"{found.id}/{subject}", name[:LONGEST_NAME], found.roles, found.organization)
    try:
        store.add_user(conn, who, "", _now(world))
    except BadRegistration:  # logins do not heed case, subjects do
        who = replace(who, login=f"{who.login}~{id}")
        store.add_user(conn, who, "", _now(world))
    providers.link(conn, found.issuer, subject, id, _now(world))
    return who


def _is_name(said: Any) -> TypeGuard[str]:
    return isinstance(said, str) and bool(said.strip()) and storable(said)


def _provider(world: World, id: str) -> Provider:
    with reading(world.engine) as conn:
        found = providers.find(conn, id)
    if found is None or found.disabled:
        raise NotFound("There is no such way to sign in here. Begin again at the sign-in page.")
    return found


def _party(world: World, known: Sources, found: Provider) -> Party:
    """The provider as the party to ask, with our proof. Raises BadGateway, Unavailable."""
    try:
        told = known.directory.get(found.issuer, world.clock().timestamp())
    except Unusable as error:
        raise _unasked(found, error) from error
    secret = _secret(found)
    keys = () if secret else server_keys.signing(world)
    return Party(
        found.issuer, told.authorize_url, told.token_url, found.client, SCOPE, secret, keys, told.jwks_url,
        told.algorithms, told.methods, told.tells_issuer,
    )  # fmt: skip


def _secret(found: Provider) -> str | None:
    if found.secret_file is None:
        return None
    try:
        secret = Path(found.secret_file).read_text().strip()
    except (OSError, ValueError) as error:
        _log.warning("provider_secret_unreadable", provider=found.id, error=type(error).__name__)
        raise Unavailable(f"Signing in with {found.name} is not set up: its secret can not be read here.") from error
    if not secret:
        raise Unavailable(f"Signing in with {found.name} is not set up: its secret is empty.")
    return secret


def _unasked(found: Provider, why: Exception) -> BadGateway:
    _log.warning("provider_unusable", provider=found.id, why=str(why))
    return BadGateway(
        f"{found.name} can not sign you in right now. Try again in a minute; if it stays so, tell your administrator "
        f"this: {why}"
    )


def _said(answer: Mapping[str, str]) -> str:
    said = " ".join(answer[name] for name in ("error", "error_description") if answer.get(name))
    return said[:200] or "it gave no code"


def _digest(went: str) -> str:
    return sha256(went.encode("utf-8", "surrogatepass")).hexdigest()


def _audit(world: World, visit: Visit, id: str, status: int, who: User | None) -> None:
    subject, organization = (who.id, who.organization) if who else (None, None)
    event = Event(
        micros(world.clock()), visit.browser.request, "sign-in", status, subject, organization=organization,
        query=f"provider={id}"[:200],
    )  # fmt: skip
    world.journal.append(event)


def _now(world: World) -> int:
    return int(world.clock().timestamp())
