"""A conflict with an EHR settled by one click: theirs is taken or ours is kept, and the other side is told."""

from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Act, Version
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.ehrs import write_back
from carecoord.actions.events import ledger
from carecoord.actions.scheduling import slots
from carecoord.actions.worklist import project
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.access import verbs
from carecoord.domain.ehrs.merge import WHOLE, placed
from carecoord.domain.timeline.changes import Occurrence
from carecoord.errors import Conflict as Refusal
from carecoord.errors import Forbidden, Invalid, NotFound
from carecoord.fhir import text
from carecoord.store.ehrs import conflicts, items
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.words.sentence import sentence
from carecoord.world import World

CHOICES: Final = ("ours", "theirs")


def settle(world: World, grant: Grant, request: str, case: str, n: int, choice: str) -> None:
    """Settle the conflict of this number on this case: `theirs` or `ours`.

    Raises NotFound for a case that is not the asker's or a conflict that is not the case's, Forbidden for a role that
    settles none, Conflict for one that was settled already, Invalid for another choice.
    """
    if choice not in CHOICES:
        raise Invalid(sentence("refusals.take-theirs-or-keep-ours", choice=repr(choice[:20])), "http.choice")
    with changing(world, grant, request) as turn:
        one = _of_case(turn, case, n)
        conflicts.settle(turn.conn, n, choice, grant.subject, turn.now)
        before, after = _written(turn, one, choice)
        if after == before:
            for held in items.ours(turn.conn, one.type, [one.id], lock=True):
                write_back.tell(turn.conn, held, turn.now)
        _attest(turn, case, one, choice, before, after)
        rules = project.policy(world.settings)
        project.rewrite(turn.conn, {one.patient} if one.patient else set(), turn.now, rules)


def _attest(turn: Turn, case: str, one: Conflict, choice: str, before: int, after: int) -> None:
    """Who settled it, with which value, from which version of ours: in a Provenance, and in the log of the case."""
    grant = turn.grant
    said = {
        "ours": sentence("act.settled.ours", ehr=one.ehr),
        "theirs": sentence("act.settled.theirs", ehr=one.ehr),
    }[choice]
    made, former = (Version(one.type, one.id, number) for number in (after, before))
    revised = (former,) if after != before else ()
    id = provenance.act_id(grant, f"conflict-{one.n}")
    act = Act(id, "settle", grant.subject, grant.name, turn.now, case, said, (made,), revised)
    office = {"reference": f"Organization/{grant.organization}"}
    change = Change("Provenance", id, provenance.resource(act, grant, office, ""))
    world = turn.world
    put_all(turn.conn, [change], now=turn.now, actor=turn.actor(), base=world.base, project=world.project)
    payload = {
        "ehr": one.ehr, "element": one.element, "ours": one.ours, "theirs": one.theirs, "by": grant.name, "act": id,
    }  # fmt: skip
    happened = Occurrence("conflict", "disputed", choice, payload=payload)
    ledger.note(turn.conn, happened, turn.actor(), turn.now, one.patient, case, (one.type, one.id, after))


def _of_case(turn: Turn, case: str, n: int) -> Conflict:
    row = seen_cases(turn).one(case)
    found = clearance_assemble.assemble(turn.conn, case) if row else None
    if found is None:
        raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
    if not verbs.may(turn.grant.roles, "settle"):
        raise Forbidden(sentence("refusals.conflicts-with-ehr-settled-by"))
    one = conflicts.one(turn.conn, n)
    if one is None:
        raise Refusal("This conflict is settled already: somebody was faster, or both sides say the same by now.")
    if (one.type, one.id, one.element) not in {(each.type, each.id, each.element) for each in found.disputes}:
        raise NotFound(sentence("refusals.there-no-such-conflict-on"), "http.n")
    return one


def _written(turn: Turn, one: Conflict, choice: str) -> tuple[int, int]:
    """Write what was chosen, where it is not what we have. Returns our version before and after."""
    row = read.get(turn.conn, one.type, one.id)
    here = text.loads(row.body) if row and not row.deleted else None
    value = one.theirs if choice == "theirs" else one.ours
    chosen: dict[str, Any] | None
    if one.element == WHOLE:
        same = (here is not None) == bool(value)  # what else has changed since stays as it is
        chosen = here if same else {"resourceType": one.type, "id": one.id, **value} if value else None
    else:
        chosen = placed(here, one.type, one.element, value) if here else None
    change = Change(one.type, one.id, chosen, row.version if row else None)
    written = put_all(
        turn.conn,
        [change, *slots.along(turn.conn, [change])],
        now=turn.now,
        actor=turn.actor(),
        base=turn.world.base,
        project=turn.world.project,
    )
    return row.version if row else 0, written[0].version
