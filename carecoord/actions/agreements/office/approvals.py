"""A draft goes round before it is signed: it is asked for, looked over step by step by others than who wrote it, or
given back."""

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.actions.agreements.office import steps
from carecoord.actions.agreements.office.steps import Approvals
from carecoord.domain.agreements.desk import acts, approvals
from carecoord.domain.agreements.desk.approvals import Step
from carecoord.domain.agreements.desk.drafts import stated
from carecoord.domain.resource.elements import Json
from carecoord.errors import Conflict, Forbidden
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World


def submit(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Send the draft round: the first step that is not done is asked for. given: words with it. Raises Conflict where
    the office names no steps, or one is asked for already."""

    def plan(acting: Agreeing) -> Planned:
        found, draft = _found(acting)
        if approvals.waiting(found.steps) or not found.lacking:
            raise Conflict(sentence("refusals.it-going-round-already-or"), "http.act")
        step = next(each for each in found.steps if each.state == "later")
        return Planned([_asked(acting, acting.id, draft, step)], sentence("act.submitted", step=step.name), given)

    return performed(world, grant, request, submission, "submit", plan, opened)


def approve(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Approve the step that is asked for; the next one is asked for then, and after the last the draft is ready to be
    signed. Raises Forbidden for who wrote the draft or approved another step."""

    def plan(acting: Agreeing) -> Planned:
        found, draft, step, task = _open(acting)
        done = approvals.decided(task, acting.person, True, given, acting.turn.now)
        after = found.steps[found.steps.index(step) + 1 :]
        following = next((each for each in after if each.state == "later"), None)
        told = sentence("act.approved", step=step.name)
        if following:
            new = acting.turn.world.new_id()
            return Planned([done, _asked(acting, new, draft, following)], told, given)
        last = all(each.state == "done" for each in found.steps if each is not step)
        return Planned([done, *([stated(draft, "executable")] if last else [])], told, given)

    return performed(world, grant, request, submission, "approve", plan, opened)


def give_back(world: World, grant: Grant, request: str, submission: Submission, given: str) -> Done:
    """Give the draft back with what has to change. Raises as `approve`."""

    def plan(acting: Agreeing) -> Planned:
        _, _, step, task = _open(acting)
        back = approvals.decided(task, acting.person, False, given, acting.turn.now)
        return Planned([back], sentence("act.draft-given-back", step=step.name), given)

    return performed(world, grant, request, submission, "give-back", plan, opened)


def _found(acting: Agreeing) -> tuple[Approvals, Json]:
    draft = acts.draft_of(acting.held)[1]
    found = steps.of_office(acting.turn, draft)
    if not found.steps:
        raise Conflict(sentence("refusals.your-office-names-no-steps"), "http.act")
    return found, draft


def _open(acting: Agreeing) -> tuple[Approvals, Json, Step, Json]:
    found, draft = _found(acting)
    step = approvals.waiting(found.steps)
    row = read.get(acting.turn.conn, "Task", step.task.partition("/")[2]) if step else None
    if step is None or row is None:
        raise Conflict(sentence("refusals.nobody-asked-approve-it-now"), "http.act")
    if found.barred:
        raise Forbidden(sentence("refusals.somebody-else-looks-it-over"), "http.act")
    return found, draft, step, json.loads(row.body)


def _asked(acting: Agreeing, id: str, draft: Json, step: Step) -> Json:
    now = acting.turn.now
    due = steps.policy(acting.turn).after(now, "approval-step")
    return approvals.asked(id, draft, acting.office, step.name, now, due)
