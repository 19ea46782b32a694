"""What the office asks of a patient in a referral: the forms that can be filled in, one that is given to them, the
instructions that they are to read."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, opened, perform
from carecoord.domain.prior_auth.dtr import package
from carecoord.domain.questionnaires import tasks
from carecoord.domain.questionnaires.form import Form, canonical, codings, form, value_sets
from carecoord.domain.resource.elements import Json, text
from carecoord.errors import Invalid, Unprocessable
from carecoord.fhir import text as json
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Offered:
    """A form that can be given. `trouble`: why it can not be asked on a page; empty where it can."""

    id: str
    title: str
    trouble: str = ""


def offered(world: World, grant: Grant, request: str, case: str) -> list[Offered]:
    """The active Questionnaires that this server keeps, by their titles. Raises NotFound, Forbidden as the act that
    gives one."""
    with looking(world, grant, request) as turn:
        opened(turn, "", case, "give-form")
        found = [_offered(turn.conn, each) for each in _active(turn.conn)]
        return sorted(found, key=lambda each: (each.title.casefold(), each.id))


def give(world: World, grant: Grant, request: str, submission: Submission, id: str) -> Done:
    """Ask the patient to fill in a form, by the id of its Questionnaire. Raises Unprocessable for one that is not kept
    here or can not be asked."""

    def plan(acting: Acting) -> Planned:
        conn = acting.turn.conn
        chosen = next((each for each in _active(conn) if text(each, "id") == id), None)
        if chosen is None:
            raise Unprocessable(sentence("refusals.form.choose"), "form")
        try:
            made = form(chosen, sets(conn, chosen))
        except Invalid as unasked:
            raise Unprocessable(unasked.text, "form") from None
        task = tasks.wanted(acting.case, acting.id, acting.office, made, acting.turn.now)
        return Planned([task], sentence("act.form-given", form=made.title))

    return perform(world, grant, request, submission, "give-form", plan)


def instruct(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Give the patient instructions to read."""

    def plan(acting: Acting) -> Planned:
        task = tasks.instructed(acting.case, acting.id, acting.office, words, acting.turn.now)
        return Planned([task], sentence("act.instructed"))

    return perform(world, grant, request, submission, "instruct", plan)


def of_canonical(conn: Connection, named: str, language: str = "", whose: Iterable[str] = ()) -> Form | None:
    """The form of a canonical, whatever became of its Questionnaire since; None where it is kept here no longer, or can
    not be asked. whose: as for `kept`."""
    found = kept(conn, named, whose)
    try:
        return form(found, sets(conn, found, whose), language) if found else None
    except Invalid:
        return None


def kept(conn: Connection, named: str, whose: Iterable[str] = ()) -> Json | None:
    """The Questionnaire of a canonical; None where it is kept here no longer. whose: the payer (`plan-payer`), by
    its identifiers; none for one of nobody's, in whose place no payer's stands though it have the same name."""
    return next((each for each in _kept(conn, "Questionnaire", whose) if canonical(each) == named), None)


def sets(conn: Connection, questionnaire: Json, whose: Iterable[str] = ()) -> dict[str, tuple[Json, ...]]:
    """The value sets that a Questionnaire's questions are answered from, of those that are kept here."""
    wanted = {each.partition("|")[0]: each for each in value_sets(questionnaire) if not each.startswith("#")}
    kept = _kept(conn, "ValueSet", whose) if wanted else []
    return {wanted[text(each, "url")]: codings(each) for each in reversed(kept) if text(each, "url") in wanted}


def _offered(conn: Connection, questionnaire: Json) -> Offered:
    try:
        made = form(questionnaire, sets(conn, questionnaire))
    except Invalid as unasked:
        named = text(questionnaire, "title") or text(questionnaire, "name") or text(questionnaire, "id")
        return Offered(text(questionnaire, "id"), named, unasked.text)
    return Offered(text(questionnaire, "id"), made.title)


def _active(conn: Connection) -> list[Json]:
    return [each for each in _kept(conn, "Questionnaire") if text(each, "status") == "active"]


def _kept(conn: Connection, type: str, whose: Iterable[str] = ()) -> list[Json]:
    """All of a payer's, and after them nobody's; those alone where no payer is named."""
    found = [json.loads(row.body) for row in registry.every(conn, type) if row.body]
    return package.of_payer(found, frozenset(whose))
