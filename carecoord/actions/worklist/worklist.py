"""What the desk shows: the worklist, narrowed to whose cases the asker may see, and one case with all that bears on
it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.agreements.papers import clauses
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.clearance import offers as clearance_offers
from carecoord.actions.ehrs import sync_health
from carecoord.actions.ehrs.between import Between, between
from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.actions.inbox import absences
from carecoord.actions.terms.meanings import Coding, of_concepts
from carecoord.actions.worklist import asked as worklist_asked
from carecoord.actions.worklist import project
from carecoord.actions.worklist.bounds import moments
from carecoord.actions.worklist.current import current
from carecoord.domain.access import break_glass, payer_view, verbs
from carecoord.domain.access.payer_view import PayerCase, PayerRow
from carecoord.domain.access.verbs import Side, Verb
from carecoord.domain.clearance.clearance import Clearance, clear, offering
from carecoord.domain.documents import audience
from carecoord.domain.gates.policy import Policy
from carecoord.domain.messages import threads
from carecoord.domain.referrals import offers
from carecoord.domain.referrals.case import Case, order_named
from carecoord.domain.referrals.course import without_rivals
from carecoord.domain.resource.elements import Json, item, items, key
from carecoord.domain.resource.parties import Directory, directory
from carecoord.domain.timeline import timeline
from carecoord.domain.worklist import next_step
from carecoord.errors import Invalid, NotFound
from carecoord.fhir.instants import micros
from carecoord.store.access import break_glass as broken
from carecoord.store.audit.events import told
from carecoord.store.events import log
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.query import FACETS, CaseScope, Worklist, WorklistQuery, place
from carecoord.store.worklist.tabs import DueBounds
from carecoord.words.sentence import sentence
from carecoord.world import World

LABELS = {"payer": "payer_name", "owner": "owner_name"}  # facets whose words come from the data


@dataclass(frozen=True)
class Found:
    """A page of the worklist and every number around it, read in one state of the database.

    `tally`: rows of each tab under the same filters; `groups`: of each urgency group; both stop at cases.MANY."""

    now: datetime
    at: DueBounds
    rows: Sequence[Row[Any]] | Sequence[PayerRow]
    ends: tuple[tuple[Any, int], tuple[Any, int]] | None  # where the first and the last row stand in the order
    more_after: bool
    more_before: bool
    tally: Mapping[str, int]
    groups: Mapping[str, int]
    choices: Mapping[str, list[tuple[str, str]]]
    next_decision: int | None  # when the next payer's decision is due, microseconds
    syncs: Sequence[SyncHealth]  # how fresh what we hold of each EHR is
    full: bool  # whether the asker sees cases whole, or as a payer does
    roles: frozenset[str]
    ours: tuple[str, ...]  # the ids of the asker's organization
    belongs: bool  # whether any case could be the asker's: by their organization, a clinician's also by who they are
    behind: bool  # whether some of the asker's open cases are still to be judged anew


def has_cases(grant: Grant) -> bool:
    """Whether the asker's role works on cases at all."""
    return whole(grant) or verbs.may(grant.roles, "see-as-payer")


def whole(grant: Grant) -> bool:
    """Whether the asker sees cases whole; others see of a case what a request for authorization tells the payer."""
    return verbs.may(grant.roles, "see-whole")


def worklist(world: World, grant: Grant, asked: WorklistQuery, tabs: Sequence[str], size: int, request: str) -> Found:
    """The page of the worklist that was asked for. `request`: the id of the request, for the audit trail."""
    with looking(world, grant, request) as turn:
        return listed(turn, asked, tabs, size)


def listed(turn: Turn, asked: WorklistQuery, tabs: Sequence[str], size: int) -> Found:
    """The same in a transaction that shows more than the list."""
    world, conn, grant, now = turn.world, turn.conn, turn.grant, turn.now
    full, cases = demand(grant, asked), seen_cases(turn)
    rows, more_after, more_before = cases.page(asked, size)
    rows = as_read_by(turn, _current(turn, cases, rows))
    tally, groups = cases.tally(asked, tabs)
    choices = {name: cases.choices(name, label) for name, label in LABELS.items()} if full else {}
    due = cases.first_due(WorklistQuery("payer", asked.facets, asked.words)) if "payer" in tabs else None
    syncs = sync_health.of_each(conn, world.settings, now)
    patient, patients = told(row.patient for row in rows)
    _audit(turn, query=_said(asked), patient=patient, patients=patients)
    ends = (place(rows[0], asked.sort, not full), place(rows[-1], asked.sort, not full)) if rows else None
    shown = rows if full else [payer_view.payer_row(dict(row._mapping)) for row in rows]
    belongs = bool(grant.organization) or bool(verbs.may(grant.roles, "see-own-patients") and grant.fhir_user)
    return Found(
        now, cases.at, shown, ends, more_after, more_before, tally, groups, choices, due, syncs, full, grant.roles,
        turn.office().organizations, belongs, cases.is_behind(),
    )  # fmt: skip


def options(
    world: World, grant: Grant, asked: WorklistQuery, name: str, values: Sequence[str], request: str
) -> dict[str, int]:
    """How many rows each option of a facet would give in the list that was asked for: of these values, and of those
    whose words come from the data. Raises Invalid for what the asker may not ask."""
    if name not in FACETS:
        said = sentence("refusals.there-no-filter-choose", name=repr(name), facets=", ".join(FACETS))
        raise Invalid(said, "http.facet")
    demand(grant, replace(asked, facets=(*asked.facets, (name, tuple(values)))))
    with looking(world, grant, request) as turn:
        cases = seen_cases(turn)
        told = [value for value, _ in cases.choices(name, LABELS[name])] if name in LABELS else []
        found = cases.options(asked, name, tuple(dict.fromkeys((*values, *told))))
        _audit(turn, query=_said(asked))
    return found


def as_read_by(turn: Turn, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The rows as the asker's office reads them: where it is the performer alone, with its own next step."""
    rows = withheld.rows(turn, rows)
    if not whole(turn.grant):
        return rows
    ours, now = turn.office().organizations, micros(turn.now)
    return [
        worklist_rows.with_columns(row, next_step.performers_columns(dict(row._mapping), now))
        if row.open and verbs.sides(row.placer, row.performer, ours) == {"performer"}
        else row
        for row in rows
    ]


def demand(grant: Grant, asked: WorklistQuery) -> bool:
    """Whether the asker sees cases whole. Raises Invalid for a payer's list or order by what a payer is not shown: how
    many rows it has, or which comes first, would tell it all the same."""
    if whole(grant) or not has_cases(grant):
        return True
    if asked.counted or asked.tab not in payer_view.TABS:
        raise Invalid(sentence("refusals.there-no-list-for-your", tab=repr(asked.tab)), "http.tab")
    if asked.sort.removeprefix("-") not in payer_view.SORTS:
        raise Invalid(sentence("refusals.your-list-can-not-be", sort=repr(asked.sort)), "http.sort")
    for name, _ in asked.facets:
        if name not in payer_view.FACETS:
            known = ", ".join(payer_view.FACETS)
            said = sentence("refusals.your-list-can-not-be-filtered", name=repr(name), facets=known)
            raise Invalid(said, f"http.{name}")
    return False


def download(world: World, grant: Grant, asked: WorklistQuery, request: str) -> Iterator[Row[Any] | PayerRow]:
    """Every row of the list that was asked for, in its order. Audited with those that went out, also where the
    asker hangs up half-way. Raises Invalid for what the asker may not ask."""
    return _every(world, grant, asked, request, demand(grant, asked))


def _every(world: World, grant: Grant, asked: WorklistQuery, request: str, full: bool) -> Iterator[Row[Any] | PayerRow]:
    with looking(world, grant, request) as turn:
        shown: set[str] = set()
        try:
            cases = seen_cases(turn)
            found = cases.every(asked)
            while run := list(islice(found, _RUN)):  # together, so that what cases share is read once
                for row in as_read_by(turn, _current(turn, cases, run)):
                    shown.add(row.patient)
                    yield row if full else payer_view.payer_row(dict(row._mapping))
        finally:
            patient, patients = told(shown)
            _audit(turn, query=_said(asked), patient=patient, patients=patients)


_RUN = 500  # rows of a download that are judged together


@dataclass(frozen=True)
class Panel:
    """One case whole: its row, the resources behind it, the judgement, what happened and its papers. `openable`: what
    of the proof and the papers, `Type/id`, the asker may read by itself. `sides`: on which the asker's office stands;
    `verbs`: the acts that are the asker's here; `sendable`: papers that can be sent to `other`, the name of the other
    side; `notes`: consult notes that the asker's clinic can hand over as its report; `meanings`: of the order's
    codes; `clause`: on which it stands that the performer takes part, as far as the asker may know."""

    now: datetime
    at: DueBounds
    row: Row[Any]
    case: Case
    known: Directory
    clearance: Clearance
    events: Sequence[timeline.Event]
    documents: Sequence[Json]
    openable: frozenset[str]
    sides: frozenset[Side]
    verbs: tuple[Verb, ...]
    between: Between
    other: str
    sendable: Sequence[Json]
    notes: Sequence[Json]
    meanings: Mapping[Coding, str]
    silent: bool = False  # a Consent keeps messages of the patient from the asker: they are not here
    clause: clauses.Shown | None = None


@dataclass(frozen=True)
class PayerPanel:
    """One case as its payer sees it: it holds what the payer was told and nothing else. `openable`, `meanings`: as of a
    Panel."""

    now: datetime
    at: DueBounds
    row: PayerRow
    told: PayerCase
    events: Sequence[timeline.Event]
    openable: frozenset[str]
    meanings: Mapping[Coding, str]


def panel(world: World, grant: Grant, id: str, request: str) -> Panel | PayerPanel:
    """One case with all that bears on it. Raises NotFound for one that is not there or that the asker may not know of.
    Audited as a read of the ServiceRequest."""
    with looking(world, grant, request) as turn:
        return opened(turn, id)


def opened(turn: Turn, id: str) -> Panel | PayerPanel:
    """The same in a transaction that shows more than the case."""
    conn, grant, now, cases, zone = turn.conn, turn.grant, turn.now, seen_cases(turn), turn.world.base.zone
    rules = project.policy(turn.world.settings)
    row, case, judged, glass, silent = _found(turn, cases, id, rules)
    ours = () if glass else turn.office().organizations
    sides = verbs.sides(row.placer, row.performer, ours)
    case = without_rivals(case, judged) if sides == {"performer"} else case
    contracts = {each.key for each in case.records.versions}  # a payer stands on that of today, we on that of the visit
    logged = log.of_resources(conn, contracts | timeline.sources(case, row.agreement))
    may = not glass and verbs.may(grant.roles, "settle")
    shared = between(conn, case, row.patient, may, now) if whole(grant) else Between()
    _audit(turn, resource=id, patient=row.patient, emergency=glass)
    if not whole(grant):
        disclosed = payer_view.told_to_payer(case, judged, rules)
        if disclosed is None:
            raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
        told = payer_view.payer_case(disclosed)
        openable = turn.readable(payer_view.references(told))
        shown = payer_view.payer_row(dict(row._mapping))
        happened = payer_view.events(told, zone, logged)
        return PayerPanel(now, cases.at, shown, told, happened, openable, _meanings(conn, told.case))
    known = directory([*case.organizations, *case.locations, *case.practitioners])
    seen = case if glass else threads.open_to(case, ours)
    happened = timeline.timeline(seen, known, zone, row.agreement, logged, inner="requester" in sides)
    papers = timeline.documents(seen)
    named = {proof.reference for gate in judged.gates for proof in gate.evidence} | {key(each) for each in papers}
    openable = frozenset[str]() if glass else turn.readable(named)
    possible = offers.offered(case, judged, sides)
    other, name = offers.other_side(sides, judged) or ("", "")
    sendable = audience.sendable(papers, ours, other) if other else []
    own = tuple(verb for verb in verbs.acts(grant.roles, sides) if verb in possible and (verb != "share" or sendable))
    notes = audience.consult_notes(papers, ours)
    return Panel(
        now, cases.at, row, case, known, judged, happened, papers, openable, sides, own, shared, name, sendable, notes,
        _meanings(conn, case), silent, None if glass else clauses.of_case(turn, case, judged),
    )  # fmt: skip


class _Case(NamedTuple):
    """A case that the asker may see. glass: the id of the glass that alone opens it; silent: messages are withheld."""

    row: Row[Any]
    case: Case
    judged: Clearance
    glass: str | None
    silent: bool


def _found(turn: Turn, cases: Worklist, id: str, rules: Policy) -> _Case:
    """The case, judged, without what is withheld of it. Raises NotFound."""
    conn, grant, now = turn.conn, turn.grant, turn.now
    row, glass = cases.one(id), None
    if row is None and (lane := worklist_asked.one(turn, id, cases.at)):
        silent = bool(turn.denied().apart(lane[0].patient))
        return _Case(as_read_by(turn, lane[:1])[0], lane[1], lane[2], None, silent)
    if row is None:
        row, glass = _opened(conn, grant, id, now, cases.at)
    elif turn.denied().apart(row.patient):  # of a case that they see, an emergency opens what is withheld
        glass = _glass(conn, grant, now, row.patient)
    if row is not None:
        (row,) = _current(turn, cases, [row])
        row = row if glass else as_read_by(turn, [row])[0]
    case = clearance_assemble.assemble(conn, id) if row else None
    judged = clear(case, now, rules) if case else None
    if judged and offering(judged):  # others to whom it could go are looked for where somebody must be found
        case, judged = clearance_offers.judged(conn, id, now, rules) or (None, None)
    if row is None or case is None or judged is None:
        raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
    if silent := not glass and bool(turn.denied().apart(row.patient)):
        case = withheld.without(turn, case, row.patient)
        judged = clear(case, now, rules)
    return _Case(row, case, judged, glass, silent)


def _meanings(conn: Connection, case: Case) -> Mapping[Coding, str]:
    return of_concepts(conn, [item(case.order, "code"), *items(case.order, "reasonCode")])


def _opened(conn: Connection, by: Grant, id: str, now: datetime, at: DueBounds) -> tuple[Row[Any] | None, str | None]:
    """The case of a patient whose glass the asker has broken, and the id of that. Any miss asks the database alike."""
    glasses = broken.current(conn, by.subject, micros(now)) if break_glass.may_break(by) else []
    row = Worklist(conn, CaseScope(None), at).one(id) if glasses else None
    glass = next((each.id for each in glasses if row and each.patient == row.patient), None)
    return (row, glass) if glass else (None, None)


def _glass(conn: Connection, grant: Grant, now: datetime, patient: str) -> str | None:
    """The id of the glass that the asker has broken for a patient."""
    found = broken.current(conn, grant.subject, micros(now), patient) if break_glass.may_break(grant) else []
    return found[0].id if found else None


def seen_cases(turn: Turn) -> Worklist:
    """The cases that the asker may see, to be read; looked for once in a turn."""
    if turn.worklist is None:
        waits = worklist_rows.waits(turn.conn, micros(turn.now))
        at = moments(turn.now, ZoneInfo(turn.world.settings.timezone))
        at = replace(at, behind=any(waits), marked=waits.marked)
        turn.worklist = Worklist(turn.conn, turn.cases_seen(), at, absences.own(turn))
    return turn.worklist


def _current(turn: Turn, cases: Worklist, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """The rows as they stand this moment."""
    rules, at = project.policy(turn.world.settings), cases.at
    return current(turn.conn, rows, turn.now, rules, behind=at.behind, marked=at.marked)


def _said(asked: WorklistQuery) -> str:
    pairs = [("tab", asked.tab), *((name, ",".join(values)) for name, values in asked.facets), ("q", asked.words)]
    return "&".join(f"{name}={value}" for name, value in pairs if value)


def _audit(turn: Turn, **about: Any) -> None:
    kind, order = order_named(str(about.pop("resource", "")))
    about |= {"resource": order} if order else {}
    interaction = "read" if order else "search"
    turn.world.journal.append(event(turn.now, turn.request, interaction, by=turn.grant, type=kind, **about))
