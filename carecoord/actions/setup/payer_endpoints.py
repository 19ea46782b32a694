"""Payers that take our requests by PAS, set up at the desk and by command: told of, asked what they answer, forgotten.
Who did it stands in the trail."""

from collections.abc import Mapping
from typing import Any

from auth.people.sessions import grant_of
from auth.store import User
from carecoord.actions.access.audited import event
from carecoord.actions.prior_auth.pas_client import payers
from carecoord.actions.setup.stock import demand
from carecoord.store.audit.events import record
from carecoord.store.database.engine import writing
from carecoord.store.prior_auth.payer_endpoints import Endpoint
from carecoord.world import World


def add(world: World, one: Endpoint, request: str, user: User | None = None) -> None:
    """Remember where a payer takes requests. user: None for the command. Raises Forbidden, Invalid, NotFound."""
    _demand(user)
    payers.add(world, one)
    _note(world, "payer-add", request, user, f"{one.payer} {one.url}")


def examine(world: World, payer: str, request: str, user: User | None = None) -> Mapping[str, Any]:
    """Ask a payer what it answers. Raises Forbidden, NotFound, Unavailable."""
    _demand(user)
    told = payers.examine(world, payer)
    _note(world, "payer-examine", request, user, payer)
    return told


def remove(world: World, payer: str, request: str, user: User | None = None) -> None:
    """Send a payer nothing more by PAS. Raises Forbidden, NotFound."""
    _demand(user)
    payers.remove(world, payer)
    _note(world, "payer-remove", request, user, payer)


def _demand(user: User | None) -> None:
    if user is not None:
        demand(grant_of(user))


def _note(world: World, what: str, request: str, user: User | None, query: str) -> None:
    with writing(world.engine) as conn:
        record(conn, [event(world.clock(), request, what, by=user, query=query)])
