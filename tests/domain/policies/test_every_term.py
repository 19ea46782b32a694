"""That every term of a policy is heard: an office's or a payer's word changes what is answered of a case. The days are
counted by hand: the story is told on Sunday 22 Nov 2026, the order is of the 16th and was sent on the 17th at 10:00."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.gates.gate import GateName
from carecoord.domain.gates.policy import Policy
from carecoord.domain.policies.lines import Line
from carecoord.domain.policies.shipped import PRIORITIES, TERMS
from tests.domain.stories import (
    NOW,
    OURS,
    POLICY,
    Story,
    answer,
    appointment,
    at,
    book,
    child,
    claim,
    coded,
    contract,
    eligibility,
    encounter,
    order,
    plain,
    question,
    report,
    rule,
    task,
    wish,
)

P1, CLINIC = "https://carecoord.example/id/payer|P1", "Organization/clinic"
EXPEDITED = {"priority": coded("http://terminology.hl7.org/CodeSystem/processpriority", "stat")}
UNBOOKED = plain().without("Appointment/visit")
ASKED = UNBOOKED.with_(book(rule()))
SEEN = plain().without("Appointment/visit").with_(
    appointment(-3, status="fulfilled"), encounter(-3, "seen"), task(status="in-progress", stage="seen")
)  # fmt: skip
EXTENDED = answer("A4", decided=-1, outcome="queued",
                  extension=[{"url": f"{OURS}/decision-extended", "valueCode": "payer"}])  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """A story and the clock of a gate in it: due on `before`, and on `after` once somebody (`whose`) says `value`."""

    story: Story
    gate: GateName
    before: str
    value: str
    after: str
    whose: str = CLINIC


CLOCKS = {
    "decision.standard": Heard(ASKED.with_(claim(sent=-2)), "authorization", "27 Nov 10", "5 days", "25 Nov 10", P1),
    "decision.expedited": Heard(
        ASKED.with_(claim(sent=-2, **EXPEDITED)), "authorization", "23 Nov 10", "24 hours", "21 Nov 10", P1
    ),
    "eligibility-reply": Heard(
        UNBOOKED.without("CoverageEligibilityResponse/eligible-card-1-5").with_(question()), "coverage",
        "22 Nov 10", "48 hours", "23 Nov 10", P1,
    ),
    "information-lead": Heard(
        ASKED.with_(claim(sent=-2), answer("A4", decided=-1), wish(None)), "information",
        "26 Nov 10", "3 days", "24 Nov 10", P1,
    ),
    "visit-lead": Heard(plain().with_(book(rule())), "authorization", "1 Dec 10", "10 days", "24 Nov 10", P1),
    "confirm": Heard(plain().with_(appointment(-3)), "loop", "20 Nov 10", "2 days", "21 Nov 10"),
    "report": Heard(SEEN, "loop", "26 Nov 10", "5 days", "24 Nov 10"),
    "acknowledge-report": Heard(SEEN.with_(report()), "loop", "24 Nov 10", "5 days", "26 Nov 10"),
    "tell-patient": Heard(
        SEEN.with_(report(), child("acknowledge-report", "completed", lastModified=at(-1))), "loop",
        "28 Nov 10", "2 days", "23 Nov 10",
    ),
    "settle.routine": Heard(
        UNBOOKED.without("CoverageEligibilityResponse/eligible-card-1-5").with_(eligibility(age=40)), "coverage",
        "19 Nov 10", "5 days", "21 Nov 10",
    ),
    "extension.expedited": Heard(
        ASKED.with_(claim(sent=-2, **EXPEDITED), EXTENDED), "authorization", "7 Dec 10", "24 hours", "24 Nov 10", P1
    ),
    "extension.standard": Heard(
        ASKED.with_(claim(sent=-2), EXTENDED), "authorization", "11 Dec 10", "5 days", "2 Dec 10", P1
    ),
    "extension.by": Heard(
        ASKED.with_(claim(sent=-2), EXTENDED), "authorization", "11 Dec 10", "patient", "27 Nov 10", P1
    ),
    "submit.routine": Heard(ASKED, "authorization", "19 Nov 10", "1 day", "17 Nov 10"),
    "book.routine": Heard(UNBOOKED, "appointment", "22 Nov 10", "10 days", "27 Nov 10"),
    "send.routine": Heard(
        UNBOOKED.with_(task(status="draft", stage="draft")), "appointment", "19 Nov 10", "5 days", "22 Nov 10"
    ),
    "acknowledge.routine": Heard(
        UNBOOKED.with_(task(status="requested", stage="sent")), "appointment", "19 Nov 10", "5 days", "22 Nov 10"
    ),
    "triage.routine": Heard(
        UNBOOKED.with_(task(status="received", stage="in-review")), "appointment", "20 Nov 10", "5 days", "22 Nov 10"
    ),
    "reroute.routine": Heard(
        UNBOOKED.with_(task(status="rejected", stage="declined")), "appointment", "19 Nov 10", "5 days", "22 Nov 10"
    ),
}  # fmt: skip


def judged(story: Story, *lines: Line) -> Clearance:
    return clear(replace(story.case(), policies=lines), NOW, POLICY)


def told(due: datetime | None) -> str:
    return f"{due.astimezone(ZoneInfo('America/New_York')):%-d %b %-H}" if due else "none"


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_is_as_long_as_it_was_said(name: str) -> None:
    heard = CLOCKS[name]
    other, own = (Line(whose, "", name, heard.value) for whose in ("x|other", heard.whose))
    found = [told(judged(heard.story, *lines).gate(heard.gate).due) for lines in ((), (other,), (own,))]
    assert found == [heard.before, heard.before, heard.after]


@pytest.mark.parametrize("whose", [P1, CLINIC])
def test_what_ends_is_told_as_early_as_the_office_or_the_payer_says(whose: str) -> None:
    """The agreement ends with 1 Jan 2027, in 40 days."""
    story, ends = UNBOOKED.with_(contract(end=40)), "The agreement ends on 1 Jan 2027."
    assert ends not in judged(story).warnings
    assert ends in judged(story, Line(whose, "", "expiring", "45 days")).warnings
    soon = judged(story, Line(whose, "", "expiring", "39 days"))
    assert (ends in soon.warnings, told(soon.changes_at)) == (False, "24 Nov 0")


def test_an_order_that_names_no_end_is_to_be_seen_within_what_its_office_says() -> None:
    story = UNBOOKED.with_(order(occurrencePeriod={"start": "2026-11-17"}))
    assert judged(story).window.last == date(2027, 1, 16)  # 60 days
    assert judged(story, Line(CLINIC, "", "window.routine", "20 days")).window.last == date(2026, 12, 7)


@pytest.mark.parametrize("priority", PRIORITIES)
def test_each_step_is_as_urgent_as_its_own_priority_says(priority: str) -> None:
    for step in ("send", "acknowledge", "triage", "submit", "settle", "book", "reroute"):
        policy = Policy(lines=(Line("", "", f"{step}.{priority}", "99 hours"),))
        hours = {each: (policy.due(NOW, step, each) - NOW) / timedelta(hours=1) for each in PRIORITIES}
        assert hours[priority] == 99, step
        assert 99 not in [hours[each] for each in PRIORITIES if each != priority], step


ELSEWHERE = {  # terms whose being heard other tests show
    "appeal", "peer-to-peer", "eligibility-age", "channel", "extension.ground",  # test_policy.py
    "calendar.week", "calendar.hours", "calendar.holidays", "calendar.closed", "calendar.zone",  # and test_calendars.py
    "appeal.second", "appeal.third",  # tests/domain/prior_auth/test_appeal_windows.py
    "metrics-published", "metrics-items",  # tests/desk/authorizations/test_metrics.py
    "letter.channel",  # tests/desk/authorizations/test_letters_out.py
    "patient-cancels",  # tests/api/test_patients_moves.py
    "hold",  # tests/domain/scheduling/test_holds.py
    "approval-steps", "approval-step",  # tests/desk/agreements/test_office.py
}  # fmt: skip


def test_no_term_is_left_out() -> None:
    steps = {f"{step.partition('.')[0]}.{each}" for step in CLOCKS if step.endswith(".routine") for each in PRIORITIES}
    windows = {f"window.{each}" for each in PRIORITIES}
    assert CLOCKS.keys() | steps | windows | {"expiring"} | ELSEWHERE == TERMS.keys()
