"""`check --deep`: does everything that stands beside the resources say what they say? Read a run at a time, each in one
state of the database, beside whoever writes; nothing is changed. What is to be judged anew later, or has come due, is
not looked at: it is known to be behind.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection

from carecoord.actions.agreements import places
from carecoord.actions.clearance.assemble import of_patient
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth import projection
from carecoord.actions.referrals import patient_words
from carecoord.actions.worklist.project import policy
from carecoord.domain.access.consents import may_deny
from carecoord.domain.gates.policy import Policy
from carecoord.domain.worklist.judgement import judged
from carecoord.errors import Problem
from carecoord.fhir import text
from carecoord.fhir.instants import instant, micros
from carecoord.fhir.search.extract import Index, extract
from carecoord.fhir.service_base import Base
from carecoord.store.claims import tallies
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import soundness
from carecoord.store.resources.change import StoredResource, digest
from carecoord.store.resources.index_rows import NAMES, at_most_one
from carecoord.store.worklist import marks, registry
from carecoord.store.worklist import rows as worklist_rows
from carecoord.world import World

Kind = Literal[
    "body", "hash", "compartment", "history", "index", "directive", "place", "patient words", "stray", "case",
    "case words", "case needs", "authorization", "authorization words", "claims", "unreadable",
]  # fmt: skip
Report = Callable[[str, int, int | None], None]

_RUN: Final = 500  # resources in memory at once
_SOME: Final = 50  # patients whose cases are judged in one state of the database
_BESIDE: Final[dict[str, Kind]] = {
    "directive": "directive", "organization_place": "place", "patient_word": "patient words",
}  # fmt: skip
_KEYED: Final = (*(f"ix_{name}" for name in NAMES), *_BESIDE)  # tables with the number of a resource


@dataclass(frozen=True)
class Fault:
    """Something that does not say what the resource says. of: `Type/id`, or a row number of what is not there; where:
    the table, or nothing."""

    kind: Kind
    of: str
    where: str = ""


@dataclass
class Looked:
    """How much was looked at, and how many rows of cases were left out as known to be behind."""

    resources: int = 0
    cases: int = 0
    behind: int = 0


def walk(world: World, looked: Looked, tell: Report = lambda part, done, of: None) -> Iterator[Fault]:
    """Every fault, as it is found. looked: counted on."""
    yield from _resources(world, looked, tell)
    yield from _strays(world)
    yield from _cases(world, looked, tell)
    with reading(world.engine) as conn:
        offices = tallies.astray(conn)
    yield from (Fault("claims", f"Organization/{office}", "claim_tally") for office in offices)


def _resources(world: World, looked: Looked, tell: Report) -> Iterator[Fault]:
    after = 0
    with reading(world.engine) as conn:
        total = soundness.count(conn)
    while True:
        with reading(world.engine) as conn:
            run = soundness.page(conn, after, _RUN)
            faults = list(_run(conn, run, world.base))
        if not run:
            return
        yield from faults
        after = run[-1].rid
        looked.resources += len(run)
        tell("resources", looked.resources, total)


def _run(conn: Connection, run: Sequence[StoredResource], base: Base) -> Iterator[Fault]:
    rids = [each.rid for each in run]
    beside = {name: soundness.beside(conn, name, rids) for name in _KEYED}
    kept = soundness.versions(conn, rids)
    for each in run:
        of = f"{each.type}/{each.id}"
        if kept.get(each.rid, set()) != set(range(1, each.version)):
            yield Fault("history", of)
        try:
            resource = text.loads(each.body) if each.body else None
        except Problem:
            yield Fault("unreadable", of)
            continue
        said = {name: found.get(each.rid, set()) for name, found in beside.items()}
        yield from (Fault(kind, of, where) for kind, where in _of(each, resource, said, base))


def _of(
    each: StoredResource, resource: dict[str, Any] | None, said: dict[str, set[tuple[Any, ...]]], base: Base
) -> Iterator[tuple[Kind, str]]:
    """What is wrong with one resource, and in which table."""
    if (resource is None) is not bool(each.deleted) or (resource and not _is_itself(each, resource)):
        yield "body", ""
    if digest(resource) != bytes(each.hash):
        yield "hash", ""
    index = extract(resource, base) if resource else None
    if index and index.patient != each.patient:
        yield "compartment", ""
    for name in NAMES:
        if said[f"ix_{name}"] != _wanted(each.rid, index, name):
            yield "index", f"ix_{name}"
    wanted = _projected(each, resource)
    for name, kind in _BESIDE.items():
        if said[name] != wanted[name]:
            yield kind, name


def _is_itself(each: StoredResource, resource: dict[str, Any]) -> bool:
    meta = resource.get("meta", {})
    own = (resource.get("resourceType"), resource.get("id"), meta.get("versionId"), meta.get("lastUpdated"))
    return own == (each.type, each.id, str(each.version), instant(each.updated))


def _wanted(rid: int, index: Index | None, name: str) -> set[tuple[Any, ...]]:
    rows = sorted((rid, *each) for each in getattr(index, name)) if index else []
    return {tuple(row_[1:]) for row_ in (at_most_one(rows) if name == "date" else rows)}


def _projected(each: StoredResource, resource: dict[str, Any] | None) -> dict[str, set[tuple[Any, ...]]]:
    forbids = each.type == "Consent" and resource is not None and may_deny(resource)
    stands = places.row(resource) if resource and each.type in places.TYPES else None
    found = patient_words.found_by(resource) if resource and each.type in patient_words.TYPES else ()
    return {
        "directive": {()} if forbids else set(),
        "organization_place": {stands} if stands else set(),
        "patient_word": set(found),
    }


def _strays(world: World) -> Iterator[Fault]:
    for name, of in [*((name, "resource") for name in (*_KEYED, "history", "flag", "case_row")),
                     ("case_word", "case_row"), ("case_need", "resource"), ("case_ahead", "case_row")]:  # fmt: skip
        with reading(world.engine) as conn:
            for rid in soundness.strays(conn, name, of):
                yield Fault("stray", str(rid), name)


def _cases(world: World, looked: Looked, tell: Report) -> Iterator[Fault]:
    after, done, rules = "", 0, policy(world.settings)
    while True:
        with reading(world.engine) as conn:
            some = soundness.patients(conn, after, _SOME)
            now = world.clock()
            faults = [fault for patient in some for fault in _of_patient(conn, patient, now, rules, looked)]
        if not some:
            return
        yield from faults
        after, done = some[-1], done + len(some)
        tell("patients with cases", done, None)


def _of_patient(conn: Connection, patient: str, now: datetime, rules: Policy, looked: Looked) -> Iterator[Fault]:
    """The rows of a patient's cases and requests, judged anew and compared."""
    library = Library(conn)
    found = of_patient(library, patient)
    held = worklist_rows.of_patient(conn, patient)
    rids = sorted({*held, *(each.rid for each in found)})
    late = {rid for rid, each in held.items() if each["changes_at"] is not None and each["changes_at"] <= micros(now)}
    behind = marks.among(conn, rids) | late
    looked.cases += len(rids)
    looked.behind += len(behind)
    cases = [judged(each.id, each.case, now, rules) for each in found]
    wanted = {each.rid: case.row for each, case in zip(found, cases, strict=True)}
    needs = {each.rid: {(registry.number(key),) for key in each.needs} for each in found}
    words, leans = (soundness.beside(conn, name, rids) for name in ("case_word", "case_need"))
    for rid in (rid for rid in rids if rid not in behind):
        of = f"ServiceRequest/{wanted[rid]['id'] if rid in wanted else held[rid]['id']}"
        if rid not in wanted or rid not in held or any(held[rid][name] != v for name, v in wanted[rid].items()):
            yield Fault("case", of, "case_row")
            continue
        spelt = worklist_rows.spelt(held[rid]["searched"], held[rid]["payer_searched"])
        if words.get(rid, set()) != {(word,) for word in spelt}:
            yield Fault("case words", of, "case_word")
        if leans.get(rid, set()) != needs[rid]:
            yield Fault("case needs", of, "case_need")
    if not behind and not authorizations.are_late(conn, patient, micros(now)):
        cases += projection.alone(library, patient, cases, now, rules).judged
        for root in authorizations.differing(conn, patient, projection.made(cases, rules)):
            yield Fault("authorization", root, "authorization_row")
    yield from (Fault("authorization words", root, "authorization_word") for root in soundness.misfiled(conn, patient))
