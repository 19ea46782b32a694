"""The contract desk read: how many open cases stand on each agreement, and how, without a word about any patient."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, case, func, select

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


def standings(conn: Connection, payers: Sequence[str] | None) -> list[Standing]:
    """What hangs on each agreement, the one with most cases in trouble first. payers: the identifiers of the payer
    whose agreements they are, None: everybody's. Cases without an agreement are one line, whoever pays."""
    found: dict[tuple[str | None, str | None], list[Row[Any]]] = {}
    for each in conn.execute(_counted(payers is not None), {} if payers is None else {"payers": list(payers)}):
        found.setdefault((each.agreement, each.party if each.agreement else None), []).append(each)
    made = [
        Standing(
            agreement,
            next((each.payer for each in rows if each.payer), None),
            min((each.until for each in rows if each.until is not None), default=None),
            _states(rows),
            sum(each.waiting for each in rows),
        )
        for (agreement, _), rows in found.items()
    ]
    return sorted(made, key=lambda one: (-one.waiting, -_trouble(one), one.agreement or "~", one.payer or ""))


def _states(rows: Iterable[Row[Any]]) -> dict[str, int]:
    states: Counter[str] = Counter()
    for each in rows:
        states[each.agreement_state] += each.cases
    return dict(states)


def _trouble(one: Standing) -> int:
    return sum(n for state, n in one.states.items() if state in RISKS)


@lru_cache(maxsize=2)
def _counted(narrowed: bool) -> Select[Any]:
    """Open cases by payer, agreement and how it stands: counts only. narrowed: those of the payer whose identifiers
    are the parameter `payers`. Two payers may have given one number, so it is the number and the payer."""
    waiting = func.sum(case((row.c.role == "contracts", 1), else_=0)).label("waiting")
    counted = (func.count().label("cases"), waiting, func.min(row.c.agreement_until).label("until"))
    party = func.coalesce(row.c.payer_key, row.c.payer, "").label("party")
    payer = func.min(row.c.payer_name).label("payer")
    chosen = select(party, row.c.agreement, row.c.agreement_state, payer, *counted).where(row.c.open)
    if narrowed:
        chosen = chosen.where(row.c.payer_key.in_(bindparam("payers", expanding=True)))
    return chosen.group_by(party, row.c.agreement, row.c.agreement_state)
