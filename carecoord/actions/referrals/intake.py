"""Documents that come in and ask for a referral: kept at once, read for what they may say, filed with the draft that
is begun from them. What is read of a document is a suggestion: it is shown, and taken by nobody but a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.acts.documents import Upload
from carecoord.actions.documents import open as opened
from carecoord.actions.documents import pdf_reader
from carecoord.actions.referrals import patients
from carecoord.domain.access.verbs import Verb
from carecoord.domain.documents import intake
from carecoord.domain.documents.acts import Paper
from carecoord.domain.documents.suggestions import Suggestions, suggestions
from carecoord.domain.resource.codes import INDEX_PAPER, has
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.errors import Conflict, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.search.query import parse
from carecoord.store.resources import read
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST = 20  # documents that wait and are told at once
_LETTERS = 40_000  # of a document that are read
_PAGES = 10


@dataclass(frozen=True)
class Waiting:
    """A document that nobody has indexed yet. `id`: of its Task and its file; `n`: the number of the Task's row."""

    id: str
    n: int
    came: datetime | None


def receive(world: World, grant: Grant, request: str, submission: Submission, given: Upload) -> Done:
    """Keep a document that came in, and have it wait to be indexed. Raises Forbidden."""

    def plan(acting: Deed) -> Planned:
        paper = Paper("document", given.type, given.data, intake.KIND)
        kept = intake.received(acting.id, paper, acting.office, acting.turn.now)
        return Planned(kept, sentence("act.paper-received"))

    return performed(world, grant, request, submission, "refer", plan, _begun)


def waiting(turn: Turn) -> list[Waiting]:
    """The documents of the asker's office that nobody has indexed yet, the oldest first."""
    ours = ",".join(f"Organization/{id}" for id in turn.office().organizations)
    code = "|".join(INDEX_PAPER)
    pairs = [("code", code), ("status", "requested"), ("owner", ours), ("_sort", "authored-on")]
    if not ours:
        return []
    asked = parse("Task", pairs, turn.world.base, strict=True)
    rows, zone = find(turn.conn, asked, turn.may("s"), page_size=MOST).rows, turn.world.base.zone
    tasks = ((row, json.loads(row.body)) for row in rows)
    return [Waiting(row.id, row.rid, moment(text(task, "authoredOn"), zone)) for row, task in tasks]


def queue(world: World, grant: Grant, request: str) -> Sequence[Waiting]:
    """The same, for the page on which a patient is found."""
    with looking(world, grant, request) as turn:
        return waiting(turn)


def read_of(world: World, grant: Grant, request: str, id: str) -> Suggestions:
    """What a document that waits may say. Raises NotFound for one that is not the asker's office's, or is filed."""
    patients.demand(grant)
    with looking(world, grant, request) as turn, noted(turn, "read", "Binary", id) as shown:
        shown.append(None)
        _, binary = held(turn, id)
        return suggestions(words(intake.bytes_of(binary), text(binary, "contentType")))


def file(world: World, grant: Grant, request: str, id: str) -> opened.File:
    """The file of a document that waits. Raises NotFound as `read_of` does."""
    patients.demand(grant)
    with looking(world, grant, request) as turn, noted(turn, "read", "Binary", id) as shown:
        shown.append(None)
        _, binary = held(turn, id)
        return opened.File(intake.bytes_of(binary), text(binary, "contentType"), "document")


def said_by(world: World, grant: Grant, request: str, id: str) -> Suggestions:
    """What a document that is filed may say, as far as the asker may read it."""
    found = opened.file(world, grant, id, 1, request)
    return suggestions(words(found.data, found.content_type))


def held(turn: Turn, id: str) -> tuple[Json, Json]:
    """The Task to index a document, and its file: the one whose context the Task is. That a Task names a file opens it
    to nobody, for an office may write what it likes into a Task of its own. Raises NotFound."""
    row = read.get(turn.conn, "Task", id)
    task = json.loads(row.body) if row and not row.deleted else {}
    ours = target(item(task, "owner")).removeprefix("Organization/") in turn.office().organizations
    mine = ours and has(item(task, "code"), *INDEX_PAPER)
    row = read.get(turn.conn, "Binary", intake.file_of(task)) if mine else None
    binary = json.loads(row.body) if row and not row.deleted else {}
    if target(item(binary, "securityContext")) != f"Task/{id}" or text(task, "status") != "requested":
        raise NotFound(sentence("refusals.there-no-such-document-or"), "http.document")
    return task, binary


def filed(acting: Deed, id: str, order: Json) -> list[Json]:
    """A document that waited, filed with the order that it asks for. Raises NotFound, Conflict."""
    task, binary = held(acting.turn, id)
    if not acting.turn.grant.organization:
        raise Conflict(sentence("refusals.documents-filed-for-organization"), "http.act")
    own = acting.turn.grant.organization
    return intake.indexed(task, binary, order, acting.person, own, acting.turn.now)


def words(data: bytes, type: str) -> str:
    """The words of a file; none of a picture, or of one that its reader stumbles over."""
    if type.startswith("text/plain"):
        return data.decode("utf-8", errors="replace")[:_LETTERS]
    if not type.startswith("application/pdf"):
        return ""
    return pdf_reader.words(data, _PAGES, _LETTERS)


def _begun(turn: Turn, id: str, _: str, verb: Verb) -> Deed:
    patients.demand(turn.grant)
    return Deed(turn, id, id)
