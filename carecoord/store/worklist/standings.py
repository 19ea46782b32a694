"""The contract desk read: how many open cases stand on each agreement, and how, without a word about any patient."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, or_, select

from carecoord.store.database.tables import case as row
from carecoord.store.worklist.tabs import RISKS


@dataclass(frozen=True)
class Standing:
    """Open cases that stand on one agreement (None: on none that is known), without a word about any patient."""

    agreement: str | None
    payer: str | None
    until: int | None  # the earliest end among them, microseconds
    states: Mapping[str, int]  # agreement_state -> cases
    waiting: int  # of them, those whose next move is the contract desk's
    party: str = ""  # the payer: `system|value`, or the id of its Organization


def standings(
    conn: Connection, payers: Sequence[str] | None, numbers: Sequence[str] | None = None
) -> list[Standing]:
    """What hangs on each agreement, the one with most cases in trouble first. payers: the identifiers of the payer
    whose agreements they are, None: everybody's; numbers: of the agreements that are asked about, None: of all. Cases
    without an agreement are one line, whoever pays."""
    found: dict[tuple[str | None, str | None], list[Row[Any]]] = {}
    given = {} if payers is None else {"payers": list(payers)}
    given |= {} if numbers is None else {"numbers": list(numbers)}
    for each in conn.execute(_counted(payers is not None, numbers is not None), given):
        found.setdefault((each.agreement, each.party if each.agreement else None), []).append(each)
    made = [
        Standing(
            agreement,
            next((each.payer for each in rows if each.payer), None),
            min((each.until for each in rows if each.until is not None), default=None),
            _states(rows),
            sum(each.waiting for each in rows),
            party or "",
        )
        for (agreement, party), rows in found.items()
    ]
    return sorted(made, key=lambda one: (-one.waiting, -_trouble(one), one.agreement or "~", one.payer or ""))


def _states(rows: Iterable[Row[Any]]) -> dict[str, int]:
    states: Counter[str] = Counter()
    for each in rows:
        states[each.agreement_state] += each.cases
    return dict(states)


def _trouble(one: Standing) -> int:
    return sum(n for state, n in one.states.items() if state in RISKS)


def booked(conn: Connection, number: str, parties: Sequence[str]) -> list[tuple[int | None, int]]:
    """The visits of the open cases that stand on an agreement of one of these payers (as `Standing.party`), each as
    (when, how many), those without a visit as None: microseconds, the soonest first."""
    party = func.coalesce(row.c.payer_key, row.c.payer, "")
    found = select(row.c.appointment_at, func.count().label("cases")).where(
        row.c.open, row.c.agreement == number, party.in_(parties)
    )
    rows = conn.execute(found.group_by(row.c.appointment_at)).all()
    return sorted(((when, n) for when, n in rows), key=lambda pair: (pair[0] is not None, pair[0] or 0))


@lru_cache(maxsize=4)
def _counted(narrowed: bool, named: bool) -> Select[Any]:
    """Open cases by payer, agreement and how it stands: counts only. narrowed: those of the payer whose identifiers
    are the parameter `payers`; named: on the agreements of the parameter `numbers`, or on none. Two payers may have
    given one number, so it is the number and the payer."""
    waiting = func.sum(case((row.c.role == "contracts", 1), else_=0)).label("waiting")
    counted = (func.count().label("cases"), waiting, func.min(row.c.agreement_until).label("until"))
    party = func.coalesce(row.c.payer_key, row.c.payer, "").label("party")
    payer = func.min(row.c.payer_name).label("payer")
    chosen = select(party, row.c.agreement, row.c.agreement_state, payer, *counted).where(row.c.open)
    if narrowed:
        chosen = chosen.where(row.c.payer_key.in_(bindparam("payers", expanding=True)))
    if named:
        which = or_(row.c.agreement.in_(bindparam("numbers", expanding=True)), row.c.agreement.is_(None))
        chosen = chosen.where(which)
    return chosen.group_by(party, row.c.agreement, row.c.agreement_state)
