"""All that a sync leaves behind, without the times and the rounds in which it happened: equal for equal databases."""

import json
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES
from carecoord.store.audit import tables as audit_tables  # noqa: F401  (the trail's tables are among the metadata's)
from carecoord.store.database import tables
from carecoord.store.database.engine import reading
from carecoord.store.ehrs.tables import ehr_item

INDEXES = (
    tables.ix_token,
    tables.ix_string,
    tables.ix_date,
    tables.ix_number,
    tables.ix_reference,
    tables.ix_uri,
    tables.ix_pair,
)
TIMES = {"updated", "sort_due", "changes_at"}
LAST_UPDATED = frozenset(params(type)["_lastUpdated"].key for type in TYPES)


def emptied(conn: Connection, keep: tuple[str, ...]) -> None:
    """Delete every row but those of the tables to keep, in the transaction of the connection: of the trail too, past
    the triggers that are there so that nobody else can."""
    triggers = []
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT set_config('session_replication_role', 'replica', true)"))
    else:
        triggers = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for trigger in triggers:
            conn.execute(text(f'DROP TRIGGER "{trigger.name}"'))
    for table in reversed(tables.metadata.sorted_tables):
        if table.name not in keep:
            conn.execute(table.delete())
    for trigger in triggers:
        conn.exec_driver_sql(trigger.sql)


def content(engine: Engine) -> dict[str, list[Any]]:
    """Resources, versions, index rows, flags, worklist, cursors and what was seen, each in a fixed order."""
    with reading(engine) as conn:
        rows = conn.execute(select(tables.resource)).all()
        names = {row.rid: (row.type, row.id) for row in rows}
        found: dict[str, list[Any]] = {
            "resource": [
                (row.type, row.id, row.version, row.deleted, row.patient, row.source, row.hash, plain(row.body))
                for row in rows
            ],
            "history": [
                (*names[row.rid], row.version, row.deleted, plain(row.body))
                for row in conn.execute(select(tables.history))
            ],
            "flag": [(*names[row.rid], *row[1:]) for row in conn.execute(select(tables.flag))],
            "case": [without_times(row, names) for row in conn.execute(select(tables.case))],
            "cursor": [(row.ehr, row.type, undated(row.state)) for row in conn.execute(select(tables.ehr_cursor))],
            "item": [(row.ehr, row.type, row.id, row.updated) for row in conn.execute(select(ehr_item))],
        }
        for table in INDEXES:
            found[table.name] = [
                (*names[row.rid], *row[1:]) for row in conn.execute(select(table)) if row.key not in LAST_UPDATED
            ]
    return {name: sorted(values, key=repr) for name, values in found.items()}


def versions(engine: Engine) -> dict[tuple[str, str], int]:
    """The version of every resource, deleted ones too."""
    with reading(engine) as conn:
        wanted = select(tables.resource.c.type, tables.resource.c.id, tables.resource.c.version)
        return {(type, id): version for type, id, version in conn.execute(wanted)}


def held(engine: Engine, type: str) -> dict[str, dict[str, Any]]:
    """What is here and not deleted, by id."""
    with reading(engine) as conn:
        at = (tables.resource.c.type == type, tables.resource.c.deleted.is_(False))
        return {
            id: json.loads(body)
            for id, body in conn.execute(select(tables.resource.c.id, tables.resource.c.body).where(*at))
        }


def plain(body: bytes) -> str:
    """A resource's bytes without the instant of its writing."""
    if not body:
        return ""
    resource = json.loads(body)
    resource["meta"].pop("lastUpdated")
    return json.dumps(resource)


def undated(state: bytes) -> Any:
    """A cursor with its instants and its count of rounds told apart only as given or not."""
    cursor = json.loads(state)
    return {**cursor, **{name: bool(cursor[name]) for name in ("round", "since", "swept", "began", "touched")}}


def without_times(row: Any, names: dict[int, tuple[str, str]]) -> dict[str, Any]:
    return {
        "rid": names[row.rid],
        **{name: value for name, value in row._mapping.items() if name not in {"rid", *TIMES}},
    }
