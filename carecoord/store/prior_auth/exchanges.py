"""What was asked and answered by PAS, one row for each exchange: the very bytes, and its measures as PASMetricData."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select

from carecoord.store.database import driver
from carecoord.store.prior_auth.pas_tables import pas_exchange as row

_JSON = ("names", "metric")
_insert = insert(row).inline().values({column.name: bindparam(column.name) for column in row.columns})
_answered = select(row).where(
    row.c.partner == bindparam("partner"), row.c.operation == bindparam("operation"),
    row.c.bundle == bindparam("bundle"),
)  # fmt: skip


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. at, taken: microseconds. inward: a partner asked us. partner: the id of its
    organization, else of its client. bundle: `system|value` of the Bundle, None where it has none or was not answered.
    digest: sha256 of the Bundle. claim: `Claim/id`. names: `Type/id` here -> the fullUrl that the partner gave it."""

    id: str
    at: int
    taken: int
    inward: bool
    operation: str
    version: str
    partner: str
    bundle: str | None
    digest: bytes
    status: int
    claim: str | None
    names: Mapping[str, str]
    sent: bytes
    answer: bytes
    metric: Mapping[str, Any]


def keep(conn: Connection, one: Exchange) -> None:
    """Write an exchange down."""
    json = {name: msgspec.json.encode(getattr(one, name)).decode() for name in _JSON}
    driver.execute(conn, _insert, {**vars(one), **json})


def answered(conn: Connection, partner: str, operation: str, bundle: str) -> Exchange | None:
    """The exchange in which a partner's Bundle of this identifier was answered."""
    found = driver.first(conn, _answered, {"partner": partner, "operation": operation, "bundle": bundle})
    return _exchange(dict(zip(row.columns.keys(), found, strict=True))) if found else None


def answers_to(conn: Connection, partner: str, operations: Collection[str], most: int) -> list[bytes]:
    """What a partner was answered by these operations, the newest first."""
    asked = select(row.c.answer).where(row.c.partner == partner, row.c.operation.in_(operations))
    return [bytes(each) for each in conn.scalars(asked.order_by(row.c.at.desc()).limit(most))]


def of_claim(conn: Connection, claim: str) -> Exchange | None:
    """The exchange by which a request, `Claim/id`, came here or was sent."""
    asked = select(row).where(row.c.claim == claim, row.c.operation == "submit").order_by(row.c.at).limit(1)
    return _exchange(conn.execute(asked).mappings().first())


def _exchange(found: Any) -> Exchange | None:
    if not found:
        return None
    json = {name: msgspec.json.decode(found[name]) for name in _JSON}
    return Exchange(**{**found, **json, "inward": bool(found["inward"])})


def between(conn: Connection, span: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """The measures, as PASMetricData, of what was exchanged from an instant until before another (microseconds), in
    order."""
    asked = select(row.c.metric).where(row.c.at >= span[0], row.c.at < span[1]).order_by(row.c.at, row.c.id)
    for said in conn.scalars(asked):
        yield msgspec.json.decode(said)
