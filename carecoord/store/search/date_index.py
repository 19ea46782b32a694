"""Reading the dates of the search index anew when the zone changes in which it reads those that name none.

The rows by which Contracts are found by their parties came with a later form of the index, and are made with them.
"""

from itertools import groupby

import structlog
from sqlalchemy import Connection, Engine, Table, bindparam, select

from carecoord.fhir import text
from carecoord.fhir.search.extract import extract
from carecoord.fhir.service_base import Base
from carecoord.store.database import bulk, marks
from carecoord.store.database.engine import writing
from carecoord.store.database.tables import ix_date, ix_pair, ix_reference, resource
from carecoord.store.resources.index_rows import at_most_one
from carecoord.store.search import date_zone

_log = structlog.get_logger()
_RUN = 500  # resources read anew in one transaction
_next = (
    select(resource.c.rid, resource.c.body)
    .where(resource.c.rid > bindparam("after"), resource.c.deleted.is_(False))
    .order_by(resource.c.rid)
    .limit(bindparam("most"))
    .with_for_update()  # so that nobody's new version is overwritten with the rows of the old one
)


def renew(engine: Engine, base: Base) -> int:
    """Read every date anew where the index was made in another zone; returns how many resources were. Nobody else may
    write meanwhile who means the old zone; if it is cut off, the next call begins again."""
    with writing(engine) as conn:
        if marks.get(conn, date_zone.MARK) == date_zone.mark(base.zone):
            return 0
        marks.put(conn, date_zone.MARK, b"")  # until all is read: rows of two zones stand side by side
    count = after = 0
    while True:
        with writing(engine) as conn:
            found = [(rid, bytes(body)) for rid, body in conn.execute(_next, {"after": after, "most": _RUN})]
            if not found:
                marks.put(conn, date_zone.MARK, date_zone.mark(base.zone))
                break
            _again(conn, found, base)
        count, after = count + len(found), found[-1][0]
    if count:
        _log.info("dates_read_anew", resources=count, zone=str(base.zone))
    return count


def _again(conn: Connection, found: list[tuple[int, bytes]], base: Base) -> None:
    read = [(rid, text.loads(body)) for rid, body in found]
    contracts = {rid for rid, one in read if one.get("resourceType") == "Contract"}
    indexes = [(rid, extract(one, base)) for rid, one in read]
    _replace(conn, ix_date, {rid: at_most_one(sorted((rid, *row) for row in index.date)) for rid, index in indexes})
    parties = [(rid, index) for rid, index in indexes if rid in contracts]
    _replace(conn, ix_reference, {rid: sorted((rid, *row) for row in index.reference) for rid, index in parties})
    _replace(conn, ix_pair, {rid: sorted((rid, *row) for row in index.pair) for rid, index in indexes})


def _replace(conn: Connection, table: Table, wanted: dict[int, list[bulk.Values]]) -> None:
    rows = conn.execute(select(*table.c).where(table.c.rid.in_(list(wanted))).order_by(*table.primary_key.columns))
    held = {rid: [tuple(row) for row in group] for rid, group in groupby(rows, key=lambda row: row[0])}
    changed = [rid for rid, own in wanted.items() if sorted(held.get(rid, ())) != own]
    bulk.remove(conn, table, changed)
    bulk.insert(conn, table, [row for rid in changed for row in wanted[rid]])
