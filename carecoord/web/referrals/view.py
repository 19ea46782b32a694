"""One referral as its panel and its page show it: the tracks, what is next, the six gates with their proof, what
happened and the papers, all in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from carecoord.actions.agreements.papers.clauses import Shown
from carecoord.actions.worklist.worklist import Panel, PayerPanel
from carecoord.domain.clearance.counted import counted
from carecoord.domain.gates.gate import Gate, Offer
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.elements import Json, codes, extension, item, items, key, target, words
from carecoord.domain.resource.parties import Directory
from carecoord.domain.resource.patient import spoken_name
from carecoord.domain.resource.present import Present
from carecoord.domain.timeline.timeline import Event
from carecoord.domain.worklist.row import reason
from carecoord.fhir.instants import micros
from carecoord.web.documents.view import Paper, papers, payers_papers
from carecoord.web.ehrs.between_view import Quarrel, Reading, Telling, freshness, quarrels, tellings
from carecoord.web.page import labels
from carecoord.web.page.codes import SYSTEMS, coded
from carecoord.web.page.labels import Chip, authorized, chip, contracted
from carecoord.web.page.times import Clock, Times
from carecoord.web.referrals.contacts import Telephone, identity, telephones, to_call
from carecoord.web.referrals.proof import Proof, clauses, proof, record
from carecoord.web.referrals.verdict import verdict
from carecoord.words.catalogue import capitalized, in_words, say, spoken
from carecoord.words.sentence import Sentence, sentence

SHORT = 6  # events shown before "All events"
SILENT = sentence("case.silent")
_MILE = 1.609344  # kilometres
INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
MARKS = {  # kind of event -> (icon, tone); the state may say more
    "order": Chip("", "grey", icon="inbox"),
    "stage": Chip("", "grey", icon="send"),
    "authorization": Chip("", "blue", icon="shield-check"),
    "coverage": Chip("", "grey", icon="id-card"),
    "agreement": Chip("", "amber", icon="file-pen-line"),
    "visit": Chip("", "blue", icon="calendar-days"),
    "talk": Chip("", "grey", icon="message-square"),
    "document": Chip("", "grey", icon="file-text"),
    "conflict": Chip("", "amber", icon="triangle-alert"),
}
TOLD = {
    "stage": labels.REFERRAL,
    "authorization": {
        **labels.AUTHORIZATION,
        "contact": Chip("", "amber", icon="phone"),
        "modified": Chip("", "amber", icon="badge-check"),
        "cancelled": Chip("", "grey", icon="ban"),
    },
}


@dataclass(frozen=True)
class Tag:
    icon: str
    label: str
    tone: str = ""


@dataclass(frozen=True)
class Track:
    name: str
    state: Chip
    note: str


@dataclass(frozen=True)
class Step:
    """A gate. `facts`: (heading, sentence) pairs beside the proof."""

    name: str
    icon: str
    state: Chip
    reason: str
    rule: str
    facts: Sequence[tuple[str, str]]
    proof: Sequence[Proof]
    open: bool


@dataclass(frozen=True)
class Next:
    what: str
    why: str
    mover: Chip | None
    clock: Clock | None
    due_label: str
    call: tuple[str, Telephone] | None = None


@dataclass(frozen=True)
class Moment:
    mark: Chip
    what: str
    detail: str
    day: str
    time: str
    exact: str


@dataclass(frozen=True)
class Sheet:
    id: str
    number: str
    name: str
    about: str
    tags: Sequence[Tag]
    telephones: Sequence[Telephone]
    service: str
    service_codes: str
    reason: str
    reason_codes: str
    story: str
    tracks: Sequence[Track]
    next: Next
    verdict: Chip
    verdict_note: str
    warnings: Sequence[str]
    gates: Sequence[Step]
    events: Sequence[Moment]
    more_events: Sequence[Moment]
    papers: Sequence[Paper]
    full: bool
    order: str = ""  # where the order stands as the payer was sent it
    quarrels: Sequence[Quarrel] = ()
    tellings: Sequence[Telling] = ()
    may_settle: bool = False
    readings: Sequence[Reading] = ()
    patient: str = ""  # id of the patient whose own page leads on from here


def sheet(panel: Panel | PayerPanel, zone: ZoneInfo) -> Sheet:
    """Everything that the panel shows."""
    if isinstance(panel, PayerPanel):
        return _payers_sheet(panel, zone)
    times, row = Times(panel.now, zone), panel.row
    told, service = [moment_of(event, times) for event in panel.events], item(panel.case.order, "code")
    first = panel.clearance.headline_gate
    return Sheet(
        id=row.id, number=row.number, name=row.patient_name, about=identity(panel, times),
        tags=[*_interpreter(panel.case.patient or {}), *_tags(panel.case, row.priority)],
        telephones=telephones(items(panel.case.patient or {}, "telecom"), times.present()),
        service=words(service) or row.specialty, service_codes=_codes([service], panel.meanings, words(service)),
        reason=row.reason, reason_codes=_codes(items(panel.case.order, "reasonCode"), panel.meanings, row.reason),
        story=_story(panel.case, panel.known, row, times.present()), tracks=_tracks(panel, times),
        next=_next(panel, times),
        verdict=verdict(row._asdict()), verdict_note=_judged_for(panel, times),
        warnings=[
            *(say(each) for each in (*panel.clearance.conflict, *panel.clearance.cautions)),
            *([say(SILENT)] if panel.silent else []),
        ],
        gates=[
            _step(gate, panel.openable, times, gate.name == first, panel.clause, counted(gate, panel.clearance.facts))
            for gate in panel.clearance.gates
        ],
        events=told[:SHORT], more_events=told[SHORT:], papers=papers(panel, times), full=True,
        quarrels=quarrels(panel.between, times), tellings=tellings(panel.between, times),
        may_settle=panel.between.may_settle, readings=freshness(panel.between, times),
        patient=row.patient if panel.sides else "",
    )  # fmt: skip


def _payers_sheet(panel: PayerPanel, zone: ZoneInfo) -> Sheet:
    """The panel for a payer, of what it was told."""
    times, row, told = Times(panel.now, zone), panel.row, panel.told
    service, why = item(told.case.order, "code"), reason(told.case.order)
    happened = [moment_of(event, times) for event in panel.events]
    return Sheet(
        id=row.id,
        number=row.number,
        name=row.patient_name,
        about=identity(panel, times),
        tags=list(_tags(told.case, row.priority)),
        telephones=(),
        service=words(service) or row.specialty,
        service_codes=_codes([service], panel.meanings, words(service)),
        reason=why,
        reason_codes=_codes(items(told.case.order, "reasonCode"), panel.meanings, why),
        order=record(key(told.case.order), panel.openable),
        story=_story(told.case, told.known, row, times.present()),
        tracks=[Track(spoken("case.authorization"), *authorized(row)), _contract(row)],
        next=_payers_next(panel, times),
        verdict=Chip(spoken("case.payer-status"), "quiet", icon="shield-check"),
        verdict_note="",
        warnings=(),
        gates=[_step(gate, panel.openable, times, False) for gate in told.gates],
        events=happened[:SHORT],
        more_events=happened[SHORT:],
        papers=payers_papers(panel, times),
        full=False,
    )


def _payers_next(panel: PayerPanel, times: Times) -> Next:
    row = panel.row
    if not row.moves:
        return Next(spoken("case.nothing-decide"), spoken("case.next-move-not-yours"), None, None, "")
    gate = next((gate for gate in panel.told.gates if gate.who == "payer"), None)
    what = spoken("case.decide-request") if gate else spoken("case.answer-eligibility-question")
    why = say(gate.reason) if gate else spoken("case.coverage-has-been-asked-about")
    clock = times.clock(row.due_at, row.clock_start, panel.at.today)
    return Next(what, why, chip(labels.MOVE, "payer"), clock, in_words(row.due_label))


def _interpreter(patient: Json) -> Iterator[Tag]:
    """What one must know before calling or meeting the patient."""
    tongues = [each for each in items(patient, "communication") if each.get("preferred")]
    language = words(item(tongues[0], "language")) if tongues else ""
    if extension(patient, INTERPRETER).get("valueBoolean"):
        needed = spoken("case.interpreter-of", language=language) if language else spoken("case.labels.interpreter")
        yield Tag(icon="languages", label=needed[:1].upper() + needed[1:])


def _tags(case: Case, priority: str) -> Iterator[Tag]:
    patient = case.patient or {}
    if patient.get("deceasedBoolean") or patient.get("deceasedDateTime"):
        yield Tag(icon="circle-alert", label=spoken("case.deceased"), tone="warn")
    if priority != "routine":
        yield Tag(icon="triangle-alert", label=chip(labels.PRIORITY, priority).label, tone="warn")


def _codes(concepts: Sequence[Json], meanings: Mapping[tuple[str, str], str], beside: str) -> str:
    """The codes that billing knows, each with its system and its words: "CPT 99243; ICD-10 I44.7 Left bundle-branch
    block, unspecified"; others stay unsaid. beside: the words that stand before them."""
    found = (each for concept in concepts for each in sorted(codes(concept)) if each[0] in SYSTEMS and each[1])
    return "; ".join(dict.fromkeys(coded(system, code, meanings, beside) for system, code in found))


def _story(case: Case, known: Directory, row: Any, present: Present) -> str:
    requester = item(case.order, "requester")
    role = next((each for each in case.roles if key(each) == target(requester)), {})
    named = target(item(role, "practitioner") or requester)
    by = next((spoken_name(each, present) for each in case.practitioners if key(each) == named), "")
    if not by and (party := known.get(named)):
        by = party.name
    sender = ", ".join(part for part in (by, row.placer_name) if part)
    to = (
        spoken("case.to.4", performer_name=row.performer_name)
        if row.performer_name
        else spoken("case.clinic-that-still-be-found")
    )
    return spoken("case.sent-by", sender=sender, to=to) if sender else spoken("case.sent", to=to)


def _tracks(panel: Panel, times: Times) -> list[Track]:
    row = panel.row
    visit = spoken("case.visit", appointment_at=times.exact(row.appointment_at)) if row.appointment_at else ""
    return [
        Track(spoken("case.referral"), chip(labels.REFERRAL, row.stage), visit),
        Track(spoken("case.authorization"), *authorized(row)),
        _contract(row),
    ]


def _contract(row: Any) -> Track:
    return Track(spoken("case.contract"), contracted(row), in_words(row.agreement_note))


def _next(panel: Panel, times: Times) -> Next:
    row = panel.row
    if not row.open:
        return Next(spoken("case.referral-closed"), in_words(row.headline), None, None, "")
    what = in_words(row.action_label) or spoken("case.wait")
    mover = chip(labels.MOVE, row.role) if row.role else None
    return Next(
        what, in_words(row.headline), mover, times.clock(row.due_at, row.clock_start, panel.at.today),
        in_words(row.due_label), to_call(panel, times.present()),
    )  # fmt: skip


def _judged_for(panel: Panel, times: Times) -> str:
    day, window = panel.clearance.date, panel.clearance.window
    if day:
        return spoken("case.judged-for-visit-on", day=times.date(day))
    held = panel.clearance.gate("appointment").rule == "appointment.held"
    visit = spoken("case.visit-held-not-booked") if held else spoken("case.no-visit-booked")
    if window.start and window.last:
        return spoken("case.judged-for", visit=visit, start=times.date(window.start), last_=times.date(window.last))
    return f"{visit}."


def _step(
    gate: Gate, openable: frozenset[str], times: Times, open: bool, clause: Shown | None = None,
    count: Sentence | None = None,
) -> Step:  # fmt: skip
    facts = []
    if gate.action and gate.unmet:
        facts.append((spoken("case.do"), say(gate.action.label)))
    if gate.who and gate.unmet:
        facts.append((spoken("case.whose-move.2"), chip(labels.MOVE, gate.who).label))
    if gate.due and gate.unmet:
        facts.append((say(gate.due_label) if gate.due_label else spoken("case.due"), times.exact(micros(gate.due))))
        if count:
            facts.append((spoken("counted.title"), say(count)))
    if gate.waits_on:
        facts.append((spoken("case.waits-for.2"), labels.GATES[gate.waits_on].label))
    for span in gate.spans:
        days = spoken("case.to.5", first_=times.date(span.first), last_=times.date(span.last))
        facts.append((days, f"{chip(labels.GATE, span.state).label}: {say(span.reason)}"))
    facts += [(spoken("case.also-in-network"), f"{o.name}{_far(o)} ({o.agreement})") for o in gate.offers]
    named = labels.GATES[gate.name]
    return Step(
        named.label, named.icon, chip(labels.GATE, gate.state), say(gate.reason), gate.rule, facts,
        [*clauses(gate, clause), *(proof(each, openable) for each in gate.evidence)], open,
    )  # fmt: skip


def _far(offer: Offer) -> str:
    if offer.kilometres is None:
        return ""
    miles = round(offer.kilometres / _MILE)
    return spoken("case.miles-away", n=miles) if miles else spoken("case.less-than-mile-away")


def moment_of(event: Event, times: Times) -> Moment:
    """An event in words."""
    mark = MARKS[event.kind]
    said = TOLD.get(event.kind, {}).get(event.state)
    if said:
        mark = Chip("", said.tone if said.tone != "quiet" else "grey", said.icon)
    local = event.at.astimezone(times.zone)
    exact = times.exact(micros(event.at))
    day, _, clock = exact.rpartition(" ")
    # a day without an hour is stored as its midnight: no hour is shown that nobody said
    details = " · ".join(map(say, event.details))
    hour = "" if clock == "00:00" else clock
    return Moment(mark, capitalized(event.what), details, day, hour, local.isoformat())
