"""Transactions, all or nothing, and batches, each entry for itself.

Clause: FHIR R4 http.html#transaction, #trules; bundle.html#transaction-response, bdl-7. The order is the standard's:
DELETE, POST, PUT, GET, and conditional references last, which see what the others made.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.fhir import door, history
from carecoord.actions.fhir import read as fhir_read
from carecoord.actions.fhir import write as fhir_write
from carecoord.actions.fhir.bundle_entries import Entry, Pairs, address_of, kind, listed, parse, placed
from carecoord.actions.fhir.bundle_references import Conditionals, conditions, linked, resolved
from carecoord.actions.fhir.conditional import one
from carecoord.actions.fhir.write import ResolvedWrite
from carecoord.errors import Invalid, Issue, Problem, Stale, Unprocessable
from carecoord.fhir import bundle
from carecoord.fhir.bundle import Answer
from carecoord.fhir.etag import holds, names
from carecoord.fhir.patch.json_patch import entry_patch
from carecoord.fhir.validation import validate
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Written
from carecoord.world import World

NewId = Callable[[Entry], str]
ResolvedWrites = list[tuple[Entry, ResolvedWrite]]

_ORDER = ("DELETE", "POST", "PUT", "PATCH")
_INTERACTION = {"DELETE": "delete", "POST": "create", "PUT": "update", "PATCH": "update"}
_STATUS = {"created": "201 Created", "deleted": "204 No Content"}


def process(world: World, grant: Grant, body: Any, *, full: bool = False, request: str = "") -> bytes:
    """Carry out a Bundle and return the response Bundle. full: with the resources as they are now stored.

    Raises the Problem of the first entry that fails in a transaction, its expressions seen from the Bundle; nothing is
    kept then. What fails in a batch is told in its own answer.
    """
    if kind(body) == "batch":
        _demand_own_urls([address_of(raw) for raw in listed(body)])
        answers = [_alone(world, grant, raw, n, full, request) for n, raw in enumerate(listed(body))]
        return bundle.responses("batch-response", answers)
    base = world.settings.fhir_url + "/"
    entries = [parse(raw, n, base) for n, raw in enumerate(listed(body))]
    _demand_own_urls([(entry.full_url, "") for entry in entries])
    _judge(entries)
    with changing(world, grant, request, shares=False) as turn, refusals_noted(turn, "transaction", "Bundle"):
        return bundle.responses("transaction-response", perform(turn, entries, full, lambda _: world.new_id()))


def _alone(world: World, grant: Grant, raw: Any, n: int, full: bool, request: str) -> Answer:
    """One entry of a batch, in a transaction of its own."""
    try:
        entry = parse(raw, n, world.settings.fhir_url + "/")
        _judge([entry])
        if entry.method == "GET":
            with looking(world, grant, request) as turn:
                return perform(turn, [entry], full, lambda _: world.new_id())[0]
        what = _INTERACTION[entry.method]
        with changing(world, grant, request) as turn, refusals_noted(turn, what, entry.type, entry.id):
            return perform(turn, [entry], full, lambda _: world.new_id())[0]
    except Problem as problem:
        return Answer(f"{problem.status} {type(problem).__name__}", issues=problem.all_issues())


def perform(turn: Turn, entries: Sequence[Entry], full: bool, new_id: NewId) -> list[Answer]:
    """Every entry in the order of the standard, whatever theirs: deletes, creates, updates, then reads."""
    writes = resolved_writes(turn, entries, new_id)
    _refuse_overlaps(writes)
    writes = _resolved(turn, writes)
    base = turn.world.settings.fhir_url
    answers = {}
    for (entry, _), written in zip(writes, _written(turn, writes), strict=True):
        with _placing(entry):
            answers[entry.n] = _told(fhir_write.check(turn, written), base, full)
    _demand_single(turn, writes)
    for entry in entries:
        if entry.method == "GET":
            with _placing(entry):
                answers[entry.n] = _fetched(turn, entry)
    return [answers.get(entry.n, Answer(_STATUS["deleted"])) for entry in entries]


def _written(turn: Turn, writes: ResolvedWrites) -> list[Written]:
    """All writes in one go; one that the door refuses, or that is Stale, is told by its entry."""
    entries = {id(write): entry for entry, write in writes}

    def refuse(write: door.Aim, problem: Problem) -> None:
        raise placed(problem, entries[id(write)].where) from problem

    try:
        return fhir_write.carry_out(turn, [write for _, write in writes], refuse)
    except Stale as stale:
        for entry, write in writes:
            row = read.get(turn.conn, write.type, write.id)
            if write.expected is not None and not holds(write.expected, row.version if row else None):
                raise placed(stale, entry.where) from stale
        raise


def resolved_writes(
    turn: Turn, entries: Sequence[Entry], new_id: NewId, besides: Mapping[str, str] = MappingProxyType({})
) -> ResolvedWrites:
    """What each entry that writes is to do to which resource, with the references between them set, but for
    conditional ones. besides: other fullUrls and what they lead to.

    Raises what each interaction raises, with expressions seen from the Bundle.
    """
    writes: ResolvedWrites = []
    made: dict[tuple[str, Pairs], ResolvedWrite] = {}
    for entry in sorted((e for e in entries if e.method != "GET"), key=lambda one: _ORDER.index(one.method)):
        with _placing(entry):
            write = _resolved_write(turn, entry, new_id)
        if write and entry.method == "POST" and entry.if_none_exist is not None and write.already is None:
            # two creates under one condition: the second finds what the first makes
            first = made.setdefault((write.type, tuple(sorted(entry.if_none_exist))), write)
            write = write if first is write else replace(write, id=first.id, resource=None, twin=True)
        if write:
            writes.append((entry, write))
    kept = ((entry, write) for entry, write in writes if entry.full_url and entry.method != "DELETE")
    links = {**besides, **{entry.full_url: f"{write.type}/{write.id}" for entry, write in kept}}
    return [(entry, _linked(entry, write, links)) for entry, write in writes]


def _resolved_write(turn: Turn, entry: Entry, new_id: NewId) -> ResolvedWrite | None:
    type, id, query = entry.type, entry.id, entry.query or ()
    match entry.method, entry.resource:
        case "POST", dict(resource):
            return fhir_write.creating(turn, type, resource, entry.if_none_exist, new_id(entry))
        case "PUT", dict(resource):
            if id is None:
                return fhir_write.updating_match(turn, type, query, resource, entry.expected)
            return fhir_write.updating(turn, type, id, resource, entry.expected, entry.if_none_match == "*")
        case "PATCH", dict(resource):
            if id is None:
                return fhir_write.patching_match(turn, type, query, entry_patch(resource), entry.expected)
            return fhir_write.patching(turn, type, id, entry_patch(resource), entry.expected)
        case _:
            if id is None:
                return fhir_write.deleting_match(turn, type, query, entry.expected)
            return fhir_write.deleting(turn, type, id, entry.expected)


def _linked(entry: Entry, write: ResolvedWrite, links: dict[str, str]) -> ResolvedWrite:
    if write.resource is None:
        return write
    return replace(write, resource=linked(write.resource, entry.full_url, links))


def _resolved(turn: Turn, writes: ResolvedWrites) -> ResolvedWrites:
    """The writes with their conditional references set. Where those may mean what the transaction itself makes, changes
    or deletes, its writes are tried first."""
    asked = {entry.n: conditions(write.resource) for entry, write in writes if write.resource is not None}
    texts = [text for found in asked.values() for text in found]
    if not texts:
        return writes
    meaning = Conditionals(turn)
    types = {write.type for _, write in writes if write.already is None}
    leads_on = any("." in name or ":" in name for text in texts for name, _ in parse_qsl(text.partition("?")[2]))
    own = leads_on or any(text.partition("?")[0] in types for text in texts)
    known: dict[str, str] = {}
    with fhir_write.tried(turn, [write for _, write in writes]) if own else nullcontext():
        for entry, _ in writes:
            with _placing(entry):
                known.update((text, meaning(text)) for text in asked.get(entry.n, ()))
    return [
        (entry, replace(write, resource=resolved(write.resource, known)) if write.resource is not None else write)
        for entry, write in writes
    ]


def _refuse_overlaps(writes: ResolvedWrites) -> None:
    """http.html#trules: "If any resource identities (including resolved identities from conditional update/delete)
    overlap in steps 1-3, then the transaction SHALL fail"."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry, write in writes:
        first = seen.setdefault((write.type, write.id), entry)
        # several creates may find, by their condition, the same resource: none of them changes it
        if first is not entry and not ((write.already or write.twin) and first.method == "POST"):
            text = f"Entries {first.n} and {entry.n} are about the same resource, {write.type}/{write.id}."
            raise Invalid(text, entry.where)


def _demand_single(turn: Turn, writes: ResolvedWrites) -> None:
    """A resource that a condition made must be the only one to meet it: two entries that ask the same in other words
    would make two. Raises Stale (412) by the entry."""
    for entry, write in writes:
        asked = entry.if_none_exist if entry.method == "POST" else entry.query if entry.id is None else None
        if asked and entry.method != "DELETE" and write.already is None:
            with _placing(entry):
                one(turn, write.type, asked, "http.If-None-Exist" if entry.method == "POST" else "http.url")


def _demand_own_urls(urls: Sequence[tuple[str, str]]) -> None:
    """bdl-7: a fullUrl is unique in a Bundle, but for versions of one resource, which only a batch can hold. `urls`:
    the fullUrl of each entry, or nothing, and the version. Raises Invalid by the second entry."""
    seen: dict[tuple[str, str], int] = {}
    for n, url in enumerate(urls):
        if url[0] and seen.setdefault(url, n) != n:
            text = f"Entries {seen[url]} and {n} have one fullUrl, {url[0][:200]}: each entry needs its own."
            raise Invalid(text, f"Bundle.entry[{n}].fullUrl")


def _judge(entries: Sequence[Entry]) -> None:
    """Refuse what is not valid before anything is locked, with every issue of every entry."""
    found: list[Issue] = []
    for entry in entries:
        if entry.resource is not None and entry.method in ("POST", "PUT"):
            try:
                validate.judge(entry.resource, entry.type)
            except Problem as problem:
                found += placed(problem, entry.where).all_issues()
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Unprocessable(f"{found[0].text}{more}", found[0].where, issues=found)


@contextmanager
def _placing(entry: Entry) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        raise placed(problem, entry.where) from problem


def _fetched(turn: Turn, entry: Entry) -> Answer:
    """What a GET entry asks for."""
    pairs = entry.query or ()
    match entry.path:
        case [type]:
            return Answer("200 OK", body=fhir_read.searched(turn, type, pairs, strict=False))
        case [type, "_history"]:
            return Answer("200 OK", body=history.changed(turn, type, pairs))
        case [type, id]:
            return _seen(fhir_read.present(turn, type, id), entry.if_none_match)
        case [type, id, "_history"]:
            return Answer("200 OK", body=history.versions(turn, type, id, pairs))
        case [type, id, "_history", number]:
            return _seen(fhir_read.past(turn, type, id, number), entry.if_none_match)
        case [owner, id, type]:
            return Answer("200 OK", body=fhir_read.searched(turn, type, pairs, strict=False, within=(owner, id)))
    raise Invalid("In a Bundle, GET reads, searches or shows a history.", f"{entry.where}.request.url")


def _seen(row: Row, if_none_match: str | None) -> Answer:
    if if_none_match is not None and names(if_none_match, row.version):
        return Answer("304 Not Modified", version=row.version, updated=row.updated)
    return Answer("200 OK", version=row.version, updated=row.updated, body=row.body)


def _told(one: Written, base: str, full: bool) -> Answer:
    status = _STATUS.get(one.outcome, "200 OK")
    if not one.body:
        return Answer(_STATUS["deleted"], version=one.version or None, updated=one.updated if one.version else None)
    location = f"{base}/{one.type}/{one.id}/_history/{one.version}"
    return Answer(status, location, one.version, one.updated, one.body if full else b"")
