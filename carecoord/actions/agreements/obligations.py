"""What the parties owe under an agreement, written down at the desk with its day, and done with what shows it."""

from dataclasses import dataclass
from datetime import date

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.domain.agreements.desk import obligations
from carecoord.domain.agreements.desk.obligations import Duty
from carecoord.domain.documents import acts as document_acts
from carecoord.domain.resource.elements import Json, text
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

_EVIDENCE = "correspondence"  # of domain.documents.kinds.OF_AGREEMENTS, where somebody says no other


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty as somebody writes it. `owner`: the key of the party that owes it; `months`: it comes back after so
    many."""

    what: str
    owner: str
    due: date
    months: int | None


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """A duty that was done. `task`: its key; `file`: what shows it, None for words alone."""

    task: str
    on: date
    words: str
    file: Upload | None = None


def oblige(world: World, grant: Grant, request: str, submission: Submission, given: Owed) -> Done:
    """Write down what a party owes by a day. Raises Unprocessable for who is no party."""

    def plan(acting: Agreeing) -> Planned:
        sides = {side.key: side.name for side in acting.found.line.sides}
        if given.owner not in sides:
            raise Unprocessable(sentence("refusals.choose-which-party-owes-it"), "owner")
        owner = {"reference": given.owner, "display": sides[given.owner]}
        duty = Duty(given.what, owner, given.due, given.months)
        task = obligations.owed(acting.id, acting.found.line.contract, acting.office, duty, acting.turn.now)
        return Planned([task], sentence("act.obliged", what=given.what, day=given.due))

    return performed(world, grant, request, submission, "oblige", plan, opened)


def fulfil(world: World, grant: Grant, request: str, submission: Submission, given: Fulfilled) -> Done:
    """Write down that it was done, with what shows it; of one that comes back the next is owed from then on. Raises
    Unprocessable for one that is not of this agreement, Conflict where it is done already."""

    def plan(acting: Agreeing) -> Planned:
        task = _task(acting, given.task)
        papers = _papers(acting, given) if given.file else []
        proof = f"DocumentReference/{papers[-1]['id']}" if papers else ""
        done = obligations.fulfilled(task, given.on, given.words, proof)
        later = obligations.following(acting.turn.world.new_id(), task, acting.turn.now)
        return Planned([*papers, done, *later], sentence("act.fulfilled", what=text(task, "description")), given.words)

    return performed(world, grant, request, submission, "fulfil", plan, opened)


def _task(acting: Agreeing, named: str) -> Json:
    owed = next((each for each in acting.found.duties if each.task == named), None)
    row = read.get(acting.turn.conn, "Task", named.partition("/")[2]) if owed else None
    if row is None:
        raise Unprocessable(sentence("refusals.choose-what-was-done"), "task")
    found: Json = json.loads(row.body)
    return found


def _papers(acting: Agreeing, given: Fulfilled) -> list[Json]:
    """The file that shows it, and its document, as any paper of the agreement."""
    if given.file is None:
        return []
    sent, own = given.file, acting.turn.grant.organization or ""
    paper = document_acts.Paper(sent.name, sent.type, sent.data, _EVIDENCE, given.on, given.words)
    return document_acts.filed(acting.found.line.contract, acting.id, acting.person, own, paper, acting.turn.now)
