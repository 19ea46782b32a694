"""Whose word counts in a policy, and what the desk says by it. The right days are counted by hand on the calendar of
November 2026 (22 Nov is a Sunday, Thanksgiving the 26th)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.clearance.counted import counted
from carecoord.domain.gates.gate import GateName
from carecoord.domain.gates.policy import Payer, Policy
from carecoord.domain.policies.lines import Line, key_of
from carecoord.domain.policies.shipped import SHIPPED, TERMS, checked
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.parties import Party
from tests.domain.stories import NOW, OURS, POLICY, Json, answer, book, claim, coverage, group, payer, plain, rule

P1 = "https://carecoord.example/id/payer|P1"
CLINIC = "http://hl7.org/fhir/sid/us-npi|9009"
GRANITE = Party("Organization/g", "Granite", frozenset({"Organization/g", P1}))
OFFICE = Party("Organization/o", "Office", frozenset({"Organization/o", CLINIC}))
DAY = date(2026, 11, 22)


def said(*lines: Line, businesses: Iterable[str] = (), on: date = DAY) -> str:
    policy = Policy(lines=lines).of_office(OFFICE)
    return policy.said("appeal", on, Payer(GRANITE, frozenset(businesses)))


def test_the_most_specific_word_counts_whatever_the_order_in_which_it_was_said() -> None:
    every, office = Line("", "", "appeal", "10 days"), Line(CLINIC, "", "appeal", "20 days")
    whole, medicaid = Line(P1, "", "appeal", "30 days"), Line(P1, "medicaid", "appeal", "40 days")
    assert said() == "65 days"
    assert said(every) == "10 days"
    assert said(office, every) == "20 days"
    assert said(whole, office, every) == "30 days"
    assert said(medicaid, whole, office, every, businesses={"medicaid"}) == "40 days"
    assert said(medicaid, every, whole, businesses={"chip", "medicaid"}) == "30 days", "nobody knows which of the two"
    assert said(medicaid, businesses={"commercial"}) == "65 days"
    assert said(Line("x|other", "", "appeal", "1 day")) == "65 days"


def test_a_word_counts_from_its_day_on_and_of_two_the_one_that_began_last() -> None:
    old = Line(P1, "", "appeal", "30 days", Days(date(2026, 1, 1)))
    new = Line(P1, "", "appeal", "60 days", Days(date(2026, 12, 1)))
    gone = Line(P1, "", "appeal", "5 days", Days(date(2026, 2, 1), date(2026, 3, 1)))
    days = (date(2025, 12, 31), date(2026, 1, 1), date(2026, 2, 28), date(2026, 3, 1), DAY, date(2026, 12, 1))
    assert [said(new, old, gone, on=day) for day in days] == [
        "65 days", "30 days", "5 days", "30 days", "30 days", "60 days"
    ]  # fmt: skip



def judged(*lines: Line, put: Iterable[Json] = (), now: datetime = NOW) -> Clearance:
    story = plain().without("Appointment/visit").with_(book(rule()), claim(sent=-2), *put)
    return clear(replace(story.case(), policies=lines), now, POLICY)


def new_york(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZoneInfo("America/New_York"))


def test_the_payers_clock_is_the_payers_own_on_the_payers_calendar() -> None:
    """Asked on Friday 20 Nov at 10:00: shipped, 7 calendar days. 3 business days are over on Wednesday at 17:00; of 4
    the last is Friday, for Thanksgiving does not count; where the payer is closed that Friday too, it is Monday."""
    assert judged().gate("authorization").due == new_york(27, 10)
    three, four = (Line(P1, "", "decision.standard", f"{n} business days") for n in (3, 4))
    assert judged(three).gate("authorization").due == new_york(25, 17)
    assert judged(four).gate("authorization").due == new_york(27, 17)
    closed = Line(P1, "", "calendar.closed", "2026-11-27")
    assert judged(four, closed).gate("authorization").due == new_york(30, 17)
    assert str(judged(three).ruling.remark) == "3 business d to decide"
    assert str(judged().ruling.remark) == "7 d standard"


def test_a_step_of_the_office_is_due_by_the_policy_of_the_office_that_refers() -> None:
    """Accepted on Tuesday 17 Nov at 10:00: shipped, 120 hours; 3 business days of the clinic are over on Friday."""
    own, other = (Line(f"Organization/{id}", "", "book.routine", "3 business days") for id in ("clinic", "group-1"))
    assert judged().gate("appointment").due == new_york(22, 10)
    assert judged(other).gate("appointment").due == new_york(22, 10)
    assert judged(own).gate("appointment").due == new_york(20, 17)


def test_a_policy_that_comes_after_the_request_does_not_move_its_clock() -> None:
    late = Line(P1, "", "decision.standard", "14 days", Days(date(2026, 11, 21)))
    soon = Line(P1, "", "decision.standard", "14 days", Days(date(2026, 11, 20)))
    assert judged(late).gate("authorization").due == new_york(27, 10)
    assert judged(soon).gate("authorization").due == new_york(4, 10, month=12)


def test_a_line_of_business_is_that_of_the_card_that_the_request_names() -> None:
    said = Line(P1, "medicaid", "decision.standard", "14 days")
    medicaid = coverage(extension=[{"url": f"{OURS}/line-of-business", "valueCode": "medicaid"}])
    assert judged(said).gate("authorization").due == new_york(27, 10)
    assert judged(said, put=[medicaid]).gate("authorization").due == new_york(4, 10, month=12)


def test_a_denial_tells_until_when_to_talk_to_the_payer_and_until_when_to_appeal() -> None:
    """Denied on Saturday 21 Nov at 10:00: 3 business days to talk are over on Wednesday the 25th, 60 days on 20 Jan."""
    no = answer("A3", decided=-1)
    assert str(judged(put=[no]).ruling.remark) == "Appeal by 25 Jan 2027"
    lines = (Line(P1, "", "peer-to-peer", "3 business days"), Line(P1, "", "appeal", "60 days"))
    found = judged(*lines, put=[no])
    assert str(found.ruling.remark) == "Talk by 25 Nov 2026, appeal by 20 Jan 2027"
    assert found.changes_at is not None
    assert found.changes_at <= new_york(25, 17)
    assert str(judged(*lines, put=[no], now=new_york(25, 18)).ruling.remark) == "Appeal by 20 Jan 2027"


def test_an_answer_on_eligibility_is_good_as_long_as_the_payer_says() -> None:
    """The answer of the story is 5 days old."""
    assert judged(Line(P1, "", "eligibility-age", "6 days")).gate("coverage").state == "met"
    old = judged(Line(P1, "", "eligibility-age", "4 days")).gate("coverage")
    assert (old.state, old.rule) == ("unknown", "coverage.stale")
    assert "4 days" in str(old.reason)


def test_the_way_that_a_payer_wants_to_be_asked_stands_beside_what_is_missing() -> None:
    story = plain().without("Appointment/visit").with_(book(rule()))
    case = replace(story.case(), policies=(Line(P1, "", "channel", "Portal, or fax 555-0100"),))
    assert str(clear(case, NOW, POLICY).ruling.remark) == "Request needed: Portal, or fax 555-0100"


def test_every_shipped_value_has_its_source_and_may_be_said_by_hand() -> None:
    for name, term in TERMS.items():
        assert term.source, name
        assert checked(name, term.value) == SHIPPED[name], name


@pytest.mark.parametrize(("name", "value"), [
    ("appeal", ""), ("appeal", "0 days"), ("appeal", "soon"), ("eligibility-age", "36 hours"),
    ("window.stat", "2 business days"), ("calendar.zone", "Middle/Earth"), ("calendar.holidays", "US-XX"),
    ("calendar.hours", "17:00-08:00"), ("calendar.week", ""), ("channel", "x" * 201),
])  # fmt: skip
def test_what_a_term_can_not_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        checked(name, value)


def test_copies_of_an_organization_have_one_policy() -> None:
    assert key_of(payer(1)) == key_of(payer(1, "office-")) == P1
    assert key_of({"resourceType": "Organization", "id": "x"}) == "Organization/x"
    assert key_of(group(1)) != key_of(group(2))


SITE = Party("Location/s", "Elm Street", frozenset({"Location/s"}), zone="America/Los_Angeles")
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("name", "lines", "due"),
    [
        # of 2 business days the last is Tuesday the 24th, and ends there at 17:00, in Los Angeles three hours later
        ("report", [Line("", "", "report", "2 business days")], new_york(24, 20)),
        # a site that is closed on Monday works one day longer; who else is closed then does not matter to it
        ("report", [Line("", "", "report", "2 business days"), Line("Location/s", "", "calendar.closed", "2026-11-23")],
         new_york(25, 20)),
        ("triage.routine", [Line("", "", "triage.routine", "2 business days"),
                            Line("Location/s", "", "calendar.zone", "America/New_York")], new_york(24, 17)),
        ("report", [Line("", "", "report", "2 business days"), Line(CLINIC, "", "calendar.week", "Mon-Wed"),
                    Line("Location/s", "", "calendar.week", "Sat, Sun, Mon")], new_york(22, 20)),
        # the office's own steps are counted where the office works
        ("confirm", [Line("", "", "confirm", "2 business days"),
                     Line("Location/s", "", "calendar.closed", "2026-11-23")], new_york(24, 17)),
    ],
)  # fmt: skip
def test_the_clinics_steps_are_counted_where_the_patient_is_seen_and_the_offices_where_it_works(
    name: str, lines: list[Line], due: datetime
) -> None:
    policy = Policy(lines=tuple(lines)).of_office(OFFICE).at_site(SITE)
    assert policy.after(FRIDAY, name) == due


def test_a_clock_says_how_it_was_counted_by_whose_word_and_on_whose_calendar() -> None:
    three = Line(P1, "", "decision.standard", "3 business days", Days(date(2026, 1, 1)))
    closed = Line(P1, "", "calendar.closed", "2026-11-27")
    own = Line("Organization/clinic", "", "book.routine", "3 business days")

    def said(gate: GateName, *lines: Line) -> str:
        found = judged(*lines)
        return str(counted(found.gate(gate), found.facts))

    assert said("authorization") == "7 days, as shipped (CMS-0057-F, 89 FR 8758)"
    assert said("authorization", three) == (
        "3 working days of the shipped working week, said for Blue Horizon since 1 Jan 2026"
    )
    assert said("authorization", three, closed) == (
        "3 working days on the calendar of Blue Horizon, said for Blue Horizon since 1 Jan 2026"
    )
    assert said("appointment") == "120 hours, as shipped"
    assert said("appointment", own) == "3 working days of the shipped working week, said for Elm Street Family Medicine"
    assert said("coverage") == "None", "a gate without a clock has nothing to say"


def extended(by: str) -> Json:
    """The payer's answer of Saturday 21 Nov: pended, and the time for it extended at somebody's asking."""
    return answer("A4", decided=-1, outcome="queued",
                  extension=[{"url": f"{OURS}/decision-extended", "valueCode": by}])  # fmt: skip


def test_a_payers_clock_is_extended_by_whom_and_as_long_as_its_policy_says() -> None:
    """Asked on 20 Nov at 10:00, so to be decided by 27 Nov; 14 days more are 11 Dec, 5 days 2 Dec."""
    short, ground = Line(P1, "", "extension.standard", "5 days"), Line(P1, "", "extension.ground", "papers are missing")
    patient, nobody = (Line(P1, "", "extension.by", each) for each in ("patient", "nobody"))
    cases = (
        (extended("payer"), (), new_york(11, 10, month=12)),
        (extended("patient"), (short,), new_york(2, 10, month=12)),
        (extended("patient"), (patient,), new_york(11, 10, month=12)),
        (extended("payer"), (patient,), new_york(27, 10)),
        (extended("patient"), (nobody,), new_york(27, 10)),
        (extended("somebody"), (), new_york(27, 10)),
    )
    for told, lines, due in cases:
        assert judged(*lines, put=[told]).gate("authorization").due == due, (told, lines)
    found = judged(short, ground, put=[extended("payer")])
    assert str(found.ruling.remark) == "Extended by the payer: papers are missing"
    assert str(counted(found.gate("authorization"), found.facts)) == (
        "7 days, as shipped (CMS-0057-F, 89 FR 8758); extended: 5 days, said for Blue Horizon"
    )
