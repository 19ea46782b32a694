"""The OpenID providers of organizations as an administrator keeps them: told of, looked at, linked to people, closed.

A provider is asked before it is kept: one that can not be reached, or calls itself otherwise, would only fail people.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from auth import store
from auth.client import metadata
from auth.client.backend import TokenError, choose_key
from auth.client.metadata import Metadata, UnusableProvider
from auth.keys.fetched import KeySets, KeysUnavailable
from auth.people import providers
from auth.people.providers import Provider
from auth.store import User
from carecoord.actions.access.audit_entry import COMMAND, event
from carecoord.actions.people.accounts import check_together
from carecoord.actions.people.openid_sign_in import CALLBACK
from carecoord.actions.server import keys as server_keys
from carecoord.domain.access import verbs
from carecoord.errors import BadGateway, Invalid
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.world import World

# A provider lets in everybody whom it knows. These roles are given to one person at a time, by an administrator here.
BY_NAME_ONLY: Final = verbs.holders("manage-people", "read-trail")


def redirect_uri(world: World, id: str) -> str:
    """Where the provider sends people back: what it must be told when we are registered there."""
    return world.settings.url + CALLBACK + id


def add(world: World, new: Provider) -> None:
    """Keep a provider, or tell anew of one, once it has answered. Raises Invalid, auth's BadRegistration."""
    _check_roles(new)
    if new.secret_file is not None:
        new = replace(new, secret_file=str(Path(new.secret_file).absolute()))
        check_secret(new)
    _check_methods(world, new, _fetch_metadata(world, new))
    with writing(world.engine) as conn:
        if new.organization and read.get(conn, "Organization", new.organization) is None:
            raise Invalid(f"There is no Organization/{new.organization} here: load or create it first.")
        providers.add(conn, new, int(world.clock().timestamp()))
        _audit(world, conn, "add-provider", new.id)


def all_providers(world: World) -> list[tuple[Provider, int]]:
    """Every provider, with the number of people known there."""
    with reading(world.engine) as conn:
        return providers.every(conn)


def link(world: World, id: str, login: str, subject: str) -> User:
    """Let the person of this login in by a provider that calls them `subject`. Raises Invalid, BadRegistration."""
    with writing(world.engine) as conn:
        provider = _find(conn, id)
        who = store.find_login(conn, login)
        if who is None:
            raise Invalid(f"Nobody here has the login {login!r}.")
        providers.link(conn, provider.issuer, subject, who.id, int(world.clock().timestamp()))
        _audit(world, conn, "link-identity", id, who)
    return who


def unlink(world: World, id: str, subject: str) -> None:
    """Take such a link back. Raises Invalid when there is none."""
    with writing(world.engine) as conn:
        provider = _find(conn, id)
        holder = providers.linked_user(conn, provider.issuer, subject)
        if not providers.unlink(conn, provider.issuer, subject):
            raise Invalid(f"{subject!r} of {id} is nobody here.")
        _audit(world, conn, "unlink-identity", id, store.find_user(conn, holder) if holder else None)


def disable(world: World, id: str) -> Provider:
    """Let nobody in by this provider any more; who is in by it is out. Raises Invalid when there is none."""
    with writing(world.engine) as conn:
        provider = _find(conn, id)
        providers.disable(conn, id)
        _audit(world, conn, "disable-provider", id)
    return provider


def check(world: World, provider: Provider) -> str:
    """What is as it must be, in one line. Raises Invalid or BadGateway with what to do."""
    if provider.disabled:
        return "disabled, nobody is let in by it"
    check_secret(provider)
    offered = _fetch_metadata(world, provider)
    _check_methods(world, provider, offered)
    try:
        keys = KeySets(world.http).get(offered.jwks_url, world.clock().timestamp(), "")
    except KeysUnavailable as error:
        raise BadGateway(f"{error} Without it nobody can be let in.") from error
    if not keys:
        raise BadGateway(f"{offered.jwks_url} publishes no key that an id_token could be checked by.")
    how = "our secret" if provider.secret_file else "our keys"
    return f"{provider.issuer} answers, knows us by {how} as {provider.client}"


def check_secret(provider: Provider) -> None:
    """Raise Invalid when our secret there can not be read, or others can read it."""
    if provider.secret_file is None:
        return
    path = Path(provider.secret_file)
    try:
        empty, loose = not path.read_text().strip(), path.stat().st_mode & 0o077
    except (OSError, ValueError) as error:
        raise Invalid(f"The secret for {provider.id} must stand in a file that we can read, not {path}.") from error
    if empty:
        raise Invalid(f"{path} is empty: put our client secret at {provider.issuer} there.")
    if loose:
        raise Invalid(f"others may read {path}: chmod 600 {path}")


def _check_roles(new: Provider) -> None:
    if wrong := sorted(new.roles - set(verbs.ROLES)):
        raise Invalid(f"Unknown role: {', '.join(wrong)}. Roles are {', '.join(verbs.ROLES)}.")
    check_together(new.roles)
    if wrong := sorted(new.roles & set(BY_NAME_ONLY)):
        raise Invalid(
            f"Not everybody who comes from {new.name} can be {' and '.join(wrong)}: add the person with carecoord "
            f"user add, then carecoord provider link."
        )
    if new.roles and not new.organization:
        raise Invalid("Somebody new must belong somewhere: give the Organization's id beside the roles.")


def _fetch_metadata(world: World, provider: Provider) -> Metadata:
    try:
        with world.http() as session:
            return metadata.fetch(session, provider.issuer, world.settings.allowed)
    except UnusableProvider as error:
        raise Invalid(str(error)) from error


def _check_methods(world: World, provider: Provider, offered: Metadata) -> None:
    """Raise Invalid when the provider takes no proof of the kind that we have."""
    if provider.secret_file is not None:
        if not {"client_secret_basic", "client_secret_post"} & set(offered.methods):
            raise Invalid(
                f"{provider.issuer} takes no secrets, but {', '.join(offered.methods)}: leave the secret out."
            )
        return
    where = server_keys.address(world)
    if "private_key_jwt" not in offered.methods:
        raise Invalid(f"{provider.issuer} takes no client that proves itself by keys: give it with a secret in a file.")
    try:
        choose_key(server_keys.signing(world), offered.algorithms)
    except TokenError as error:
        raise Invalid(f"{error.text} Or give it with a secret in a file. Our keys stand at {where}") from error


def _find(conn: Connection, id: str) -> Provider:
    provider = providers.find(conn, id)
    if provider is None:
        raise Invalid(f"There is no provider {id!r}: carecoord provider list shows them.")
    return provider


def _audit(world: World, conn: Connection, verb: str, id: str, who: User | None = None) -> None:
    subject = f"user={who.id} " if who else ""
    record(conn, [event(world.clock(), world.new_id(), verb, by=COMMAND, query=f"{subject}provider={id}")])
