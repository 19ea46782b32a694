"""The payer's queue of requests for authorization, and one of them, as the payer sees it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth import guides
from carecoord.actions.questionnaires import ask
from carecoord.actions.terms.meanings import Coding, of_concepts
from carecoord.actions.worklist import project
from carecoord.domain.access import payer_view, verbs
from carecoord.domain.access.payer_authorization import PayerAuthorization, payer_authorization
from carecoord.domain.access.payer_view import PayerCase
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk import hold, second_look
from carecoord.domain.prior_auth.desk.guides import Guide
from carecoord.domain.prior_auth.desk.letter import TEMPLATE
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros, moment
from carecoord.fhir.search import params
from carecoord.store.audit.events import told
from carecoord.store.coverage import questions
from carecoord.store.prior_auth import authorizations, letters, lists, queues
from carecoord.store.prior_auth.authorizations import Asked, Tab, Whose
from carecoord.store.prior_auth.letters import Sending
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TABS: Final[tuple[Tab, ...]] = (
    "decide", "mine", "new", "expedited", "answered", "second", "director", "appeals", "held", "decided",
)  # fmt: skip
FIGURES: Final[tuple[Tab, ...]] = ("late", "standard", "asked", "extended", "sample")
SIZE: Final = 50
MOST_LINES: Final = 5000  # of the queue as a file
LOCK: Final = timedelta(minutes=15)  # renewed while the page is open


@dataclass(frozen=True)
class Hold:
    """Who is on a request until when. own: the asker."""

    name: str
    until: datetime
    own: bool


@dataclass(frozen=True)
class Queue:
    """A page of the queue at an instant. on_it: who is on which request, by root; steps: where each stands beside its
    state, by `Claim/id`; letters: how many wait to be sent; questions: how many about cards wait for an answer."""

    now: datetime
    rows: Sequence[PayerAuthorization]
    counts: Mapping[str, int]
    on_it: Mapping[str, Hold]
    steps: Mapping[str, Collection[str]]
    after: tuple[int, str] | None
    letters: int = 0
    questions: int = 0


@dataclass(frozen=True)
class Opened:
    """One request as its payer sees it. claim: its newest version; answers: those to it, the newest last; proposal: the
    Task of a denial that waits for a second person; on_it: who is on it; steps: where it stands beside its state;
    judged: the case by what the payer was told alone; guides: the rule about each line, by its sequence; others: what
    else was asked for the member, as far as it is this payer's, the newest first; tasks: of the payer's own; letters:
    that were written about it; sendings: how they go out, by the id of their document; directs: whether the asker is a
    medical director; forms: that came with it, (title, response)."""

    now: datetime
    row: PayerAuthorization
    told: PayerCase
    claim: Json
    answers: Sequence[Json]
    proposal: Json | None
    meanings: Mapping[Coding, str]
    on_it: Hold | None
    steps: Collection[str]
    judged: Clearance
    guides: Mapping[int, Guide]
    others: Sequence[PayerAuthorization]
    tasks: Sequence[Json]
    letters: Sequence[Json]
    sendings: Mapping[str, Sending]
    directs: bool
    forms: Sequence[tuple[str, Json]]

    @property
    def held(self) -> Json | None:
        """The Task of a decision that was made and has not left."""
        mine = (each for each in self.tasks if target(item(each, "focus")) == self.row.claim)
        return next((each for each in mine if hold.is_held(each)), None)

    @property
    def overtaken(self) -> list[Json]:
        """The Tasks of decisions that never left, since this request took the place of the one that they are about."""
        before = (each for each in self.tasks if target(item(each, "focus")) != self.row.claim)
        return [each for each in before if hold.is_held(each) or hold.is_called_off(each)]

    @property
    def newest(self) -> Json | None:
        """The answer that holds."""
        return self.answers[-1] if self.answers else None


def whose(turn: Turn) -> Whose:
    """Whose requests the asker decides on. Raises NotFound for who decides on none."""
    if not verbs.may(turn.grant.roles, "decide"):
        raise NotFound(sentence("refusals.no-page-for-role"), "http.url")
    return Whose("payer", turn.office().identifiers, tuple(sorted(turn.cases_withheld())))


def listed(world: World, grant: Grant, request: str, asked: Asked) -> Queue:
    """A page of the queue that was asked for, in the order of the payer's own clock."""
    with looking(world, grant, request) as turn:
        mine = whose(turn)
        rows = lists.page(turn.conn, mine, asked, SIZE + 1)
        shown = rows[:SIZE]
        counts = lists.counts(turn.conn, mine, asked, (*TABS, *FIGURES))
        locks = _held(turn, [each.root for each in shown])
        steps = queues.steps(turn.conn, [each.claim for each in shown])
        payers = turn.office().organizations
        waits = letters.count(turn.conn, payers, mine.withheld)
        unanswered = questions.count(turn.conn, payers, mine.withheld)
        patient, patients = told(each.patient for each in shown)
        _audit(turn, "search", query=f"tab={asked.tab}&q={asked.words}", patient=patient, patients=patients)
    last = shown[-1] if len(rows) > SIZE else None
    return Queue(
        turn.now, [payer_authorization(each._mapping) for each in shown], counts, locks, steps,
        (last.sort_due, last.root) if last else None, waits, unanswered,
    )  # fmt: skip


def download(world: World, grant: Grant, request: str, asked: Asked) -> Sequence[PayerAuthorization]:
    """The rows of a tab as a file has them, at most MOST_LINES."""
    with looking(world, grant, request) as turn:
        rows = lists.page(turn.conn, whose(turn), asked, MOST_LINES)
        patient, patients = told(each.patient for each in rows)
        _audit(turn, "search", query=f"file tab={asked.tab}&q={asked.words}", patient=patient, patients=patients)
    return [payer_authorization(each._mapping) for each in rows]


def _held(turn: Turn, roots: Sequence[str]) -> dict[str, Hold]:
    found = authorizations.on_it(turn.conn, roots, micros(turn.now))
    return {root: Hold(each.name, moment(each.until), each.account == turn.grant.subject)
            for root, each in found.items()}  # fmt: skip


def one(world: World, grant: Grant, request: str, claim: str) -> Opened:
    """One request, by the id of its first Claim. Raises NotFound alike for none and for one that is not theirs."""
    with looking(world, grant, request) as turn:
        found = opened(turn, claim)
        audit_read(turn, found, claim)
        return found


def audit_read(turn: Turn, found: Opened, claim: str) -> None:
    """Note in the audit that the asker has read a request."""
    patient = target(item(found.claim, "patient")).partition("/")[2]
    _audit(turn, "read", resource=claim, patient=patient)


def _audit(turn: Turn, interaction: Literal["read", "search"], **about: Any) -> None:
    turn.world.journal.append(event(turn.now, turn.request, interaction, by=turn.grant, type="Claim", **about))


def opened(turn: Turn, claim: str) -> Opened:
    """The same in a transaction that does more."""
    mine = whose(turn)
    row = authorizations.one(turn.conn, mine, f"Claim/{claim}")
    disclosed = _told(turn, row) if row else None
    if row is None or disclosed is None:
        raise NotFound(sentence("refusals.no-request-seen"), "http.id")
    told_of, judged = disclosed
    newest = next((each for each in told_of.case.claims if key(each) == row.claim), {})
    own = [key(each) for each in lifecycle.chain(told_of.case.claims, row.claim)]
    zone, library = turn.world.base.zone, Library(turn.conn)
    answers = [each for each in told_of.case.responses if target(item(each, "request")) == row.claim]
    ordered = [lifecycle.newest(answers, zone)] if answers else []
    ordered = [*(each for each in answers if each not in ordered), *ordered]
    concepts = [item(each, "productOrService") for each in items(newest, "item")]
    concepts += [item(each, "diagnosisCodeableConcept") for each in items(newest, "diagnosis")]
    concepts += items(told_of.case.order, "reasonCode")
    return Opened(
        turn.now, payer_authorization(row._mapping), told_of, newest, ordered, proposal(turn, row.claim),
        of_concepts(turn.conn, concepts), _held(turn, [row.root]).get(row.root),
        queues.steps(turn.conn, [row.claim]).get(row.claim, ()), judged, guides.by_line(library, newest, judged),
        [payer_authorization(each._mapping) for each in authorizations.of_member(turn.conn, mine, row.patient)
         if each.root != row.root],
        [each for claim in own for each in step_tasks(turn, claim)],
        letters_about(turn, row.patient, frozenset(own)), letters.of_root(turn.conn, row.root),
        verbs.may(turn.grant.roles, "agree"),
        [(_title(turn, each), each) for each in told_of.case.answers],
    )  # fmt: skip


def _title(turn: Turn, form: Json) -> str:
    """What a form is called: by the payer's own of that name, else as it is named."""
    named = text(form, "questionnaire")
    known = ask.kept(turn.conn, named, turn.office().identifiers) or {}
    return text(known, "title") or named


def root_of(turn: Turn, claim: str) -> str | None:
    """The id of the first Claim of the authorization of which this is the newest; None where it is none's."""
    return _id(queues.root_of(turn.conn, f"Claim/{claim}"))


def root_of_replaced(turn: Turn, claim: str) -> str | None:
    """The same of a Claim that another took the place of."""
    row = read.get(turn.conn, "Claim", claim)
    held = read.of_patient(turn.conn, str(row.patient), ("Claim",)) if row and row.patient else []
    claims = [json.loads(each.body) for each in held if not each.deleted]
    chains = (lifecycle.chain(claims, key(each)) for each in claims)
    after = (key(chain[0]) for chain in chains if f"Claim/{claim}" in map(key, chain))
    return next((_id(root) for each in after if (root := queues.root_of(turn.conn, each))), None)


def _id(root: str | None) -> str | None:
    return root.partition("/")[2] if root and root.startswith("Claim/") else None


def proposal(turn: Turn, claim: str) -> Json | None:
    """The Task of a denial of a request, `Claim/id`, that waits for a second person."""
    tasks = step_tasks(turn, claim)
    return next((t for t in tasks if second_look.is_proposal(t) and text(t, "status") == "requested"), None)


def step_tasks(turn: Turn, claim: str) -> list[Json]:
    """The Tasks of the payer's own about a request, `Claim/id`."""
    kind, _, id = claim.partition("/")
    rows = read.referring(turn.conn, params.key("Task", "focus"), kind, id)
    return [json.loads(row.body) for row in rows if not row.deleted]


def letters_about(turn: Turn, patient: str, claims: frozenset[str]) -> list[Json]:
    """The letters about these requests of a patient, `Claim/id`, the oldest first."""
    rows = read.of_patient(turn.conn, patient, ("DocumentReference",))
    found = [json.loads(row.body) for row in rows if not row.deleted]
    mine = [each for each in found if extension(each, TEMPLATE)
            and claims & {target(one) for one in items(item(each, "context"), "related")}]  # fmt: skip
    return sorted(mine, key=lambda each: text(each, "date"))


def take(world: World, grant: Grant, request: str, claim: str) -> None:
    """Write down that the asker is on a request for a while from now on, unless somebody else is."""
    with changing(world, grant, request) as turn:
        row = authorizations.one(turn.conn, whose(turn), f"Claim/{claim}")
        now = micros(turn.now)
        if row is None:
            return
        lock = authorizations.on_it(turn.conn, [row.root], now).get(row.root)
        if lock is None or lock.account == grant.subject:
            authorizations.take(turn.conn, row.root, grant.subject, grant.name, micros(turn.now + LOCK))


def let_go(world: World, grant: Grant, request: str, claim: str) -> None:
    """Write down that the asker is on a request no more."""
    with changing(world, grant, request) as turn:
        if authorizations.one(turn.conn, whose(turn), f"Claim/{claim}"):
            authorizations.let_go(turn.conn, f"Claim/{claim}", grant.subject)


def _told(turn: Turn, row: Row[Any]) -> tuple[PayerCase, Clearance] | None:
    """What the payer was told of the case that the request is about, and that judged by it alone."""
    rules = project.policy(turn.world.settings)
    for id in json.values(row.orders.encode()):
        case = assemble.assemble(turn.conn, str(id))
        judged = clear(case, turn.now, rules) if case else None
        told = payer_view.told_to_payer(case, judged, rules) if case and judged else None
        if told and any(key(each) == row.claim for each in told.case.claims):
            return payer_view.payer_case(told), told.judged
    return None
