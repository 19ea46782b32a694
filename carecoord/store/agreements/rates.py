"""Schedules of rates and their lines: a schedule's lines are replaced by what is said now, and those that may speak of
a service are found by schedule and code, however many there are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select, text, update

from carecoord.store.agreements.tables import NEVER, rate_line, rate_schedule
from carecoord.store.database import bulk

Line = tuple[Any, ...]  # the values of KEPT
KEPT: Final = tuple(column.name for column in rate_line.c)[6:]
ABOUT: Final = tuple(column.name for column in rate_schedule.c)[2:8]  # of a schedule
_RUN = 400
_BATCH = 5000  # lines in one statement

_present = rate_line.c.superseded_at == NEVER
_known = select(rate_line.c.n, rate_line.c.digest).where(rate_line.c.schedule == bindparam("schedule"), _present)
_end = update(rate_line).where(rate_line.c.n.in_(bindparam("numbers", expanding=True))).values(
    superseded_at=bindparam("at")
)  # fmt: skip
_about = tuple(rate_schedule.c[name] for name in ABOUT)
_schedule = select(rate_schedule.c.n, *_about).where(
    rate_schedule.c.schedule == bindparam("schedule"), rate_schedule.c.superseded_at == NEVER
)
_end_schedule = update(rate_schedule).where(rate_schedule.c.n == bindparam("number")).values(
    superseded_at=bindparam("at")
)  # fmt: skip
_count = text("ANALYZE rate_line")


def _then(table: Any) -> tuple[Any, Any]:
    return table.c.recorded_at <= bindparam("at"), table.c.superseded_at > bindparam("at")


_of_contracts = (
    select(rate_schedule.c.schedule, *_about)
    .where(rate_schedule.c.contract.in_(bindparam("contracts", expanding=True)), *_then(rate_schedule))
    .order_by(rate_schedule.c.contract, rate_schedule.c.name)
)
_named = _of_contracts.where(rate_schedule.c.name.in_(bindparam("names", expanding=True)))
_line = tuple(rate_line.c[name] for name in KEPT)
_one = rate_line.c.code_end.in_(("", rate_line.c.code)) & (rate_line.c.code == bindparam("code"))
_range = (rate_line.c.code <= bindparam("code")) & (rate_line.c.code_end >= bindparam("code"))
_wanted = (
    select(rate_line.c.n, rate_line.c.schedule, *_line)
    .where(
        rate_line.c.schedule.in_(bindparam("schedules", expanding=True)),
        rate_line.c.stem.in_(bindparam("stems", expanding=True)),
        *_then(rate_line),
        or_(rate_line.c.code == "", _one, _range),
    )
    .order_by(rate_line.c.n)
)
_page = (
    select(rate_line.c.n, rate_line.c.stem, *_line)
    .where(rate_line.c.schedule == bindparam("schedule"), *_then(rate_line))
    .order_by(rate_line.c.stem, rate_line.c.n)
    .limit(bindparam("most"))
)
_after = or_(
    rate_line.c.stem > bindparam("stem"),
    (rate_line.c.stem == bindparam("stem")) & (rate_line.c.n > bindparam("n")),
)
_size = select(func.count()).select_from(rate_line).where(
    rate_line.c.schedule == bindparam("schedule"), *_then(rate_line)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of a schedule's lines."""

    added: int
    ended: int
    kept: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through a schedule's lines stands."""

    stem: str
    n: int


def put_schedule(conn: Connection, schedule: str, about: Line, at: int) -> bool:
    """Let a schedule be this (the values of ABOUT) from the instant on; whether that is another than before."""
    found = conn.execute(_schedule, {"schedule": schedule}).first()
    if found is not None and tuple(found[1:]) == about:
        return False
    if found is not None:
        conn.execute(_end_schedule, {"number": found.n, "at": at})
    bulk.add(conn, rate_schedule, [(schedule, *about, at, NEVER)])
    return True


def end_schedule(conn: Connection, schedule: str, at: int) -> None:
    """Let there be no such schedule from the instant on."""
    if found := conn.execute(_schedule, {"schedule": schedule}).first():
        conn.execute(_end_schedule, {"number": found.n, "at": at})


def put_lines(conn: Connection, schedule: str, lines: Iterable[tuple[str, str, Line]], at: int) -> Replaced:
    """Let the lines of a schedule, (digest, stem, values of KEPT), be these from the instant (microseconds) on: those
    that stand there stay, those that are gone end. The caller holds the schedule locked."""
    known = {digest: n for n, digest in conn.execute(_known, {"schedule": schedule})}
    seen = set[str]()
    fresh = _fresh(lines, known, seen)
    added = 0
    while batch := [(schedule, stem, digest, at, NEVER, *line) for digest, stem, line in islice(fresh, _BATCH)]:
        bulk.add(conn, rate_line, batch)
        added += len(batch)
    gone = sorted(n for digest, n in known.items() if digest not in seen)
    for run in bulk.runs(gone, _RUN):
        conn.execute(_end, {"numbers": run, "at": at})
    if added > _BATCH and conn.dialect.name == "postgresql":
        conn.execute(_count)  # else its planner takes the table for the small one that it was
    return Replaced(added, len(gone), len(known) - len(gone))


def _fresh(
    lines: Iterable[tuple[str, str, Line]], known: dict[str, int], seen: set[str]
) -> Iterator[tuple[str, str, Line]]:
    for each in lines:
        if each[0] not in seen:
            seen.add(each[0])
            if each[0] not in known:
                yield each


def schedules(conn: Connection, contracts: Iterable[str], at: int) -> list[tuple[str, Line]]:
    """(key, values of ABOUT) of the schedules of these Contracts (ids), as known at an instant."""
    asked = sorted(set(contracts))
    return [(key, tuple(about)) for key, *about in conn.execute(_of_contracts, {"contracts": asked, "at": at})]


def shared(conn: Connection, names: Iterable[str], at: int) -> list[tuple[str, Line]]:
    """(key, values of ABOUT) of the schedules of no agreement with these names."""
    asked = {"contracts": [""], "names": sorted(set(names)), "at": at}
    return [(key, tuple(about)) for key, *about in conn.execute(_named, asked)] if asked["names"] else []


def find(
    conn: Connection, schedules: Sequence[str], code: str, stems: Sequence[str], at: int
) -> list[tuple[str, int, Line]]:
    """(schedule, number, values of KEPT) of the lines that are about any service, this code or a range that may hold
    it, as known at an instant. stems: those under which the code is kept."""
    if not schedules:
        return []
    asked = {"schedules": sorted(set(schedules)), "code": code, "stems": list(stems), "at": at}
    return [(schedule, n, tuple(line)) for n, schedule, *line in conn.execute(_wanted, asked)]


def page(conn: Connection, schedule: str, most: int, at: int, after: Place | None = None) -> list[tuple[Place, Line]]:
    """The next lines of a schedule in the order of their codes, each with where it stands."""
    asked: dict[str, Any] = {"schedule": schedule, "most": most, "at": at}
    query = _page
    if after:
        query, asked = query.where(_after), asked | {"stem": after.stem, "n": after.n}
    return [(Place(stem, n), tuple(line)) for n, stem, *line in conn.execute(query, asked).all()]


def size(conn: Connection, schedule: str, at: int) -> int:
    """How many lines a schedule has."""
    return conn.scalar(_size, {"schedule": schedule, "at": at}) or 0
