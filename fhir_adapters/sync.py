"""Reading an EHR: which pages to ask for, in what order, from where to go on, and what has gone.

It owns no tables and never sees the store. carecoord gives it a cursor per type and two functions: `accept(page,
cursor)` keeps a page and the cursor in one transaction; `known(type, after, unseen)` tells ids of the EHR that were
kept earlier. After a crash the last cursor kept is where reading goes on: at most one page is read twice, and a page
read twice changes nothing.

Three ways to read a type: a window of `_lastUpdated` where the metadata offers it, overlapping the one before; a full
sweep otherwise, where carecoord's comparing of contents finds what changed; patient by patient where the EHR demands
it. Now and then a sweep takes the place of a window, for only a sweep shows what is no longer there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fhir_adapters import cursor as cursors
from fhir_adapters import deletion
from fhir_adapters.cursor import Cursor
from fhir_adapters.dialects import PATIENT, Dialect, Query, pairs
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import EhrError, Elsewhere, Refused
from fhir_adapters.http import Http, Params
from fhir_adapters.identity import Made, claim, localize
from fhir_adapters.pages import Found, Leaf, Read, walk
from fhir_adapters.plan import Job, Plan, per_patient

UNQUALIFIED = (400, 422)  # how servers say that a search needs more, or other, parameters
PATIENTS_REFUSED = 20  # in a row from the first on: then it is the search that is refused, not some patients
NOTICES = 20  # kept per type; the rest would say the same


@dataclass(frozen=True)
class Item:
    """One resource, localized. `id` and `updated` (meta.lastUpdated) are the EHR's."""

    id: str
    updated: datetime | None
    resource: dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What one call of `accept` has to keep: items seen in this round of reading the type, and ids that are gone."""

    type: str
    round: int
    items: tuple[Item, ...] = ()
    gone: tuple[str, ...] = ()


@dataclass
class Outcome:
    """How the reading of one type went. `error` empty: through. `strategy`: window, sweep or patients."""

    type: str
    strategy: str
    received: int = 0
    gone: int = 0
    notices: list[str] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Pulled:
    """What came of a run. `stopped` is the trouble that ended it before its time, or nothing."""

    outcomes: tuple[Outcome, ...]
    stopped: EhrError | None = None


@dataclass(frozen=True)
class Source:
    """One EHR, connected, and what carecoord lends for the run.

    made: what we made there, and `claimed(type, id, claim)`: told of a resource that says so; is it ours indeed, it is
    then among the made. read: a resource of its bytes, or ValueError. known: up to some hundreds of ids of a type in
    byte order after `after`; with `unseen`, only those not seen in that round. report: type, received so far, total if
    known.
    """

    ehr: Ehr
    dialect: Dialect
    http: Http
    accept: Callable[[Page, Cursor], None]
    known: Callable[[str, str, int | None], Sequence[str]]
    read: Read
    clock: Callable[[], datetime]
    report: Callable[[str, int, int | None], None]
    made: Made = field(default_factory=Made)
    claimed: Callable[[str, str, str], None] = lambda type, id, claim: None


def pull(source: Source, plan: Plan, states: Mapping[str, bytes]) -> Pulled:
    """Read every job of the plan, each from its stored cursor on. A type that fails leaves the others be.

    Whatever `accept` raises ends the run and is not caught.
    """
    held = frozenset(job.type for job in plan.jobs)
    outcomes = []
    for job in plan.jobs:
        reading = Reading(source, job, cursors.loads(states.get(job.type)), held)
        outcomes.append(reading.outcome)
        try:
            reading.through()
        except EhrError as trouble:
            reading.outcome.error = trouble.text
            if trouble.stops_run:
                return Pulled(tuple(outcomes), trouble)
    return Pulled(tuple(outcomes))


def pull_patient(
    source: Source,
    plan: Plan,
    states: Mapping[str, bytes],
    patient: str,
    *,
    held_of: Callable[[str], Sequence[str]],
    keep: Callable[[Page], None],
) -> int:
    """Read all that the EHR holds of one patient, beside the rounds in which it is read whole: no cursor moves. What
    was kept of them and is not found is asked for by its id, as after a sweep, before it counts as gone. patient: the
    id there. held_of: type -> the EHR's ids of what was kept of this patient. Returns how many calls it took.

    A type that the EHR refuses to search so is passed over. Raises EhrError for what would end a run."""
    held, calls = frozenset(job.type for job in plan.jobs), 0
    for job in plan.jobs:
        if not job.patient:
            continue
        reading = Reading(source, job, cursors.loads(states.get(job.type)), held)
        seen: set[str] = set()
        try:
            for page in reading.of_patient(patient):
                calls += 1
                seen |= {each.id for each in page.items}
                keep(page)
            missed = [id for id in held_of(job.type) if id not in seen] if job.confirm else []
            for id in missed:
                calls += 1
                keep(reading.asked_for(id))
        except EhrError as trouble:
            calls += 1
            if trouble.stops_run:
                raise
    return calls


class Reading:
    """One type of one EHR while it is read."""

    def __init__(self, source: Source, job: Job, cursor: Cursor, held: frozenset[str]) -> None:
        self.source, self.job, self.held = source, job, held
        self.cursor = self._begin(cursor)
        self.resumed = self.cursor == cursor
        self.outcome = Outcome(job.type, job.strategy, notices=list(job.notices))
        self.total: int | None = None

    def through(self) -> None:
        """Read the type to its end; after a round that was broken off earlier, what changed since that round began.

        Without a window that would be a whole second sweep, which is left to the next run.
        """
        self._round()
        if self.resumed and self.job.since:
            self.cursor = self._begin(self.cursor)
            self._round()
        self.source.report(self.job.type, self.outcome.received, self.outcome.received)

    def of_patient(self, patient: str) -> Iterator[Page]:
        """The pages of one patient's resources, each of one call, as seen in the round that was read last."""
        params = [(self.job.patient, patient), *self._tenancy()]
        params += [("_count", str(self.job.count))] if self.job.count else []
        url = f"{self.source.ehr.base_url}/{self.job.type}"
        for leaf in walk(self.source.http, self.job.type, url, params, self.source.read):
            items = tuple(Item(one.id, one.updated, self._localized(one)) for one in leaf.found)
            yield Page(self.job.type, self.cursor.round, items)

    def asked_for(self, id: str) -> Page:
        """What the EHR says of one resource that a search did not find: it is there after all, gone, or untold."""
        answer = deletion.ask(self.source.http, self.job, id, self._tenancy(), self.source.read)
        found = (Item(answer.id, answer.updated, self._localized(answer)),) if isinstance(answer, Found) else ()
        return Page(self.job.type, self.cursor.round, found, (id,) if answer == "gone" else ())

    def _begin(self, cursor: Cursor) -> Cursor:
        return cursors.begin(cursor, bool(self.job.since), self.source.dialect.incremental, self.source.clock())

    def _round(self) -> None:
        """One round to its end; a full sweep ends with the question what has gone."""
        while True:
            try:
                self._searches()
                break
            except Refused as refused:
                self._another_way(refused)
        if self.cursor.full and self.job.confirm:
            self._look_for_missing()
        self.cursor = cursors.close(self.cursor)
        self.source.accept(Page(self.job.type, self.cursor.round), self.cursor)

    def _searches(self) -> None:
        way = self.job.ways[min(self.cursor.fallback, len(self.job.ways) - 1)]
        for n in range(self.cursor.search, len(way)):
            self.outcome.strategy = self._strategy(way[n])
            done = replace(self.cursor, search=n + 1, patient="", next="")
            if per_patient(way[n]):
                self._patients(way[n])
            else:
                self._walk(way[n], done)
            self.cursor = replace(self.cursor, search=n + 1, patient="", next="")

    def _patients(self, search: Query) -> None:
        """The search for every patient that we know there, from where a broken-off round stood."""
        refusals: list[Refused] = []
        if self.cursor.next:
            refusals += self._patient(search, self.cursor.patient)
        while ids := self.source.known("Patient", self.cursor.patient, None):
            for patient in ids:
                self.cursor = replace(self.cursor, patient=patient, next="")
                refusals += self._patient(search, patient)
                if len(refusals) == PATIENTS_REFUSED and not self.cursor.touched:
                    raise refusals[0]
        if refusals and not self.cursor.touched:
            raise refusals[0]
        # Told last: had nobody been searched with success, it would have been the search's own fault, and raised.
        self._note(f"{self.job.type}: the search was refused for some patients ({one.status})." for one in refusals)

    def _patient(self, search: Query, patient: str) -> list[Refused]:
        """Read one patient's resources, or tell the refusal: the patient may be merged away or restricted.

        Which patient that is says nothing about the others: the first may be refused as well as the last.
        """
        try:
            self._walk(search, replace(self.cursor, next=""), patient)
        except Refused as refused:
            if refused.stops_run:
                raise
            return [refused]
        return []

    def _walk(self, search: Query, done: Cursor, patient: str = "") -> None:
        """Every page of one search; `done` is where the cursor stands after the last one."""
        resumed = bool(self.cursor.next)
        try:
            for leaf in self._leaves(search, patient):
                resumed = False
                self._keep(leaf, done)
        except (Refused, Elsewhere):
            if not resumed:
                raise
            # A link of an earlier run may have expired, or the EHR has moved. The search starts again: what is read
            # twice changes nothing.
            self.cursor = replace(self.cursor, next="")
            for leaf in self._leaves(search, patient):
                self._keep(leaf, done)

    def _leaves(self, search: Query, patient: str) -> Iterator[Leaf]:
        params = () if self.cursor.next else self._params(search, patient)
        url = self.cursor.next or f"{self.source.ehr.base_url}/{self.job.type}"
        return walk(self.source.http, self.job.type, url, params, self.source.read)

    def _keep(self, leaf: Leaf, done: Cursor) -> None:
        moved = replace(self.cursor, next=leaf.next) if leaf.next else done
        self.cursor = cursors.taken(moved, self.cursor, self.source.clock(), leaf.date)
        self._note(leaf.notices)
        if leaf.total is not None and not self.cursor.patient:
            self.total = leaf.total
        self._accept(leaf.found)

    def _accept(self, found: Iterable[Found], gone: Sequence[str] = ()) -> None:
        items = tuple(Item(one.id, one.updated, self._localized(one)) for one in found)
        if not items and not gone and not self.cursor.next:
            return
        self.source.accept(Page(self.job.type, self.cursor.round, items, tuple(gone)), self.cursor)
        self.outcome.received += len(items)
        self.outcome.gone += len(gone)
        self.source.report(self.job.type, self.outcome.received, self.total)

    def _localized(self, one: Found) -> dict[str, Any]:
        claimed = claim(one.resource, self.source.made.home)
        if claimed:
            self.source.claimed(self.job.type, one.id, claimed)
        return localize(one.resource, self.source.ehr, self.held, self.source.made)

    def _another_way(self, refused: Refused) -> None:
        """The EHR will not have this search: try it without the window, then the fallbacks. Raises if none is left."""
        if refused.status not in UNQUALIFIED or self.cursor.touched or self.cursor.search or self.cursor.next:
            raise refused
        if not self.cursor.full:
            self.cursor = replace(self.cursor, full=True, patient="")
        elif self.cursor.fallback + 1 < len(self.job.ways):
            self.cursor = replace(self.cursor, fallback=self.cursor.fallback + 1, patient="")
        else:
            raise refused

    def _look_for_missing(self) -> None:
        after, tenancy = "", self._tenancy()
        while ids := self.source.known(self.job.type, after, self.cursor.round):
            answers = [deletion.ask(self.source.http, self.job, id, tenancy, self.source.read) for id in ids]
            if "untold" in answers:
                self._note([f"{self.job.type}: some were not found, and asking for them by id was of no use."])
            found = [answer for answer in answers if isinstance(answer, Found)]
            self._accept(found, [id for id, answer in zip(ids, answers, strict=True) if answer == "gone"])
            after = ids[-1]

    def _params(self, search: Query, patient: str) -> Params:
        params = [(name, value.replace(PATIENT, patient)) for name, value in pairs(search)]
        if not self.cursor.full:
            own = self.source.ehr.overlap_seconds
            usual = self.source.dialect.incremental.overlap_seconds
            overlap = timedelta(seconds=usual if own is None else own)
            since = cursors.text(cursors.instant(self.cursor.since) - overlap)
            params.append((self.job.since, f"ge{since}"))
            if self.job.closed:
                params.append((self.job.since, f"lt{self.cursor.began}"))
        if self.job.count:
            params.append(("_count", str(self.job.count)))
        return [*params, *self._tenancy()]

    def _tenancy(self) -> Params:
        return list({**self.source.dialect.params, **self.source.ehr.params}.items())

    def _strategy(self, search: Query) -> str:
        if not self.cursor.full:
            return "window"
        return "patients" if per_patient(search) else "sweep"

    def _note(self, notices: Iterable[str]) -> None:
        for notice in notices:
            if notice not in self.outcome.notices and len(self.outcome.notices) < NOTICES:
                self.outcome.notices.append(notice)
