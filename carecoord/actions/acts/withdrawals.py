"""A referral that is no longer wanted, by the office that refers; and what the clinic answers to that."""

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.referrals import withdrawals
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence
from carecoord.world import World


def withdraw(world: World, grant: Grant, request: str, submission: Submission, reason: str) -> Done:
    """Withdraw a referral, and say why. Once work began the clinic is asked to give it up instead."""

    def plan(acting: Acting) -> Planned:
        case, task, now = acting.case, acting.task, acting.turn.now
        if withdrawals.way(case, task, acting.side) == "ask-cancel":
            written = withdrawals.asked(case, task, acting.side, acting.id, acting.office, reason, now)
            return Planned(written, sentence("act.withdrawal-asked"), reason)
        written = withdrawals.withdrawn(case, task, acting.side, acting.visit or acting.awaited, reason, now)
        return Planned(written, sentence("act.withdrawn"), reason)

    return perform(world, grant, request, submission, "withdraw", plan)


def confirm(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """Give a referral up, as the clinic that was asked to."""

    def plan(acting: Acting) -> Planned:
        _demand_wish(acting)
        visit = acting.visit or acting.awaited
        written = withdrawals.given_up(acting.case, acting.task, acting.side, visit, acting.turn.now)
        return Planned(written, sentence("act.given-up"))

    return perform(world, grant, request, submission, "confirm-cancel", plan)


def refuse(world: World, grant: Grant, request: str, submission: Submission, reason: str) -> Done:
    """Go on with a referral that one was asked to give up, and say why."""

    def plan(acting: Acting) -> Planned:
        _demand_wish(acting)
        written = withdrawals.kept(acting.case, acting.task, acting.side, reason, acting.turn.now)
        return Planned(written, sentence("act.kept"), reason)

    return perform(world, grant, request, submission, "refuse-cancel", plan)


def _demand_wish(acting: Acting) -> None:
    if not withdrawals.wish(acting.case, acting.task):
        raise Conflict(sentence("refusals.nobody-asks-cancel-it"), "http.act")
