"""Rates that are written inside a Contract: they become the lines that are asked, in the transaction that writes it."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from sqlalchemy import Connection, Engine

from carecoord.actions.agreements import rates
from carecoord.domain.agreements.valued_items import Written, written
from carecoord.fhir import text
from carecoord.fhir.instants import moment
from carecoord.store.agreements import register
from carecoord.store.database import marks
from carecoord.store.resources.write import Touched

_MARK: Final = "rates written in contracts"
_FORM: Final = b"1"  # of what is read in them
_VALUED: Final = b'"valuedItem"'


def record(conn: Connection, touched: Sequence[Touched], now: datetime, zone: tzinfo) -> None:
    """Let the schedules that a Contract writes be its lines, and end those that it no longer writes; what it writes as
    before stays as an import may have corrected it since. Raises Invalid for a line that is not sound."""
    last = {each.id: each for each in touched if each.type == "Contract"}
    first = {each.id: each.before for each in reversed(touched) if each.type == "Contract"}
    for id, each in last.items():
        if _VALUED in first[id] or _VALUED in each.after:
            _replace(conn, _said(first[id], zone), _said(each.after, zone), now)


def renew(engine: Engine, zone: tzinfo) -> None:
    """Read what was written in Contracts before there were lines of it, each as of its present version."""
    with marks.anew(engine, _MARK, _FORM) as conn:
        if conn is None:
            return
        for lives in register.past(conn, ("Contract",)):
            for each in lives:
                if each.body and each.superseded == register.NEVER and _VALUED in each.body:
                    _fill(conn, _said(each.body, zone), moment(each.recorded))


def _fill(conn: Connection, found: Written, at: datetime) -> None:
    """Keep those of the schedules that nobody has imported meanwhile."""
    for schedule, lines in found.schedules.items():
        if not any(each.name == schedule.name for each in rates.of_contract(conn, schedule.contract)):
            rates.put_lines(conn, schedule, lines, at)


def _said(body: bytes, zone: tzinfo) -> Written:
    return written(text.loads(body), zone) if _VALUED in body else Written({})


def _replace(conn: Connection, before: Written, after: Written, now: datetime) -> None:
    for schedule, lines in after.schedules.items():
        if before.schedules.get(schedule) != lines:
            rates.put_lines(conn, schedule, lines, now)
    names = {each.name for each in after.schedules}
    for schedule in before.schedules:
        if schedule.name not in names:
            rates.end(conn, schedule, now)
