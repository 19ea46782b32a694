"""Our own keys: those that sign id_tokens, and those by which we prove ourselves to EHRs and OpenID providers."""

from typing import Any

from auth.client import keys as client_keys
from auth.client.backend import Key
from auth.client.keys import PublishedKey
from auth.keys import signing as keys_signing
from auth.server.issuer import CLIENT_KEYS_PATH
from carecoord.actions.access.audited import COMMAND, event
from carecoord.store.audit.events import record
from carecoord.store.database.engine import reading, writing
from carecoord.world import World


def address(world: World) -> str:
    """Where our public keys stand: what an EHR is told when we are registered there."""
    return world.settings.url + CLIENT_KEYS_PATH


def signing(world: World) -> tuple[Key, ...]:
    """The private keys to prove ourselves by, one for each algorithm."""
    every(world)
    with reading(world.engine) as conn:
        return client_keys.signing(conn, world.seconds())


def published(world: World) -> dict[str, Any]:
    """Our public key set."""
    every(world)
    with reading(world.engine) as conn:
        return client_keys.published(conn, world.seconds())


def every(world: World) -> list[PublishedKey]:
    """Each of those keys, and which of them signs; a first pair is made where there is none."""
    with reading(world.engine) as conn:
        found = client_keys.published_keys(conn, world.seconds())
    if found:
        return found
    made = client_keys.new_pair()
    with writing(world.engine) as conn:
        client_keys.publish_first(conn, made, world.seconds())
        return client_keys.published_keys(conn, world.seconds())


def rotate(world: World, *, lost: bool = False, request: str = "") -> None:
    """A new pair to prove ourselves by: published now, signing after a day; at once when the old one is `lost`."""
    every(world)
    made = client_keys.new_pair()
    with writing(world.engine) as conn:
        client_keys.rotate(conn, made, world.seconds(), lost=lost)
        _audit(world, conn, request)


def rotate_sign_in(world: World, request: str = "") -> str:
    """A new key for id_tokens, from now on; the old one stays published for a day. Returns its kid."""
    with writing(world.engine) as conn:
        made = keys_signing.rotate(conn, world.seconds())
        _audit(world, conn, request)
    return made


def _audit(world: World, conn: Any, request: str) -> None:
    record(conn, [event(world.clock(), request or world.new_id(), "rotate-keys", by=COMMAND)])
