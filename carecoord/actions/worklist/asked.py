"""The cases in which the asker's office is one of several clinics that were asked, each as it lies before that clinic:
with its own Task and nobody else's. Once another has said yes, there is nothing to answer any more."""

from typing import Any

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.referrals import course
from carecoord.domain.referrals.case import Case
from carecoord.domain.worklist.judgement import judged
from carecoord.errors import Forbidden
from carecoord.store.worklist import asked
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.query import CaseScope, Worklist
from carecoord.store.worklist.tabs import DueBounds
from carecoord.words.sentence import sentence
from carecoord.world import World


def one(turn: Turn, id: str, at: DueBounds) -> tuple[Row[Any], Case, Clearance] | None:
    """A case as it lies before the asker's clinic, judged for it; None where it was not asked, or need not answer."""
    ours = turn.office().organizations
    if not verbs.may(turn.grant.roles, "see-whole") or not asked.ids(turn.conn, ours, id):
        return None
    found = Worklist(turn.conn, CaseScope(None, turn.cases_seen().besides), at).one(id)
    case = clearance_assemble.assemble(turn.conn, id) if found else None
    if found is None or case is None:
        return None
    rules = project.policy(turn.world.settings)
    mine = course.lane_of(case, clear(case, turn.now, rules), frozenset(ours))
    if mine is None:
        return None
    mine = withheld.without(turn, mine, found.patient)
    whole = judged(id, mine, turn.now, rules)
    shown = {name: value for name, value in whole.row.items() if name in found._mapping}
    return worklist_rows.with_columns(found, shown), mine, whole.found


def went_elsewhere(turn: Turn, id: str) -> bool:
    """Whether the asker's clinic was asked, and another has said yes before it answered: it sees the case no more."""
    ours = turn.office().organizations
    case = clearance_assemble.assemble(turn.conn, id) if asked.ids(turn.conn, ours, id) else None
    rules = project.policy(turn.world.settings)
    return case is not None and course.went_elsewhere(case, clear(case, turn.now, rules), frozenset(ours))


def ever(world: World, grant: Grant, request: str) -> bool:
    """Whether the asker's office is one that is asked to see patients: else there is nothing here for it."""
    with looking(world, grant, request) as turn:
        return verbs.may(grant.roles, "accept") and asked.ever(turn.conn, turn.office().organizations)


def every(world: World, grant: Grant, request: str, at: DueBounds) -> list[Row[Any]]:
    """The rows of all of them, the newest first. Raises Forbidden for who answers no referral. Audited as a search."""
    if not verbs.may(grant.roles, "accept"):
        raise Forbidden(sentence("refusals.referrals-answered-by-coordinators-and"), "http.act")
    with looking(world, grant, request) as turn:
        found = [one(turn, id, at) for id in asked.ids(turn.conn, turn.office().organizations)]
        rows = [each[0] for each in found if each]
        told = event(turn.now, request, "search", by=grant, shown=[row.patient for row in rows], type="ServiceRequest",
                     query="asked")  # fmt: skip
        world.journal.append(told)
        return rows
