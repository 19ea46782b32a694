"""Walking the chain of seals (see seals.py): is every row of the audit as it was sealed, and none gone or slipped in?

Whoever can write to the database can also make seals. What they can not do is to find another row with the same hash,
nor change the heads that were noted in a file outside the database.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, func, select

from carecoord.fhir.instants import instant
from carecoord.store.audit.seals import GENESIS, Head, Noted, digest, head, patients_of
from carecoord.store.audit.tables import audit, audit_seal
from carecoord.store.database import bulk
from carecoord.store.database.engine import reading

STEP = 2000  # seals in one transaction
SHOWN = 20  # faults that are told one by one
_RUN = 400


@dataclass(frozen=True)
class Mark:
    """How far the chain was walked and found whole: the last seal and its hash, and the number of a row up to which
    every one had its seal."""

    seal: int = 0
    hash: str = GENESIS.hex()
    settled: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the walk found. rows: in the audit; sealed: of them; waiting: for their seal; walked: seals looked at.
    faults: in plain words, the first ones; mark: where to go on another time, when there are none."""

    rows: int
    sealed: int
    waiting: int
    walked: int
    faults: tuple[str, ...]
    mark: Mark


_sealed = (
    select(audit_seal.c.seal, audit_seal.c.n.label("row"), audit_seal.c.hash, *audit.columns)
    .join_from(audit_seal, audit, audit.c.n == audit_seal.c.n, isouter=True)
    .where(audit_seal.c.seal > bindparam("after"), audit_seal.c.seal <= bindparam("last"))
    .order_by(audit_seal.c.seal)
    .limit(bindparam("limit"))
)
_has_none = ~select(audit_seal.c.n).where(audit_seal.c.n == audit.c.n).exists()
_slipped = select(audit.c.n).where(audit.c.n > bindparam("above"), audit.c.n <= bindparam("upto"), _has_none)
_waiting = select(func.count()).select_from(audit).where(audit.c.n > bindparam("settled"), _has_none)
_hashes = select(audit_seal.c.seal, audit_seal.c.hash).where(audit_seal.c.seal.in_(bindparam("seals", expanding=True)))


def verify(
    engine: Engine,
    heads: Sequence[Noted],
    since: Mark | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Verdict:
    """Walk the chain, all of it or from a mark on, and hold it against the heads that were noted outside the database.

    tell: hears, after each step, how many of how many seals were walked. With a mark, a row before it that was changed
    since is not noticed; one that was removed is.
    """
    since = since or Mark()
    with reading(engine) as conn:
        end, highest = head(conn), conn.scalar(select(func.max(audit_seal.c.seal))) or 0
    walk = _Walk(since)
    faults: list[str] = []
    for fault in _faults(engine, end, highest, heads, since, walk, tell):
        faults.append(fault)
        if len(faults) == SHOWN:
            break
    with reading(engine) as conn:
        rows = conn.scalar(select(func.count()).select_from(audit)) or 0
        sealed = conn.scalar(select(func.count()).select_from(audit_seal)) or 0
        settled = head(conn).settled
        waiting = conn.scalar(_waiting, {"settled": settled}) or 0
    if not faults and rows - waiting != sealed:
        faults.append(f"{sealed} seals stand beside {rows - waiting} rows that should have one: walk the whole chain")
    return Verdict(rows, sealed, waiting, walk.count, tuple(faults), Mark(walk.seal, walk.hash.hex(), end.settled))


class _Walk:
    """Where a walk stands."""

    def __init__(self, since: Mark) -> None:
        self.seal, self.hash, self.count = since.seal, bytes.fromhex(since.hash), 0
        self.broken = False  # after a gap the hash before is not known: the next seal can not be judged

    def step(self, conn: Connection, last: int) -> tuple[int, list[str]]:
        """Walk on by one step; returns how many seals, and what was wrong."""
        found = conn.execute(_sealed, {"after": self.seal, "last": last, "limit": STEP}).all()
        shown = patients_of(conn, [row.row for row in found])
        faults = [fault for row in found for fault in self._judged(row, shown.get(row.row, ()))]
        return len(found), faults

    def _judged(self, row: Any, patients: Sequence[str]) -> Iterator[str]:
        number, n, hash, *whole = row
        if number != self.seal + 1:
            first, last = self.seal + 1, number - 1
            yield f"seal {first} is missing" if first == last else f"seals {first} to {last} are missing"
            self.broken = True
        if whole[0] is None:
            yield f"row {n} (seal {number}) has been removed"
        elif not self.broken and digest(self.hash, whole, patients) != bytes(hash):
            yield f"row {n} (seal {number}) is not as it was sealed: the row, its patients or the seal was changed"
        self.seal, self.hash, self.broken = number, bytes(hash), False
        self.count += 1


def _faults(
    engine: Engine,
    end: Head,
    highest: int,
    heads: Sequence[Noted],
    since: Mark,
    walk: _Walk,
    tell: Callable[[int, int], None],
) -> Iterator[str]:
    with reading(engine) as conn:
        yield from _rewritten(conn, heads, since)
    count = 1
    while count:
        with reading(engine) as conn:
            count, faults = walk.step(conn, max(end.seal, highest))
        yield from faults
        tell(walk.count, max(end.seal - since.seal, walk.count))
    yield from _ends(walk, end)
    with reading(engine) as conn:
        slipped = conn.scalars(_slipped.limit(SHOWN), {"above": since.settled, "upto": end.settled})
        for n in slipped:
            yield f"row {n} was slipped in, or its seal was removed: its number was settled before it came"


def _ends(walk: _Walk, end: Head) -> Iterator[str]:
    """Whether the chain ends where the database noted that it does."""
    if walk.seal < end.seal:
        yield f"the chain was cut off: it ends at seal {walk.seal}, and the last one made was seal {end.seal}"
    elif walk.seal > end.seal:
        yield f"the chain goes on to seal {walk.seal}, but the last one that we made was seal {end.seal}"
    elif walk.hash != end.hash:
        yield f"seal {end.seal}, the last one, is not the one that we made"


def _rewritten(conn: Connection, heads: Sequence[Noted], since: Mark) -> Iterator[str]:
    """Whether every head noted outside the database still stands in it."""
    if since.seal and _made(conn, [since.seal]).get(since.seal) != since.hash:
        yield f"seal {since.seal} is not the one that was found whole the last time: the chain was made anew"
    for one, other in pairwise(heads):
        if other.seal < one.seal:
            yield f"the file of noted heads goes back from seal {one.seal} to {other.seal}: it was changed"
    asked = [each for each in heads if each.seal > since.seal]
    for run in bulk.runs(asked, _RUN):
        made = _made(conn, [each.seal for each in run])
        for each in islice((each for each in run if made.get(each.seal) != each.hash), 1):
            gone = "is gone" if each.seal not in made else "has another hash"
            yield f"seal {each.seal}, noted on {instant(each.at)}, {gone}: the chain was cut off or made anew"


def _made(conn: Connection, seals: Sequence[int]) -> dict[int, str]:
    return {number: bytes(hash).hex() for number, hash in conn.execute(_hashes, {"seals": list(seals)})}
