"""Load files: FHIR Bundles and NDJSON, plain or gzip. Loading the same file twice changes nothing.

Given ids are kept; an entry without one takes the uuid of its fullUrl, or else a number made from its content. Each
resource stands for itself, in a transaction Bundle too: what is left out takes nothing with it, and a reference to it
already names the id that it will have when it is mended and loaded. The order of the files, and within them, does not
matter: what refers by a condition to what is not there yet waits for the end of the load (see load_waiting.py).

Clause: FHIR R4 bundle.html, http.html#trules (conditional references), nd-json.html.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any
from uuid import NAMESPACE_URL, uuid5

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.fhir import bundle_references, door
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.fhir.bundle import ResolvedWrites, resolved_writes
from carecoord.actions.fhir.bundle_entries import Entry, Pairs, address_of, conditions
from carecoord.actions.fhir.bundle_references import Conditionals, resolved
from carecoord.actions.fhir.conditional import one
from carecoord.actions.fhir.load_queue import Held, Waiting
from carecoord.actions.fhir.write import ID, ResolvedWrite
from carecoord.errors import Invalid, Issue, NotFound, Problem
from carecoord.fhir import text
from carecoord.fhir.substitution import shift
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import analyze
from carecoord.world import World

__all__ = ["Loaded", "Refusal", "load", "shift"]

Json = dict[str, Any]
Report = Callable[[str, int, int | None], None]

LOADER = Grant("load", scopes=resources(parse("system/*.cruds")))
_RUN = 500  # resources of an NDJSON file that are kept together
_GROWN = 1000  # changes after which the planner is told what the tables hold now
_GZIP = b"\x1f\x8b"
_CONTENT = uuid5(NAMESPACE_URL, "urn:carecoord:content")


@dataclass(frozen=True)
class Refusal:
    """Why the official rules refuse a resource. place: where it stands in the file. what: its type and id, if known.
    kept: it was stored all the same, flagged."""

    file: str
    place: str
    what: str
    issues: tuple[Issue, ...]
    kept: bool


@dataclass
class Loaded:
    """What became of a load: resources kept by type, what that changed (created, updated, unchanged, deleted), and what
    the rules refuse."""

    kept: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        """How many resources are not stored."""
        return sum(not refusal.kept for refusal in self.refusals)

    @property
    def flagged(self) -> int:
        """How many are stored although the rules refuse them."""
        return sum(refusal.kept for refusal in self.refusals)


def load(
    world: World,
    paths: Iterable[Path],
    lenient: bool = False,
    report: Report = lambda file, done, total: None,
    *,
    days: int = 0,
) -> Loaded:
    """Load every file. lenient: store what the rules refuse, flagged. days: shift every date by so many.

    `report(file, done, total)` is called as it goes on; total is None where it is not known yet. Raises NotFound for a
    file that is not there, Invalid for one that is no FHIR JSON; what was loaded until then stays.
    """
    with Waiting() as waiting:
        keeper = _Keeper(world, lenient, days, waiting)
        for path in paths:
            done = 0
            for run in _runs(path):
                keeper.keep(path.name, run)
                done += len(run.entries)
                report(path.name, done, run.total)
        keeper.finish()
    loaded = keeper.loaded
    if loaded.outcomes["created"] + loaded.outcomes["updated"] > _GROWN:
        analyze(world.engine)
    return loaded


@dataclass(frozen=True)
class _Run:
    """Entries that are kept together. total: how many the file has, if that is known."""

    entries: Sequence[Entry]
    places: Sequence[str]
    total: int | None


def _runs(path: Path) -> Iterator[_Run]:
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2).startswith(_GZIP)
            with gzip.open(raw) if packed else raw as file:
                yield from _parts(file, path.name)  # type: ignore[arg-type]
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except (OSError, EOFError) as e:
        raise Invalid(f"{path} can not be read: {e}.") from e


def _parts(file: IO[bytes], name: str) -> Iterator[_Run]:
    """NDJSON has a whole object on its first line and something behind it; anything else is one JSON object."""
    lines = ((n, line) for n, line in enumerate(file, 1) if line.strip())
    first, second = next(lines, None), next(lines, None)
    if first is None:
        return
    if second is None or not _is_object(first[1]):
        rest = second[1] + file.read() if second else b""
        yield _whole(_loads(first[1] + rest, name, ""))
        return
    entries: list[Entry] = []
    places: list[str] = []
    for n, line in chain([first, second], lines):
        place = f"line {n}"
        entries.append(_entry(_loads(line, name, place), len(entries), place))
        places.append(place)
        if len(entries) == _RUN:
            yield _Run(entries, places, None)
            entries, places = [], []
    yield _Run(entries, places, None)


def _whole(found: dict[str, Any]) -> _Run:
    if found.get("resourceType") != "Bundle":
        return _Run([_entry(found, 0, "")], [""], 1)
    raw = found.get("entry", [])
    raw = raw if isinstance(raw, list) else []
    entries = [one for n, each in enumerate(raw) if (one := _bundled(each, n))]
    places = [one.where for one in entries]
    return _Run(entries, places, len(entries))


def _bundled(raw: Any, n: int) -> Entry | None:
    """An entry of a Bundle; None for one that holds no resource, such as the mere answer of a server."""
    if not isinstance(raw, dict):
        return None
    request = raw.get("request")
    asked = request if isinstance(request, dict) else {}
    if asked.get("method") == "DELETE":
        path = tuple(str(asked.get("url")).split("/"))
        return Entry(n, "DELETE", path) if len(path) == 2 and path[0] in TYPES else None
    if not isinstance(raw.get("resource"), dict):
        return None
    entry = _entry(raw["resource"], n, f"Bundle.entry[{n}]")
    url, unless = raw.get("fullUrl"), asked.get("ifNoneExist")
    return replace(
        entry,
        full_url=url if isinstance(url, str) else "",
        if_none_exist=conditions(unless if isinstance(unless, str) else None),
    )


def _entry(resource: dict[str, Any], n: int, place: str) -> Entry:
    type = resource.get("resourceType")
    return Entry(n, "POST", (type if isinstance(type, str) else "",), resource=resource)


_Place = tuple[str, str]  # a file, and where in it


class _Keeper:
    """Stores run after run, each in one transaction, as far as the rules and `lenient` allow."""

    def __init__(self, world: World, lenient: bool, days: int, waiting: Waiting) -> None:
        self.world, self.lenient, self.days, self.waiting = world, lenient, days, waiting
        self.loaded = Loaded()

    def keep(self, file: str, run: _Run) -> None:
        """Store a run; what refers to what is not there yet waits."""
        good: list[Entry] = []
        flags: dict[int, tuple[Issue, ...]] = {}
        urls: dict[tuple[str, str], str] = {}
        for entry, place in zip(run.entries, run.places, strict=True):
            issues = tuple(validate.issues(entry.resource)) if entry.resource is not None else ()
            url = address_of({"fullUrl": entry.full_url, "resource": entry.resource})
            if url[0] and urls.setdefault(url, place) != place:  # bdl-7
                issues = (*issues, Issue("error", "invariant", f"fullUrl is that of {urls[url]} as well.", "fullUrl"))
            kept = not issues or (self.lenient and entry.type in TYPES)
            if issues:
                self.loaded.refusals.append(Refusal(file, place, _named(entry), issues, kept))
                flags[entry.n] = issues
            resource = shift(entry.resource, self.days) if self.days and entry.resource else entry.resource
            good.append(replace(entry, resource=resource))
        left_out = {entry.n for entry in good if entry.n in flags and not (self.lenient and entry.type in TYPES)}
        places = {entry.n: place for entry, place in zip(run.entries, run.places, strict=True)}
        with changing(self.world, LOADER, "load") as turn:
            meaning = Conditionals(turn)
            for entry in good:
                if entry.n not in left_out and (problem := _unclear(turn, entry.type, entry.if_none_exist)):
                    issues = problem.all_issues()
                    self.loaded.refusals.append(Refusal(file, places[entry.n], _named(entry), issues, False))
                    left_out.add(entry.n)
            ready: list[ResolvedWrite] = []
            writes = self._writes(turn, good, left_out)
            for entry, write in writes:
                write = replace(write, flags=flags.get(entry.n, ()))
                try:
                    ready.append(_meant(write, meaning))
                except Problem:
                    held = Held(
                        file, places[entry.n], write.type, write.id, write.flags, entry.if_none_exist, write.method
                    )
                    self.waiting.add(held, write)
            self._store(turn, ready, {(write.type, write.id): (file, places[entry.n]) for entry, write in writes})

    def _writes(self, turn: Turn, entries: Sequence[Entry], left_out: Set[int]) -> ResolvedWrites:
        """The writes of the entries that are not left out; references to the others name the ids they would have."""
        links = {e.full_url: f"{e.type}/{_id(e)}" for e in entries if e.n in left_out and e.full_url}
        return resolved_writes(turn, [entry for entry in entries if entry.n not in left_out], _id, links)

    def finish(self) -> None:
        """Store what waits, again and again while that brings any of it further; then tell what is left of it."""
        before = -1
        while 0 < self.waiting.count != before:
            before = self.waiting.count
            for run in self.waiting.taken(_RUN):
                self._retry(run)
        for run in self.waiting.taken(_RUN):
            self._give_up(run)

    def _retry(self, run: Sequence[tuple[Held, Json]]) -> None:
        with changing(self.world, LOADER, "load") as turn:
            meaning = Conditionals(turn)
            ready: list[ResolvedWrite] = []
            for held, resource in run:
                if problem := _unclear(turn, held.type, held.unless):
                    what, issues = f"{held.type}/{held.id}", problem.all_issues()
                    self.loaded.refusals.append(Refusal(held.file, held.place, what, issues, False))
                    continue
                write = fhir_write.creating(turn, held.type, resource, held.unless, held.id)
                try:
                    ready.append(_meant(replace(write, flags=held.flags, method=held.method), meaning))
                except Problem:
                    self.waiting.add(held, write)
            self._store(turn, ready, _places(run))

    def _give_up(self, run: Sequence[tuple[Held, Json]]) -> None:
        with changing(self.world, LOADER, "load") as turn:
            meaning = Conditionals(turn)
            ready: list[ResolvedWrite] = []
            for held, resource in run:
                issues = tuple(_unmet(resource, meaning))
                what = f"{held.type}/{held.id}"
                self.loaded.refusals.append(Refusal(held.file, held.place, what, issues, self.lenient))
                if self.lenient:
                    flags = (*held.flags, *issues)
                    ready.append(ResolvedWrite(held.type, held.id, resource, flags=flags, method=held.method))
            self._store(turn, ready, _places(run))

    def _store(self, turn: Turn, writes: Sequence[ResolvedWrite], places: Mapping[tuple[str, str], _Place]) -> None:
        """Store what the tables of states have, and tell the rest."""

        def tell(write: door.Aim, problem: Problem) -> None:
            what = f"{write.type}/{write.id}"
            self.loaded.refusals.append(Refusal(*places[write.type, write.id], what, problem.all_issues(), False))

        written = fhir_write.carry_out(turn, writes, tell)
        self.loaded.kept.update(one.type for one in written if one.body)
        self.loaded.outcomes.update(one.outcome for one in written)


def _places(run: Sequence[tuple[Held, Json]]) -> dict[tuple[str, str], _Place]:
    return {(held.type, held.id): (held.file, held.place) for held, _ in run}


def _unclear(turn: Turn, type: str, unless: Pairs | None) -> Problem | None:
    """Why the condition of a create means no single resource."""
    try:
        if unless is not None:
            one(turn, type, unless, "ifNoneExist")
    except Problem as problem:
        return problem
    return None


def _meant(write: ResolvedWrite, meaning: Conditionals) -> ResolvedWrite:
    """The write with its conditional references set. Raises what `Conditionals` raises where one can not be."""
    asked = bundle_references.conditions(write.resource) if write.resource is not None else []
    if not asked or write.resource is None:
        return write
    return replace(write, resource=resolved(write.resource, {text: meaning(text) for text in asked}))


def _unmet(resource: Json, meaning: Conditionals) -> Iterator[Issue]:
    for asked in bundle_references.conditions(resource):
        try:
            meaning(asked)
        except Problem as problem:
            yield Issue("error", problem.code, problem.text, None)


def _id(entry: Entry) -> str:
    """The same for the same entry, whenever it is loaded."""
    given = (entry.resource or {}).get("id")
    candidates = (given, entry.full_url.removeprefix("urn:uuid:"), entry.full_url.rpartition("/")[2])
    for candidate in candidates:
        if isinstance(candidate, str) and ID.fullmatch(candidate):
            return candidate
    return str(uuid5(_CONTENT, text.dumps(entry.resource or {}).hex()))


def _named(entry: Entry) -> str:
    id = (entry.resource or {}).get("id")
    return f"{entry.type}/{id}" if isinstance(id, str) else entry.type


def _is_object(line: bytes) -> bool:
    try:
        text.loads(line)
    except Problem:
        return False
    return True


def _loads(data: bytes, file: str, place: str) -> dict[str, Any]:
    try:
        return text.loads(data)
    except Problem as problem:
        where = f"{file}, {place}" if place else file
        raise Invalid(f"{where}: {problem.text}") from problem
