"""Writing down for the audit what was asked and what was shown, where a write's own transaction does not do it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from auth.grant import Grant
from auth.server.events import AuthEvent
from auth.store import User
from carecoord.actions.access.turn import Turn
from carecoord.errors import Problem
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import Event, record, told
from carecoord.world import World

COMMAND: Final = "the command line"  # who acts there, as the audit says it


def event(
    at: datetime, request: str, interaction: str, status: int = 200, *, by: Grant | User | str | None = None,
    shown: Iterable[str | None] = (), **about: Any,
) -> Event:  # fmt: skip
    """One row of the audit. by: who asks, as a grant, a signed-in person, or a bare subject. shown: the patient of each
    resource that went out, None for what is about nobody. about: the other columns of the row, by their names."""
    patient, patients = told(shown)
    return Event(
        at=micros(at),
        request=request,
        interaction=interaction,
        status=status,
        **{"patient": patient, "patients": patients} | _who(by) | about,
    )


def _who(by: Grant | User | str | None) -> dict[str, Any]:
    if isinstance(by, Grant):
        return {"subject": by.subject, "client": by.client, "organization": by.organization, "launch": by.launch}
    if isinstance(by, User):
        return {"subject": by.id, "organization": by.organization}
    return {"subject": by}


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
    turn.world.journal.append(
        event(turn.now, turn.request, interaction, status, by=turn.grant, shown=shown, **about)
    )
