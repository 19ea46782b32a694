"""What we send payers by PAS, a row for each: what was sent to the byte, how often, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from carecoord.store.prior_auth.pas_tables import pas_sending as row

Operation = Literal["submit", "cancel", "attach"]
State = Literal["waiting", "sending", "answered", "refused", "dropped"]
OPEN: tuple[State, ...] = ("waiting", "sending")


@dataclass(frozen=True, slots=True)
class Sending:
    """Instants are microseconds; see the table. body is None as long as nothing was tried."""

    id: str
    operation: Operation
    claim: str
    payer: str
    state: State
    bundle: str | None
    body: bytes | None
    tries: int
    at: int
    tried: int | None
    ended: int | None
    asked: int | None
    trouble: str
    words: str


def name(operation: Operation, subject: str) -> str:
    """The id of a sending. subject: the id of the Claim, or of the Task that is answered."""
    return f"{operation}:{subject}"


def order(conn: Connection, operation: Operation, subject: str, claim: str, payer: str, now: int) -> str:
    """Order a sending, or order anew one that was refused; returns its id."""
    id = name(operation, subject)
    fresh: dict[str, Any] = {"state": "waiting", "payer": payer, "bundle": None, "body": None, "tries": 0, "at": now,
                             "tried": None, "ended": None, "trouble": "", "words": ""}  # fmt: skip
    if conn.execute(update(row).where(row.c.id == id).values(fresh)).rowcount == 0:
        conn.execute(insert(row).values(id=id, operation=operation, claim=claim, asked=None, **fresh))
    return id


def one(conn: Connection, id: str) -> Sending | None:
    """The sending of an id."""
    found = conn.execute(select(row).where(row.c.id == id)).mappings().first()
    return Sending(**found) if found else None


def of_claims(conn: Connection, claims: Collection[str]) -> list[Sending]:
    """All that was sent about requests, `Claim/id`, the oldest order first."""
    found = conn.execute(select(row).where(row.c.claim.in_(claims)).order_by(row.c.at, row.c.id)).mappings()
    return [Sending(**each) for each in found]


def submitted(conn: Connection, claim: str) -> Sending | None:
    """The sending of a request itself."""
    return one(conn, name("submit", claim.partition("/")[2]))


def with_payer(conn: Connection, payer: str) -> list[str]:
    """The requests, `Claim/id`, that a payer has from us and that it may still speak of, the oldest first."""
    mine = select(row.c.claim).where(row.c.payer == payer, row.c.operation == "submit",
                                     row.c.state.in_(("sending", "answered")))  # fmt: skip
    return list(conn.scalars(mine.order_by(row.c.at, row.c.id)))


def waiting(conn: Connection, payer: str) -> int:
    """How many sendings wait for a payer."""
    return len(conn.execute(select(row.c.id).where(row.c.payer == payer, row.c.state.in_(OPEN))).all())


def begin(conn: Connection, id: str, bundle: str, body: bytes, now: int) -> None:
    """It is about to be sent: from here on the payer may have it."""
    begun = {"state": "sending", "bundle": bundle, "body": body, "tried": now, "tries": row.c.tries + 1}
    conn.execute(update(row).where(row.c.id == id).values(begun))


def trouble(conn: Connection, id: str, code: str, words: str) -> None:
    """Why the last try had no answer."""
    conn.execute(update(row).where(row.c.id == id).values(trouble=code, words=words[:500]))


def settle(conn: Connection, id: str, state: State, now: int, code: str = "", words: str = "") -> None:
    """It is over."""
    told = {"state": state, "ended": now, "trouble": code, "words": words[:500]}
    conn.execute(update(row).where(row.c.id == id).values(told))


def asked(conn: Connection, id: str, now: int) -> None:
    """An inquiry about it was answered."""
    conn.execute(update(row).where(row.c.id == id).values(asked=now))
