"""Requests that are alike are approved together: the same services, by the same rule and criteria. Only approved, and
each by itself: its own transaction, version and Provenance, so that one that was answered meanwhile holds up none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts.act import Submission
from carecoord.actions.acts.batch import Outcome
from carecoord.actions.prior_auth import decide, queue
from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk.answers import Choice
from carecoord.domain.prior_auth.desk.guides import Tick
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import codes, item, items, whole
from carecoord.errors import Conflict, NotFound, Problem
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST: Final = 50


@dataclass(frozen=True)
class Alike:
    """What was chosen. requests: those that are like the first one that is open; odd: the others; lost: how many can
    not be seen."""

    requests: Sequence[Opened]
    odd: Sequence[Opened]
    lost: int


def chosen(world: World, grant: Grant, request: str, ids: Iterable[str]) -> Alike:
    """The requests of these ids (of their first Claims). Raises NotFound for who decides on none."""
    wanted, found = list(dict.fromkeys(ids))[:MOST], list[Opened]()
    with looking(world, grant, request) as turn:
        queue.whose(turn)
        for id in wanted:
            try:
                found.append(queue.opened(turn, id))
            except NotFound:
                continue
            queue.audit_read(turn, found[-1], id)
    waits = [each for each in found if each.row.state in lifecycle.WAITING and not (each.proposal or each.held)]
    like = [each for each in waits if sort(each) == sort(waits[0])]
    return Alike(like, [each for each in found if each not in like], len(wanted) - len(found))


def sort(found: Opened) -> tuple[object, ...]:
    """What two requests have in common that are alike: by line the services, the rule, and its criteria."""
    lines = []
    for each in items(found.claim, "item"):
        guide = found.guides.get(whole(each, "sequence") or 1)
        rule = (guide.evidence.reference, guide.evidence.element, guide.criteria) if guide else ()
        lines.append((whole(each, "sequence"), codes(item(each, "productOrService")), rule))
    return (found.row.level > 0, *lines)


def approve(
    world: World, grant: Grant, request: str, forms: Sequence[Submission], last: date, ticks: Sequence[tuple[Tick, ...]]
) -> list[Outcome]:  # fmt: skip
    """Approve each as it was asked for, up to a day. ticks: of each line, in the order of the lines."""
    found = list[Outcome]()
    names = [order_named(form.case)[1] for form in forms]
    like = {each.row.root.partition("/")[2]: each for each in chosen(world, grant, request, names).requests}
    for form, name in zip(forms, names, strict=True):
        opened = like.get(name)
        try:
            if opened is None:
                raise Conflict(sentence("refusals.not-alike"), "http.act")
            lines = [whole(each, "sequence") or 1 for each in items(opened.claim, "item")]
            choices = [Choice(n, "approve", last=last, ticks=ticked) for n, ticked in zip(lines, ticks, strict=True)]
            found.append(Outcome(name, done=decide.decide(world, grant, request, form, choices)))
        except Problem as problem:
            found.append(Outcome(name, problem=problem))
    return found
