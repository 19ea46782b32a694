"""The zone in which the search index reads dates that name none, and reading them anew when that changes.

The rows by which Contracts are found by their parties came with a later form of the index, and are made with them.

A row does not tell the zone in which its date was read: the zone stands beside the rows, once for all of them, and a
process that means another one must not search them.
"""

from datetime import tzinfo
from itertools import groupby
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, Table, bindparam, select

from carecoord.fhir import text
from carecoord.fhir.search.extract import extract
from carecoord.fhir.service_base import Base
from carecoord.store.database import bulk, marks
from carecoord.store.database.engine import writing
from carecoord.store.database.tables import ix_date, ix_pair, ix_reference, resource
from carecoord.store.resources.write import at_most_one

_MARK: Final = "dates"
_FORM: Final = "3"  # of the rows: since 2, a time of day to the second is a point; since 3, Contracts have parties
_log = structlog.get_logger()
_RUN = 500  # resources read anew in one transaction
_next = (
    select(resource.c.rid, resource.c.body)
    .where(resource.c.rid > bindparam("after"), resource.c.deleted.is_(False))
    .order_by(resource.c.rid)
    .limit(bindparam("most"))
    .with_for_update()  # so that nobody's new version is overwritten with the rows of the old one
)


def wrong_zone(conn: Connection, zone: tzinfo) -> str:
    """What keeps the index from being searched in this zone; empty when nothing does."""
    made = marks.get(conn, _MARK)
    if made is None or made == _mark(zone):  # none: nothing was stored yet
        return ""
    form, _, before = made.decode().partition(" ")
    if form != _FORM:
        return "its search index is not yet that of this version: run carecoord init"
    return (
        f"its search index holds days of {before}, and CARECOORD_TIMEZONE is {zone}: set that to {before}, or end all "
        "that serves and run carecoord init, which reads every date anew"
    )


def renew(engine: Engine, base: Base) -> int:
    """Read every date anew where the index was made in another zone; returns how many resources were. Nobody else may
    write meanwhile who means the old zone; if it is cut off, the next call begins again."""
    with writing(engine) as conn:
        if marks.get(conn, _MARK) == _mark(base.zone):
            return 0
        marks.put(conn, _MARK, b"")  # until all is read: rows of two zones stand side by side
    count = after = 0
    while True:
        with writing(engine) as conn:
            found = [(rid, bytes(body)) for rid, body in conn.execute(_next, {"after": after, "most": _RUN})]
            if not found:
                marks.put(conn, _MARK, _mark(base.zone))
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


def _mark(zone: tzinfo) -> bytes:
    return f"{_FORM} {zone}".encode()
