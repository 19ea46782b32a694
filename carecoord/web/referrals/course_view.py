"""The steps of a referral as its page shows them: done with the days they took, here with its clock, later with what
each waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from carecoord.actions.referrals.case_page import CasePage
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.referrals.course import Lane, Step, StepName
from carecoord.domain.resource.days import midnight, shifted
from carecoord.domain.resource.elements import item, items, words
from carecoord.fhir.instants import micros
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Clock, Times
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

NAMES: Final[Mapping[StepName, str]] = Glossary(
    {
        "sent": sentence("case.names.sent"),
        "triage": sentence("case.names.triage"),
        "accepted": sentence("case.names.accepted"),
        "authorization": sentence("case.names.authorization"),
        "booked": sentence("case.names.booked"),
        "visit": sentence("case.names.visit"),
        "report": sentence("case.names.report"),
        "read": sentence("case.names.read"),
        "told": sentence("case.names.told"),
    }
)
STATES: Final[Mapping[str, str]] = Glossary(
    {
        "done": sentence("case.states.done"),
        "not-needed": sentence("case.states.not-needed"),
        "here": sentence("case.states.here"),
        "passed": sentence("case.states.passed"),
        "later": sentence("case.states.later"),
    }
)


@dataclass(frozen=True)
class StepView:
    """`n`: its number; `heard`: its state in a word; `note`: the line below its name; `clock`: of the present one."""

    n: int
    name: str
    state: str
    heard: str
    note: str
    clock: Clock | None = None


@dataclass(frozen=True)
class LaneView:
    """`named`: shown only where there are several. `chip`: how the clinic's Task stands."""

    clinic: str
    chip: Chip
    note: str
    steps: Sequence[StepView]


def lanes(page: CasePage, times: Times) -> list[LaneView]:
    """The lane that the referral is in, then those of other clinics."""
    return [_lane(each, page.panel if n == 0 else None, times) for n, each in enumerate(page.lanes)]


def _lane(lane: Lane, panel: Panel | None, times: Times) -> LaneView:
    since = times.day(micros(lane.since)) if lane.since else ""
    note = ", ".join(part for part in (since, lane.reason) if part)
    stage = panel.row.stage if panel else lane.stage
    shown = (
        chip(labels.REFERRAL, stage)
        if stage != "new"
        else Chip(spoken("case.nobody-asked"), "amber", icon="circle-alert")
    )
    return LaneView(lane.clinic or spoken("case.no-clinic-named"), shown, note, list(_steps(lane, panel, times)))


def _steps(lane: Lane, panel: Panel | None, times: Times) -> Iterator[StepView]:
    before = None
    for n, step in enumerate(lane.steps):
        clock = None
        if step.state == "done":
            took = step.at - before if step.at and before else timedelta()
            spent = f", {took.days} d" if took.days > 0 else ""
            note = f"{times.day(micros(step.at))}{spent}" if step.at else ""
            before = step.at or before
        elif step.state == "here" and panel:
            clock = times.clock(panel.row.due_at, panel.row.clock_start, panel.at.today)
            note = in_words(panel.row.due_label) or _waits(step, panel, times)
        elif step.state == "not-needed":
            note = spoken("case.not-needed")
        else:
            note = _waits(step, panel, times) if panel else ""
        yield StepView(n + 1, NAMES[step.name], step.state, STATES[step.state], note, clock)


def _waits(step: Step, panel: Panel, times: Times) -> str:
    """What a step that is still to come waits for."""
    judged = panel.clearance
    if step.name == "authorization":
        gate = judged.gate("authorization")
        return (
            spoken("case.waits-for", lower_=chip(labels.MOVE, gate.who).label.lower()) if gate.who else say(gate.reason)
        )
    if step.name == "booked":
        if held := next((b for b in judged.facts.visits.bookings if b.kind == "held" and b.start), None):
            return spoken("case.held", start=times.exact(micros(held.start))) if held.start else ""
        return spoken("case.after-approval") if judged.gate("authorization").unmet else _window(panel, times)
    if step.name == "visit":
        booked = judged.booking.start if judged.booking else None
        return times.exact(micros(booked)) if booked else _window(panel, times)
    if step.name == "report":
        days = judged.facts.policy.length("report", panel.now).days
        return spoken("case.d-after-visit", days=days) if days else spoken("case.after-visit")
    if step.name == "read":
        return spoken("case.by-who-referred")
    return spoken("case.in", language=language) if step.name == "told" and (language := _language(panel)) else ""


def _window(panel: Panel, times: Times) -> str:
    end = panel.clearance.facts.referral.window.end
    return spoken("case.by", zone=times.day(micros(midnight(shifted(end, -1), times.zone)))) if end else ""


def _language(panel: Panel) -> str:
    tongues = [each for each in items(panel.case.patient or {}, "communication") if each.get("preferred")]
    return words(item(tongues[0], "language")) if tongues else ""
