"""What becomes of a decision that is held: it leaves after a while by a job of the decision, or at once where whoever
made it sends it; until then they can take it back. Who made it stays its author."""

from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import changing, looking
from carecoord.actions.acts import act, provenance
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.acts.provenance import Version
from carecoord.actions.prior_auth import queue, sent
from carecoord.actions.prior_auth.decide import Deciding, about, opened, proposer, wishes
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.desk import hold
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.errors import Conflict, Forbidden, NotFound
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

_CALLED_OFF: Final = "cancelled"


def send(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Let a decision that is held leave now. Raises Conflict where none is held, or somebody answered meanwhile,
    Forbidden for who did not make it."""

    def plan(acting: Deciding) -> Planned:
        task = _held(acting)
        if not _is_own(acting, task):
            raise Forbidden(sentence("refusals.decision-not-yours"), "http.act")
        turn = acting.turn
        newest = acting.found.newest
        made, said = (moment(text(each, name), acting.zone) for each, name in
                      ((task, "authoredOn"), (newest or {}, "created")))  # fmt: skip
        if made and said and said > made:
            raise Conflict(sentence("refusals.answered-meanwhile"), "http.act")
        created = turn.now.isoformat(timespec="seconds")
        told = [hold.answer(task) | {"id": acting.id, "created": created}, *wishes(turn, task)]
        if acting.found.proposal is None:  # else the letter waits for the second person
            sent.order_letter(turn.conn, acting.id, turn.now)
        return Planned([*told, hold.ended(task, True, turn.now)], sentence("act.decision-sent"))

    return performed(world, grant, request, submission, "send-decision", plan, opened)


def take_back(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Take a decision back that is held: the lines are open again, and nobody was told. With it goes what its author
    proposed to deny. Raises Conflict where none is held, Forbidden for who did not make it, unless it is stuck."""

    def plan(acting: Deciding) -> Planned:
        task, now = _held(acting), acting.turn.now
        if not _is_own(acting, task) and not hold.is_stuck(task, now):
            raise Forbidden(sentence("refusals.decision-not-yours"), "http.act")
        gone = [hold.ended(task, False, now)]
        proposal = acting.found.proposal
        if proposal and proposer(acting.turn, proposal)[0] == proposer(acting.turn, task)[0]:
            gone.append(proposal | {"status": _CALLED_OFF, "lastModified": now.isoformat(timespec="seconds")})
        return Planned(gone, sentence("act.decision-taken-back"))

    return performed(world, grant, request, submission, "take-back", plan, opened)


def call_off(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Call a decision off that is held in a Task (its id), whose request was replaced. Raises Conflict for another."""

    def plan(acting: Deciding) -> Planned:
        task = next((each for each in acting.found.overtaken if each["id"] == given), None)
        if task is None:
            raise Conflict(sentence("refusals.decision-not-held"), "http.act")
        return Planned([hold.called_off(task, acting.turn.now)], sentence("act.decision-called-off"))

    return performed(world, grant, request, submission, "take-back", plan, opened)


def release(world: World, task: str) -> None:
    """Let the decision that a Task (its id) holds leave, in the name of who made it; nothing where it has left or was
    taken back. One that can not leave any more, since somebody answered or withdrew the request, or its payer does not
    see that any more, is called off."""
    with reading(world.engine) as conn:
        row = read.get(conn, "Task", task)
        author = provenance.author_of(conn, Version("Task", task, 1))
    held: Json = json.loads(row.body) if row and not row.deleted else {}
    if not hold.is_held(held) or author is None:
        return
    payer = target(item(held, "owner")).partition("/")[2]
    by = Grant(author.subject, roles=frozenset(verbs.holders("decide", "agree")), organization=payer, name=author.name)
    with looking(world, by, "") as turn:
        claim = target(item(held, "focus")).partition("/")[2]
        root = queue.root_of(turn, claim)
        later = queue.root_of_replaced(turn, claim) if root is None else None
    try:
        if root is not None:
            _send_or_take_back(world, by, task, root)
        elif later is not None:
            call_off(world, by, world.new_id(), Submission(about(later), f"off-{task}"), task)
    except Conflict:  # somebody was first
        return
    except NotFound:  # kept from the payer
        pass
    _end_unseen(world, by, task)


def _send_or_take_back(world: World, by: Grant, task: str, root: str) -> None:
    """Send a decision; one that can not leave is taken back. root: the id of the first Claim."""
    try:
        send(world, by, world.new_id(), Submission(about(root), f"leaves-{task}"), "")
    except Conflict:
        take_back(world, by, world.new_id(), Submission(about(root), f"off-{task}"), "")


def _end_unseen(world: World, by: Grant, task: str) -> None:
    """Call a decision off that is still held, since its payer does not see the request any more: nobody else could."""
    with changing(world, by, world.new_id()) as turn:
        row = read.get(turn.conn, "Task", task)
        held: Json = json.loads(row.body) if row and not row.deleted else {}
        if hold.is_held(held):
            claim = target(item(held, "focus")).partition("/")[2]
            gone = Planned([hold.ended(held, False, turn.now)], sentence("act.decision-unseen"))
            act.write(Deed(turn, f"unseen-{task}"[:64], about(claim)), "take-back", gone)


def _held(acting: Deciding) -> Json:
    """The decision that is held. Raises Conflict where none is."""
    task = acting.found.held
    if task is None:
        raise Conflict(sentence("refusals.decision-not-held"), "http.act")
    return task


def _is_own(acting: Deciding, task: Json) -> bool:
    return proposer(acting.turn, task)[0] == acting.turn.grant.subject
