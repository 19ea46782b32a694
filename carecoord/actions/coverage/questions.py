"""What a payer does about its members' cards at its desk: the questions that it was asked, each answered once, and what
changes of a card stated without a question. Only whom a clinic asked about, or asked an authorization for, is known
here: a member number alone finds nobody else."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.policies import known
from carecoord.actions.policies.known import EVERYBODY
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.access.payer_question import PayerCard, PayerQuestion, payer_card, payer_question
from carecoord.domain.access.verbs import Verb
from carecoord.domain.coverage import answers, inquiries
from carecoord.domain.coverage.answers import Answer, Statement
from carecoord.domain.coverage.business import lines_of_business
from carecoord.domain.coverage.same_coverage import member_number
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.domain.resource.parties import Party
from carecoord.errors import Conflict, Forbidden, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import moment
from carecoord.store.audit.events import told
from carecoord.store.coverage import questions
from carecoord.store.database.engine import alone
from carecoord.store.prior_auth import authorizations
from carecoord.store.prior_auth.authorizations import Whose
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

ASKED: Final = "CoverageEligibilityRequest"
CARD: Final = "Coverage"
SHOWN: Final = 50  # questions that wait
_LATELY: Final = 10  # that were answered


@dataclass(frozen=True)
class Desk:
    """The questions of a payer at an instant: those that wait, of how many, and those that were answered last."""

    now: datetime
    waiting: Sequence[PayerQuestion]
    total: int
    answered: Sequence[PayerQuestion]


@dataclass(frozen=True)
class Asking(Deed):
    """The question that an act is about; cards: those of it that are the payer's, `Coverage/id`; answered: somebody
    has."""

    question: Json
    cards: Collection[str]
    answered: bool


@dataclass(frozen=True)
class Holding(Deed):
    """The card that an act is about, and the payer whose it is, as a Reference."""

    card: Json
    insurer: Json


def desk(world: World, grant: Grant, request: str) -> Desk:
    """The questions of the asker's payer. Raises NotFound for whose desk has none."""
    with looking(world, grant, request) as turn:
        payers, withheld = _payers(turn), turn.cases_withheld()
        waiting = questions.waiting(turn.conn, payers, withheld, SHOWN)
        lately = questions.answered(turn.conn, payers, withheld, _LATELY)
        shown = _shown(turn, [*waiting, *lately])
        total = questions.count(turn.conn, payers, withheld)
        _audit(turn, "search", ASKED, [each.patient for each in (*waiting, *lately)], query="questions")
    ids = {each.id for each in waiting}
    rest = [each for each in shown if each.id not in ids]
    return Desk(turn.now, [each for each in shown if each.id in ids], total, rest)


def one(world: World, grant: Grant, request: str, id: str) -> tuple[datetime, PayerQuestion]:
    """A question, and the instant at which it is looked at. Raises NotFound alike for none and for another's."""
    with looking(world, grant, request) as turn:
        row = questions.one(turn.conn, _payers(turn), turn.cases_withheld(), id)
        shown = _shown(turn, [row] if row else [])
        if row is None or not shown:
            raise NotFound(sentence("refusals.no-question-seen"), "http.id")
        _audit(turn, "read", ASKED, [row.patient], resource=id)
        return turn.now, shown[0]


def members(world: World, grant: Grant, request: str, number: str) -> list[PayerCard]:
    """The cards of a member of the asker's payer by their number, as far as the payer was told of them here."""
    with looking(world, grant, request) as turn:
        _payers(turn)
        found = _found(turn, number.strip()) if number.strip() else []
        _audit(turn, "search", CARD, [_patient(each) for each in found], query="member")
        return [each for one in found if (each := _card(turn, one))]


def card(world: World, grant: Grant, request: str, id: str) -> tuple[datetime, PayerCard]:
    """One card. Raises NotFound alike for none, for another payer's and for whom the payer was not told of."""
    with looking(world, grant, request) as turn:
        held, _ = _held(turn, id)
        shown = _card(turn, held)
        if shown is None:
            raise NotFound(sentence("refusals.no-card-seen"), "http.id")
        _audit(turn, "read", CARD, [_patient(held)], resource=id)
        return turn.now, shown


def about(type: str, id: str) -> str:
    """How an act names a question or a card."""
    return f"{type}~{id}"


def answer(world: World, grant: Grant, request: str, submission: Submission, given: Answer) -> Done:
    """Answer a question, once. Raises Conflict where somebody has, Unprocessable where the answer contradicts itself,
    NotFound, Forbidden."""

    def plan(acting: Asking) -> Planned:
        if acting.answered:
            raise Conflict(sentence("refusals.question-answered"), "http.act")
        made = answers.answered(acting.id, acting.question, acting.cards, given, acting.turn.now)
        return Planned([made], sentence("act.question-answered"), given.words)

    return performed(world, grant, request, submission, "answer-eligibility", plan, _question)


def state(world: World, grant: Grant, request: str, submission: Submission, given: Statement) -> Done:
    """State what changes of a card that nobody asked about. Raises Unprocessable, NotFound, Forbidden."""

    def plan(acting: Holding) -> Planned:
        made = answers.stated(acting.id, acting.card, acting.insurer, given, acting.turn.now)
        return Planned([made], sentence("act.coverage-stated"), given.words)

    return performed(world, grant, request, submission, "state-coverage", plan, _holding)


def _question(turn: Turn, id: str, about: str, verb: Verb) -> Asking:
    _, name = order_named(about)
    _demand(turn, verb)
    alone(turn.conn, f"answer to {name}")  # of two clerks at once the second sees what the first has answered
    payers = _payers(turn)
    row = questions.one(turn.conn, payers, turn.cases_withheld(), name)
    asked = _body(turn, ASKED, name) if row else None
    cards = {key(each) for each in _own(asked, _cards(turn, [asked]), payers)} if asked else set[str]()
    if row is None or asked is None or not cards:
        raise NotFound(sentence("refusals.no-question-seen"), "http.id")
    return Asking(turn, id, about, asked, cards, row.answered is not None)


def _cards(turn: Turn, asked: Iterable[Json]) -> list[Json]:
    """The cards of those whom questions are about."""
    found = read.of_patients(turn.conn, sorted({_whose(each) for each in asked} - {""}), (CARD,))
    return [json.loads(row.body) for rows in found.values() for row in rows if not row.deleted]


def _own(question: Json, held: Iterable[Json], payers: Sequence[str]) -> list[Json]:
    """The cards that a question is about, as far as they are with this payer: it may be about another's, too. held:
    those of several patients."""
    own = [each for each in held if _patient(each) == _whose(question) and _insurer(each, payers)]
    return inquiries.cards(question, own)


def _whose(question: Json) -> str:
    return target(item(question, "patient")).partition("/")[2]


def _holding(turn: Turn, id: str, about: str, verb: Verb) -> Holding:
    _, name = order_named(about)
    _demand(turn, verb)
    held, insurer = _held(turn, name)
    return Holding(turn, id, about, held, insurer)


def _demand(turn: Turn, verb: Verb) -> None:
    if verb not in verbs.CARDS or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(sentence("refusals.not-yours-to-do-with-request"), "http.act")


def _payers(turn: Turn) -> tuple[str, ...]:
    """The copies of the asker's payer. Raises NotFound for who answers no questions."""
    if not verbs.may(turn.grant.roles, "answer-eligibility"):
        raise NotFound(sentence("refusals.no-page-for-role"), "http.url")
    return turn.office().organizations


def _held(turn: Turn, id: str) -> tuple[Json, Json]:
    """A card of the asker's payer, of somebody of whom it was told, and that payer as the card names it."""
    payers, found = _payers(turn), _body(turn, CARD, id)
    insurer = _insurer(found, payers) if found else None
    if found is None or insurer is None or not _was_told(turn, payers, _patient(found)):
        raise NotFound(sentence("refusals.no-card-seen"), "http.id")
    return found, insurer


def _insurer(card: Json, payers: Sequence[str]) -> Json | None:
    ours = {f"Organization/{each}" for each in payers}
    return next((each for each in items(card, "payor") if target(each) in ours), None)


def _was_told(turn: Turn, payers: Sequence[str], patient: str) -> bool:
    if not patient or patient in turn.cases_withheld():
        return False
    mine = Whose("payer", turn.office().identifiers, tuple(sorted(turn.cases_withheld())))
    return questions.asked_about(turn.conn, payers, patient) or bool(authorizations.of_member(turn.conn, mine, patient))


def _found(turn: Turn, number: str) -> list[Json]:
    payers = _payers(turn)
    rows = registry.valued(turn.conn, CARD, number)
    held = [json.loads(row.body) for row in rows if not row.deleted]
    mine = [each for each in held if member_number(each) == number and _insurer(each, payers)]
    return [each for each in mine if _was_told(turn, payers, _patient(each))]


def _patient(card: Json) -> str:
    return target(item(card, "beneficiary")).partition("/")[2]


def _card(turn: Turn, held: Json) -> PayerCard | None:
    person = _body(turn, "Patient", _patient(held))
    return payer_card(held, person) if person else None


def _shown(turn: Turn, rows: Sequence[Row[Any]]) -> list[PayerQuestion]:
    """The questions of these rows, in their order, whose patient and whose card with this payer are here."""
    asked = _bodies(turn, [(ASKED, each.id) for each in rows])
    payers, held = _payers(turn), _cards(turn, asked.values())
    cards = {name: next(iter(_own(each, held, payers)), None) for name, each in asked.items()}
    people = {("Patient", each.patient) for each in rows}
    houses = {_reference(item(each, "provider")) for each in asked.values()}
    around = _bodies(turn, [pair for pair in (*people, *houses) if pair[1]])
    rules = _policy(turn)
    made: list[PayerQuestion] = []
    for each in rows:
        question = asked.get(f"{ASKED}/{each.id}")
        card_ = cards.get(f"{ASKED}/{each.id}")
        person = around.get(f"Patient/{each.patient}")
        if question is None or card_ is None or person is None:
            continue
        house = item(question, "provider")
        provider = text(around.get(target(house), {}), "name") or text(house, "display")
        at = moment(each.asked)
        payer = Payer(_party(turn, each.payer), lines_of_business(card_))
        due = rules.after(at, "eligibility-reply", payer)
        came = moment(each.answered) if each.answered is not None else None
        made.append(payer_question(question, payer_card(card_, person), provider, (at, due), came))
    return made


def _policy(turn: Turn) -> Policy:
    """The clocks of the asker's payer."""
    office = turn.office()
    keys = (EVERYBODY, *office.identifiers, *(f"Organization/{each}" for each in office.organizations))
    return replace(project.policy(turn.world.settings), lines=tuple(known.policies(turn.conn, keys)))


def _party(turn: Turn, payer: str) -> Party:
    return Party(f"Organization/{payer}", "", frozenset((f"Organization/{payer}", *turn.office().identifiers)))


def _reference(reference: Json) -> tuple[str, str]:
    kind, _, id = target(reference).partition("/")
    return kind, id


def _bodies(turn: Turn, pairs: Sequence[tuple[str, str]]) -> dict[str, Json]:
    rows = read.many(turn.conn, pairs)
    return {key(body): body for row in rows if not row.deleted and (body := json.loads(row.body))}


def _body(turn: Turn, type: str, id: str) -> Json | None:
    return _bodies(turn, [(type, id)]).get(f"{type}/{id}")


def _audit(turn: Turn, interaction: str, type: str, shown: Sequence[str], **about: Any) -> None:
    patient, patients = told(shown)
    found = event(turn.now, turn.request, interaction, by=turn.grant, type=type, patient=patient, patients=patients,
                  **about)  # fmt: skip
    turn.world.journal.append(found)
