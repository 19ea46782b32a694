"""Files that are being brought in, and the columns that were said to be ours the last time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from carecoord.store.database import bulk
from carecoord.store.imports.tables import import_file, import_mapping

_COLUMNS = tuple(column for column in import_file.c if column.name != "body")


@dataclass(frozen=True)
class File:
    """A file on its way. state: new, waiting (for a worker), tried, kept or failed;
    returning (for a worker) or returned, once it is taken back. mapping: our column -> its heading
    there. outcome: JSON of what became of it."""

    id: str
    owner: str
    kind: str
    name: str
    state: str
    dry: bool
    done: int
    total: int
    mapping: Mapping[str, str]
    outcome: bytes
    made: int


def add(conn: Connection, file: File, body: bytes) -> None:
    """Keep a file."""
    row = _row(file)
    conn.execute(insert(import_file).values(body=body, **row))


def get(conn: Connection, id: str) -> File | None:
    """A file that is on its way."""
    row = conn.execute(select(*_COLUMNS).where(import_file.c.id == id)).mappings().first()
    return _file(row) if row else None


def body(conn: Connection, id: str) -> bytes:
    """The file as it came; once it is in, its faulty rows as a workbook, empty where it has none."""
    return conn.scalar(select(import_file.c.body).where(import_file.c.id == id)) or b""


def change(conn: Connection, file: File, body: bytes | None = None) -> None:
    """Note how far it is. body: what is kept of it from now on, where that is not the file as it came."""
    values = _row(file) | ({} if body is None else {"body": body})
    conn.execute(update(import_file).where(import_file.c.id == file.id).values(values))


def progress(conn: Connection, id: str, done: int) -> None:
    """Note how many rows are through."""
    conn.execute(update(import_file).where(import_file.c.id == id).values(done=done))


def of_owner(conn: Connection, owner: str, most: int) -> list[File]:
    """The files of somebody, the latest first."""
    query = select(*_COLUMNS).where(import_file.c.owner == owner).order_by(import_file.c.made.desc()).limit(most)
    return [_file(row) for row in conn.execute(query).mappings()]


def forget(conn: Connection, before: int) -> None:
    """Let go of what was brought before an instant."""
    conn.execute(delete(import_file).where(import_file.c.made < before))


def mapping(conn: Connection, organization: str, kind: str, signature: str) -> dict[str, str] | None:
    """What an organization said of files with these headings; None where nobody said anything yet."""
    kept = import_mapping.c
    asked = (kept.organization == organization, kept.kind == kind, kept.signature == signature)
    found = conn.scalar(select(kept.mapping).where(*asked))
    return msgspec.json.decode(found, type=dict[str, str]) if found else None


def keep_mapping(
    conn: Connection, organization: str, kind: str, signature: str, said: Mapping[str, str], at: int
) -> None:
    """Keep it for the next time."""
    bulk.upsert(conn, import_mapping, [(organization, kind, signature, msgspec.json.encode(said).decode(), at)])


def _row(file: File) -> dict[str, Any]:
    names = [column.name for column in _COLUMNS]
    return {name: getattr(file, name) for name in names} | {"mapping": msgspec.json.encode(file.mapping).decode()}


def _file(row: RowMapping) -> File:
    return File(**{**row, "mapping": msgspec.json.decode(row["mapping"], type=dict[str, str])})
