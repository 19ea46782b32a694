"""After the visit: the report came, the clinician has read it, the patient was told. With the last of them the loop is
closed, which nobody has to say."""

from dataclasses import dataclass

from auth.grant import Grant
from carecoord.actions.acts import documents
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.actions.acts.documents import Upload
from carecoord.domain.access.verbs import Verb
from carecoord.domain.documents import audience
from carecoord.domain.documents.acts import Paper
from carecoord.domain.referrals import acts, offers
from carecoord.domain.resource.codes import ACKNOWLEDGE, CONSULT_NOTE, TELL
from carecoord.domain.resource.elements import Json, key
from carecoord.domain.timeline.timeline import documents as case_documents
from carecoord.errors import Conflict, Unprocessable
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as somebody records it: its file, or a consult note (`DocumentReference/id`) that the clinic attached
    before; neither, where it is kept elsewhere. `words`: how it came, and where it is."""

    words: str = ""
    file: Upload | None = None
    document: str = ""


def report(world: World, grant: Grant, request: str, submission: Submission, given: Reported) -> Done:
    """Record that the report came, by fax, by mail, in the portal, or hand it over as a file. Where the clinic does so,
    its Task is completed, and the office that refers sees the report. Raises Unprocessable for a document that is no
    consult note of the clinic's."""

    def plan(acting: Acting) -> Planned:
        acting.demand_recordable()
        if acting.clearance.facts.closing.report.done:
            raise Conflict(sentence("refusals.report-here-already"), "http.act")
        written = _report(acting, given)
        task = acts.completed(acting.task, acting.side, key(written[-1]), acting.turn.now)
        return Planned([*written, task] if task else written, sentence("act.reported"))

    return perform(world, grant, request, submission, "report", plan)


def _report(acting: Acting, given: Reported) -> list[Json]:
    """The report as it is to be, its document last."""
    other = offers.other_side(acting.sides, acting.clearance)
    to = [other[0]] if other and acting.side == "performer" else []
    if given.file:
        paper = Paper(given.file.name, given.file.type, given.file.data, CONSULT_NOTE[1], None, given.words)
        return documents.attached(acting, paper, to)
    if given.document:
        ours = audience.consult_notes(case_documents(acting.case), acting.turn.office().organizations)
        found = [audience.listed(each, to) for each in ours if key(each) == given.document]
        if not found:
            raise Unprocessable(sentence("refusals.choose-consult-note-that-attached"), "document")
        return found
    return [acts.report(acting.case, acting.id, acting.person, given.words, acting.turn.now)]


def acknowledge(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """The clinician who referred has read the report."""
    return _step(world, grant, request, submission, "acknowledge", ACKNOWLEDGE, sentence("act.acknowledged"))


def tell(world: World, grant: Grant, request: str, submission: Submission, _: None) -> Done:
    """The patient was told what came of it."""
    return _step(world, grant, request, submission, "tell", TELL, sentence("act.told"))


def _step(
    world: World, grant: Grant, request: str, submission: Submission, verb: Verb, code: tuple[str, str], said: Sentence
) -> Done:
    def plan(acting: Acting) -> Planned:
        closing = acting.clearance.facts.closing
        if not closing.report.done:
            raise Conflict(sentence("refusals.report-has-not-come-yet"), "http.act")
        if (closing.acknowledged if verb == "acknowledge" else closing.told).done:
            raise Conflict(sentence("refusals.that-done-already"), "http.act")
        if verb == "tell" and not closing.acknowledged.done:
            raise Conflict(sentence("refusals.clinician-reads-report-first"), "http.act")
        return Planned(acts.step(acting.case, acting.task, code, acting.id, acting.person, acting.turn.now), said)

    return perform(world, grant, request, submission, verb, plan)
