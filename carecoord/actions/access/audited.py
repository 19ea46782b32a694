"""Writing down for the audit what was asked and what was shown, where a write's own transaction does not do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from auth.server.events import AuthEvent
from carecoord.actions.access.audit_entry import COMMAND, event
from carecoord.actions.access.turn import Turn
from carecoord.errors import Problem
from carecoord.store.audit.events import record
from carecoord.world import World

__all__ = ["COMMAND", "event", "noted", "refusals_noted", "token_noted"]


@contextmanager
def noted(
    turn: Turn, interaction: str, type: str, id: str | None = None, query: str | None = None
) -> Iterator[list[str | None]]:
    """Audit what happens inside, done or refused. Inside, the patient of every resource that goes out is added to the
    list (None for what is about nobody). Where it is refused, nobody was shown."""
    shown: list[str | None] = []
    status = 500
    try:
        yield shown
        status = 200
    except Problem as problem:
        status = problem.status
        raise
    finally:
        _append(turn, interaction, status, type, id, query, shown if status == 200 else ())


@contextmanager
def refusals_noted(turn: Turn, interaction: str, type: str, id: str | None = None) -> Iterator[None]:
    """Audit a write that is refused inside; one that is done is audited in its own transaction."""
    try:
        yield
    except Problem as problem:
        _append(turn, interaction, problem.status, type, id, None, ())
        raise


def nothing_noted(turn: Turn, interaction: str, type: str, id: str | None = None) -> None:
    """Audit a write that found nothing to do: who asked for it learnt so."""
    _append(turn, interaction, 204, type, id, None, ())


def token_noted(world: World, conn: Connection, happened: AuthEvent, request: str) -> None:
    """Audit what an OAuth endpoint did, in its transaction."""
    it = happened
    query = f"grant_type={it.detail}" if it.detail else None
    noted = event(
        world.clock(), request, it.what, it.status, by=it.subject, client=it.client, organization=it.organization,
        query=query, launch=it.family,
    )  # fmt: skip
    record(conn, [noted])


def _append(
    turn: Turn,
    interaction: str,
    status: int,
    type: str,
    id: str | None,
    query: str | None,
    shown: list[str | None] | tuple[()],
) -> None:
    about: dict[str, Any] = {"type": type, "resource": id, "query": query, "emergency": turn.emergency}
    turn.world.journal.append(event(turn.now, turn.request, interaction, status, by=turn.grant, shown=shown, **about))
