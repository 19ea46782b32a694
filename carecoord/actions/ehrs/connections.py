"""The way to an EHR: our keys, the connection, what is read there, and how its resources are read."""

from pathlib import Path
from typing import Any

import requests

from auth.client.backend import BadKey, Key, load_keys
from carecoord import errors
from carecoord.actions.server import keys as server_keys
from carecoord.fhir import text
from carecoord.fhir.types import TYPES
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters import plan
from fhir_adapters.connection import Connection, connect
from fhir_adapters.ehr import Ehr

LAST = ("Task", "ServiceRequest")


def connected(world: World, one: Ehr, session: requests.Session, *, writing: bool = False) -> Connection:
    """Connect to an EHR; writing: with a token that is good for that too. Raises EhrError, Invalid for a bad key."""
    return connect(one, session, keys(world, one), clock=world.clock, new_id=world.new_id, writing=writing)


def planned(connection: Connection) -> plan.Plan:
    """What to read. Referrals come last: a case then appears with all its facts, and is judged once, not per page."""
    types = [row.name for row in TYPES.values() if row.synced and row.name not in LAST]
    return plan.make(connection.dialect, connection.statement, [*types, *LAST], connection.lets_search)


def keys(world: World, one: Ehr) -> tuple[Key, ...]:
    """The keys by which we prove ourselves to an EHR: a file of its own, else the ones that we publish."""
    if not one.auth:
        return ()
    if not one.auth.key_file:
        return server_keys.signing(world)
    try:
        return load_keys(Path(one.auth.key_file).read_bytes())
    except (OSError, BadKey) as e:
        raise errors.Invalid(
            sentence("refusals.key-ehr-in-can-not", name=one.name, key_file=one.auth.key_file, e=str(e))
        ) from e


def read_resource(data: bytes) -> dict[str, Any]:
    try:
        return text.loads(data)
    except errors.Invalid as e:
        raise ValueError(e.text) from e
