"""One act for several referrals: each by itself, in a transaction of its own, with its own permission, lock, Provenance
and event, so that one on which it can not be done holds up no other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.worklist import worklist
from carecoord.domain.access import verbs
from carecoord.domain.access.payer_view import PayerRow
from carecoord.domain.access.verbs import Verb
from carecoord.domain.referrals.case import order_named
from carecoord.domain.worklist.work import work_id
from carecoord.errors import Forbidden, Problem
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.store.worklist.query import WorklistQuery
from carecoord.words.sentence import sentence
from carecoord.world import World

# What can be done for several at once: what is right for each by itself and needs nothing of one's own read first.
VERBS: Final[tuple[Verb, ...]] = ("assign", "snooze", "note", "contact", "send", "tell")
MOST: Final = 100  # referrals


@dataclass(frozen=True, slots=True)
class Chosen:
    """An open referral that somebody chose. `seen`: the versions of what an act may change, as in a Submission."""

    id: str
    name: str
    number: str
    performer: str
    owner: str
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the act on one referral: it was done, or `problem` says why not."""

    case: str
    done: Done | None = None
    problem: Problem | None = None


def possible(grant: Grant) -> tuple[Verb, ...]:
    """The acts that the asker's role has for several referrals."""
    return tuple(verb for verb in VERBS if verbs.may(grant.roles, verb))


def chosen(world: World, grant: Grant, ids: Iterable[str], request: str) -> list[Chosen]:
    """Those of the chosen referrals that are open and that the asker sees, by the patient's name. Raises Forbidden for
    whoever has no act at all. Audited as a search that found them."""
    if not possible(grant):
        raise Forbidden(sentence("refusals.your-role-has-no-act"), "http.act")
    wanted = tuple(dict.fromkeys(ids))[:MOST]
    asked = WorklistQuery("open", sort="patient", only=wanted)
    found_rows = worklist.download(world, grant, asked, request) if wanted else ()
    rows = [row for row in found_rows if not isinstance(row, PayerRow)]  # a payer has none of these acts
    changed = {row.id: [("Task", work_id("/".join(order_named(row.id)))), order_named(row.id)] for row in rows}
    with reading(world.engine) as conn:
        found = read.many(conn, [each for both in changed.values() for each in both])
    held = {(each.type, each.id): each.version for each in found}
    return [
        Chosen(
            row.id, row.patient_name, row.number, row.performer_name or "", row.owner_name or "",
            {"/".join(each): held.get(each, 0) for each in changed[row.id]},
        )
        for row in rows
    ]  # fmt: skip


def perform_each(
    world: World, grant: Grant, request: str, forms: Sequence[Submission],
    do: Callable[[World, Grant, str, Submission, Any], Done], given: Any,
) -> list[Outcome]:  # fmt: skip
    """Do an act on each referral, in this order. A form that was sent before is answered with what it did then."""
    found = []
    for form in forms:
        try:
            found.append(Outcome(form.case, done=do(world, grant, request, form, given)))
        except Problem as problem:
            found.append(Outcome(form.case, problem=problem))
    return found
