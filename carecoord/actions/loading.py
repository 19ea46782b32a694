"""Load files: FHIR Bundles and NDJSON, plain or gzip. Loading the same file twice changes nothing.

Given ids are kept; an entry without one takes the uuid of its fullUrl, or else a number made from its content. A
transaction Bundle is kept whole or not at all, unless one is lenient; in other Bundles and in NDJSON each resource
stands for itself.

Clause: FHIR R4 bundle.html, http.html#trules, nd-json.html.
"""

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any
from uuid import NAMESPACE_URL, uuid5

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions import writes
from carecoord.actions.bundles import aimed
from carecoord.actions.entries import Entry, conditions
from carecoord.actions.permission import changing
from carecoord.actions.writes import ID
from carecoord.errors import Invalid, Issue, NotFound, Problem
from carecoord.fhir import text, validate
from carecoord.fhir.substitution import shift
from carecoord.fhir.types import TYPES
from carecoord.store.engine import analyze
from carecoord.world import World

__all__ = ["Loaded", "Refusal", "load", "shift"]

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
    """What became of a load: resources kept by type, what that changed (created, updated, unchanged, deleted), what the
    rules refuse, and how many resources are not stored: the refused, and what they had with them in a transaction."""

    kept: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)
    dropped: int = 0


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
    loaded = Loaded()
    for path in paths:
        done = 0
        for run in _runs(path):
            _keep(world, loaded, path.name, run, lenient, days)
            done += len(run.entries)
            report(path.name, done, run.total)
    if loaded.outcomes["created"] + loaded.outcomes["updated"] > _GROWN:
        analyze(world.engine)
    return loaded


@dataclass(frozen=True)
class _Run:
    """Entries that are kept together. whole: all of them or none. total: how many the file has, if that is known."""

    entries: Sequence[Entry]
    places: Sequence[str]
    whole: bool
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
            yield _Run(entries, places, False, None)
            entries, places = [], []
    yield _Run(entries, places, False, None)


def _whole(found: dict[str, Any]) -> _Run:
    if found.get("resourceType") != "Bundle":
        return _Run([_entry(found, 0, "")], [""], False, 1)
    raw = found.get("entry", [])
    raw = raw if isinstance(raw, list) else []
    entries = [one for n, each in enumerate(raw) if (one := _bundled(each, n))]
    places = [one.where for one in entries]
    return _Run(entries, places, found.get("type") == "transaction", len(entries))


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


def _keep(world: World, loaded: Loaded, file: str, run: _Run, lenient: bool, days: int) -> None:
    """Store a run in one transaction, as far as the rules and `lenient` allow."""
    flags: dict[int, tuple[Issue, ...]] = {}
    good: list[Entry] = []
    for entry, place in zip(run.entries, run.places, strict=True):
        issues = tuple(validate.issues(entry.resource)) if entry.resource is not None else ()
        kept = not issues or (lenient and entry.type in TYPES)
        if issues:
            loaded.refusals.append(Refusal(file, place, _named(entry), issues, kept))
            flags[entry.n] = issues
        if kept:
            shifted = shift(entry.resource, days) if days and entry.resource else entry.resource
            good.append(replace(entry, resource=shifted))
    if run.whole and not lenient and len(good) < len(run.entries):
        good = []
    loaded.dropped += len(run.entries) - len(good)
    if not good:
        return
    with changing(world, LOADER, "load") as turn:
        aims = [(entry, replace(aim, flags=flags.get(entry.n, ()))) for entry, aim in aimed(turn, good, _id)]
        written = writes.carry_out(turn, [aim for _, aim in aims])
    loaded.kept.update(one.type for one in written if one.body)
    loaded.outcomes.update(one.outcome for one in written)


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
