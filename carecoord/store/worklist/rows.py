"""The worklist written: case rows, and the words that they are found by, kept together in the caller's transaction."""

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, select, union_all, update
from sqlalchemy import case as when
from sqlalchemy.engine import result_tuple

from carecoord.store.database import bulk, driver
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.driver import every, execute, first
from carecoord.store.database.engine import alone, lock_number
from carecoord.store.database.tables import case, case_word, resource
from carecoord.store.prior_auth.tables import authorization_row as request
from carecoord.store.worklist import marks
from carecoord.store.worklist.bitmaps import ahead, changes
from carecoord.store.worklist.search_words import words
from carecoord.store.worklist.walks import CLINICAL_MARK

# Whether it is deleted is not asked: SQLite would go by another index, through every order of everybody. As tests of
# each patient PostgreSQL, while there are few cases, would look through all of them for one.
_concerned = union_all(
    *(
        select(resource.c.patient).where(OneOf(resource.c.patient, "patients"), resource.c.type == kind)
        for kind in ("ServiceRequest", "DeviceRequest", "Claim")
    ),
    select(case.c.patient).where(OneOf(case.c.patient, "patients")),
)
_shown = union_all(*(select(each.c.patient).where(OneOf(each.c.patient, "patients")) for each in (case, request)))
GATES = tuple(name for name in case.c.keys() if name.endswith("_gate") and name != "headline_gate")  # noqa: SIM118
_asked = (
    select(case.c.performer)
    .where(
        case.c.placer == bindparam("placer"),
        case.c.open == bindparam("open"),
        case.c.specialty_sort == bindparam("specialty"),
        case.c.performer.is_not(None),
    )
    .order_by(case.c.rid.desc())
    .limit(bindparam("most"))
)
_next_specialty = (
    select(case.c.specialty_sort, case.c.specialty)
    .where(
        case.c.placer == bindparam("placer"),
        case.c.open == bindparam("open"),
        case.c.specialty_sort > bindparam("last"),
    )
    .order_by(case.c.specialty_sort)
    .limit(1)
)
_COLUMNS = tuple(case.c.keys())
_of_patient = select(case).where(case.c.patient == bindparam("patient"))
_of_patients = select(case).where(OneOf(case.c.patient, "patients"))
_orders = (
    select(case.c.rid, case.c.id, case.c.conflict, resource.c.body)
    .join(resource, resource.c.rid == case.c.rid)
    .where(case.c.patient == bindparam("patient"))
)
_numbers = select(case.c.rid).where(OneOf(case.c.patient, "patients"))
_news = update(case).where(OneOf(case.c.rid, "rids")).values(updated=bindparam("at"))
_late = (
    select(case.c.patient)
    .where(case.c.changes_at <= bindparam("now"))
    .order_by(case.c.changes_at)
    .limit(bindparam("most"))
)
_due = union_all(*(select(each.subquery().c.patient) for each in (marks.patients("most"), _late))).limit(
    bindparam("most")
)
# The earliest is one look in its index. Whether any is earlier PostgreSQL finds out by walking all rows, once it plans
# for an instant that it does not know.
_first = select(func.min(case.c.changes_at)).scalar_subquery()
_waits = select(marks.are_there(), _first <= bindparam("now"))
_numbered = select(case).where(OneOf(case.c.rid, "rids"))
_words = select(case_word.c.word, case_word.c.rid).where(OneOf(case_word.c.rid, "rids"))
_shaped = lru_cache(maxsize=64)(result_tuple)  # rows of these columns: the rows of a page are of one shape
_SPECIALTIES = 60
MANY = 2_000  # patients in one transaction, above which it is alone with the cases of everybody
_EVERYBODY = lock_number("cases of everybody")
_LOCK = """SELECT CASE n WHEN %s THEN pg_advisory_xact_lock_shared(n) ELSE pg_advisory_xact_lock(n) END
FROM unnest(%s::bigint[]) AS n"""
_BATCH = 500  # row numbers in one statement: both databases bound the number of parameters


def concerned(conn: Connection, patients: Iterable[str], *, shown: bool = False) -> list[str]:
    """Those of the patients who have an order, a request for authorization or a row here, sorted. Most writes are about
    somebody with none, and to learn it so costs a twentieth of assembling nothing. shown: those who have a row."""
    asked = sorted(set(patients))
    return sorted({patient for (patient,) in every(conn, *_who(asked, shown))}) if asked else []


def asked_at_once(conn: Connection, patients: Iterable[str], *, shown: bool = False) -> list[driver.Asked]:
    """What `hold` and then `concerned` ask of a patient on PostgreSQL."""
    wanted, named = _locks(conn, patients), sorted(set(patients))
    lock = (_LOCK, (_EVERYBODY, [_EVERYBODY, *wanted]))
    return [lock, _who(named, shown)] if len(named) == len(wanted) == 1 else []


def _who(patients: Sequence[str], shown: bool) -> driver.Asked:
    return _shown if shown else _concerned, {"patients": listed(patients)}


def hold(conn: Connection, patients: Iterable[str]) -> None:
    """Be alone with the cases of these patients until this transaction ends, also of those who have none yet: of two
    writes at once the later one judges what the earlier one left, too. SQLite has one writer at a time anyway."""
    if conn.dialect.name != "postgresql":
        return
    ours, wanted = _locked(conn), _locks(conn, patients)
    if not wanted:
        return
    if len(wanted) > MANY:  # locks take room in the server's memory, which all its transactions share
        alone(conn, "cases of everybody")
        ours.add(_EVERYBODY)
        return
    driver.send(conn, _LOCK, _EVERYBODY, [_EVERYBODY, *wanted])
    ours.update(wanted)


def _locked(conn: Connection) -> set[int]:
    """The locks that this transaction has."""
    found: set[int] = driver.known(conn).setdefault("cases held", set())
    return found


def _locks(conn: Connection, patients: Iterable[str]) -> list[int]:
    """Those that it still has to have to be alone with the cases of these patients."""
    ours = _locked(conn)
    wanted = {lock_number(f"cases of {patient}") for patient in patients}
    return [] if _EVERYBODY in ours else sorted(wanted - ours)


def due(conn: Connection, now: int, most: int) -> list[str]:
    """Up to `most` patients of rows that are to be judged anew: those that are marked, then those whose time
    (microseconds) has come, the longest due first."""
    return list(dict.fromkeys(patient for (patient,) in every(conn, _due, {"now": now, "most": most})))


class Waits(NamedTuple):
    """Whether rows are to be judged anew: any that a change has overtaken, and any whose time has come."""

    marked: bool
    late: bool


def waits(conn: Connection, now: int) -> Waits:
    """Which rows are to be judged anew at an instant (microseconds)."""
    marked, late = first(conn, _waits, {"now": now}) or (False, False)
    return Waits(bool(marked), bool(late))


def is_behind(conn: Connection, now: int) -> bool:
    """Whether any row is to be judged anew."""
    return any(waits(conn, now))


def doubt(conn: Connection, patient: str, now: int, until: int) -> int:
    """Take the cases of a patient that are marked, or whose time has come, and that can not be judged, for not cleared
    until then, and no gate of theirs for met; returns how many."""
    marked = marks.of_patients(conn, [patient])
    late = case.c.changes_at <= now
    rids = {rid for rid, _ in marked} | set(conn.scalars(select(case.c.rid).where(case.c.patient == patient, late)))
    doubted = {name: when((case.c[name] == "met", "unknown"), else_=case.c[name]) for name in GATES}
    conn.execute(update(case).where(case.c.rid.in_(rids)).values(cleared=False, changes_at=until, **doubted))
    changes.note(conn, sorted(rids))
    ahead.note(conn, dict.fromkeys(rids, until), now)
    marks.settle(conn, marked)
    return len(rids)


def with_columns(row: Row[Any], columns: Mapping[str, Any]) -> Row[Any]:
    """The row as it would be read if these columns stood there."""
    made: Row[Any] = _shaped(row._fields)(tuple({**row._mapping, **columns}.values()))
    return made


def of_patient(conn: Connection, patient: str) -> dict[int, Mapping[str, Any]]:
    """The rows of a patient's cases, every column, by `rid`."""
    held = (dict(zip(_COLUMNS, row, strict=True)) for row in every(conn, _of_patient, {"patient": patient}))
    return {row["rid"]: row for row in held}


def of_patients(conn: Connection, patients: Sequence[str]) -> dict[int, Mapping[str, Any]]:
    """The same of several patients."""
    held = (dict(zip(_COLUMNS, row, strict=True)) for row in every(conn, *asked_of(patients)))
    return {row["rid"]: row for row in held}


def asked_of(patients: Sequence[str]) -> driver.Asked:
    """What `of_patients` asks."""
    return _of_patients, {"patients": listed(patients)}


def are_there(conn: Connection) -> bool:
    """Whether there is any case."""
    return conn.scalar(select(case.c.rid).limit(1)) is not None


def with_visit(conn: Connection, first: int, end: int) -> list[str]:
    """The ids of the open cases whose visit is between two instants (microseconds), the end not in it."""
    wanted = select(case.c.id).where(case.c.open, case.c.appointment_at >= first, case.c.appointment_at < end)
    return list(conn.scalars(wanted.order_by(case.c.appointment_at, case.c.id)))


def of_rids(conn: Connection, rids: Sequence[int]) -> list[Row[Any]]:
    """These rows, in this order."""
    held = {row.rid: row for row in conn.execute(_numbered, {"rids": listed(rids)})}
    return [held[rid] for rid in rids if rid in held]


def patients(conn: Connection, rids: Sequence[int]) -> set[str]:
    """Whose cases these rows are."""
    return set(conn.scalars(select(case.c.patient).where(case.c.rid.in_(rids)).distinct()))


def numbers(conn: Connection, patients: Iterable[str]) -> set[int]:
    """The rows (rid) of these patients' cases."""
    return {rid for (rid,) in every(conn, _numbers, {"patients": listed(sorted(patients))})}


def performers(conn: Connection, placers: Sequence[str], specialty: str, most: int) -> list[str]:
    """The ids of the organizations that these offices (ids) asked last for a specialty (folded), each once."""
    found: list[str] = []
    for placer in placers:
        for stands in (True, False):
            asked = {"placer": placer, "open": stands, "specialty": specialty, "most": 4 * most}
            found += conn.scalars(_asked, asked)
    return list(dict.fromkeys(found))[:most]


def specialties(conn: Connection, placers: Sequence[str]) -> list[str]:
    """The specialties that these offices (ids) have referred for, in words: a step of the index for each, few enough
    that nobody waits."""
    found: dict[str, str] = {}
    for placer in placers:
        for stands in (True, False):
            last = ""
            for _ in range(_SPECIALTIES):
                row = conn.execute(_next_specialty, {"placer": placer, "open": stands, "last": last}).first()
                if row is None:
                    break
                last = row.specialty_sort
                found.setdefault(last, row.specialty)
    return [found[each] for each in sorted(found)]


class CaseOrder(NamedTuple):
    """The order of a case: its row number, the id of the case, whether its row tells of a conflict, and its bytes."""

    rid: int
    id: str
    conflict: bool
    body: bytes


def orders(conn: Connection, patient: str) -> list[CaseOrder]:
    """The orders of a patient's cases."""
    found = every(conn, _orders, {"patient": patient})
    return [CaseOrder(rid, id, bool(conflict), body) for rid, id, conflict, body in found]


def save(
    conn: Connection, rows: Sequence[Mapping[str, Any]], held: Mapping[int, Mapping[str, Any]] | None = None
) -> None:
    """Put these rows (every column of `case_row`) in the place of whatever stands under their `rid`. held: what stands
    there, whole, where the caller has read it and nobody else can have changed it since.

    Of a row that is there only what differs is written: a column that is named costs every index that it is in, and a
    row put in anew costs all thirty."""
    rows = sorted(rows, key=lambda row: row["rid"])
    for start in range(0, len(rows), _BATCH):
        run = rows[start : start + _BATCH]
        known = _held(conn, [row["rid"] for row in run]) if held is None else held
        bulk.insert(conn, case, [_in_order(row) for row in run if row["rid"] not in known])
        _change(conn, [row for row in run if row["rid"] in known], known)
        _reword(conn, [row for row in run if _searched(known.get(row["rid"])) != _searched(row)], known)
        changes.note(conn, [row["rid"] for row in run])


def _in_order(row: Mapping[str, Any]) -> bulk.Values:
    return tuple([row[name] for name in _COLUMNS])


def touch(conn: Connection, rids: Sequence[int], at: int) -> None:
    """Say when (microseconds) there was news of these cases whose rows say what they said."""
    if rids:
        execute(conn, _news, {"rids": listed(rids), "at": at})


def _held(conn: Connection, rids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    return {row["rid"]: dict(row) for row in conn.execute(select(case).where(case.c.rid.in_(rids))).mappings()}


def _change(conn: Connection, rows: Sequence[Mapping[str, Any]], known: Mapping[int, Mapping[str, Any]]) -> None:
    """Write what differs: on PostgreSQL, which looks itself what has changed, what differs in any of the rows."""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        before = known[row["rid"]]
        if differs := tuple(name for name in _COLUMNS if before[name] != row[name]):
            alike.setdefault(differs, []).append(row)
    if conn.dialect.name == "postgresql" and alike:
        differs = tuple(name for name in _COLUMNS if any(name in each for each in alike))
        alike = {differs: [row for several in alike.values() for row in several]}
    for names, several in alike.items():
        bulk.change(conn, case, names, [(row["rid"], *(row[name] for name in names)) for row in several])


def _reword(conn: Connection, rows: Sequence[Mapping[str, Any]], known: Container[int]) -> None:
    """Let these rows be found by what they say now. known: which of them were found by something before."""
    wanted = {(word, row["rid"]) for row in rows for word in spelt(row["searched"], row["payer_searched"])}
    before = [row["rid"] for row in rows if row["rid"] in known]
    held = set(every(conn, _words, {"rids": listed(before)})) if before else set[tuple[str, int]]()
    bulk.discard(conn, case_word, sorted(held - wanted))
    bulk.insert(conn, case_word, sorted(wanted - held))


def _searched(row: Mapping[str, Any] | None) -> tuple[str, str] | None:
    return (row["searched"], row["payer_searched"]) if row is not None else None


def spelt(searched: str, payer_searched: str) -> set[str]:
    """The words that a case is found by; those that its payer must not find it by are marked as clinical."""
    told = words(payer_searched)
    return told | {CLINICAL_MARK + word for word in words(searched) - told}


def remove(conn: Connection, rids: Sequence[int]) -> None:
    """Forget these cases: their orders are deleted, or are no referrals after all."""
    for start in range(0, len(rids), _BATCH):
        run = list(rids[start : start + _BATCH])
        conn.execute(delete(case).where(case.c.rid.in_(run)))
        conn.execute(delete(case_word).where(case_word.c.rid.in_(run)))
        ahead.forget(conn, run)
        changes.note(conn, run)
