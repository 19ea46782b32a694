"""After the visit: the report came, the clinician has read it, the patient was told. With the last of them the loop is
closed, which nobody has to say."""

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.access.verbs import Verb
from carecoord.domain.referrals import acts
from carecoord.domain.resource.codes import ACKNOWLEDGE, TELL
from carecoord.errors import Conflict
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World


def report(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Record that the report came, by fax, by mail, in the portal. Where the clinic says so, its Task is completed."""

    def plan(acting: Acting) -> Planned:
        if acting.clearance.facts.closing.report.done:
            raise Conflict("The report is here already.", "http.act")
        document = acts.report(acting.case, acting.id, acting.person, words, acting.turn.now)
        task = acts.completed(acting.task, acting.side, f"DocumentReference/{acting.id}", acting.turn.now)
        return Planned([document, task] if task else [document], sentence("act.reported"))

    return perform(world, grant, request, submission, "report", plan)


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
            raise Conflict("The report has not come yet.", "http.act")
        if (closing.acknowledged if verb == "acknowledge" else closing.told).done:
            raise Conflict("That is done already.", "http.act")
        if verb == "tell" and not closing.acknowledged.done:
            raise Conflict("A clinician reads the report first.", "http.act")
        return Planned(acts.step(acting.case, acting.task, code, acting.id, acting.person, acting.turn.now), said)

    return perform(world, grant, request, submission, verb, plan)
