"""A snapshot of a payer's directory brought in: a Bundle, a file of lines (NDJSON), or a folder of them, the pages of
one snapshot. What is in it is kept as it is now, what was in the one before and is not ends with the day on which that
was seen; the same snapshot again changes nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import ijson

from auth.grant import Grant
from carecoord.actions.access.turn import changing, looking
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.imports.batch import Brought, Report
from carecoord.actions.imports.published.spans import LONGEST, Measured, lines
from carecoord.domain.imports.published import plan_net
from carecoord.domain.imports.published.plan_net import TYPES
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, text
from carecoord.errors import Invalid, Problem, Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import analyze
from carecoord.store.worklist import registry
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

_RUN: Final = 200
_GROWN: Final = 1_000


@dataclass
class Differences:
    """What a snapshot changed. ended: who vanished; faults: where, and why it was left out; size: resources in it."""

    rows: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)
    faults: list[tuple[str, Sentence]] = field(default_factory=list)
    size: int = 0


def bring(
    world: World, grant: Grant, request: str, path: Path, directory: str = "", *,
    whole: bool = False, dry: bool = False, report: Report = lambda done, total: None,
) -> tuple[Brought, Differences]:  # fmt: skip
    """Bring a snapshot in. directory: the address of the directory, by default that of the first entry. whole: it is
    one even if most of what stood there is not in it. Raises Invalid for no directory and for what may be a part."""
    pages = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    named: dict[str, str] = {}
    for url, resource in _entries(pages):
        directory = directory or _base(url, resource)
        type, id = text(resource, "resourceType"), text(resource, "id")
        kept = f"{type}/{plan_net.here(directory, type, id)}"
        named |= {f"{type}/{id}": kept} | ({url: kept} if url else {})
    if not directory:
        raise Invalid(sentence("import.plan-net.which"))
    directory, done = directory.rstrip("/"), Differences(size=len({*named.values()}))
    work = _Work(world, grant, request, directory, dry, done)
    gone = work.vanished({*named.values()}, whole)
    for n, run in enumerate(_runs(plan_net.taken(each, directory, named) for _, each in _entries(pages)), 1):
        work.keep(run)
        report(min(n * _RUN, done.size), done.size)
    if not done.size:
        raise Invalid(sentence("import.plan-net.nothing", name=path.name, types=", ".join(TYPES)))
    for run in _runs(gone):
        work.keep(run, ends=True)
    if not dry and sum(done.kept.values()) > _GROWN:
        analyze(world.engine)
    return Brought(+done.rows, done.kept), done


@dataclass
class _Work:
    world: World
    grant: Grant
    request: str
    directory: str
    dry: bool
    done: Differences

    def vanished(self, present: set[str], whole: bool) -> list[Json]:
        """What is kept of the snapshot before and is not in this one, as ended. Raises Invalid for a part of one."""
        before, gone = list[Json](), list[Json]()
        with looking(self.world, self.grant, self.request) as turn:
            seen = local(turn.now, self.world.base.zone)
            for type in plan_net.ENDING:
                turn.demand(type, "u")
                before += [json.loads(row.body) for row in registry.of_source(turn.conn, type, self.directory)]
        current = [each for each in before if plan_net.ended(each, seen)]
        for each in current:
            if f"{each['resourceType']}/{each['id']}" not in present:
                gone.append(each)
        if not whole and plan_net.is_cut(*([each["id"] for each in some] for some in (current, gone))):
            raise Invalid(sentence("import.plan-net.cut", gone=f"{len(gone):,}", n=f"{len(current):,}"))
        self.done.ended = [plan_net.said(each, {}) for each in gone]
        return [made for each in gone if (made := plan_net.ended(each, seen))]

    def keep(self, run: Sequence[Json], *, ends: bool = False) -> None:
        """Keep some resources, each by itself where one of them is refused."""
        sound = [each for each in run if self._is_sound(each)]
        try:
            self._write(sound, ends)
        except Unavailable:
            raise
        except Problem:
            for each in sound:
                try:
                    self._write([each], ends)
                except Unavailable:
                    raise
                except Problem as problem:
                    self._fault(each, sentence("import.refused", why=problem.text))

    def _is_sound(self, resource: Json) -> bool:
        why = next((sentence("import.refused", why=issue.text) for issue in validate.issues(resource)), None)
        if why is None and (element := plan_net.lost(resource)):
            why = sentence("import.plan-net.lost", element=element)
        if why:
            self._fault(resource, why)
        return why is None

    def _fault(self, resource: Json, why: Sentence) -> None:
        self.done.rows["faulty"] += 1
        self.done.faults.append((text(resource["meta"], "source"), why))

    def _write(self, run: Sequence[Json], ends: bool) -> None:
        """Write them, all or none. Raises Problem."""
        with changing(self.world, self.grant, self.request, shares=False) as turn, turn.conn.begin_nested() as trial:
            writes = [
                fhir_write.updating(turn, each["resourceType"], each["id"], each, None, only_new=False) for each in run
            ]
            written = [fhir_write.check(turn, each) for each in fhir_write.carry_out(turn, writes)]
            if self.dry:
                trial.rollback()
        for each in written:
            changed = {"created": "new", "updated": "ended" if ends else "changed"}.get(each.outcome, "unchanged")
            self.done.rows[changed] += 1
            self.done.kept[each.type] += changed != "unchanged"


def _entries(pages: Iterable[Path]) -> Iterator[tuple[str, Json]]:
    """Every resource of the types of a directory, once, with its fullUrl."""
    met = set[str]()
    for page in pages:
        for url, resource in _lines(page) if page.suffix.lower() == ".ndjson" else _bundle(page):
            here = f"{resource.get('resourceType')}/{resource.get('id')}"
            if resource.get("resourceType") in TYPES and resource.get("id") and here not in met:
                met.add(here)
                yield url, resource


def _lines(page: Path) -> Iterator[tuple[str, Json]]:
    with page.open("rb") as source:
        for line in lines(source, page.name):
            if line.strip():
                yield "", json.loads(line)


def _bundle(page: Path) -> Iterator[tuple[str, Json]]:
    """Each entry as it is read, so that a page may be as long as it likes; what is no Bundle is one resource."""
    entries = 0
    with page.open("rb") as source:
        measured = Measured(source, page.name)
        try:
            for entry in ijson.items(measured, "entry.item"):
                measured.restart()
                entries += 1
                if isinstance(entry, dict) and isinstance(resource := entry.get("resource"), dict):
                    yield text(entry, "fullUrl"), resource
        except ijson.JSONError as e:
            raise Invalid(sentence("import.plan-net.broken", name=page.name, e=str(e))) from e
    if not entries and page.stat().st_size <= LONGEST:
        read = json.loads(page.read_bytes())
        if isinstance(read, dict):
            yield "", read


def _base(url: str, resource: Json) -> str:
    """The address of the directory that an entry tells."""
    tail = f"/{text(resource, 'resourceType')}/{text(resource, 'id')}"
    return url.removesuffix(tail) if url.startswith("http") and url.endswith(tail) else ""


def _runs(made: Iterable[Json]) -> Iterator[list[Json]]:
    each = iter(made)
    while run := list(islice(each, _RUN)):
        yield run
