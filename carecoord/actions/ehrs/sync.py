"""Sync an EHR into our store: `fhir_adapters` reads it page by page, and each page is kept together with its cursor.

What our rules find in an EHR's resource is kept as flags beside it and drops nothing: the EHR is the system of record.
A run that is broken off anywhere, even by kill -9, goes on from its last page, and ends as if nothing had happened.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from auth.client.backend import BadKey, Key, load_keys
from carecoord import errors
from carecoord.actions.server import keys as server_keys
from carecoord.actions.server import outgoing
from carecoord.fhir import text
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation import validate
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.mutex import held
from carecoord.store.ehrs import ehrs
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from fhir_adapters import dialects, plan, sync
from fhir_adapters.connection import Connection, connect
from fhir_adapters.cursor import Cursor
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import Away, EhrError, Misconfigured, TimedOut
from fhir_adapters.identity import local_id
from fhir_adapters.sync import Outcome, Page, Source

JOB = "sync"  # in the outbox, with the EHR's name as its key
LAST = ("Task", "ServiceRequest")

Report = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Listed:
    """An EHR and its latest run, if it was ever synced."""

    ehr: Ehr
    run: ehrs.Run | None


@dataclass(frozen=True)
class Examined:
    """What an EHR gives us: its software, how each type would be read, the types it lacks, and what is odd."""

    ehr: Ehr
    software: str
    fhir_version: str
    jobs: tuple[plan.Job, ...]
    missing: tuple[str, ...]
    notices: tuple[str, ...]


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


@dataclass(frozen=True)
class Summary:
    """What a run did. error None: everything that the EHR offers is here. missing: types that it does not offer."""

    run: int
    ehr: str
    types: tuple[TypeSummary, ...] = ()
    missing: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    error: str | None = None

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

    Raises Invalid when its dialect, its limits or its key file are not good, or its address is in our own
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
    _keys(world, one)
    with writing(world.engine) as conn:
        ehrs.add(conn, one, world.clock())
    return one


def repeat(world: World, name: str, every: timedelta | None) -> None:
    """Sync this EHR again and again, for the first time after `every` from now; None: no more. Raises NotFound."""
    with writing(world.engine) as conn:
        ehrs.get(conn, name)
        if every is None:
            outbox.remove(conn, JOB, name)
        else:
            payload = msgspec.json.encode({"seconds": int(every.total_seconds())})
            outbox.add(conn, JOB, name, payload, world.clock() + every)


def list_ehrs(world: World) -> list[Listed]:
    """Every EHR by name, with its latest run."""
    with reading(world.engine) as conn:
        return [Listed(one, next(iter(ehrs.runs(conn, one.name, 1)), None)) for one in ehrs.every(conn)]


def flags(world: World, name: str, limit: int) -> list[ehrs.Flag]:
    """What our rules doubt in what this EHR sent, by type and id, at most so many. Raises NotFound."""
    with reading(world.engine) as conn:
        return ehrs.flags(conn, ehrs.get(conn, name), limit)


def examine(world: World, name: str) -> Examined:
    """Ask an EHR what it gives us: discovery, a token, its metadata. Nothing is read from it or kept.

    Raises NotFound, or BadGateway, Unavailable or TimedOut saying what to do.
    """
    with reading(world.engine) as conn:
        one = ehrs.get(conn, name)
    with world.http() as session:
        try:
            connection = connect(one, session, _keys(world, one), clock=world.clock, new_id=world.new_id)
        except EhrError as trouble:
            raise _problem(trouble) from trouble
    planned = _plan(connection)
    odd = (*connection.notices(), *(notice for job in planned.jobs for notice in job.notices))
    statement = connection.statement
    return Examined(one, statement.software, statement.fhir_version, planned.jobs, planned.missing, odd)


def run(world: World, name: str, report: Report = lambda type, received, total: None) -> Summary:
    """Sync one EHR. `report(type, received, total)` is called after each page; total is None where the EHR tells none.

    What goes wrong with the EHR is in the summary's `error` and in the record of the run; the pages kept until then
    stay. Raises NotFound for an unknown name, Conflict when another process is just reading the same EHR: two would
    ask for everything twice, and each would undo the other's place.
    """
    with held(world.engine, f"ehr {name}") as alone:
        if not alone:
            raise errors.Conflict(f"{name} is being read just now by another process. Wait until that has ended.")
        return _run(world, name, report)


def _run(world: World, name: str, report: Report) -> Summary:
    with writing(world.engine) as conn:
        one = ehrs.get(conn, name)
        number = ehrs.start_run(conn, name, world.clock())
        keeper = Keeper(world, one, number, ehrs.cursors(conn, name))
    try:
        summary = _pull(world, keeper, report)
    except Exception as e:
        # Only our own problems are fit for the record: a database error may quote the values it failed on.
        _finish(world, number, e.text if isinstance(e, errors.Problem) else type(e).__name__)
        raise
    _finish(world, number, summary.error)
    if not summary.error:
        with writing(world.engine) as conn:
            outbox.revive(conn, world.clock(), kind=JOB, key=name)
    return summary


@dataclass
class Keeper:
    """Keeps the pages of one run, each in one transaction with the cursor that speaks of it."""

    world: World
    ehr: Ehr
    run: int
    states: dict[str, bytes]
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)

    def accept(self, page: Page, cursor: Cursor) -> None:
        """Store a page. The same content as stored changes nothing. Raises Conflict if another run moved the cursor."""
        changes = self._changes(page)
        name, state, now = self.ehr.name, cursor.dumps(), self.world.clock()
        seen = [(item.id, item.updated) for item in page.items]
        with writing(self.world.engine) as conn:
            ehrs.move_cursor(conn, name, page.type, self.states.get(page.type), state, now)
            stale = ehrs.see(conn, name, page.type, page.round, seen)
            ehrs.forget(conn, name, page.type, page.gone)
            fresh = [change for id, change in changes.items() if id not in stale]
            gone = [Change(page.type, local_id(name, page.type, id), None) for id in page.gone]
            written = put_all(
                conn,
                [*fresh, *gone],
                now=now,
                actor=Actor(f"ehr:{name}", None, None, f"sync-{self.run}"),
                base=self.world.base,
                project=self.world.project,
            )
            did: Counter[str] = Counter(one.outcome for one in written)
            did["flagged"] = sum(1 for change in fresh if change.flags)
            changed = did["created"] + did["updated"] + did["deleted"]
            ehrs.count(conn, self.run, len(page.items), changed, did["flagged"])
        self.states[page.type] = state
        self.outcomes.setdefault(page.type, Counter()).update(did)

    def known(self, type: str, after: str, unseen: int | None) -> list[str]:
        """Ids of the EHR that were kept earlier, see `fhir_adapters.sync.Source`."""
        with reading(self.world.engine) as conn:
            return ehrs.known(conn, self.ehr.name, type, after, unseen)

    def summary(self, outcome: Outcome) -> TypeSummary:
        """What became of one type."""
        did = self.outcomes.get(outcome.type, Counter())
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

    def _changes(self, page: Page) -> dict[str, Change]:
        """A change for each item by the EHR's id. What is stored just so already was judged when it was stored."""
        with reading(self.world.engine) as conn:
            same = ehrs.same(conn, page.type, (item.resource for item in page.items))
        return {item.id: _change(page.type, item.resource, item.resource["id"] not in same) for item in page.items}


def _change(type: str, resource: dict[str, Any], judged: bool) -> Change:
    flags = tuple(validate.issues(resource)) if judged else ()
    return Change(type, resource["id"], resource, flags=flags, source=resource["meta"]["source"])


def _pull(world: World, keeper: Keeper, report: Report) -> Summary:
    one = keeper.ehr
    with world.http() as session:
        try:
            connection = connect(one, session, _keys(world, one), clock=world.clock, new_id=world.new_id)
        except EhrError as trouble:
            return Summary(keeper.run, one.name, error=trouble.text)
        planned = _plan(connection)
        source = Source(
            ehr=one,
            dialect=connection.dialect,
            http=connection.http,
            accept=keeper.accept,
            known=keeper.known,
            read=_read,
            clock=world.clock,
            report=report,
        )
        pulled = sync.pull(source, planned, dict(keeper.states))
    failed = [f"{outcome.type}: {outcome.error}" for outcome in pulled.outcomes if outcome.error]
    return Summary(
        run=keeper.run,
        ehr=one.name,
        types=tuple(map(keeper.summary, pulled.outcomes)),
        missing=planned.missing,
        notices=connection.notices(),
        error="; ".join(failed) or None,
    )


def _plan(connection: Connection) -> plan.Plan:
    """What to read. Referrals come last: a case then appears with all its facts, and is judged once, not per page."""
    types = [row.name for row in TYPES.values() if row.synced and row.name not in LAST]
    return plan.make(connection.dialect, connection.statement, [*types, *LAST])


def _keys(world: World, one: Ehr) -> tuple[Key, ...]:
    """The keys by which we prove ourselves to an EHR: a file of its own, else the ones that we publish."""
    if not one.auth:
        return ()
    if not one.auth.key_file:
        return server_keys.signing(world)
    try:
        return load_keys(Path(one.auth.key_file).read_bytes())
    except (OSError, BadKey) as e:
        raise errors.Invalid(f"The key of EHR {one.name} in {one.auth.key_file} can not be used: {e}") from e


def _read(data: bytes) -> dict[str, Any]:
    try:
        return text.loads(data)
    except errors.Invalid as e:
        raise ValueError(e.text) from e


def _finish(world: World, number: int, error: str | None) -> None:
    with writing(world.engine) as conn:
        ehrs.finish_run(conn, number, world.clock(), error)


def _problem(trouble: EhrError) -> errors.Problem:
    if isinstance(trouble, Away):
        return errors.Unavailable(trouble.text, headers={"Retry-After": f"{trouble.seconds or 60:.0f}"})
    return (errors.TimedOut if isinstance(trouble, TimedOut) else errors.BadGateway)(trouble.text)
