"""Keeping the worklist true: a write rewrites, in its own transaction, the rows of the cases that it bears on; what
only the passing of time changes is judged anew by the worker. Who reads a worklist writes nothing."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from sqlalchemy import Connection

from carecoord.actions.access import consents
from carecoord.actions.agreements import lines, places, register, written_rates
from carecoord.actions.agreements.papers import pages
from carecoord.actions.assignment import arrivals
from carecoord.actions.clearance import overtaken, rule_lines, shelf
from carecoord.actions.clearance.assemble import handed, of_patients
from carecoord.actions.clearance.library import Library
from carecoord.actions.coverage import projection as coverage_projection
from carecoord.actions.events.ledger import Ledger
from carecoord.actions.inbox import mentions
from carecoord.actions.prior_auth import projection, sent
from carecoord.actions.prior_auth.pas import notices
from carecoord.actions.prior_auth.pas_client import due
from carecoord.actions.referrals import free_slots, patient_words
from carecoord.actions.scheduling import lapses
from carecoord.actions.worklist import evidence, news_alone
from carecoord.domain.agreements import records
from carecoord.domain.clearance.odd_moves import odd_move
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.shipped import SHIPPED
from carecoord.domain.referrals.case import CLINICAL, ORDERS, REGISTRY
from carecoord.domain.resource.elements import item, target
from carecoord.domain.worklist import registry_keys, registry_news
from carecoord.domain.worklist.judgement import Judged, judged
from carecoord.errors import Issue, Unavailable
from carecoord.fhir.instants import micros
from carecoord.fhir.types import TYPES
from carecoord.settings import Settings
from carecoord.store.database import driver, jobs, outbox
from carecoord.store.database.bulk import runs
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import flags, read, registry_mark
from carecoord.store.resources.write import Projector, Touched
from carecoord.store.worklist import marks, registry
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import ahead, changes
from carecoord.world import World

AGAIN = timedelta(minutes=10)  # after which a case that could not be judged is tried again
AT_ONCE = 6  # cases that a change of the registry judges anew in its own transaction, some 4 ms each; more are marked
_RUN = 100  # patients whose cases are read at once
TOGETHER = 20  # patients whose cases the worker judges anew in one transaction
_SHARED = (*REGISTRY, *records.TYPES, "PlanDefinition")
JOB = "refresh-cases"  # the outbox job that judges marked rows anew
_ORDER = re.compile(rb'"reference":"(ServiceRequest|DeviceRequest)/([^"/]+)')
_VISIT = re.compile(rb'"reference":"(Appointment)/([^"/]+)')
_log = structlog.get_logger()
_decode = msgspec.json.Decoder().decode


def policy(settings: Settings) -> Policy:
    """What holds on this server where neither an office nor a payer has said anything; a case brings what they said."""
    own = {"eligibility-age": f"{settings.eligibility_days} days", "expiring": f"{settings.expiring_days} days"}
    return Policy(ZoneInfo(settings.timezone), defaults={**SHIPPED, **own})


def projector(rules: Policy) -> Projector:
    """The function that the write door calls with what it changed."""

    def project(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
        odd = _odd(touched)
        flags.add(conn, odd)
        rule_lines.note(conn, touched, now, rules.zone)
        register.record(conn, touched, micros(now), rules.zone)
        lines.record(conn, touched, micros(now), rules.zone)
        written_rates.record(conn, touched, now, rules.zone)
        places.record(conn, touched)
        pages.note(conn, touched, now)
        patient_words.record(conn, touched)
        free_slots.record(conn, touched, rules.zone)
        shelf.note(conn, touched)
        ledger = Ledger(touched)
        unread = news_alone.note(conn, touched, [rid for rid, _ in odd], ledger, now)
        patients = _patients(conn, [each for each in touched if each.rid not in unread])
        shown = all(each.type == "Patient" and each.before and each.after for each in touched)
        late = _judge(conn, patients, now, rules, ledger, moved=_moved(touched), shown=shown)
        projection.note(conn, touched, rules)
        coverage_projection.note(conn, touched, rules.zone)
        sent.note(conn, touched, now)
        notices.note(conn, touched, now)
        due.note(conn, touched, now)
        late |= _registry(conn, touched, patients, now, rules, ledger)
        consents.note(conn, touched)
        mentions.note(conn, touched, now, rules.zone)
        lapses.note(conn, touched, now)
        ledger.write(conn, now, rules.zone)
        coverage_projection.call(conn, touched, now)
        _call(conn, late, now)

    return project


project = projector(Policy())


def _odd(touched: Sequence[Touched]) -> list[tuple[int, Issue]]:
    """What an EHR sent that no table of states has. Everybody else has been refused at the door."""
    last = {each.rid: each for each in touched if (each.actor.subject or "").startswith("ehr:")}
    return [
        (rid, issue)
        for rid, each in last.items()
        if each.before and each.after and TYPES[each.type].rule
        if (issue := odd_move(each.type, _decode(each.before), _decode(each.after)))
    ]


def call_for_refresh(world: World) -> None:
    """See to it that a worker judges anew the rows whose time has come. Normally there are none: one index probe."""
    now = world.clock()
    with reading(world.engine) as conn:
        wanted = _is_behind(conn, now) and JOB not in jobs.waiting(conn, JOB)
    if wanted:
        with writing(world.engine) as conn:
            outbox.add(conn, JOB, JOB, b"", now)


def is_behind(world: World) -> bool:
    """Whether rows wait to be judged anew."""
    with reading(world.engine) as conn:
        return _is_behind(conn, world.clock())


def _is_behind(conn: Connection, now: datetime) -> bool:
    return bool(_due(conn, now, 1))


def refresh_due(world: World, most: int = 50) -> int:
    """Judge anew the cases of up to `most` patients whose time has come; returns how many there were. Few at a time:
    who writes beside us waits for one batch, not for all.

    A case that can not be judged holds up no other: it is no longer cleared, and is tried again a while later."""
    now, rules = world.clock(), policy(world.settings)
    with reading(world.engine) as conn:
        due = _due(conn, now, most)
        _read_and_judge(conn, due, now, rules)
    if due:
        try:
            with writing(world.engine) as conn:
                registry_mark.await_changes(conn)  # else what is judged meanwhile would only be marked again
                refresh(conn, now, rules, most)
        except Unavailable:
            raise
        except Exception:
            for patient in due:
                _refresh_one(world, patient, now, rules)
    return len(due)


def _read_and_judge(conn: Connection, patients: Sequence[str], now: datetime, rules: Policy) -> None:
    """Judge the cases of these patients while nobody is kept from writing. Whoever then writes the rows finds them put
    together and judged, as far as they are of the same resources and the same registry still (see `of_patient`)."""
    with suppress(Exception):  # who writes meets it again, and deals with it
        for cases in of_patients(Library(conn), patients).values():
            for each in cases:
                judged(each.id, each.case, now, rules)


def _refresh_one(world: World, patient: str, now: datetime, rules: Policy) -> None:
    try:
        with writing(world.engine) as conn:
            rewrite(conn, {patient}, now, rules)
    except Unavailable:
        raise
    except Exception as e:
        with writing(world.engine) as conn:
            doubted = worklist_rows.doubt(conn, patient, micros(now), micros(now + AGAIN))
            authorizations.defer(conn, patient, micros(now), micros(now + AGAIN))
        _log.error("case_not_judged", error=type(e).__name__, count=doubted)


def shorten_log(world: World) -> None:
    """Let go of what of the log of changed rows nobody follows any more, and of marks of rows that are gone."""
    with writing(world.engine) as conn:
        changes.prune(conn)
        marks.prune(conn)


def refresh(conn: Connection, now: datetime, rules: Policy, most: int) -> None:
    """Judge anew the cases of up to `most` patients whose time has come, in the caller's transaction."""
    rewrite(conn, _due(conn, now, most), now, rules)


def _due(conn: Connection, now: datetime, most: int) -> list[str]:
    """Up to `most` patients of rows whose time has come: of cases, then of requests without one, the longest due
    first."""
    cases = worklist_rows.due(conn, micros(now), most)
    alone = authorizations.due(conn, micros(now), most - len(cases)) if len(cases) < most else []
    return list(dict.fromkeys((*cases, *alone)))


def _patients(conn: Connection, touched: Iterable[Touched]) -> set[str]:
    """Whose cases a write bears on: the patients that its resources are and were about, and of those that name no
    patient the patients of the orders they speak of."""
    found: set[str] = set()
    bare = []
    for each in touched:
        if each.type == "Patient":
            found.add(each.id)
        elif each.type in ORDERS or each.type in CLINICAL:
            found |= {patient for patient in (each.patient, each.before_patient) if patient}
            if each.patient is None:
                bare.append(each.rid)
    versions = registry.versions(conn, bare) if bare else []
    visits = _named(_VISIT, (version.body for version in versions if version.type == "AppointmentResponse"))
    answered = read.many(conn, visits) if visits else []
    found |= {row.patient for row in answered if row.patient}
    bodies = [version.body for version in versions] + [row.body for row in answered if row.patient is None]
    for order in read.many(conn, _named(_ORDER, bodies)):
        found.add(target(item(_decode(order.body), "subject")).partition("/")[2])
    return found - {""}


def _named(what: re.Pattern[bytes], bodies: Iterable[bytes]) -> set[tuple[str, str]]:
    """(type, id) of what these bodies refer to."""
    return {(kind.decode(), id.decode()) for body in bodies for kind, id in what.findall(body)}


def rewrite(conn: Connection, patients: Iterable[str], now: datetime, rules: Policy) -> None:
    """Write the rows of these patients' cases where they differ from what stands there, because time has passed."""
    ledger = Ledger()
    late = _judge(conn, patients, now, rules, ledger)
    ledger.write(conn, now, rules.zone)
    _call(conn, late, now)


def _call(conn: Connection, late: bool, now: datetime) -> None:
    """Have the worker judge what was left to it. At the end of a transaction: all who do so wait for one another, and
    who waited then for a patient would wait for one who waits for them."""
    if late:
        outbox.add(conn, JOB, JOB, b"", now)


def _moved(touched: Iterable[Touched]) -> frozenset[str]:
    """The patients from whom and to whom anything went."""
    between = ({each.before_patient, each.patient} for each in touched if each.before_patient != each.patient)
    return frozenset(patient for both in between if None not in both for patient in both if patient)


def _judge(
    conn: Connection, patients: Iterable[str], now: datetime, rules: Policy, ledger: Ledger, *,
    moved: frozenset[str] = frozenset(), shown: bool = False,
) -> bool:  # fmt: skip
    """Write the rows of these patients' cases where they differ from what stands there, and show them to the ledger.
    moved: those whose orders may have been another's of them until now. shown: nothing makes a case that has no row.
    Returns whether they were marked, to be judged once more."""
    library = handed(conn)
    kept = library.kept if library else {}
    others = evidence.concerned(conn, patients, kept, shown=shown)
    concerned = sorted({*kept, *others})
    if not concerned:
        return False
    with driver.foreseen(conn, evidence.asked_of(others) if concerned == others else ()):
        marked = marks.of_patients(conn, others)  # before anything is read of what they are judged by: see marks
        library, done = library or Library(conn), list[int]()
        # Of what went from one to the other both are known at once: its row stands there already, under the other.
        together = [patient for patient in concerned if patient in moved]
        for run in filter(None, (together, *runs([each for each in concerned if each not in moved], _RUN))):
            done += _written(library, run, now, rules, ledger)
    marks.settle(conn, marked)
    if not done or registry_mark.keep(conn, library.mark):
        return False
    overtaken.leave(conn, done, now)
    return True


def _written(library: Library, patients: Sequence[str], now: datetime, rules: Policy, ledger: Ledger) -> list[int]:
    """Judge the cases of these patients, and write what is otherwise than it stands, each table at once for all of
    them; returns the cases that were judged, and the requests that have none (rid)."""
    conn = library.conn
    found, held = of_patients(library, patients), worklist_rows.of_patients(conn, patients)
    rows: dict[int, dict[str, Any]] = {}
    needs: dict[int, frozenset[str]] = {}
    requests: dict[str, list[Judged]] = {}
    told: set[int] = set()
    for patient, theirs in found.items():
        cases = [judged(each.id, each.case, now, rules) for each in theirs]
        for each, case in zip(theirs, cases, strict=True):
            rows[each.rid] = row = {"rid": each.rid, "updated": micros(now), **case.row}
            needs[each.rid] = each.needs
            # A note, a message, a step done: who looks at the case has news also where its row says what it said.
            if ledger.see(each.id, patient, each.case):
                told.add(each.rid)
            ledger.judged(held.get(each.rid), row, _version(each.case.order), now)
        alone = projection.alone(library, patient, cases, now, rules)
        needs |= alone.needs
        requests[patient] = [*cases, *alone.judged]
    arrivals.note(conn, [row for rid, row in rows.items() if arrivals.is_new(held.get(rid), row)], now)
    gone = sorted(held.keys() - rows.keys())
    changed = [row for rid, row in rows.items() if not _same(held.get(rid), row)]
    worklist_rows.remove(conn, gone)
    registry.forget_dependencies(conn, gone)
    worklist_rows.save(conn, changed, held)
    worklist_rows.touch(conn, sorted(told - {row["rid"] for row in changed}), micros(now))
    registry.save_dependencies(conn, needs, rows.keys() - held.keys())
    projection.keep(conn, requests, now, rules)
    ahead.note(conn, {rid: row["changes_at"] for rid, row in rows.items()}, micros(now))
    return list(needs)


def _version(order: dict[str, Any]) -> int:
    return int(order["meta"]["versionId"])


def _same(held: Any, row: dict[str, Any]) -> bool:
    return held is not None and all(held[name] == value for name, value in row.items() if name != "updated")


def _is_news(each: Touched, rules: Policy) -> bool:
    if not (each.before and each.after):
        return True
    return registry_news.is_news(_decode(each.before), _decode(each.after), rules.zone)


def _registry(
    conn: Connection, touched: Sequence[Touched], done: set[str], now: datetime, rules: Policy, ledger: Ledger
) -> bool:
    """The cases that depend on what was changed of the registry, or hoped to find it. Returns whether any of them are
    left to the worker."""
    shared = [each for each in touched if each.type in _SHARED and _is_news(each, rules)]
    if not shared:
        return False
    keys = {f"{each.type}/{each.id}" for each in shared}
    for version in registry.versions(conn, [each.rid for each in shared]):
        if version.body:
            keys |= registry_keys.answered(_decode(version.body))
    rids = registry.dependents(conn, keys)
    if rids and done:  # judged a moment ago, by the registry as it is now
        rids = sorted(set(rids) - worklist_rows.numbers(conn, done))
    alone = authorizations.among(conn, rids) if rids else {}
    cases = [rid for rid in rids if rid not in alone]
    late, few = bool(alone), len(cases) <= AT_ONCE
    patients = worklist_rows.patients(conn, cases) if cases and few else set()
    if not few or (patients and len(worklist_rows.numbers(conn, patients)) > AT_ONCE):
        marks.mark(conn, cases)
        late = True
    elif patients:
        late |= _judge(conn, patients, now, rules, ledger)
    authorizations.wake(conn, alone.values(), micros(now))  # whoever holds its patient is waited for: the last of all
    return late
