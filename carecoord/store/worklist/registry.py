"""The registry as a case needs it (organizations, plans, agreements, rules), several at a time, and what each case row
depends on: a changed agreement finds the rows to judge anew by one index, also those that only hoped to find it."""

import zlib
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from carecoord.fhir.code_systems import spellings
from carecoord.fhir.search import params
from carecoord.fhir.search.extract import clip
from carecoord.store.database import bulk, driver
from carecoord.store.database.among import InRows, OneOf, listed
from carecoord.store.database.joins import listed_pairs, paired
from carecoord.store.database.tables import case, case_need, ix_reference, ix_token
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new
from carecoord.store.resources.read import COLUMNS, Row, driven, rows

_RUN = 400  # values in one statement: both databases bound the number of parameters

# One text however many are asked for: PostgreSQL plans it once, and a list of values each time, the dearer the more
# there is to know of the table.
_named = paired((ix_token.c.rid,), ix_token, "code", "system", ix_token.c.key == bindparam("key"))
_identified = select(*COLUMNS).where(InRows(new.c.rid, _named)).order_by(new.c.rid)
_to = paired(
    (ix_reference.c.rid,), ix_reference, "key", "id",
    ix_reference.c.url == "", ix_reference.c.type == bindparam("type"),
)  # fmt: skip
_pointing = select(*COLUMNS).where(InRows(new.c.rid, _to)).order_by(new.c.rid)
_pointers = paired(
    (ix_reference.c.key, ix_reference.c.type, ix_reference.c.id, ix_reference.c.rid), ix_reference, "key", "id",
    ix_reference.c.url == "",
).order_by(ix_reference.c.rid)  # fmt: skip
_every = select(*COLUMNS).where(new.c.type == bindparam("type"), new.c.deleted.is_(False)).order_by(new.c.rid)
_since = select(new.c.type, new.c.id).where(
    new.c.type.in_(bindparam("types", expanding=True)),
    new.c.deleted.in_((False, True)),  # whether or not, but it stands before `updated` in the index
    new.c.updated > bindparam("at"),
)
_before = (
    select(old.c.rid, new.c.type, new.c.id, old.c.version, old.c.updated, old.c.deleted, old.c.body)
    .join_from(new, old, (old.c.rid == new.c.rid) & (old.c.version == new.c.version - 1))
    .where(new.c.rid.in_(bindparam("rids", expanding=True)))
)
_now = select(*COLUMNS).where(new.c.rid.in_(bindparam("rids", expanding=True)))
_needs = select(case_need.c.rid, case_need.c.key).where(OneOf(case_need.c.rid, "rids"))
_dependents = select(case_need.c.rid).where(case_need.c.key.in_(bindparam("keys", expanding=True))).distinct()
_any = select(case_need.c.rid).limit(1)


def identified(conn: Connection, type: str, pairs: Iterable[tuple[str, str]]) -> list[Row]:
    """Every resource of the type that has one of these identifiers (system, value), the system under any of its
    names."""
    given = sorted({(clip(value), clip(name)) for system, value in pairs for name in spellings(system)})
    asked = {"key": params.key(type, "identifier")}
    found: list[Row] = []
    for run in bulk.runs(given, _RUN):
        found += driven(driver.every(conn, _identified, asked | {"pairs": listed_pairs(run)}))
    return found


def valued(conn: Connection, type: str, value: str) -> list[Row]:
    """Every resource of the type that has an identifier of this value, whatever its system."""
    asked = (ix_token.c.key == params.key(type, "identifier"), ix_token.c.code == clip(value))
    return rows(conn.execute(select(*COLUMNS).where(new.c.rid.in_(select(ix_token.c.rid).where(*asked)))))


def values(conn: Connection, type: str, system: str) -> set[str]:
    """Every value of a system by which a resource of the type is identified."""
    asked = (ix_token.c.key == params.key(type, "identifier"), ix_token.c.system.in_(spellings(system)))
    return set(conn.scalars(select(ix_token.c.code).where(*asked)))


def pointing(conn: Connection, parameters: Sequence[tuple[str, str]], type: str, ids: Iterable[str]) -> list[Row]:
    """Every resource that refers to one of type/id by one of the search parameters (its type, code)."""
    keys = [params.key(*each) for each in parameters]
    return [
        row
        for run in bulk.runs(sorted(set(ids)), _RUN)
        for row in driven(driver.every(conn, _pointing, {"type": type, "pairs": listed_pairs(product(keys, run))}))
    ]


class Pointer(NamedTuple):
    """A reference in the index: by which search parameter (`params.key`), to what, and the row number of who refers."""

    key: int
    type: str
    id: str
    rid: int


def pointers(conn: Connection, keys: Sequence[int], ids: Iterable[str]) -> list[Pointer]:
    """Every reference to something of one of these ids, of whatever type, by one of the search parameters of these
    keys, in the order of who refers. What refers is not read."""
    return [
        Pointer(*each)
        for run in bulk.runs(sorted(set(ids)), _RUN)
        for each in driver.every(conn, _pointers, {"pairs": listed_pairs(product(keys, run))})
    ]


def every(conn: Connection, type: str) -> list[Row]:
    """All resources of a type, by when they came: of one that is written out or compared whole, not asked in a page."""
    return rows(conn.execute(_every, {"type": type}))


def of_source(conn: Connection, type: str, base: str) -> list[Row]:
    """All resources of a type that came from a system: those whose meta.source lies under its address."""
    under = (new.c.source >= f"{base}/", new.c.source < f"{base}0")  # 0 comes next after /
    asked = select(*COLUMNS).where(new.c.type == type, new.c.deleted.is_(False), *under)
    return rows(conn.execute(asked.order_by(new.c.rid)))


def changed_since(conn: Connection, types: Sequence[str], micros: int) -> list[tuple[str, str]]:
    """(type, id) of everything of these types whose present version is younger than the instant: only they can have
    been different then."""
    return [(row[0], row[1]) for row in conn.execute(_since, {"types": list(types), "at": micros})]


def versions(conn: Connection, rids: Sequence[int]) -> list[Row]:
    """The present version and the one before it of each resource."""
    both = (_now, _before)
    return [row for run in bulk.runs(rids, _RUN) for query in both for row in rows(conn.execute(query, {"rids": run}))]


def number(key: str) -> int:
    """The number under which a key of the registry is kept. Two keys that share one cost a needless look, never a
    miss."""
    return zlib.crc32(key.encode()) & 0x7FFFFFFF


@lru_cache(512)
def _numbers(keys: frozenset[str]) -> frozenset[int]:
    """Of cases that are judged again the keys are mostly what they were."""
    return frozenset(map(number, keys))


def save_dependencies(
    conn: Connection, needs: dict[int, frozenset[str]], fresh: Collection[int] = ()
) -> None:  # fmt: skip
    """Keep for each case row (rid) the keys that it depends on, in the place of those before. fresh: those that are
    new, of which none is kept."""
    wanted = {rid: _numbers(keys) for rid, keys in needs.items()}
    held: dict[int, set[int]] = {}
    for run in bulk.runs(sorted(wanted.keys() - fresh), _RUN):
        for rid, key in driver.every(conn, _needs, {"rids": listed(run)}):
            held.setdefault(rid, set()).add(key)
    changed = sorted(rid for rid, keys in wanted.items() if held.get(rid, set()) != keys)
    bulk.remove(conn, case_need, [rid for rid in changed if rid in held])
    bulk.insert(conn, case_need, sorted((key, rid) for rid in changed for key in wanted[rid]))


def dependents(conn: Connection, keys: Iterable[str]) -> list[int]:
    """The case rows (rid) that depend on any of these keys."""
    if conn.execute(_any).first() is None:
        return []
    numbers = sorted({number(key) for key in keys})
    return sorted({rid for run in bulk.runs(numbers, _RUN) for rid in conn.scalars(_dependents, {"keys": run})})


def forget_dependencies(conn: Connection, rids: Sequence[int]) -> None:
    """Forget what these case rows depended on."""
    bulk.remove(conn, case_need, rids)


def open_among(conn: Connection, rids: Sequence[int] | None) -> int:
    """How many of these case rows (None: of all) are open."""
    count = select(func.count()).select_from(case).where(case.c.open.is_(True))
    if rids is None:
        return conn.scalar(count) or 0
    return sum(conn.scalar(count.where(case.c.rid.in_(list(run)))) or 0 for run in bulk.runs(rids, _RUN))
