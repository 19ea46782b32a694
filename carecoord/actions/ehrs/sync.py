"""Sync an EHR into our store: `fhir_adapters` reads it page by page, and each page is kept together with its cursor.

What our rules find in an EHR's resource is kept as flags beside it and drops nothing: the EHR is the system of record.
A run that is broken off anywhere, even by kill -9, goes on from its last page, and ends as if nothing had happened.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from carecoord import errors
from carecoord.actions.ehrs import connections, write_back
from carecoord.actions.ehrs.keeper import Keeper
from carecoord.actions.ehrs.sync_health import JOB
from carecoord.actions.server import outgoing
from carecoord.domain.ehrs import ownership
from carecoord.domain.referrals import states as task_states
from carecoord.fhir.search.params import params
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.mutex import held
from carecoord.store.ehrs import conflicts as ehrs_conflicts
from carecoord.store.ehrs import ehrs, items
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters import dialects, plan, sync
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import Away, EhrError, Misconfigured, TimedOut
from fhir_adapters.sync import Outcome, Source

_ABOUT = {"patient", "subject", "beneficiary", "actor"}  # parameters that say whom a resource is about
# Somebody waits for what is examined: one more try, at once. A sync has the patience of its EHR's dialect.
_WATCHED = {"attempts": 2.0, "backoff_seconds": 0.3}
_log = structlog.get_logger()

Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Examined:
    """What an EHR gives us: its software, how each type would be read, the types it lacks, what is odd, and
    the types that it offers and has not granted us."""

    ehr: Ehr
    software: str
    fhir_version: str
    jobs: tuple[plan.Job, ...]
    missing: tuple[str, ...]
    notices: tuple[str, ...]
    ungranted: tuple[str, ...] = ()


@dataclass(frozen=True)
class TypeSummary:
    """What a run did for one type. received: resources that came, some perhaps twice. flagged: those of the changed
    ones that break our rules. error empty: it went through."""

    type: str
    strategy: str
    received: int
    created: int
    updated: int
    unchanged: int
    deleted: int
    flagged: int
    notices: tuple[str, ...]
    error: str


@dataclass(frozen=True, slots=True)
class PatientRead:
    """What came of it. calls: questions that the EHR was asked. changed: resources that are not as before."""

    calls: int
    changed: int


@dataclass(frozen=True)
class Summary:
    """What a run did. error None: everything that the EHR offers is here. missing: types that it does not offer.
    ungranted: types that it offers and has not granted us: they were not asked for."""

    run: int
    ehr: str
    types: tuple[TypeSummary, ...] = ()
    missing: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    error: str | None = None
    ungranted: tuple[str, ...] = ()

    @property
    def received(self) -> int:
        return sum(one.received for one in self.types)

    @property
    def changed(self) -> int:
        return sum(one.created + one.updated + one.deleted for one in self.types)

    @property
    def flagged(self) -> int:
        return sum(one.flagged for one in self.types)


def add_ehr(world: World, one: Ehr) -> Ehr:
    """Remember an EHR, or tell it anew under the same name. It is not contacted; `examine` does that.

    Raises Invalid when its dialect, its limits, its workflow or its key file are not good, or its address is in our own
    network and the settings do not allow it; Conflict when the name stands for another.
    """
    for url in (one.base_url, *one.hosts, *([one.auth.token_url] if one.auth and one.auth.token_url else ())):
        outgoing.demand(world.settings, url)
    try:
        dialects.load(one.dialect).limits.but(one.limits)
    except Misconfigured as e:
        raise errors.Invalid(e.text) from e
    if one.auth and one.auth.key_file:
        one = replace(one, auth=replace(one.auth, key_file=str(Path(one.auth.key_file).absolute())))
    connections.keys(world, one)
    for element, said in dialects.owners(one).items():
        ownership.checked(element, said)
    task_states.named(one.workflow)
    with writing(world.engine) as conn:
        ehrs.add(conn, one, world.clock())
        write_back.revive(conn, one, world.clock())
    return one


def repeat(world: World, name: str, every: timedelta | None) -> None:
    """Sync this EHR again and again, for the first time after `every` from now; None: no more. Raises NotFound."""
    with writing(world.engine) as conn:
        ehrs.get(conn, name, lock=True)
        if every is None:
            outbox.remove(conn, JOB, name)
        else:
            payload = msgspec.json.encode({"seconds": int(every.total_seconds())})
            outbox.add(conn, JOB, name, payload, world.clock() + every)


def flags(world: World, name: str, limit: int) -> list[ehrs.Flag]:
    """What our rules doubt in what this EHR sent, by type and id, at most so many. Raises NotFound."""
    with reading(world.engine) as conn:
        return ehrs.flags(conn, ehrs.get(conn, name), limit)


def conflicts(world: World, name: str, limit: int) -> list[Conflict]:
    """What this EHR and we have changed differently, oldest first, at most so many. Raises NotFound."""
    with reading(world.engine) as conn:
        ehrs.get(conn, name)
        return ehrs_conflicts.of_ehr(conn, name, limit)


def examine(world: World, name: str) -> Examined:
    """Ask an EHR what it gives us: discovery, a token, its metadata. Nothing is read from it or kept.

    Raises NotFound, or BadGateway, Unavailable or TimedOut saying what to do.
    """
    with reading(world.engine) as conn:
        one = ehrs.get(conn, name)
    with world.http() as session:
        try:
            connection = connections.connected(world, replace(one, limits={**one.limits, **_WATCHED}), session)
        except EhrError as trouble:
            raise _problem(trouble) from trouble
    planned = connections.planned(connection)
    odd = (*connection.notices(), *(notice for job in planned.jobs for notice in job.notices))
    statement = connection.statement
    return Examined(
        one, statement.software, statement.fhir_version, planned.jobs, planned.missing, odd, planned.ungranted
    )


def run(world: World, name: str, report: Report = lambda type, received, total: None) -> Summary:
    """Sync one EHR. `report(type, received, total)` is called after each page; total is None where the EHR tells none.

    What goes wrong with the EHR is in the summary's `error` and in the record of the run; the pages kept until then
    stay. Raises NotFound for an unknown name, Conflict when another process is just reading the same EHR: two would
    ask for everything twice, and each would undo the other's place.
    """
    with held(world.engine, f"ehr {name}") as alone:
        if not alone:
            raise errors.Conflict(sentence("refusals.being-read-just-now-by", name=name))
        return _run(world, name, report)


def cost(types: Iterable[str]) -> int:
    """How many questions it takes at least to read a patient of an EHR of which these types are read."""
    return sum(type == "Patient" or not _ABOUT.isdisjoint(params(type)) for type in types)


def run_patient(world: World, name: str, patient: str) -> PatientRead:
    """Read a patient (our id) from an EHR, beside the runs in which all that has changed is read: for who has a case of
    theirs before them and can not wait. One reader per EHR: while a run is under way this waits.

    Raises NotFound where it does not hold them, Unavailable while somebody else reads it, or when it gave no answer.
    """
    with held(world.engine, f"ehr {name}") as alone:
        if not alone:
            raise errors.Unavailable(sentence("refusals.being-read-just-now-this", name=name))
        with reading(world.engine) as conn:
            one, states = ehrs.get(conn, name), ehrs.cursors(conn, name)
            found = [each for each in items.ours(conn, "Patient", [patient]) if each.ehr == name]
        if not found:
            raise errors.NotFound(sentence("refusals.does-not-hold-this-patient", name=name))
        keeper = Keeper(world, one, 0, dict(states))
        try:
            with world.http() as session:
                connection = connections.connected(world, one, session)
                source = Source(
                    ehr=one, dialect=connection.dialect, http=connection.http, accept=keeper.accept,
                    known=keeper.known, read=connections.read_resource, clock=world.clock,
                    report=lambda type, received, total: None, made=keeper.made, claimed=keeper.claimed,
                )  # fmt: skip
                planned = connections.planned(connection)
                calls = sync.pull_patient(
                    source, planned, states, found[0].there,
                    held_of=lambda type: keeper.held_of(type, patient), keep=keeper.beside,
                )  # fmt: skip
        except EhrError as trouble:
            raise errors.Unavailable(trouble.text) from trouble
    did = sum(each["created"] + each["updated"] + each["deleted"] for each in keeper.outcomes.values())
    _log.info("patient_read", ehr=name, calls=calls, changed=did)
    return PatientRead(calls, did)


def _run(world: World, name: str, report: Report) -> Summary:
    with writing(world.engine) as conn:
        one = ehrs.get(conn, name, lock=True)
        number = ehrs.start_run(conn, name, world.clock())
        keeper = Keeper(world, one, number, ehrs.cursors(conn, name))
    try:
        summary = _pull(world, keeper, report)
    except Exception as e:
        # Only our own problems are fit for the record: a database error may quote the values it failed on.
        _finish(world, number, e.text if isinstance(e, errors.Problem) else type(e).__name__)
        raise
    _finish(world, number, summary.error, summary.ungranted)
    if not summary.error:
        with writing(world.engine) as conn:
            outbox.revive(conn, world.clock(), kind=JOB, key=name)
    return summary


def _pull(world: World, keeper: Keeper, report: Report) -> Summary:
    one = keeper.ehr
    with world.http() as session:
        try:
            connection = connections.connected(world, one, session)
        except EhrError as trouble:
            return Summary(keeper.run, one.name, error=trouble.text)
        planned = connections.planned(connection)
        source = Source(
            ehr=one,
            dialect=connection.dialect,
            http=connection.http,
            accept=keeper.accept,
            known=keeper.known,
            read=connections.read_resource,
            clock=world.clock,
            report=report,
            made=keeper.made,
            claimed=keeper.claimed,
        )
        pulled = sync.pull(source, planned, dict(keeper.states))
    failed = [f"{outcome.type}: {outcome.error}" for outcome in pulled.outcomes if outcome.error]
    # what was read before and may be read no more grows old here: that is no good sync
    failed += [f"{type}: no longer granted to us" for type in planned.ungranted if type in keeper.states]
    return Summary(
        run=keeper.run,
        ehr=one.name,
        types=tuple(_summed(keeper, outcome) for outcome in pulled.outcomes),
        missing=planned.missing,
        notices=connection.notices(),
        error="; ".join(failed) or None,
        ungranted=planned.ungranted,
    )


def _summed(keeper: Keeper, outcome: Outcome) -> TypeSummary:
    """What became of one type."""
    did = keeper.outcomes.get(outcome.type, Counter())
    return TypeSummary(
        type=outcome.type,
        strategy=outcome.strategy,
        received=outcome.received,
        created=did["created"],
        updated=did["updated"],
        unchanged=did["unchanged"],
        deleted=did["deleted"],
        flagged=did["flagged"],
        notices=tuple(outcome.notices),
        error=outcome.error,
    )


def _finish(world: World, number: int, error: str | None, ungranted: Sequence[str] = ()) -> None:
    with writing(world.engine) as conn:
        ehrs.finish_run(conn, number, world.clock(), error, ungranted)


def _problem(trouble: EhrError) -> errors.Problem:
    if isinstance(trouble, Away):
        return errors.Unavailable(trouble.text, headers={"Retry-After": f"{trouble.seconds or 60:.0f}"})
    return (errors.TimedOut if isinstance(trouble, TimedOut) else errors.BadGateway)(trouble.text)
