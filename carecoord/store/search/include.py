"""What a search sends besides what it finds: _include and _revinclude, one hop or as far as they lead.

Clause: FHIR R4 search.html#include. A resource is never sent twice, and none that the asker may not see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, or_, select

from carecoord.fhir import text
from carecoord.fhir.search.extract import pointed_at
from carecoord.fhir.search.query import EVERYTHING, NOTHING, Include, Search
from carecoord.fhir.types import TYPES
from carecoord.store.database.bulk import runs
from carecoord.store.database.joins import Then
from carecoord.store.database.tables import ix_reference, resource
from carecoord.store.resources.read import COLUMNS, Row, many, rows, version
from carecoord.store.search.compile import May, SearchCompiler
from carecoord.store.search.conditions import Condition, Values
from carecoord.store.search.pages import Prepared, prepared
from carecoord.store.search.statements import check
from carecoord.store.search.unstored import Unstored, lets

MOST = 1000  # resources included in one page
_FEW = 3  # types whose checks may stand in one statement

Limits = tuple[tuple[str, Condition], ...]
Shape = Callable[[Limits, bool], Prepared]

_VERSIONED = b"/_history/"
_DEEPEST = 8  # rounds of :iterate
_RUN = 400


def included(
    conn: Connection, search: Search, page: Sequence[Row], may: May, made: Sequence[Unstored] = ()
) -> list[Row]:
    """The resources to send with a page, at most MOST and one more, which tells that there are others. made: what no
    table holds, that may be on the page or come with it."""
    beside = [each for each in made if lets(each, may(each.row.type))]
    found: dict[int, Row] = {}
    known = {row.rid for row in page}
    frontier: Sequence[Row] = page
    for n in range(_DEEPEST):
        fresh: dict[int, Row] = {}
        for include in search.includes:
            if n == 0 or include.iterate:
                fresh |= {row.rid: row for row in _follow(conn, include, frontier, may, beside)
                          if row.rid not in known}  # fmt: skip
                if not include.reverse:
                    fresh = _as_meant(conn, include, frontier, fresh, may)
        if not fresh or len(found) > MOST:
            break
        found |= fresh
        known |= fresh.keys()
        frontier = list(fresh.values())
    return list(found.values())[: MOST + 1]


def _follow(
    conn: Connection, include: Include, page: Sequence[Row], may: May, beside: Sequence[Unstored]
) -> Iterator[Row]:
    if include.reverse:
        yield from _referring(conn, include, page, may)
        named = {(row.type, row.id) for row in page if include.target in (None, row.type)}
        yield from (each.row for each in beside if not named.isdisjoint(_named(each, include)))
        return
    yield from _referred(conn, include, page, may)
    here = {row.rid for row in page}
    pairs = {pair for each in beside if each.row.rid in here for pair in _named(each, include)}
    pairs = {(type, id) for type, id in pairs if include.target in (None, type) and may(type) != NOTHING}
    limited = [type for type in {type for type, _ in pairs} if may(type) != EVERYTHING]
    yield from _visible(conn, many(conn, pairs), limited, may)


def _named(one: Unstored, include: Include) -> Iterator[tuple[str, str]]:
    """What a resource that no table holds refers to by the parameters of an include: the resources of this server."""
    keys = {param.key for param in include.params}
    return ((type, id) for key, id, type, url in one.index.reference if key in keys and not url and type in TYPES)


def _referred(conn: Connection, include: Include, page: Sequence[Row], may: May) -> Iterable[Row]:
    sources = {param.type for param in include.params}
    rids = [row.rid for row in page if row.type in sources]
    targets = {target for param in include.params for target in param.targets if target in TYPES}
    wanted = targets & {include.target} if include.target else targets
    for run in runs(rids, _RUN):
        yield from _seen(conn, _forward, {"keys": [param.key for param in include.params], "rids": run}, wanted, may)


def _as_meant(
    conn: Connection, include: Include, page: Sequence[Row], fresh: dict[int, Row], may: May
) -> dict[int, Row]:
    """search.html#versions: of a reference to a version "the specified version SHOULD be provided". Where something
    narrows what the asker may see of the type, or several versions are meant, the present one goes out."""
    meant: dict[tuple[str, str], set[int | None]] = {}
    sources = {param.type for param in include.params}
    if not any(row.type in sources and _VERSIONED in row.body for row in page):
        return fresh
    for row in (row for row in page if row.type in sources):
        for type, id, number in pointed_at(text.loads(row.body), include.params):
            meant.setdefault((type, id), set()).add(number)
    return {rid: _version(conn, row, meant.get((row.type, row.id), set()), may) for rid, row in fresh.items()}


def _version(conn: Connection, row: Row, meant: set[int | None], may: May) -> Row:
    number = next(iter(meant)) if len(meant) == 1 else None
    if number is None or number == row.version or may(row.type) != EVERYTHING:
        return row
    found = version(conn, row.type, row.id, number)
    return found if found and not found.deleted else row


def _referring(conn: Connection, include: Include, page: Sequence[Row], may: May) -> Iterable[Row]:
    for target in sorted({row.type for row in page}):
        if include.target not in (None, target):
            continue
        params = [param for param in include.params if target in param.targets]
        asked = {"keys": [param.key for param in params], "target": target}
        for run in runs([row.id for row in page if row.type == target], _RUN):
            yield from _seen(conn, _backward, {**asked, "ids": run}, {param.type for param in params}, may)


def _seen(conn: Connection, shape: Shape, asked: Mapping[str, Any], types: Iterable[str], may: May) -> Iterable[Row]:
    """What a statement brings of these types and the asker may see, by number, at most MOST and one more.

    The checks of a few types stand in the statement. Those of many are asked afterwards, of the types alone that came:
    a statement with the checks of a hundred types takes seconds to be made, and a page has resources of five.
    """
    able = sorted(type for type in types if may(type) != NOTHING)
    if not able:
        return
    whole = {**asked, "types": able, "most": MOST + 1}
    limited = [type for type in able if may(type) != EVERYTHING]
    if len(limited) <= _FEW:
        values = Values()
        compiler = SearchCompiler(values, may)
        limits = tuple((values.name(type), compiler.allowed(type)) for type in limited)
        yield from rows(shape(limits, False).run(conn, {**values, **whole}))
        return
    told, after = 0, None
    while told <= MOST:
        brought = rows(shape((), after is not None).run(conn, {**whole, "after": after}))
        visible = _visible(conn, brought, limited, may)
        yield from visible
        if len(brought) <= MOST:
            return
        told, after = told + len(visible), brought[-1].rid


def _visible(conn: Connection, brought: Sequence[Row], limited: Sequence[str], may: May) -> list[Row]:
    """Those of the resources that the asker may see; `limited`: the types of which not everything may be seen."""
    rids: dict[str, list[int]] = {}
    for row in brought:
        rids.setdefault(row.type, []).append(row.rid)
    kept = {rid for type, numbers in rids.items() if type not in limited for rid in numbers}
    for type in sorted(rids.keys() & set(limited)):
        values = Values()
        condition = SearchCompiler(values, may).allowed(type)
        for run in runs(rids[type], _RUN):
            kept |= {number for (number,) in _permitted(condition).run(conn, {**values, "rids": run})}
    return [row for row in brought if row.rid in kept]


@lru_cache(256)
def _permitted(condition: Condition) -> Prepared:
    """Those of the resources numbered `rids` that meet the condition."""
    row = resource.alias()
    return prepared(select(row.c.rid).where(_in(row.c.rid, "rids"), check(condition, row.c.rid)))


@lru_cache(256)
def _forward(limits: Limits, further: bool) -> Prepared:
    link, target = ix_reference.alias(), resource.alias()
    joined = Then(link, target, (target.c.type == link.c.type) & (target.c.id == link.c.id))
    tests = [_in(link.c.rid, "rids"), _in(link.c.key, "keys")]
    return _fetch(select(target.c.rid).select_from(joined).where(*tests), limits, further)


@lru_cache(256)
def _backward(limits: Limits, further: bool) -> Prepared:
    link = ix_reference.alias()
    tests = [_in(link.c.key, "keys"), _in(link.c.id, "ids"), link.c.url == "", link.c.type == bindparam("target")]
    return _fetch(select(link.c.rid).where(*tests), limits, further)


def _fetch(numbers: Select[Any], limits: Limits, further: bool) -> Prepared:
    """The index is read first, and gives each number once; then the resources, by number. `further`: those behind the
    one numbered `after`."""
    tests = [or_(resource.c.type != bindparam(type), check(limit, resource.c.rid)) for type, limit in limits]
    whole = select(*COLUMNS).where(resource.c.rid.in_(numbers), resource.c.deleted.is_(False), *tests)
    whole = whole.where(resource.c.rid > bindparam("after")) if further else whole
    return prepared(whole.where(_in(resource.c.type, "types")).order_by(resource.c.rid).limit(bindparam("most")))


def _in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column.in_(bindparam(name, expanding=True))
