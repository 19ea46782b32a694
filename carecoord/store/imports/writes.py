"""What an import wrote, in its order: the resources, each with the version that it made."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, func, select

from carecoord.store.database import bulk
from carecoord.store.database.tables import ix_reference, resource
from carecoord.store.imports.tables import import_file, import_write

Made = tuple[str, str, int]  # type, id, version


def add(conn: Connection, file: str, made: Sequence[Made]) -> None:
    """Keep what a file wrote."""
    bulk.insert(conn, import_write, [(file, n, *each) for n, each in enumerate(made)])


def of_file(conn: Connection, file: str) -> list[Made]:
    """What a file wrote, the last first."""
    asked = select(import_write.c.type, import_write.c.id, import_write.c.version)
    rows = conn.execute(asked.where(import_write.c.file == file).order_by(import_write.c.n.desc()))
    return [(type, id, version) for type, id, version in rows]


def count(conn: Connection, file: str) -> int:
    """How much a file wrote."""
    return conn.scalar(select(func.count()).where(import_write.c.file == file)) or 0


def forget(conn: Connection) -> None:
    """Let go of what files wrote that are kept no more."""
    conn.execute(delete(import_write).where(import_write.c.file.not_in(select(import_file.c.id))))


def referrers(conn: Connection, type: str, id: str, but: Collection[str]) -> list[str]:
    """All that refer to it, `Type/id`, but for resources of some types."""
    to = (ix_reference.c.id == id, ix_reference.c.type == type, ix_reference.c.url == "")
    asked = select(resource.c.type, resource.c.id).join(ix_reference, resource.c.rid == ix_reference.c.rid).distinct()
    rows = conn.execute(asked.where(*to, resource.c.type.not_in(sorted(but)), resource.c.deleted.is_(False)))
    return sorted(f"{kind}/{other}" for kind, other in rows)


def referrer(conn: Connection, type: str, id: str) -> str:
    """A resource that refers to this one, `Type/id`; empty where none does."""
    to = (ix_reference.c.id == id, ix_reference.c.type == type, ix_reference.c.url == "")
    other = (resource.c.type != type) | (resource.c.id != id)
    asked = select(resource.c.type, resource.c.id).join(ix_reference, resource.c.rid == ix_reference.c.rid)
    found = conn.execute(asked.where(*to, other, resource.c.deleted.is_(False)).limit(1)).first()
    return f"{found[0]}/{found[1]}" if found else ""
