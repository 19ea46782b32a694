"""What somebody at the payer's desk does with a request beside deciding it: takes longer, asks the medical director,
notes a talk between peers, looks at what a rule approved. Each is one act, under the rules of every act of the desk."""

from dataclasses import dataclass
from typing import Literal

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.prior_auth import sent
from carecoord.actions.prior_auth.decide import Deciding, opened
from carecoord.domain.policies.shipped import MAY_EXTEND
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.clinic import peer
from carecoord.domain.prior_auth.clinic.peer import Result
from carecoord.domain.prior_auth.desk import extension, steps
from carecoord.domain.prior_auth.desk.steps import StepKind
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True)
class Longer:
    """A clock is to be extended. by: who asked for it; why: as the notice says it."""

    by: Literal["payer", "patient"]
    why: str


@dataclass(frozen=True)
class Talk:
    """A talk between peers that was held. who: of the clinic; words: what was said."""

    result: Result
    who: str
    words: str


def extend_clock(world: World, grant: Grant, request: str, submission: Submission, given: Longer) -> Done:
    """Take longer, once, where the payer's policy lets who asked for it. Raises Conflict."""

    def plan(acting: Deciding) -> Planned:
        found, turn = acting.found, acting.turn
        _demand_not_held(acting)
        if found.row.state not in lifecycle.WAITING or found.row.extended:
            raise Conflict(sentence("refusals.clock-not-extended"), "http.act")
        request_ = next((each for each in found.judged.facts.requests if each.key == found.row.claim), None)
        on = local(turn.now, found.judged.facts.policy.zone)
        may = found.judged.facts.policy.said("extension.by", on, request_.insurer if request_ else None)
        if given.by not in MAY_EXTEND[may]:
            raise Conflict(sentence("refusals.clock-not-theirs"), "by")
        answer = extension.extended(acting.id, found.claim, found.newest, given.by, given.why, turn.now)
        sent.order_letter(turn.conn, acting.id, turn.now)
        return Planned([answer], sentence("act.clock-extended"), given.why)

    return performed(world, grant, request, submission, "extend-clock", plan, opened)


def ask_director(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Put a request before the medical director. Raises Conflict where it stands there or nothing is open."""

    def plan(acting: Deciding) -> Planned:
        _demand_not_held(acting)
        if "director" in acting.found.steps or acting.found.row.state not in lifecycle.WAITING:
            raise Conflict(sentence("refusals.director-asked"), "http.act")
        task = steps.asked(acting.id, "director", acting.found.claim, given, acting.turn.now)
        return Planned([task], sentence("act.director-asked"), given)

    return performed(world, grant, request, submission, "ask-director", plan, opened)


def _demand_not_held(acting: Deciding) -> None:
    """Raise Conflict where a decision has not left: what would be told now would call it off, or come too late."""
    if acting.found.held:
        raise Conflict(sentence("refusals.decision-held"), "http.act")


def hear_director(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Give a request back from the medical director, with what they say."""
    return _close(world, grant, request, submission, "director", given)


def look_over(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Note what a person says of an approval by rule."""
    return _close(world, grant, request, submission, "sample", given)


def _close(
    world: World, grant: Grant, request: str, submission: Submission, kind: StepKind, given: str
) -> Done:  # fmt: skip
    def plan(acting: Deciding) -> Planned:
        task = next((each for each in acting.found.tasks
                     if steps.kind_of(each) == kind and steps.open_(each)), None)  # fmt: skip
        if task is None:
            raise Conflict(sentence("refusals.somebody-has-looked-at-this"), "http.act")
        said = sentence("act.director-heard") if kind == "director" else sentence("act.looked-over")
        return Planned([steps.closed(task, acting.person, given, acting.turn.now)], said, given)

    verb: Literal["hear-director", "look-over"] = "hear-director" if kind == "director" else "look-over"
    return performed(world, grant, request, submission, verb, plan, opened)


def hold_peer(world: World, grant: Grant, request: str, submission: Submission, given: Talk) -> Done:
    """Note a talk between peers about a decision that was not as asked: the one that the clinic asked for, else one
    that came about by itself. Raises Conflict for another decision."""

    def plan(acting: Deciding) -> Planned:
        found, now = acting.found, acting.turn.now
        lifecycle.advance(lifecycle.named(found.row.state), "peer-to-peer", "payer", "http.act")
        asked = next((each for each in found.tasks if peer.is_talk(each) and steps.open_(each)), None)
        task = asked or peer.asked(acting.id, found.claim, acting.office, who=given.who, at=now, now=now)
        held = peer.held(task, result=given.result, words=given.words, now=now)
        return Planned([held] if asked else [task, held], sentence("act.peer-held"), given.words)

    return performed(world, grant, request, submission, "hold-peer", plan, opened)
