"""Writes before the one door: each interaction is resolved to one resource, all are made at once, then what came of
them is judged by what the asker may do. Used by single requests, transactions, batches and file loads alike.

Clause: FHIR R4 http.html#create, #update (update as create), #patch, #delete, #ccreate, #cond-update, #cdelete.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from auth.store import find_client
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, missing
from carecoord.actions.fhir import door
from carecoord.actions.fhir.conditional import Pairs, one
from carecoord.actions.fhir.reference_guard import demand_seen
from carecoord.actions.prior_auth import chains
from carecoord.actions.prior_auth.pas import notices, own_marks
from carecoord.actions.scheduling import slots
from carecoord.domain.access import app_state, roles
from carecoord.domain.referrals import states as task_states
from carecoord.errors import Forbidden, Gone, Invalid, Issue, NotFound, Problem, Stale
from carecoord.fhir import text
from carecoord.fhir.etag import Expected, etag, holds
from carecoord.fhir.patch.json_patch import Patch
from carecoord.fhir.search.query import EVERYTHING
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.change import Method
from carecoord.store.resources.read import Row
from carecoord.store.resources.write import Change, Written, put_all, stale

ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class ResolvedWrite:
    """A write that is known to mean one resource. resource None: delete it. expected: the version it must be at.

    already: it meets a condition under which nothing is to be done. twin: another write of the same go creates it,
    under the same condition. flags: why the rules refuse what is stored all the same. method: of the
    request, for the history.
    """

    type: str
    id: str
    resource: dict[str, Any] | None = None
    expected: Expected | None = None
    already: Row | None = None
    twin: bool = False
    flags: tuple[Issue, ...] = ()
    method: Method = "PUT"


def creating(turn: Turn, type: str, resource: dict[str, Any], unless: Pairs | None, new_id: str) -> ResolvedWrite:
    """A create; `unless`: the arguments of If-None-Exist. Raises Forbidden, or Stale when they meet several."""
    turn.demand(type, "c")
    if _is_state(turn, type, "c"):
        app_state.judge(resource)
    found = one(turn, type, unless, "http.If-None-Exist") if unless is not None else None
    if found:
        return ResolvedWrite(type, found.id, already=found)
    return ResolvedWrite(type, new_id, resource, method="POST")


def updating(
    turn: Turn, type: str, id: str, resource: dict[str, Any], expected: Expected | None, only_new: bool
) -> ResolvedWrite:
    """An update, or a create under an id of the client's choice. only_new: If-None-Match: *.

    What the asker may not know of is answered as what never was, by each condition too; but it can not be made: an id
    that somebody guessed is refused as not there.

    Raises Invalid for an id that is none or not the resource's own, Forbidden, NotFound, Stale.
    """
    if not ID.fullmatch(id):
        raise Invalid(f"{id[:80]!r} is no id: up to 64 letters, digits, '-' and '.'.", "http.url")
    if resource.get("id") != id:
        raise Invalid(f"The resource must have the id of its address, {id!r}.", f"{type}.id")
    whole = turn.filter(type, "c") == EVERYTHING == turn.filter(type, "u")
    if only_new or type == "Contract" or not whole:
        before = read.get(turn.conn, type, id)
        if before is None or before.deleted or _is_hidden(turn, before):
            turn.demand(type, "c")
            _as_never(turn, type, id, before, expected)
            if _is_state(turn, type, "c"):
                raise Stale(f"There is no {type}/{id} any more. Create app state with POST.", "http.url")
        else:
            turn.demand_row(before, "u")
            turn.demand_whole(before, resource)
            if _is_state(turn, type, "u"):
                app_state.demand_version(expected)
                app_state.demand_same(text.loads(before.body), resource)
                app_state.judge(resource)
            if only_new:
                raise Stale(f"{type}/{id} exists already.", "http.If-None-Match")
    return ResolvedWrite(type, id, resource, expected)


def updating_match(
    turn: Turn, type: str, pairs: Pairs, resource: dict[str, Any], expected: Expected | None
) -> ResolvedWrite:
    """A conditional update: of the one that meets the arguments; a create where none does."""
    found = one(turn, type, pairs, "http.url")
    given = resource.get("id")
    if found is None and given is None:
        turn.demand(type, "c")
        return ResolvedWrite(type, turn.world.new_id(), resource, expected)
    if found is not None and given not in (None, found.id):
        raise Invalid(f"The condition means {type}/{found.id}, the resource has another id.", f"{type}.id")
    id = found.id if found else str(given)
    return updating(turn, type, id, {**resource, "id": id}, expected, only_new=found is None)


def patching(turn: Turn, type: str, id: str, patch: Patch, expected: Expected | None) -> ResolvedWrite:
    """A patch of what is stored, judged as an update with what comes out. The answer shows it, and so may a test in
    the patch: so it takes an access that may read too.

    Raises Forbidden, NotFound, Gone, Stale, Unprocessable where the patch does not apply or leaves nothing valid.
    """
    turn.demand(type, "u")
    turn.demand(type, "r")
    alone(turn.conn, f"patch {type}/{id}")  # two at once: the later one builds on what the earlier one left
    before = read.get(turn.conn, type, id) if ID.fullmatch(id) else None
    if before is None or not turn.sees(before, "r"):
        raise missing(type, id)
    if before.deleted:
        raise Gone(f"{type}/{id} has been deleted.", headers={"ETag": etag(before.version)})
    turn.demand_row(before, "u")
    turn.demand_whole(before)
    if expected is not None and not holds(expected, before.version):
        raise Stale(f"{type}/{id} is at version {before.version}, not at {expected}: read it again.", "http.If-Match")
    resource = patch(text.loads(before.body))
    judge(resource, type)
    write = updating(turn, type, id, resource, expected, only_new=False)
    return replace(write, expected=before.version, method="PATCH")


def patching_match(turn: Turn, type: str, pairs: Pairs, patch: Patch, expected: Expected | None) -> ResolvedWrite:
    """A conditional patch: of the one that meets the arguments. Raises NotFound where none does."""
    found = one(turn, type, pairs, "http.url")
    if found is None:
        raise NotFound(f"No {type} meets the condition: there is nothing to patch.", "http.url")
    return patching(turn, type, found.id, patch, expected)


def deleting(turn: Turn, type: str, id: str, expected: Expected | None) -> ResolvedWrite:
    """A delete; what is not there is no error to whom nothing narrows. Raises Forbidden, or NotFound in the same words
    for what is not there and what the asker may not know of."""
    turn.demand(type, "d")
    if turn.filter(type, "d") != EVERYTHING:
        before = read.get(turn.conn, type, id)
        if before is None or _is_hidden(turn, before):
            _as_never(turn, type, id, before, expected)
            raise missing(type, id)
        if not before.deleted:
            turn.demand_row(before, "d")
        if _is_state(turn, type, "d"):
            app_state.demand_version(expected)
            if before is None or before.deleted:
                raise Stale(f"There is no {type}/{id} any more.", "http.url")
    return ResolvedWrite(type, id, None, expected, method="DELETE")


def _is_hidden(turn: Turn, row: Row) -> bool:
    """Whether the asker may not even know of a resource; of one that is deleted, only those know whom nothing narrows.
    Who deleted it is told so again."""
    return not row.deleted and not any(turn.sees(row, perm) for perm in "rud")


def _as_never(turn: Turn, type: str, id: str, before: Row | None, expected: Expected | None) -> None:
    """Refuse what never was, and what the asker may not know of: in the same words where a version is expected."""
    if expected is not None and (before is None or not turn.sees(before, "r")):
        raise stale(type, id, expected)
    if before is not None and not before.deleted:
        raise missing(type, id)


def deleting_match(turn: Turn, type: str, pairs: Pairs, expected: Expected | None) -> ResolvedWrite | None:
    """A conditional delete: of the one that meets the arguments, or of none. Raises Stale when several do."""
    turn.demand(type, "d")
    found = one(turn, type, pairs, "http.url")
    return deleting(turn, type, found.id, expected) if found else None


def _refuse(write: door.Aim, problem: Problem) -> None:
    raise problem


def carry_out(
    turn: Turn, writes: Sequence[ResolvedWrite], refuse: Callable[[door.Aim, Problem], None] = _refuse
) -> list[Written]:
    """Make every write, in one go, and return what became of each, in their order. `check` each of them then. refuse:
    what is done about a write that the door refuses; where it returns, the others are made without that one.

    Raises Stale where one is not at the version expected, Forbidden where one points at a patient whom the asker's
    roles do not see, and what `door.refusals` tells where the tables of states do not have it.
    """
    demand_seen(turn, writes)
    standing = door.stands(turn, writes)
    marked = _under_their_workflow(turn, writes, standing[0])
    given = {id(each): write for each, write in zip(marked, writes, strict=True)}
    refused = set()
    for aim, problem in door.refusals(turn, marked, standing=standing):
        refuse(given[id(aim)], problem)
        refused.add(id(aim))
    writes = [write for write in marked if id(write) not in refused]
    for write in writes:
        if write.already:
            with noted(turn, "read", write.type, write.id) as shown:
                shown.append(write.already.patient)
    todo = [write for write in writes if write.already is None and not write.twin]
    changes = notices.marked(turn, chains.marked(turn, own_marks.marked(turn, [
        Change(write.type, write.id, write.resource, write.expected, write.flags, method=write.method) for write in todo
    ])))  # fmt: skip
    done = put_all(
        turn.conn,
        [*changes, *slots.along(turn.conn, changes)],
        now=turn.now,
        actor=turn.actor(),
        base=turn.world.base,
        project=turn.world.project,
    )
    made = {
        (one.type, one.id): replace(one, outcome="unchanged") for one in done if any(write.twin for write in writes)
    }
    each = iter(done)
    return [
        _as_it_is(write.already) if write.already else made[write.type, write.id] if write.twin else next(each)
        for write in writes
    ]


@contextmanager
def tried(turn: Turn, writes: Sequence[ResolvedWrite]) -> Iterator[None]:
    """A look at what the writes would make, for what has to be found among it; they are undone at the end."""
    changes = [
        Change(write.type, write.id, write.resource) for write in writes if write.already is None and not write.twin
    ]
    demand_seen(turn, writes)
    with turn.conn.begin_nested() as trial:
        base = turn.world.base
        put_all(turn.conn, changes, now=turn.now, actor=turn.actor(), base=base, project=lambda *_: None)
        yield
        trial.rollback()


def check(turn: Turn, result: Written) -> Written:
    """What was written must lie within what the asker may write: a scope on lab results makes no diagnosis. Raises
    Forbidden where it does not: the transaction must then be given up. Returns it as the asker may read it."""
    perm = {"created": "c", "updated": "u"}.get(result.outcome)
    told = turn.written(result) if result.type == "Contract" else result
    if perm is None or turn.filter(result.type, perm) == EVERYTHING:
        return told
    row = read.get(turn.conn, result.type, result.id)
    if row is None or not turn.sees(row, perm):
        text = f"This {result.type} is not among those that this access may write: see its scopes and roles."
        raise Forbidden(text, result.type)
    return told


def _under_their_workflow(
    turn: Turn, writes: Sequence[ResolvedWrite], standing: door.Held
) -> list[ResolvedWrite]:
    """The writes, each Task marked with the workflow that it follows: the one under which it began, for a new one what
    is agreed with the client. A mark that the client wrote itself says nothing, and one that it left out stays.
    standing: what stands there now."""
    ids = [(write.type, write.id) for write in writes if write.type == "Task" and write.resource is not None]
    if not ids:
        return list(writes)
    held = {id: task for type, id in ids if (task := standing.get((type, id)))}
    client = find_client(turn.conn, turn.grant.client) if turn.grant.client and len(held) < len(set(ids)) else None
    agreed = task_states.named(client.workflow if client else "")
    found = []
    for write in writes:
        if write.type == "Task" and write.resource is not None:
            workflow = task_states.workflow(held[write.id]) if write.id in held else agreed
            write = replace(write, resource=task_states.following(write.resource, workflow))
        found.append(write)
    return found


def _is_state(turn: Turn, type: str, perm: str) -> bool:
    """Whether an app writes state of its own: a service that may write every Basic brings in what it likes."""
    return type == app_state.TYPE and not roles.serves(turn.grant, type, perm)


def _as_it_is(row: Row) -> Written:
    return Written(row.type, row.id, row.version, row.updated, "unchanged", row.body)
