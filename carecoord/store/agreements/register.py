"""The rows of agreements and networks: written beside the resources that they come from, and asked for by key, as they
were known at any instant."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, delete, exists, or_, select, union_all, update

from carecoord.store.agreements.tables import (
    NEVER,
    NO_END,
    NO_START,
    agreement_version,
    network_member,
    participation,
    plan_network,
)
from carecoord.store.database import bulk
from carecoord.store.database.bulk import Values
from carecoord.store.database.tables import history as old
from carecoord.store.database.tables import resource as new

__all__ = ["NEVER", "NOW", "NO_END", "NO_START", "Past", "Rows"]
NOW: Final = NEVER - 1  # as of no instant: what still holds
_TABLES: Final = (agreement_version, participation, network_member, plan_network)
_RUN = 400  # values in one statement: both databases bound the number of parameters
_BATCH = 500  # resources whose versions are in memory at once


@dataclass(frozen=True)
class Rows:
    """Rows to be written, each in the order of its table's columns."""

    versions: list[Values] = field(default_factory=list)
    participations: list[Values] = field(default_factory=list)
    members: list[Values] = field(default_factory=list)
    plans: list[Values] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Past:
    """A version of a resource with how long it was the present one, microseconds. body: empty where it was deleted."""

    rid: int
    type: str
    version: int
    recorded: int
    superseded: int
    body: bytes


def write(conn: Connection, rows: Rows) -> None:
    """Add rows."""
    for table, found in zip(_TABLES, (rows.versions, rows.participations, rows.members, rows.plans), strict=True):
        bulk.insert(conn, table, found)


def supersede(conn: Connection, rids: Sequence[int], at: int) -> None:
    """Say that what these resources said has held until this instant."""
    for run in bulk.runs(rids, _RUN):
        for table in _TABLES:
            still = (table.c.rid.in_(run), table.c.superseded_at == NEVER)
            conn.execute(update(table).where(*still).values(superseded_at=at))


def rename(conn: Connection, sorts: Mapping[str, str]) -> None:
    """Put the members with these keys where their names now stand in the order of names."""
    if sorts:
        which = network_member.c.subject == bindparam("key")
        named = [{"key": key, "name": name} for key, name in sorted(sorts.items())]
        conn.execute(update(network_member).where(which).values(sort=bindparam("name")), named)


def clear(conn: Connection) -> None:
    """Forget every row, to write them anew from the resources."""
    for table in _TABLES:
        conn.execute(delete(table))


def past(conn: Connection, types: Sequence[str]) -> Iterator[list[Past]]:
    """Every version of every resource of these types, some resources at a time, each resource's in their order."""
    for rids in _walked(conn, types):
        yield _lives([tuple(row) for row in conn.execute(_lived, {"rids": rids})])


def present(conn: Connection, types: Sequence[str]) -> Iterator[list[tuple[int, bytes]]]:
    """(rid, body) of every resource of these types as it is now, some at a time; the body of a deleted one is empty."""
    for rids in _walked(conn, types):
        yield [(row.rid, bytes(row.body)) for row in conn.execute(_present, {"rids": rids})]


def _walked(conn: Connection, types: Sequence[str]) -> Iterator[list[int]]:
    behind = 0
    while rids := list(conn.scalars(_rids, {"types": list(types), "behind": behind})):
        yield rids
        behind = rids[-1]


def _lives(found: Sequence[tuple[Any, ...]]) -> list[Past]:
    """The versions of some resources with when each gave way to the next."""
    rows = sorted(found, key=itemgetter(0, 2))
    ends = [
        after[3] if after and after[0] == row[0] else NEVER for row, after in zip(rows, [*rows[1:], None], strict=True)
    ]
    return [Past(rid, type, n, at, end, bytes(body)) for (rid, type, n, at, body), end in zip(rows, ends, strict=True)]


_rids = (
    select(new.c.rid)
    .where(new.c.type.in_(bindparam("types", expanding=True)), new.c.rid > bindparam("behind"))
    .order_by(new.c.rid)
    .limit(_BATCH)
)
_these = new.c.rid.in_(bindparam("rids", expanding=True))
_present = select(new.c.rid, new.c.body).where(_these)
_lived = union_all(
    select(new.c.rid, new.c.type, new.c.version, new.c.updated, new.c.body).where(_these),
    select(new.c.rid, new.c.type, old.c.version, old.c.updated, old.c.body)
    .join_from(new, old, old.c.rid == new.c.rid)
    .where(_these),
)


def _known(table: FromClause) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Which rows held at the instant `at`."""
    return table.c.recorded_at <= bindparam("at"), table.c.superseded_at > bindparam("at")


_versions = (
    select(agreement_version)
    .where(
        agreement_version.c.agreement.in_(
            select(agreement_version.c.agreement).where(
                agreement_version.c.id.in_(bindparam("keys", expanding=True)), *_known(agreement_version)
            )
        ),
        *_known(agreement_version),
    )
    .order_by(agreement_version.c.rid)
)
_participations = (
    select(participation)
    .where(participation.c.subject.in_(bindparam("keys", expanding=True)), *_known(participation))
    .order_by(participation.c.rid)
)
_under = (
    select(participation)
    .where(participation.c.contract.in_(bindparam("keys", expanding=True)), *_known(participation))
    .order_by(participation.c.rid)
)
_plans = (
    select(plan_network)
    .where(plan_network.c.plan.in_(bindparam("keys", expanding=True)), *_known(plan_network))
    .order_by(plan_network.c.rid, plan_network.c.plan)
)
_governing, _following = agreement_version.alias(), agreement_version.alias()
_stands = exists(
    select(_following.c.rid).join_from(_governing, _following, _governing.c.agreement == _following.c.agreement)
    .where(
        _governing.c.id == network_member.c.contract,
        *_known(_governing),
        *_known(_following),
        _following.c.status.in_(bindparam("signed", expanding=True)),
        or_(_following.c.evergreen, _following.c.valid_to > bindparam("day")),
    )
)  # fmt: skip


def holding() -> tuple[ColumnElement[bool], ...]:
    """Which rows of `network_member` hold on a `day`, as known `at` an instant, under an agreement that stands
    (`signed`): conditions with these parameters."""
    return (
        network_member.c.valid_from <= bindparam("day"),
        network_member.c.valid_to > bindparam("day"),
        *_known(network_member),
        _stands,
    )


_members = (
    select(network_member.c.sort, network_member.c.subject)
    .where(
        network_member.c.network == bindparam("network"),
        network_member.c.specialty == bindparam("specialty"),
        *holding(),
    )
    .order_by(network_member.c.sort, network_member.c.rid)
    .limit(bindparam("most"))
)


_members_after = (
    select(network_member.c.sort, network_member.c.subject)
    .where(
        network_member.c.network == bindparam("network"),
        network_member.c.specialty == bindparam("specialty"),
        network_member.c.sort >= bindparam("sort"),
        or_(network_member.c.sort > bindparam("sort"), network_member.c.subject > bindparam("subject")),
        *holding(),
    )
    .order_by(network_member.c.sort, network_member.c.subject)
    .limit(bindparam("most"))
)


def versions(conn: Connection, contracts: Iterable[str], at: int = NOW) -> list[Any]:
    """Every version of the agreements of which these Contracts (ids) are versions."""
    return _found(conn, _versions, contracts, at)


def participations(conn: Connection, subjects: Iterable[str], at: int = NOW) -> list[Any]:
    """The rows about organizations and clinicians with these keys."""
    return _found(conn, _participations, subjects, at)


def under(conn: Connection, contracts: Iterable[str]) -> list[Any]:
    """The rows of who takes part under these `Contract/id`."""
    return _found(conn, _under, contracts, NOW)


def plans(conn: Connection, values: Iterable[str], at: int = NOW) -> list[Any]:
    """The plans with these identifiers (values)."""
    return _found(conn, _plans, values, at)


def members(
    conn: Connection,
    networks: Iterable[str],
    specialties: Iterable[str],
    day: int,
    signed: Sequence[str],
    most: int,
    at: int = NOW,
) -> list[str]:
    """The keys of the first organizations in the order of their names that take part on the day in one of the networks
    (keys), for one of the specialties where any is named, under an agreement of which a version has one of these
    statuses and has not run out."""
    found: set[tuple[str, str]] = set()
    for network in sorted(set(networks)):
        for specialty in sorted(set(specialties)) or [""]:
            asked = {
                "network": network,
                "specialty": specialty,
                "day": day,
                "signed": list(signed),
                "most": most,
                "at": at,
            }
            found |= {(row.sort, row.subject) for row in conn.execute(_members, asked)}
    return [subject for _, subject in sorted(found)[:most]]


def members_after(
    conn: Connection,
    networks: Iterable[str],
    specialties: Iterable[str],
    standing: dict[str, Any],
    after: tuple[str, str],
    most: int,
) -> list[tuple[str, str]]:
    """As `members`, (name as it is sorted, key), from behind one of them on; ("", "") is before all. standing: the
    values of `holding`."""
    found: set[tuple[str, str]] = set()
    asked = {**standing, "sort": after[0], "subject": after[1], "most": most}
    for network in sorted(set(networks)):
        for specialty in sorted(set(specialties)) or [""]:
            rows = conn.execute(_members_after, {**asked, "network": network, "specialty": specialty})
            found |= {(row.sort, row.subject) for row in rows}
    return sorted(found)[:most]


def _found(conn: Connection, statement: Any, keys: Iterable[str], at: int) -> list[Any]:
    wanted = sorted(set(keys))
    return [row for run in bulk.runs(wanted, _RUN) for row in conn.execute(statement, {"keys": run, "at": at})]
