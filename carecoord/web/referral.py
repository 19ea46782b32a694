"""One referral as its panel and its page show it: the tracks, what is next, the six gates with their proof, what
happened and the papers, all in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from carecoord.actions.cases import Panel
from carecoord.domain.gate import Evidence, Gate
from carecoord.domain.patient import spoken_name
from carecoord.domain.payer_view import GATES
from carecoord.domain.reading import Json, extension, item, items, key, target, text, words
from carecoord.domain.timeline import Event
from carecoord.fhir.instants import micros
from carecoord.web import chips
from carecoord.web.chips import Chip, authorized, chip, contracted
from carecoord.web.clocks import Clock, Times, age
from carecoord.web.verdict import verdict

SHORT = 6  # events shown before "All events"
INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
COMMENT = "http://hl7.org/fhir/StructureDefinition/contactpoint-comment"
SEX = {"female": "Female", "male": "Male", "other": "Other", "unknown": "Sex unknown"}
MARKS = {  # kind of event -> (icon, tone); the state may say more
    "order": Chip("", "grey", icon="inbox"),
    "stage": Chip("", "grey", icon="send"),
    "authorization": Chip("", "blue", icon="shield-check"),
    "coverage": Chip("", "grey", icon="id-card"),
    "agreement": Chip("", "amber", icon="file-pen-line"),
    "visit": Chip("", "blue", icon="calendar-days"),
    "talk": Chip("", "grey", icon="message-square"),
    "document": Chip("", "grey", icon="file-text"),
}
TOLD = {
    "stage": chips.REFERRAL,
    "authorization": {
        **chips.AUTHORIZATION,
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
class Proof:
    """Where a statement rests: the resource, its version, and the element that says it."""

    reference: str
    version: str
    element: str


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


@dataclass(frozen=True)
class Moment:
    mark: Chip
    what: str
    detail: str
    day: str
    time: str
    exact: str


@dataclass(frozen=True)
class Paper:
    label: str
    day: str
    state: Chip | None


@dataclass(frozen=True)
class Sheet:
    id: str
    number: str
    name: str
    about: str
    tags: Sequence[Tag]
    service: str
    reason: str
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


def sheet(panel: Panel, zone: ZoneInfo) -> Sheet:
    """Everything that the panel shows."""
    times, row = Times(panel.now, zone), panel.row
    told = [_moment(event, times) for event in panel.events]
    return Sheet(
        id=row.id, number=row.number, name=row.patient_name, about=_about(panel, times), tags=list(_tags(panel)),
        service=words(item(panel.case.order, "code")) or row.specialty, reason=row.reason if panel.full else "",
        story=_story(panel), tracks=_tracks(panel, times), next=_next(panel, times), verdict=_verdict(panel),
        verdict_note=_judged_for(panel, times) if panel.full else "",
        warnings=(*panel.clearance.conflict, *panel.clearance.warnings) if panel.full else (),
        gates=[_step(gate, panel, times) for gate in panel.clearance.gates if panel.full or gate.rule in GATES],
        events=told[:SHORT], more_events=told[SHORT:],
        papers=[*_wanted(panel, times), *(_paper(each, panel, times) for each in panel.documents)],
        full=panel.full,
    )  # fmt: skip


def _about(panel: Panel, times: Times) -> str:
    row = panel.row
    years = age(row.birth_date, times.now.astimezone(times.zone).date())
    who = ", ".join(part for part in (SEX.get(row.gender or "", ""), years) if part)
    return " · ".join(
        part for part in (who, f"MRN {row.mrn}" if row.mrn else "", row.plan_name or row.payer_name) if part
    )


def _tags(panel: Panel) -> Iterator[Tag]:
    """What one must know before calling or meeting the patient."""
    patient = panel.case.patient or {}
    if panel.full:
        spoken = [each for each in items(patient, "communication") if each.get("preferred")]
        language = words(item(spoken[0], "language")) if spoken else ""
        if extension(patient, INTERPRETER).get("valueBoolean"):
            yield Tag(icon="languages", label=f"{language} interpreter".strip().capitalize())
        for each in items(patient, "telecom"):
            if said := text(extension(each, COMMENT), "valueString"):
                yield Tag(icon="phone", label=said)
    if patient.get("deceasedBoolean") or patient.get("deceasedDateTime"):
        yield Tag(icon="circle-alert", label="Deceased", tone="warn")
    if panel.row.priority != "routine":
        yield Tag(icon="triangle-alert", label=chip(chips.PRIORITY, panel.row.priority).label, tone="warn")


def _story(panel: Panel) -> str:
    row, order = panel.row, panel.case.order
    requester = item(order, "requester")
    role = next((each for each in panel.case.roles if key(each) == target(requester)), {})
    named = target(item(role, "practitioner") or requester)
    by = next((spoken_name(each, panel.now) for each in panel.case.practitioners if key(each) == named), "")
    if not by and (party := panel.known.get(named)):
        by = party.name
    sender = ", ".join(part for part in (by, row.placer_name) if part)
    to = f"to {row.performer_name}" if row.performer_name else "to a clinic that is still to be found"
    return f"Sent by {sender}, {to}." if sender else f"Sent {to}."


def _tracks(panel: Panel, times: Times) -> list[Track]:
    row = panel.row
    visit = f"Visit {times.exact(row.appointment_at)}" if row.appointment_at else ""
    authorization, note = authorized(row, panel.full)
    tracks = [
        Track("Referral", chip(chips.REFERRAL, row.stage), visit),
        Track("Authorization", authorization, note),
        Track("Contract", contracted(row, panel.full), row.agreement_note or ""),
    ]
    return tracks if panel.full else tracks[1:]


def _next(panel: Panel, times: Times) -> Next:
    row = panel.row
    if not panel.full and row.role != "payer":
        return Next("Nothing to decide", "The next move is not yours.", None, None, "")
    if not row.open:
        return Next("The loop is closed", row.headline, None, None, "")
    what = row.action_label or "Wait"
    mover = chip(chips.MOVE, row.role) if row.role else None
    return Next(
        what, row.headline, mover, times.clock(row.due_at, row.clock_start, panel.at.today), row.due_label or ""
    )


def _verdict(panel: Panel) -> Chip:
    if not panel.full:
        return Chip("How it stands", "quiet", icon="shield-check")
    return verdict(panel.row._mapping)


def _judged_for(panel: Panel, times: Times) -> str:
    day, window = panel.clearance.date, panel.clearance.window
    if day:
        return f"Judged for the visit on {times.date(day)}."
    held = panel.clearance.gate("appointment").rule == "appointment.held"
    visit = "The visit is held, not booked" if held else "No visit booked"
    if window.start and window.last:
        return f"{visit}: judged for {times.date(window.start)} to {times.date(window.last)}."
    return f"{visit}."


def _step(gate: Gate, panel: Panel, times: Times) -> Step:
    facts = []
    if gate.action and gate.unmet:
        facts.append(("To do", gate.action.label))
    if gate.who and gate.unmet:
        facts.append(("Whose move", chip(chips.MOVE, gate.who).label))
    if gate.due and gate.unmet:
        facts.append((gate.due_label or "Due", times.exact(micros(gate.due))))
    if gate.waits_on:
        facts.append(("Waits for", chips.GATES[gate.waits_on].label))
    facts += [
        (f"{times.date(s.first)} to {times.date(s.last)}", f"{chip(chips.GATE, s.state).label}: {s.reason}")
        for s in gate.spans
    ]
    facts += [("Also in network", f"{o.name} ({o.agreement})") for o in gate.offers]
    named = chips.GATES[gate.name]
    return Step(
        named.label, named.icon, chip(chips.GATE, gate.state), gate.reason, gate.rule, facts,
        [_proof(each) for each in gate.evidence], gate.name == panel.clearance.headline_gate,
    )  # fmt: skip


def _proof(evidence: Evidence) -> Proof:
    return Proof(evidence.reference, f"version {evidence.version}" if evidence.version else "", evidence.element)


def _moment(event: Event, times: Times) -> Moment:
    mark = MARKS[event.kind]
    said = TOLD.get(event.kind, {}).get(event.state)
    if said:
        mark = Chip("", said.tone if said.tone != "quiet" else "grey", said.icon)
    local = event.at.astimezone(times.zone)
    exact = times.exact(micros(event.at))
    day, _, clock = exact.rpartition(" ")
    # a day without an hour is stored as its midnight: no hour is shown that nobody said
    return Moment(mark, event.what, event.detail, day, "" if clock == "00:00" else clock, local.isoformat())


def _wanted(panel: Panel, times: Times) -> Iterator[Paper]:
    """The papers that somebody waits for, before those that are there."""
    for ask in panel.clearance.papers:
        if ask.state != "attached" and (panel.full or ask.by == "payer"):
            by = "the payer" if ask.by == "payer" else "the clinic"
            state = "In the chart, not sent" if ask.ready and panel.full else f"Wanted by {by}"
            due = f"due {times.exact(micros(ask.due))}" if ask.due else ""
            yield Paper(ask.words, due, Chip(state, "amber", icon="circle-alert"))


def _paper(document: Json, panel: Panel, times: Times) -> Paper:
    at = _when(text(document, "date"))
    sent = key(document) in panel.clearance.facts.papers.sent
    new = at is not None and (panel.now - at).days < 3
    state = Chip("Sent", "quiet", icon="send") if sent else Chip("New", "green", icon="file-text") if new else None
    return Paper(words(item(document, "type")) or "Document", times.day(micros(at)) if at else "", state)


def _when(said: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else None
