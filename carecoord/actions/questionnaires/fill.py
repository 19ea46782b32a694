"""What a patient does with what the office asks of them in a referral: a form that they fill in, instructions that they
have read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, opened, perform
from carecoord.actions.prior_auth.dtr import payer_forms
from carecoord.actions.questionnaires import ask
from carecoord.domain.prior_auth.dtr import wanted
from carecoord.domain.questionnaires import answers, tasks
from carecoord.domain.questionnaires.form import Form
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as somebody wrote into it. `said`: by field (`answers.name`)."""

    task: str
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Blank:
    """A form that somebody is asked to fill in. `chart`: a payer's form as it is filled in from what is known here,
    None for one that is a patient's; `begun`: what was kept of it, else that; `seen`: the version of its Task, as forms
    of acts say it; `root`: the id of the first Claim of the request that it goes with, empty where it goes with
    none."""

    now: datetime
    case: str
    task: Json
    form: Form
    chart: Json | None
    begun: Json | None
    seen: str
    root: str


def blank(world: World, grant: Grant, request: str, case: str, task: str, language: str) -> Blank:
    """The form that a Task (by id) of a case asks for. Raises NotFound where there is none, Forbidden, and Conflict
    where it is filled in already."""
    with looking(world, grant, request) as turn:
        acting = opened(turn, "", case, "fill")
        found = _task(acting, task)
        if text(found, "status") not in tasks.OPEN:
            raise Conflict(sentence("refusals.form.over"), "http.id")
        made = ask.of_canonical(turn.conn, tasks.asks(found), language, wanted.whose(found))
        if made is None:
            raise Conflict(sentence("refusals.form.gone"), "http.id")
        seen = f"Task/{task}:{found['meta']['versionId']}"
        chart = payer_forms.begun(acting, found)
        begun = tasks.begun(acting.case, found) or chart
        return Blank(turn.now, acting.row.id, found, made, chart, begun, seen, _root(acting, found))


def fill(world: World, grant: Grant, request: str, submission: Submission, filled: Filled) -> Done:
    """Send a form: what was written is read once more here, whoever read it before. Raises Unprocessable where it can
    not be kept so, Conflict where it is not waited for."""

    def plan(acting: Acting) -> Planned:
        task, now = _task(acting, filled.task), acting.turn.now
        made = ask.of_canonical(acting.turn.conn, tasks.asks(task), whose=wanted.whose(task))
        if made is None:
            raise Conflict(sentence("refusals.form.gone"), "http.id")
        read = answers.read(made, filled.said, acting.zone)
        if read.faults:
            raise Unprocessable(str(next(iter(read.faults.values()))), next(iter(read.faults)))
        response = tasks.answered(acting.case, task, made, read.items, _author(acting), now)
        told = sentence("act.form-filled", form=made.title)
        if wanted.is_one(task):
            return Planned(payer_forms.given(acting, task, response), told)
        return Planned([response, tasks.done(task, now, key(response))], told)

    return perform(world, grant, request, submission, "fill", plan)


def keep(world: World, grant: Grant, request: str, submission: Submission, filled: Filled) -> Done:
    """Keep what stands in a form before it is sent: of it what can be read."""

    def plan(acting: Acting) -> Planned:
        task, now = _task(acting, filled.task), acting.turn.now
        made = ask.of_canonical(acting.turn.conn, tasks.asks(task), whose=wanted.whose(task))
        if made is None or text(task, "status") not in tasks.OPEN:
            raise Conflict(sentence("refusals.form.not-waited-for"), "http.id")
        read = answers.read(made, filled.said, acting.zone)
        response = tasks.answered(acting.case, task, made, read.items, _author(acting), now)
        return Planned([response | {"status": "in-progress"}], sentence("act.form-kept", form=made.title))

    return perform(world, grant, request, submission, "fill", plan)


def have_read(world: World, grant: Grant, request: str, submission: Submission, task: str) -> Done:
    """Say that one has read instructions, by the id of their Task."""

    def plan(acting: Acting) -> Planned:
        found = next((each for each in tasks.instructions(acting.case) if text(each, "id") == task), None)
        if found is None:
            raise NotFound(sentence("refusals.instructions.unknown"), "http.id")
        return Planned([tasks.done(found, acting.turn.now)], sentence("act.have-read"))

    return perform(world, grant, request, submission, "have-read", plan)


def _root(acting: Acting, task: Json) -> str:
    about = target(item(task, "focus"))
    requests = acting.clearance.facts.requests
    return next((each.root for each in requests if about in each.claims), "").removeprefix("Claim/")


def _author(acting: Acting) -> Json:
    """Who answered: the patient by their link, else whoever wrote it down for them."""
    patient = acting.turn.grant.patient
    return {"reference": f"Patient/{patient}"} if patient else acting.person


def _task(acting: Acting, id: str) -> Json:
    """The Task of a form: of the patient, and for who works at the office also of a payer that wants it."""
    office = [] if acting.turn.grant.patient else wanted.of_case(acting.case)
    found = next((each for each in (*tasks.forms(acting.case), *office) if text(each, "id") == id), None)
    if found is None:
        raise NotFound(sentence("refusals.form.unknown"), "http.id")
    return found
