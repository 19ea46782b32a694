"""What an EHR holds, as far as we have heard: each resource under its id and ours, and what the EHR said of it last.

This table alone tells which EHR a resource is of, and what its last word was: `meta.source` is an element that anybody
may leave out. The last word is kept as a hash; its body only where ours is not the same, for else ours is that body.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.store.audit.tables import audit
from carecoord.store.database.bulk import runs
from carecoord.store.database.driver import every
from carecoord.store.database.joins import listed_pairs, paired
from carecoord.store.database.tables import history, resource
from carecoord.store.ehrs.tables import ehr_item
from carecoord.store.resources.change import digest

CHUNK = 500  # ids per statement: within every database's limit of bound values
GONE = b""  # the hash of what the EHR says that it is no more

_item = ehr_item.c


@dataclass(frozen=True)
class Seen:
    """A resource as an EHR showed it. id, updated (meta.lastUpdated): the EHR's. local: our id. hash: of its content
    as we keep it."""

    id: str
    updated: datetime | None
    local: str
    hash: bytes


@dataclass(frozen=True)
class Heard:
    """What was known before of a resource of an EHR. hash None: that was never noted. updated: microseconds."""

    id: str
    local: str | None
    round: int
    updated: int | None
    hash: bytes | None


@dataclass(frozen=True)
class Ours:
    """A resource of an EHR as we have it now, locked from now on. hash: of ours, empty when deleted. said: of the EHR's
    last word. has_base: whether the body of that is kept with the item."""

    ehr: str
    type: str
    there: str
    id: str
    rid: int
    version: int
    deleted: bool
    patient: str | None
    hash: bytes
    said: bytes | None
    has_base: bool

    @property
    def agrees(self) -> bool:
        """Whether ours is what the EHR said last."""
        return self.hash == self.said


_theirs = _item.ehr == bindparam("ehr")
_heard = paired((_item.id, _item.local, _item.round, _item.updated, _item.hash), ehr_item, "type", "id", _theirs)
_said_at = paired((_item.local, _item.updated), ehr_item, "type", "local", _theirs, _item.updated.is_not(None))


def heard(conn: Connection, name: str, type: str, ids: Sequence[str]) -> dict[str, Heard]:
    """What is known of these, by the EHR's ids."""
    rows = _listed(conn, _heard, name, type, ids)
    return {id: Heard(id, local, round, updated, _bytes(hash)) for id, local, round, updated, hash in rows}


def said_at(conn: Connection, name: str, type: str, ids: Sequence[str]) -> dict[str, int]:
    """When an EHR changed these resources (our ids) last, in microseconds, as far as it holds them and tells it."""
    return dict(_listed(conn, _said_at, name, type, ids))


def _listed(conn: Connection, each: Select[Any], name: str, type: str, ids: Sequence[str]) -> Iterator[Any]:
    """The rows of these ids, each looked up by itself: by a list of ids PostgreSQL walks through all that the EHR holds
    of the type until it has counted the table, which is throughout the first minute of a first sync."""
    for chunk in runs(ids, CHUNK):
        yield from every(conn, each, {"ehr": name, "pairs": listed_pairs((type, id) for id in chunk)})


def stale(round: int, shown: Sequence[Seen], before: Mapping[str, Heard]) -> frozenset[str]:
    """The ids whose copy is older than one seen in the same round: those must not be stored. Paging and replicas may
    show the older one last."""
    return frozenset(each.id for each in shown if _is_stale(each, before.get(each.id), round))


def see(conn: Connection, name: str, type: str, round: int, shown: Sequence[Seen]) -> None:
    """Note that the EHR holds these and says this of them, as seen in this round."""
    rows = [
        {
            "ehr": name, "type": type, "id": each.id, "round": round, "local": each.local, "hash": each.hash,
            "updated": micros(each.updated) if each.updated else None,
        }
        for each in sorted(shown, key=lambda each: each.id)
    ]  # fmt: skip
    if rows:
        kind: Any = postgresql if conn.dialect.name == "postgresql" else sqlite
        put = kind.insert(ehr_item)
        changed = {column: put.excluded[column] for column in ("round", "updated", "local", "hash")}
        conn.execute(put.on_conflict_do_update(index_elements=[_item.ehr, _item.type, _item.id], set_=changed), rows)


def forget(conn: Connection, name: str, type: str, ids: Iterable[str]) -> None:
    """The EHR holds these no longer."""
    at = (_item.ehr == name, _item.type == type)
    for chunk in runs(list(ids), CHUNK):
        conn.execute(delete(ehr_item).where(*at, _item.id.in_(chunk)))


def mark_gone(conn: Connection, name: str, type: str, ids: Iterable[str]) -> None:
    """The EHR holds these no longer, and we keep ours."""
    at = (_item.ehr == name, _item.type == type)
    for chunk in runs(list(ids), CHUNK):
        conn.execute(update(ehr_item).where(*at, _item.id.in_(chunk)).values(hash=GONE, base=None))


def known(conn: Connection, name: str, type: str, after: str, unseen: int | None, limit: int = CHUNK) -> list[str]:
    """Ids of the EHR in byte order after `after`; with `unseen`, only those that were not seen in that round and that
    the EHR did not tell to be gone."""
    found = select(_item.id).where(_item.ehr == name, _item.type == type, _item.id > after)
    if unseen is not None:
        found = found.where(_item.round != unseen, _item.hash.is_distinct_from(GONE))
    return list(conn.scalars(found.order_by(_item.id).limit(limit)))


def held_of(conn: Connection, name: str, type: str, patient: str) -> list[str]:
    """Ids of the EHR of what it holds of a patient (our id), but what it told to be gone; in byte order."""
    here = (resource.c.type == _item.type) & (resource.c.id == _item.local)
    about = (resource.c.type == type, resource.c.patient == patient, resource.c.deleted.is_(False))
    found = select(_item.id).join_from(resource, ehr_item, here).where(
        *about, _item.ehr == name, _item.hash.is_distinct_from(GONE)
    )  # fmt: skip
    return list(conn.scalars(found.order_by(_item.id)))


def made_here(conn: Connection, name: str) -> dict[tuple[str, str], str]:
    """Our ids of what we made in this EHR, by its type and id there: those do not follow from the EHR's."""
    found = select(_item.type, _item.id, _item.local).where(_item.ehr == name, _item.made_here.is_not(None))
    return {(type, id): local for type, id, local in conn.execute(found)}


_OURS = (
    _item.ehr, _item.type, _item.id.label("there"), resource.c.id, resource.c.rid, resource.c.version,
    resource.c.deleted, resource.c.patient, resource.c.hash, _item.hash.label("said"),
    _item.base.is_not(None).label("has_base"),
)  # fmt: skip
_kept = (resource.c.type == _item.type) & (resource.c.id == _item.local)
_held = paired(_OURS, ehr_item, "type", "local").join(resource, _kept).order_by(resource.c.id)
_locked = _held.with_for_update(of=resource)


def held(conn: Connection, refs: Mapping[str, Sequence[str]], *, lock: bool = False) -> list[Ours]:
    """Those of these resources of ours, {type: ids}, that an EHR holds. lock: nobody else changes them until the
    transaction ends."""
    found: list[Ours] = []
    for run in runs([(type, id) for type, ids in refs.items() for id in ids], CHUNK):
        found += (_read(row) for row in every(conn, _locked if lock else _held, {"pairs": listed_pairs(run)}))
    return found


def ours(conn: Connection, type: str, ids: Sequence[str], *, lock: bool = False) -> list[Ours]:
    """The same of one type."""
    return held(conn, {type: ids}, lock=lock)


def _read(row: Any) -> Ours:
    ehr, type, there, id, rid, version, deleted, patient, digest_, said, has_base = row
    return Ours(
        ehr, type, there, id, rid, version, bool(deleted), patient, bytes(digest_), _bytes(said), bool(has_base)
    )


def base(conn: Connection, one: Ours) -> dict[str, Any] | None:
    """What the EHR said last, as we keep it; None where that is not known."""
    if one.said is None or one.said == GONE:
        return None
    kept = conn.scalar(select(_item.base).where(_item.ehr == one.ehr, _item.type == one.type, _item.id == one.there))
    if kept:
        return text.loads(bytes(kept))
    now = select(resource.c.body).where(resource.c.rid == one.rid)
    past = select(history.c.body).where(history.c.rid == one.rid).order_by(history.c.version.desc())
    for statement in (now, past):  # it was ours once: the newest of our versions that says the same
        for body in conn.scalars(statement):
            said = text.loads(bytes(body)) if body else None
            if said and digest(said) == one.said:
                return said
    return None


def own_since(conn: Connection, one: Ours) -> Iterator[dict[str, Any]]:
    """The versions that were written here since the one that was as the EHR said it last, the newest first."""
    by_it = (audit.c.at == history.c.updated, audit.c.type == one.type, audit.c.resource == one.id)
    synced = exists().where(*by_it, audit.c.version == history.c.version, audit.c.subject.startswith("ehr:"))
    past = select(history.c.body, synced).where(history.c.rid == one.rid).order_by(history.c.version.desc())
    for body, theirs in conn.execute(past):
        version = text.loads(bytes(body)) if body else None
        if version and digest(version) == one.said:
            return
        if version and not theirs:
            yield version


def say(conn: Connection, one: Ours, hash: bytes) -> Ours:
    """Note the hash of what the EHR says now, and return the resource as it then stands to that."""
    at = (_item.ehr == one.ehr, _item.type == one.type, _item.id == one.there)
    conn.execute(update(ehr_item).where(*at).values(hash=hash))
    return replace(one, said=hash)


def adopt(conn: Connection, name: str, type: str, id: str, local: str) -> None:
    """The EHR holds under this id of its own what we made there; nothing where that is known."""
    kind: Any = postgresql if conn.dialect.name == "postgresql" else sqlite
    row = kind.insert(ehr_item).values(ehr=name, type=type, id=id, local=local, round=0, made_here=True)
    conn.execute(row.on_conflict_do_nothing())


def keep_base(conn: Connection, one: Ours, said: dict[str, Any] | None) -> None:
    """Keep the body of the EHR's last word with the item, or no longer."""
    at = (_item.ehr == one.ehr, _item.type == one.type, _item.id == one.there)
    conn.execute(update(ehr_item).where(*at).values(base=None if said is None else text.dumps(said)))


def _is_stale(seen: Seen, before: Heard | None, round: int) -> bool:
    if before is None or before.round != round or seen.updated is None or before.updated is None:
        return False
    return micros(seen.updated) < before.updated


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
