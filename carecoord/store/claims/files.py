"""X12 files that came, with their transactions, and those that went out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from carecoord.store.claims.tables import x12_file, x12_sent, x12_taken, x12_transaction

Faults = Sequence[tuple[int, str, str]]  # place, where, sentence as rows keep it
_KEPT = tuple(column for column in x12_file.c if column.name != "body")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Settled:
    """What became of a transaction. control: by which it is known again."""

    kind: str
    control: str
    digest: bytes
    state: str
    about: str | None
    faults: Faults = ()


def add(
    conn: Connection, *, id: str, offices: Sequence[str], name: str, digest: bytes, body: bytes, subject: str, at: int
) -> str:
    """Keep a file that waits to be read; the same bytes again are the same file, read once more. offices: the copies of
    the organization whose it is, of which any may have brought it; it is kept under the first. Returns its id."""
    here = (x12_file.c.office.in_(offices), x12_file.c.digest == digest)
    known = conn.scalar(select(x12_file.c.id).where(*here).order_by(x12_file.c.at, x12_file.c.id).limit(1))
    if known:
        conn.execute(update(x12_file).where(x12_file.c.id == known).values(state="waiting"))
        return str(known)
    row = {"id": id, "office": offices[0], "name": name, "digest": digest, "body": body, "subject": subject, "at": at}
    conn.execute(insert(x12_file).values(**row, state="waiting", faults="[]"))
    return id


def one(conn: Connection, id: str) -> Row[Any] | None:
    """A file, without its bytes."""
    return conn.execute(select(*_KEPT).where(x12_file.c.id == id)).first()


def body(conn: Connection, id: str) -> bytes:
    """A file as it came."""
    return conn.scalar(select(x12_file.c.body).where(x12_file.c.id == id)) or b""


def recent(conn: Connection, offices: Sequence[str] | None, most: int) -> list[Row[Any]]:
    """The files of these offices (None: all), the latest first."""
    found = select(*_KEPT).order_by(x12_file.c.at.desc(), x12_file.c.id).limit(most)
    return list(conn.execute(found.where(x12_file.c.office.in_(offices)) if offices is not None else found))


def transactions(conn: Connection, file: str) -> list[Row[Any]]:
    """The transactions of a file in their order."""
    found = select(x12_transaction).where(x12_transaction.c.file == file).order_by(x12_transaction.c.n)
    return list(conn.execute(found))


def state(conn: Connection, file: str, n: int) -> str | None:
    """What became of a transaction of a file; None where it was not read yet."""
    mine = (x12_transaction.c.file == file, x12_transaction.c.n == n)
    return conn.scalar(select(x12_transaction.c.state).where(*mine))


def read(conn: Connection, file: str, faults: Faults) -> None:
    """Note that a file was read, with what is wrong with its envelopes."""
    values = {"state": "done", "faults": _encode(list(faults)).decode()}
    conn.execute(update(x12_file).where(x12_file.c.id == file).values(values))


def taken(conn: Connection, offices: Sequence[str], kind: str, control: str) -> Row[Any] | None:
    """The transaction that was taken under these numbers, by any of the copies of an organization."""
    known = x12_taken.c
    asked = (known.office.in_(offices), known.control == control, known.kind == kind)
    return conn.execute(select(x12_taken).where(*asked).order_by(known.office)).first()


def take(conn: Connection, office: str, file: str, one: Settled) -> None:
    """Let a transaction be taken, for good."""
    values = {"office": office, "control": one.control, "kind": one.kind, "digest": one.digest, "file": file}
    conn.execute(insert(x12_taken).values(values))


def settle(conn: Connection, file: str, n: int, one: Settled) -> None:
    """Note what became of a transaction."""
    conn.execute(delete(x12_transaction).where(x12_transaction.c.file == file, x12_transaction.c.n == n))
    values = {name: getattr(one, name) for name in ("kind", "control", "digest", "state", "about")}
    faults = _encode(list(one.faults)).decode()
    conn.execute(insert(x12_transaction).values(file=file, n=n, faults=faults, **values))


def send(conn: Connection, sent: Mapping[str, Any]) -> int:
    """Keep what goes out, its body yet to be written; returns the number of its interchange."""
    made = conn.execute(insert(x12_sent).values({**sent, "body": b""}).returning(x12_sent.c.number)).scalar_one()
    return int(made)


def sent_as(conn: Connection, number: int, body: bytes) -> None:
    """Keep the body of what goes out."""
    conn.execute(update(x12_sent).where(x12_sent.c.number == number).values(body=body))


def sent_body(conn: Connection, number: int) -> bytes:
    """What went out, by the number of its interchange."""
    return conn.scalar(select(x12_sent.c.body).where(x12_sent.c.number == number)) or b""


def sent_about(conn: Connection, offices: Sequence[str], names: Collection[str]) -> list[Row[Any]]:
    """What an office, by any of its copies, wrote of these (`Type/id`), the latest first, without its bytes."""
    columns = [column for column in x12_sent.c if column.name != "body"]
    found = select(*columns).where(x12_sent.c.about.in_(names), x12_sent.c.office.in_(offices))
    return list(conn.execute(found.order_by(x12_sent.c.number.desc())))


def by_trace(conn: Connection, offices: Sequence[str], trace: str, kind: str) -> Row[Any] | None:
    """What an office, by any of its copies, sent last under a trace."""
    found = select(x12_sent).where(x12_sent.c.trace == trace, x12_sent.c.kind == kind)
    found = found.where(x12_sent.c.office.in_(offices))
    return conn.execute(found.order_by(x12_sent.c.number.desc()).limit(1)).first()


def received(conn: Connection, offices: Sequence[str], number: int, receipt: str) -> str | None:
    """Note what the other side says of an interchange of an office and its copies; returns what it was about."""
    mine = (x12_sent.c.number == number, x12_sent.c.office.in_(offices))
    conn.execute(update(x12_sent).where(*mine).values(receipt=receipt))
    found = conn.scalar(select(x12_sent.c.about).where(*mine))
    return str(found) if found else None
