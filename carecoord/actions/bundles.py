"""Transactions, all or nothing, and batches, each entry for itself.

Clause: FHIR R4 http.html#transaction, #trules; bundle.html#transaction-response.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from auth.grant import Grant
from carecoord.actions import histories, reads, writes
from carecoord.actions.entries import Entry, kind, listed, parse, placed
from carecoord.actions.linking import conditionals, linked
from carecoord.actions.noting import refusals_noted
from carecoord.actions.permission import Turn, changing, looking
from carecoord.actions.writes import Aim
from carecoord.errors import Invalid, Issue, Problem, Stale, Unprocessable
from carecoord.fhir import bundle, validate
from carecoord.fhir.bundle import Answer
from carecoord.store import read
from carecoord.store.read import Row
from carecoord.store.write import Written
from carecoord.world import World

NewId = Callable[[Entry], str]
Aims = list[tuple[Entry, Aim]]

_ORDER = ("DELETE", "POST", "PUT")
_INTERACTION = {"DELETE": "delete", "POST": "create", "PUT": "update"}
_STATUS = {"created": "201 Created", "deleted": "204 No Content"}


def process(world: World, grant: Grant, body: Any, *, full: bool = False, request: str = "") -> bytes:
    """Carry out a Bundle and return the response Bundle. full: with the resources as they are now stored.

    Raises the Problem of the first entry that fails in a transaction, its expressions seen from the Bundle; nothing is
    kept then. What fails in a batch is told in its own answer.
    """
    if kind(body) == "batch":
        answers = [_alone(world, grant, raw, n, full, request) for n, raw in enumerate(listed(body))]
        return bundle.responses("batch-response", answers)
    base = world.settings.fhir_url + "/"
    entries = [parse(raw, n, base) for n, raw in enumerate(listed(body))]
    _judge(entries)
    with changing(world, grant, request) as turn, refusals_noted(turn, "transaction", "Bundle"):
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
    aims = aimed(turn, entries, new_id)
    _refuse_twins(aims)
    base = turn.world.settings.fhir_url
    answers = {}
    for (entry, _), one in zip(aims, _written(turn, aims), strict=True):
        with _placing(entry):
            answers[entry.n] = _told(writes.check(turn, one), base, full)
    for entry in entries:
        if entry.method == "GET":
            with _placing(entry):
                answers[entry.n] = _fetched(turn, entry)
    return [answers.get(entry.n, Answer(_STATUS["deleted"])) for entry in entries]


def _written(turn: Turn, aims: Aims) -> list[Written]:
    """All writes in one go; a Stale one is told by its entry."""
    try:
        return writes.carry_out(turn, [aim for _, aim in aims])
    except Stale as stale:
        for entry, aim in aims:
            row = read.get(turn.conn, aim.type, aim.id)
            if aim.expected is not None and (row.version if row else None) != aim.expected:
                raise placed(stale, entry.where) from stale
        raise


def aimed(turn: Turn, entries: Sequence[Entry], new_id: NewId) -> Aims:
    """What each entry that writes is to do to which resource, with the references between them set. Raises what each
    interaction raises, with expressions seen from the Bundle."""
    aims: Aims = []
    for entry in sorted((e for e in entries if e.method != "GET"), key=lambda one: _ORDER.index(one.method)):
        with _placing(entry):
            aim = _aim(turn, entry, new_id)
        if aim:
            aims.append((entry, aim))
    kept = ((entry, aim) for entry, aim in aims if entry.full_url and entry.method != "DELETE")
    links = {entry.full_url: f"{aim.type}/{aim.id}" for entry, aim in kept}
    conditional = conditionals(turn)
    return [(entry, _linked(entry, aim, links, conditional)) for entry, aim in aims]


def _aim(turn: Turn, entry: Entry, new_id: NewId) -> Aim | None:
    type, id, query = entry.type, entry.id, entry.query or ()
    match entry.method, entry.resource:
        case "POST", dict(resource):
            return writes.creating(turn, type, resource, entry.if_none_exist, new_id(entry))
        case "PUT", dict(resource):
            if id is None:
                return writes.updating_match(turn, type, query, resource, entry.expected)
            return writes.updating(turn, type, id, resource, entry.expected, entry.if_none_match == "*")
        case _:
            if id is None:
                return writes.deleting_match(turn, type, query, entry.expected)
            return writes.deleting(turn, type, id, entry.expected)


def _linked(entry: Entry, aim: Aim, links: dict[str, str], conditional: Callable[[str], str]) -> Aim:
    if aim.resource is None:
        return aim
    with _placing(entry):
        return replace(aim, resource=linked(aim.resource, entry.full_url, links, conditional))


def _refuse_twins(aims: Aims) -> None:
    """http.html#trules: no resource may be meant by two entries."""
    seen: dict[tuple[str, str], Entry] = {}
    for entry, aim in aims:
        first = seen.setdefault((aim.type, aim.id), entry)
        # several creates may find, by their condition, the same resource: none of them changes it
        if first is not entry and not (aim.already and first.method == "POST"):
            text = f"Entries {first.n} and {entry.n} are about the same resource, {aim.type}/{aim.id}."
            raise Invalid(text, entry.where)


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
            return Answer("200 OK", body=reads.searched(turn, type, pairs, strict=True))
        case [type, "_history"]:
            return Answer("200 OK", body=histories.changed(turn, type, pairs))
        case [type, id]:
            return _seen(reads.present(turn, type, id))
        case [type, id, "_history"]:
            return Answer("200 OK", body=histories.versions(turn, type, id, pairs))
        case [type, id, "_history", number]:
            return _seen(reads.past(turn, type, id, number))
        case [owner, id, type]:
            return Answer("200 OK", body=reads.searched(turn, type, pairs, strict=True, within=(owner, id)))
    raise Invalid("In a Bundle, GET reads, searches or shows a history.", f"{entry.where}.request.url")


def _seen(row: Row) -> Answer:
    return Answer("200 OK", version=row.version, updated=row.updated, body=row.body)


def _told(one: Written, base: str, full: bool) -> Answer:
    status = _STATUS.get(one.outcome, "200 OK")
    if not one.body:
        return Answer(_STATUS["deleted"], version=one.version or None, updated=one.updated if one.version else None)
    location = f"{base}/{one.type}/{one.id}/_history/{one.version}"
    return Answer(status, location, one.version, one.updated, one.body if full else b"")
