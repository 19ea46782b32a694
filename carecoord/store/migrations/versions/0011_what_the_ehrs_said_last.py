"""What each EHR said last, beside what we made of it; conflicts, and what became of telling an EHR of our changes.

What an earlier version synced is taken as said last by the EHR as its sync wrote it: whatever somebody else has written
since is a change of ours, and is neither undone by the next sync nor taken for the EHR's.
"""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from carecoord.fhir import text

revision = "0011"
down_revision = "0010"

Str = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RUN = 400


def upgrade() -> None:
    columns: dict[str, Any] = {"local": Str, "hash": sa.LargeBinary(), "base": sa.LargeBinary()}
    columns["made_here"] = sa.Boolean()
    for name, kind in columns.items():
        op.add_column("ehr_item", sa.Column(name, kind, nullable=True))
    _conflicts()
    _deliveries()
    conn = op.get_bind()
    _name(conn)
    op.create_index("ix_ehr_item_local", "ehr_item", ["type", "local"], unique=False)
    which = sa.text("made_here IS NOT NULL")
    made: dict[str, Any] = {"sqlite_where": which, "postgresql_where": which}
    op.create_index("ix_ehr_item_made", "ehr_item", ["ehr"], unique=False, **made)
    _agree(conn)
    _differ(conn)


def _conflicts() -> None:
    op.create_table(
        "ehr_conflict",
        sa.Column("n", Big, primary_key=True, autoincrement=True),
        *(sa.Column(name, Str, nullable=False) for name in ("ehr", "type", "id", "element")),
        sa.Column("patient", Str),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("base", "ours", "theirs")),
        sa.Column("stands", Str, nullable=False),
        sa.Column("ours_by", Str),
        sa.Column("ours_at", Big),
        sa.Column("theirs_at", Big),
        sa.Column("found", Big, nullable=False),
        sa.Column("settled", Big),
        sa.Column("settled_by", Str),
        sa.Column("choice", Str),
    )
    still: dict[str, Any] = {"sqlite_where": sa.text("settled IS NULL"), "postgresql_where": sa.text("settled IS NULL")}
    op.create_index("ix_ehr_conflict_patient", "ehr_conflict", ["patient"], unique=False, **still)
    op.create_index("ix_ehr_conflict_open", "ehr_conflict", ["type", "id", "element"], unique=True, **still)


def _deliveries() -> None:
    op.create_table(
        "ehr_delivery",
        *(sa.Column(name, Str, primary_key=True) for name in ("ehr", "type", "id")),
        sa.Column("patient", Str),
        *(sa.Column(name, Str, nullable=False) for name in ("state", "why", "words")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked", Big, nullable=False),
        sa.Column("ended", Big),
        sa.Column("version", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ehr_delivery_patient", "ehr_delivery", ["patient"], unique=False)
    op.create_index("ix_ehr_delivery_state", "ehr_delivery", ["ehr", "state"], unique=False)


def _name(conn: sa.Connection) -> None:
    """Our id of each: computed as fhir_adapters/identity does, once and for ever."""
    write = sa.text("UPDATE ehr_item SET local = :local WHERE ehr = :ehr AND type = :type AND id = :id")
    rows = conn.execute(sa.text("SELECT ehr, type, id FROM ehr_item")).all()
    for at in range(0, len(rows), _RUN):
        conn.execute(write, [{**row._mapping, "local": _local(*row)} for row in rows[at : at + _RUN]])


def _local(ehr: str, type: str, id: str) -> str:
    return str(uuid5(uuid5(NAMESPACE_URL, f"urn:carecoord:ehr:{ehr}"), f"{type}/{id}"))


def _agree(conn: sa.Connection) -> None:
    conn.execute(
        sa.text(
            "UPDATE ehr_item SET hash = "
            "(SELECT r.hash FROM resource r WHERE r.type = ehr_item.type AND r.id = ehr_item.local)"
        )
    )


def _differ(conn: sa.Connection) -> None:
    """Of what somebody else wrote since the last sync did, the EHR said the version of that sync."""
    keep = sa.text("UPDATE ehr_item SET hash = :hash, base = :base WHERE type = :type AND local = :id")
    for row in list(_written_since(conn)):
        body = conn.scalar(sa.text("SELECT body FROM history WHERE rid = :rid AND version = :said"), row)
        said = text.loads(bytes(body)) if body else None
        conn.execute(keep, {**row, "hash": _digest(said) if said else b"", "base": bytes(body) if body else None})


def _written_since(conn: sa.Connection) -> Iterator[dict[str, Any]]:
    found = conn.execute(
        sa.text(
            "SELECT r.rid, r.type, r.id, s.said FROM resource r JOIN ("
            "SELECT type, resource, max(version) AS said FROM audit WHERE subject LIKE 'ehr:%' AND version IS NOT NULL "
            "GROUP BY type, resource) s ON s.type = r.type AND s.resource = r.id WHERE r.version > s.said"
        )
    )
    return (dict(row._mapping) for row in found)


def _digest(resource: dict[str, Any]) -> bytes:
    """As store/resources/change.digest did when this was written."""
    content = {name: value for name, value in resource.items() if name not in ("id", "meta", "resourceType")}
    meta = {k: v for k, v in (resource.get("meta") or {}).items() if k not in ("versionId", "lastUpdated")}
    return hashlib.sha256(text.canonical(content | ({"meta": meta} if meta else {}))).digest()
