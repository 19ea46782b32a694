"""What is counted of each case: rows that are made anew together, and looked up by what they count in."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, or_, select
from sqlalchemy import func as sql

from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case
from carecoord.store.measures.tables import day_row, observation

_RUN: Final = 500
_c = observation.c
_cases: Select[Any] = select(
    case.c.id, case.c.rid, case.c.patient, case.c.placer, case.c.priority, case.c.agreement_state, case.c.stage,
    case.c.specialty, case.c.performer, case.c.payer_key, case.c.owner,
).where(OneOf(case.c.id, "ids"))  # fmt: skip
_after = (
    select(case.c.id).where(case.c.id > bindparam("after")).order_by(case.c.id).limit(bindparam("limit"))
)  # fmt: skip
_held = select(_c.placer, _c.measure, _c.day).where(OneOf(_c.case_id, "ids")).distinct()
_gone = delete(observation).where(OneOf(_c.case_id, "ids"))
# How a case is narrowed by may have changed without an event of its own: a card, an owner, a name of a service.
_moved = (
    select(_c.case_id)
    .outerjoin_from(observation, case, case.c.rid == _c.rid)
    .where(
        or_(
            case.c.rid.is_(None),
            _c.specialty != case.c.specialty,
            _c.clinic != case.c.performer,  # of one that nobody has, who was asked last is kept
            _c.payer != sql.coalesce(case.c.payer_key, ""),
            _c.coordinator != sql.coalesce(case.c.owner, ""),
            _c.urgency != case.c.priority,
            _c.patient != case.c.patient,
            _c.placer != sql.coalesce(case.c.placer, ""),
            and_(
                _c.measure == "out-of-network", _c.hit != (case.c.agreement_state == "out-of-network")
            ),
        )
    )
    .distinct()
)  # fmt: skip
_of_patients: Select[Any] = select(
    _c.placer, _c.measure, _c.day, _c.hit, _c.value, _c.specialty, _c.clinic, _c.payer, _c.coordinator, _c.urgency
).where(
    OneOf(_c.patient, "patients"), OneOf(_c.placer, "placers"), _c.day.between(bindparam("first"), bindparam("last"))
)


class Key(NamedTuple):
    """One day of one measure of one office."""

    placer: str
    measure: str
    day: int


def cases(conn: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """Of these cases what is counted of their rows; those that have none are left out."""
    return [row for run in bulk.runs(ids, _RUN) for row in conn.execute(_cases, {"ids": listed(run)})]


def next_cases(conn: Connection, after: str, limit: int) -> list[str]:
    """The ids of the cases behind this one, in order."""
    return list(conn.scalars(_after, {"after": after, "limit": limit}))


def moved(conn: Connection) -> list[str]:
    """The cases whose rows say otherwise than when they were counted, or that are gone."""
    return sorted(conn.scalars(_moved))


def replace(conn: Connection, ids: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> set[Key]:
    """Let these be all that is counted of these cases, by the columns of the table; the days that this changes."""
    changed = {Key(row[5], row[1], row[6]) for row in rows}
    for run in bulk.runs(ids, _RUN):
        changed |= {Key(*each) for each in conn.execute(_held, {"ids": listed(run)})}
        conn.execute(_gone, {"ids": listed(run)})
    bulk.insert(conn, observation, rows)
    return changed


def clear(conn: Connection) -> None:
    """Forget all that was counted."""
    conn.execute(delete(observation))


def of_patients(
    conn: Connection, patients: Iterable[str], placers: Sequence[str], first: int, last: int
) -> list[Row[Any]]:  # fmt: skip
    """What is counted of these patients for these offices on these days, both ends in."""
    asked = {"placers": listed(placers), "first": first, "last": last}
    wanted = sorted(set(patients))
    found = (conn.execute(_of_patients, asked | {"patients": listed(run)}) for run in bulk.runs(wanted, _RUN))
    return [row for rows in found for row in rows]


def counted(
    conn: Connection, placers: Sequence[str], first: int, last: int, choices: Sequence[tuple[str, Sequence[str]]]
) -> list[Row[Any]]:  # fmt: skip
    """measure, day, hit, value, patient of all observations of these days that have one value of each facet."""
    asked: Select[Any] = select(_c.measure, _c.day, _c.hit, _c.value, _c.patient).where(
        OneOf(_c.placer, "placers"), _c.day.between(bindparam("first"), bindparam("last")),
        *(_c[facet].in_(list(values)) for facet, values in choices),
    )  # fmt: skip
    return list(conn.execute(asked, {"placers": listed(placers), "first": first, "last": last}))


def clinics(
    conn: Connection, placers: Sequence[str], first: int, last: int, choices: Sequence[tuple[str, Sequence[str]]]
) -> list[str]:  # fmt: skip
    """The clinics (ids) to which these offices sent what was counted on these days and has these values."""
    if any(facet != "clinic" for facet, _ in choices):
        asked = select(_c.clinic).where(
            OneOf(_c.placer, "placers"), _c.day.between(first, last), _c.clinic != "",
            *(_c[facet].in_(list(values)) for facet, values in choices),
        )  # fmt: skip
        return sorted(conn.scalars(asked.distinct(), {"placers": listed(placers)}))
    chosen = dict(choices).get("clinic")
    found = select(day_row.c.choice).where(
        OneOf(day_row.c.placer, "placers"), day_row.c.facet == "clinic", day_row.c.choice != "",
        day_row.c.day.between(first, last), *([day_row.c.choice.in_(list(chosen))] if chosen else []),
    )  # fmt: skip
    return sorted(conn.scalars(found.distinct(), {"placers": listed(placers)}))


class Case(NamedTuple):
    """What a case is called."""

    id: str
    number: str
    patient: str
    performer: str


def named(conn: Connection, ids: Sequence[str]) -> dict[str, Case]:
    """What these few cases are called, by their ids."""
    found = select(case.c.id, case.c.number, case.c.patient, case.c.performer_name).where(case.c.id.in_(list(ids)))
    return {row.id: Case(row.id, row.number, row.patient, row.performer_name or "") for row in conn.execute(found)}


def behind(
    conn: Connection, placers: Sequence[str], measure: str, span: tuple[int, int],
    choices: Sequence[tuple[str, Sequence[str]]], besides: Sequence[str],
) -> list[Row[Any]]:  # fmt: skip
    """case_id, hit, value, reason, specialty, patient, payer, coordinator of each observation of a measure on these
    days, both ends in, in the order of their cases; besides: of no such patient."""
    asked: Select[Any] = (
        select(_c.case_id, _c.hit, _c.value, _c.reason, _c.specialty, _c.patient, _c.payer, _c.coordinator)
        .where(
            OneOf(_c.placer, "placers"), _c.measure == measure, _c.day.between(*span),
            *(_c[facet].in_(list(values)) for facet, values in choices),
        )
        .order_by(_c.case_id, _c.resource)
    )  # fmt: skip
    withheld = frozenset(besides)
    return [row for row in conn.execute(asked, {"placers": listed(placers)}) if row.patient not in withheld]
