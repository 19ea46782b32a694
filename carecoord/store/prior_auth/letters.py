"""The letters of a payer on their way: each written down in the transaction that wrote it, put into a batch once, and
marked as sent once. A payer is asked for by the ids of the copies of its Organization."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from carecoord.store.prior_auth.tables import authorization_row as row
from carecoord.store.prior_auth.tables import letter_batch as batch
from carecoord.store.prior_auth.tables import letter_sending as letter

_c = letter.c
_SHOWN: Final = (*_c, row.c.patient_name, row.c.member_id, row.c.service, row.c.number)


@dataclass(frozen=True, slots=True)
class Sending:
    """A letter that was written, by the columns of its table. Instants are microseconds; sent None: it has not gone."""

    document: str
    payer: str
    root: str
    patient: str
    channel: str
    kind: str
    written: int
    batch: str | None
    sent: int | None
    sent_by: str


def keep(conn: Connection, sending: Sending) -> None:
    """Write down a letter that was written just now."""
    conn.execute(insert(letter).values({each.name: getattr(sending, each.name) for each in _c}))


def of_root(conn: Connection, root: str) -> dict[str, Sending]:
    """The letters about a request, by the id of their document."""
    found = conn.execute(select(letter).where(_c.root == root)).mappings()
    return {each["document"]: Sending(**each) for each in found}


def waiting(
    conn: Connection, payers: Collection[str], withheld: Collection[str], channel: str, most: int
) -> list[Row[Any]]:
    """The letters of a payer that wait for a batch of one way, the oldest first, with whom they are for; withheld:
    patients who are kept from the asker."""
    found = select(*_SHOWN).join(row, row.c.root == _c.root).where(*_waits(payers, withheld), _c.channel == channel)
    return list(conn.execute(found.order_by(_c.written, _c.document).limit(most)))


def count(conn: Connection, payers: Collection[str], withheld: Collection[str]) -> int:
    """How many these are."""
    return int(conn.scalar(select(func.count()).select_from(letter).where(*_waits(payers, withheld))) or 0)


def _waits(payers: Collection[str], withheld: Collection[str]) -> tuple[Any, ...]:
    return _c.payer.in_(payers), _c.batch.is_(None), _c.sent.is_(None), _c.patient.not_in(withheld)


def put_together(conn: Connection, id: str, documents: Sequence[str], **about: Any) -> int:
    """Make a batch of those of these letters that wait; returns how many. about: its payer, channel, made, made_by."""
    taken = update(letter).where(_c.document.in_(documents), _c.batch.is_(None), _c.sent.is_(None)).values(batch=id)
    n = conn.execute(taken).rowcount
    if n:
        conn.execute(insert(batch).values(id=id, letters=n, sent=None, sent_by="", **about))
    return n


def one(conn: Connection, payers: Collection[str], id: str) -> Row[Any] | None:
    """A batch of a payer."""
    return conn.execute(select(batch).where(batch.c.id == id, batch.c.payer.in_(payers))).first()


def batches(conn: Connection, payers: Collection[str], most: int) -> list[Row[Any]]:
    """The batches of a payer: those that have not gone first, then the newest."""
    found = select(batch).where(batch.c.payer.in_(payers))
    return list(conn.execute(found.order_by(batch.c.sent.is_not(None), batch.c.made.desc(), batch.c.id).limit(most)))


def of_batch(conn: Connection, id: str, withheld: Collection[str]) -> list[Row[Any]]:
    """The letters of a batch, the oldest first; withheld: patients who are kept from the asker."""
    found = select(letter).where(_c.batch == id, _c.patient.not_in(withheld))
    return list(conn.execute(found.order_by(_c.written, _c.document)))


def mark_sent(conn: Connection, id: str, printed: Collection[str], *, at: int, by: str) -> bool:
    """Write down that a batch went, when, and who says so; False where that stands already. printed: the documents that
    are in its file; the other letters of it wait again."""
    went = {"sent": at, "sent_by": by}
    if not conn.execute(update(batch).where(batch.c.id == id, batch.c.sent.is_(None)).values(went)).rowcount:
        return False
    conn.execute(update(letter).where(_c.batch == id, _c.document.not_in(printed)).values(batch=None))
    conn.execute(update(letter).where(_c.batch == id, _c.sent.is_(None)).values(went))
    return True
