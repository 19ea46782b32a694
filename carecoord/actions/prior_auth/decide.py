"""What somebody at the payer's desk does with a request: decide it line by line, agree to what a colleague proposes to
deny, or give that back. Each is one transaction under the rules of every act of the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Deed, Done, Overtaken, Planned, Submission, performed
from carecoord.actions.acts.provenance import Version
from carecoord.actions.fhir import door
from carecoord.actions.prior_auth import queue, sent
from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.prior_auth.desk import answers, hold, second_look
from carecoord.domain.prior_auth.desk.answers import Choice, Decider
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, identifiers, items, key, whole
from carecoord.errors import Conflict, Forbidden
from carecoord.fhir import text as json
from carecoord.fhir.instants import moment
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from carecoord.words.sentence import sentence
from carecoord.world import World

TYPE: Final = "Claim"
_NPI: Final = "http://hl7.org/fhir/sid/us-npi|"


@dataclass(frozen=True)
class Deciding(Deed):
    """The request that an act is about, as its person sees it."""

    found: Opened


def about(claim: str) -> str:
    """How an act names a request: by the id of its first Claim."""
    return f"{TYPE}~{claim}"


def opened(turn: Turn, id: str, about: str, verb: Verb) -> Deciding:
    """The request that an act is about. Raises NotFound, Forbidden."""
    if verb not in verbs.DECISIONS or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(sentence("refusals.not-yours-to-do-with-request"), "http.act")
    _, claim = order_named(about)
    return Deciding(turn, id, about, queue.opened(turn, claim))


def decide(world: World, grant: Grant, request: str, submission: Submission, given: Sequence[Choice]) -> Done:
    """Decide every line. What is granted or asked for is held for a while; what is to be denied waits for a second
    person, and stays open until then. Raises Overtaken where somebody answered after the form was shown, Conflict."""

    def plan(acting: Deciding) -> Planned:
        found, turn = acting.found, acting.turn
        _demand_newest(turn, submission, found)
        if found.held:
            raise Conflict(sentence("refusals.decision-held"), "http.act")
        if found.proposal:
            raise Conflict("A denial of it waits for a second person: agree to it, or give it back.", "http.act")
        if {each.line for each in given} != {whole(each, "sequence") for each in items(found.claim, "item")}:
            raise Conflict(sentence("refusals.request-other-lines"), "http.act")
        number = f"A-{acting.id.replace('-', '')[:8].upper()}"
        _demand_ticked(found, given)
        by = Decider(acting.person, _npi(turn), found.guides)
        whole_answer = answers.answered(acting.id, found.claim, given, number, turn.now, by)
        denied = [each for each in given if each.decision == "deny"]
        wishes = [answers.asked(turn.world.new_id(), found.claim, each, turn.now)
                  for each in given if each.decision == "ask"]  # fmt: skip
        out = whole_answer
        if denied:
            out = answers.answered(acting.id, found.claim, answers.held(given), number, turn.now, by)
        written: list[Json] = []
        if len(denied) < len(given):  # the letter waits for the second person, too
            written = told_now_or_later(acting, [out, *wishes], letter=not denied)
        if denied:
            due = moment(found.row.due) if found.row.due else None
            written.append(second_look.proposed(
                turn.world.new_id(), key(found.claim), acting.office, whole_answer, turn.now, due
            ))  # fmt: skip
        at = hold.leaves(written[0]) if written and hold.is_held(written[0]) else ""
        said = sentence("act.decided", n=len(given) - len(denied), denied=len(denied))
        if at:
            hour = f"{datetime.fromisoformat(at).astimezone(acting.zone):%H:%M}"
            said = sentence("act.decision-held", n=len(given) - len(denied), denied=len(denied), at=hour)
        return Planned(written, said)

    return performed(world, grant, request, submission, "decide", plan, opened)


def agree(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Agree to a denial that a colleague proposed: now it is said. Raises Forbidden for who proposed it."""

    def plan(acting: Deciding) -> Planned:
        task = _proposal(acting)
        told = second_look.answer(task)
        turn = acting.turn
        answer = {
            **told, "id": acting.id, "created": turn.now.isoformat(timespec="seconds"),
            "extension": [*(each for each in items(told, "extension") if each.get("url") != second_look.REVIEWER),
                          second_look.reviewer(_npi(turn))],
        }  # fmt: skip
        looked = second_look.looked_at(task, acting.person, True, given, turn.now)
        before = acting.found.held
        # this answer takes the place of the one that is held; the papers that were asked for beside it still are
        earlier = [hold.ended(before, False, turn.now)] if before else []
        asked = wishes(turn, before) if before else []
        written = [*told_now_or_later(acting, [answer, *asked], letter=True), looked, *earlier]
        return Planned(written, sentence("act.denial-agreed"), given)

    return performed(world, grant, request, submission, "agree", plan, opened)


def disagree(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Give a proposed denial back, with what to look at: the lines are open again."""

    def plan(acting: Deciding) -> Planned:
        task = _proposal(acting)
        looked = second_look.looked_at(task, acting.person, False, given, acting.turn.now)
        return Planned([looked], sentence("act.denial-given-back"), given)

    return performed(world, grant, request, submission, "disagree", plan, opened)


def told_now_or_later(acting: Deciding, told: Sequence[Json], *, letter: bool) -> list[Json]:
    """What is written of a decision, the answer first: itself, with its letter ordered, where it leaves at once; else
    the Task that holds it, with the job by which it leaves."""
    found, turn = acting.found, acting.turn
    if not hold.is_due_later(found.row.expedited, moment(found.row.due) if found.row.due else None, turn.now):
        if letter:
            sent.order_letter(turn.conn, acting.id, turn.now)
        return list(told)
    # what the door would refuse when it leaves is refused now, to whoever decides it
    door.admit(turn, [Change(str(each["resourceType"]), str(each["id"]), each) for each in told])
    id = turn.world.new_id()
    sent.let_leave(turn.conn, id, turn.now + hold.HOLD)
    return [hold.held(id, found.claim, told, turn.now)]


def wishes(turn: Turn, held: Json) -> list[Json]:
    """The Tasks that ask for papers in a decision that is held, as they leave now."""
    now = turn.now.isoformat(timespec="seconds")
    return [each | {"id": turn.world.new_id(), "authoredOn": now, "lastModified": now}
            for each in hold.told(held) if each.get("resourceType") == "Task"]  # fmt: skip


def proposer(turn: Turn, task: Json) -> tuple[str, str]:
    """(account, name) of who proposed a denial; empty where nobody at the desk did."""
    act = provenance.author_of(turn.conn, Version("Task", str(task["id"]), 1))
    return (act.subject, act.name) if act else ("", "")


def _proposal(acting: Deciding) -> Json:
    task = acting.found.proposal
    if task is None:
        raise Conflict(sentence("refusals.no-denial-waits"), "http.act")
    if proposer(acting.turn, task)[0] == acting.turn.grant.subject:
        raise Forbidden(sentence("refusals.denial-was-yours"), "http.act")
    return task


def _demand_ticked(found: Opened, given: Sequence[Choice]) -> None:
    """Raise Conflict where criteria were ticked that are not those of the rule as it stands. Who decides elsewhere than
    at the desk ticks none here."""
    for each in given:
        guide = found.guides.get(each.line)
        asked = guide.criteria if guide else ()
        if each.ticks and tuple(tick.words for tick in each.ticks) != asked:
            raise Conflict(sentence("refusals.criteria-changed"), "http.act")


def _npi(turn: Turn) -> str:
    kind, _, id = (turn.grant.fhir_user or "").partition("/")
    row = read.get(turn.conn, kind, id) if kind == "Practitioner" else None
    ids = identifiers(json.loads(row.body)) if row and not row.deleted else frozenset[str]()
    return next((each.removeprefix(_NPI) for each in sorted(ids) if each.startswith(_NPI)), "")


def _demand_newest(turn: Turn, submission: Submission, found: Opened) -> None:
    """Raise Overtaken where the request was answered after the form was shown."""
    newest = found.newest
    if found.held and key(found.held) not in submission.seen:
        by = provenance.author_of(turn.conn, Version("Task", str(found.held["id"]), 1))
        raise Overtaken(sentence("refusals.answered-meanwhile"), "http.seen", now=hold.answer(found.held), act=by)
    if newest is None or key(newest) in submission.seen:
        return
    version = int(newest["meta"]["versionId"])
    raise Overtaken(
        sentence("refusals.answered-meanwhile"), "http.seen", now=newest,
        act=provenance.author_of(turn.conn, Version("ClaimResponse", str(newest["id"]), version)),
    )  # fmt: skip
