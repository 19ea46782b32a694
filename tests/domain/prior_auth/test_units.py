"""How much was authorized, of what, and which visit uses it up: kinds of units apart, each visit charged once."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.domain.clearance.clearance import clear
from carecoord.domain.gates.policy import Payer
from carecoord.domain.prior_auth.charges import Account, Use, charge
from carecoord.domain.prior_auth.decisions import Line
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.units import Amount, amount
from carecoord.domain.resource.days import Days, When
from tests.domain.stories import (
    NOW,
    PAS,
    POLICY,
    Story,
    answer,
    appointment,
    at,
    book,
    claim,
    coded,
    encounter,
    gathered,
    order,
    plain,
    ref,
    rule,
)

UCUM = "http://unitsofmeasure.org"
X12_673 = "https://codesystem.x12.org/005010/673"
X12_355 = "https://codesystem.x12.org/005010/355"


@pytest.mark.parametrize(
    ("quantity", "kind", "words"),
    [
        ({"value": 12}, "visits", "12 visits"),
        ({"value": 1}, "visits", "1 visit"),
        ({"value": 12, "unit": "Visits"}, "visits", "12 visits"),
        ({"value": 12, "unit": "visit(s)"}, "visits", "12 visits"),
        ({"value": 12, "code": "VS", "system": X12_673}, "visits", "12 visits"),
        ({"value": 12, "code": "{visit}", "system": UCUM}, "visits", "12 visits"),
        ({"value": 12, "code": "1", "system": UCUM}, "visits", "12 visits"),
        ({"value": 12, "code": "1", "system": UCUM, "unit": "hours"}, "minutes", "12 hours"),
        ({"value": 480, "unit": "minutes"}, "minutes", "480 minutes"),
        ({"value": 480, "code": "min", "system": UCUM}, "minutes", "480 minutes"),
        ({"value": 480, "code": "MJ", "system": X12_355}, "minutes", "480 minutes"),
        ({"value": 11, "code": "HS", "system": X12_673}, "minutes", "11 hours"),
        ({"value": 1.5, "unit": "hrs"}, "minutes", "1.5 hours"),
        ({"value": 40, "unit": "15 minutes"}, "minutes", "40 quarter hours"),
        ({"value": 40, "unit": "units of 15 minutes"}, "minutes", "40 quarter hours"),
        ({"value": 40, "unit": "15-min units", "code": "UN", "system": X12_355}, "minutes", "40 quarter hours"),
        ({"value": 40, "unit": "unit (15 min)"}, "minutes", "40 quarter hours"),
        ({"value": 8, "unit": "15.min", "code": "15.min", "system": UCUM}, "minutes", "8 quarter hours"),
        ({"value": 12, "unit": "60-minute sessions"}, "visits", "12 visits"),
        ({"value": 12, "unit": "sessions of 60 minutes"}, "visits", "12 visits"),
        ({"value": 12, "unit": "physical therapy visits"}, "visits", "12 visits"),
        ({"value": 12, "unit": "visit hours"}, "other", "12 visit hours"),
        ({"value": 12, "unit": "treatment units"}, "other", "12 treatment units"),
        ({"value": 30, "unit": "days"}, "days", "30 days"),
        ({"value": 30, "code": "DY", "system": X12_673}, "days", "30 days"),
        ({"value": 6, "code": "MN", "system": X12_673}, "other", "6 months"),
        ({"value": 12, "unit": "units"}, "other", "12 units"),
        ({"value": 12, "code": "UN", "system": X12_355}, "other", "12 units"),
        ({"value": 500, "currency": "USD"}, "other", "500 USD"),
        ({"value": 500, "code": "USD", "system": "urn:iso:std:iso:4217"}, "other", "500 USD"),
        ({"value": 2, "unit": "boxes"}, "other", "2 boxes"),
        ({"value": 12, "unit": "visits", "comparator": "<"}, "other", "12 < visits"),
    ],
)
def test_a_quantity_is_of_a_kind(quantity, kind, words):
    found = amount(quantity)
    assert (found.kind, str(found.words())) == (kind, words)


@pytest.mark.parametrize(
    "quantity", [{}, {"unit": "visits"}, {"value": "12"}, {"value": True}, {"value": float("nan")}]
)
def test_a_quantity_without_a_number_says_nothing(quantity):
    assert amount(quantity) is None


def test_what_is_left_is_never_overstated():
    assert str(Amount(Fraction(40), "minutes", "quarter hour", 15).words(Fraction(112, 3))) == "37.33 quarter hours"
    assert Amount.number(Fraction(599, 100)) == "5.99"
    assert Amount.number(Fraction(5999, 1000)) == "5.99"


def needed(*more) -> Story:
    return plain().with_(book(rule()), *more)


def approved(quantity: dict, *more, **about) -> Story:
    """An approval of a quantity, with the visit of 4 Dec booked from 10:00 to 10:30."""
    given = answer(start=-20, end=60, decided=-9, units=1, **about)
    given["item"][0]["extension"][-1]["extension"][0]["valueQuantity"] = quantity
    return needed(claim(), given, *more)


def judged(story: Story):
    found = story.clear()
    return found.gate("authorization").state, found.gate("authorization").rule, found.ruling.note


class TestKindsOfUnits:
    def test_minutes_are_used_up_by_how_long_the_visits_last(self):
        seen = [encounter(-3, "e1"), encounter(-2, "e2")]
        assert judged(approved({"value": 480, "unit": "minutes"}, *seen))[::2] == ("met", "390 of 480 minutes left")

    def test_hours_are_sixty_minutes(self):
        assert judged(approved({"value": 2, "unit": "hours"}))[::2] == ("met", "1.5 of 2 hours left")

    def test_quarter_hours_are_said_as_such(self):
        story = approved({"value": 40, "unit": "15 minutes"})
        assert judged(story)[::2] == ("met", "38 of 40 quarter hours left")

    def test_minutes_that_are_used_up_open_the_gate(self):
        story = approved({"value": 60, "unit": "minutes"}, encounter(-3, "e1"), encounter(-2, "e2"))
        assert judged(story)[:2] == ("open", "authorization.units")
        assert "visit" not in str(story.clear().gate("authorization").reason).replace("the visit", "")

    def test_minutes_with_a_visit_of_unknown_length_are_unknown(self):
        endless = appointment(12) | {"end": None}
        found = approved({"value": 480, "unit": "minutes"}, endless).clear().gate("authorization")
        assert (found.state, found.rule) == ("unknown", "authorization.duration")

    def test_minutes_duration_says_how_long_where_the_end_is_missing(self):
        endless = {name: v for name, v in appointment(12).items() if name != "end"} | {"minutesDuration": 45}
        assert judged(approved({"value": 480, "unit": "minutes"}, endless))[::2] == ("met", "435 of 480 minutes left")

    def test_days_count_days_with_a_visit(self):
        two = [
            encounter(-2, "am"),
            encounter(-2, "pm", period={"start": at(-2, "15:00"), "end": at(-2, "15:30")}),
        ]
        assert judged(approved({"value": 30, "unit": "days"}, *two))[::2] == ("met", "28 of 30 days left")

    @pytest.mark.parametrize(
        "quantity", [{"value": 12, "unit": "units"}, {"value": 500, "currency": "USD"}, {"value": 3, "unit": "boxes"}]
    )
    def test_what_visits_can_not_be_counted_in_is_unknown_and_says_who_can_say(self, quantity):
        found = approved(quantity).clear().gate("authorization")
        assert (found.state, found.action.code) == ("unknown", "call-payer")
        ruling = approved(quantity).clear().ruling
        assert ruling.chip == "unknown"
        assert "visits left" not in ruling.note

    def test_money_beside_visits_that_are_used_up_is_no_approval(self):
        money = answer(start=-20, end=60, claim="more", units=1)
        money["item"][0]["extension"][-1]["extension"][0]["valueQuantity"] = {"value": 500, "currency": "USD"}
        money["item"][0]["adjudication"][0]["extension"][0]["extension"][1]["valueString"] = "AUTH-2"
        story = approved({"value": 1}, encounter(-3, "e1"), claim("more"), money)
        assert judged(story)[0] != "met"

    def test_the_units_of_an_adjudication_count_what_was_asked_for(self):
        allowed = {"category": coded("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication", "allowedunits")}
        given = answer(start=-20, end=60)
        given["item"][0]["adjudication"].append(allowed | {"value": 4})
        assert judged(needed(claim(units=6), given))[::2] == ("met", "3 of 4 visits left")

    def test_a_number_granted_without_a_unit_counts_what_was_asked_for(self):
        asked = claim()
        asked["item"][0]["quantity"] = {"value": 480, "unit": "minutes"}
        assert judged(approved({"value": 240}, asked))[::2] == ("met", "210 of 240 minutes left")

    def test_a_unit_that_was_granted_beats_the_one_asked_for(self):
        story = approved({"value": 240, "unit": "minutes"}, claim(units=12))
        assert judged(story)[::2] == ("met", "210 of 240 minutes left")

    @pytest.mark.parametrize("quantity", [{"value": "12"}, {"unit": "visits"}])
    def test_a_count_that_can_not_be_read_is_unknown(self, quantity):
        assert judged(approved(quantity))[:2] == ("unknown", "authorization.part-unclear")

    def test_nothing_authorized_is_nothing_left(self):
        assert str(approved({"value": 0}).clear().gate("authorization").reason).startswith("No visits are authorized")

    def test_changes_that_do_not_say_how_much_are_unknown(self):
        assert judged(needed(claim(units=6), answer("A6", start=-5, end=60)))[:2] == (
            "unknown",
            "authorization.part-unclear",
        )

    def test_a_visit_without_a_date_may_have_used_the_last(self):
        lost = {name: value for name, value in encounter(-3, "lost").items() if name != "period"}
        assert judged(approved({"value": 2}, lost))[0] == "met"
        found = approved({"value": 1}, lost).clear().gate("authorization")
        assert (found.state, found.rule) == ("unknown", "authorization.undated")


def second(units: int = 6, number: str = "AUTH-2", **about) -> list[dict]:
    """Another request for the same order, approved under another number."""
    given = answer(claim="more", units=units, decided=-1, **({"start": -20, "end": 60} | about))
    given["item"][0]["adjudication"][0]["extension"][0]["extension"][1]["valueString"] = number
    return [claim("more", sent=-2), given]


class TestSeveralApprovals:
    def used(self, n: int) -> list[dict]:
        return [encounter(-3 - k, f"e{k}") for k in range(n)]

    def test_visits_are_used_over_several_approvals(self):
        story = approved({"value": 6}, *self.used(6), *second())
        assert judged(story)[::2] == ("met", "5 of 12 visits left")

    def test_both_used_up_open_the_gate(self):
        story = approved({"value": 6}, *self.used(12), *second())
        assert judged(story)[:2] == ("open", "authorization.units")
        assert "All 12 authorized visits are used or booked, 1 more than allowed" in (
            str(story.clear().gate("authorization").reason)
        )

    def test_one_authorization_told_by_two_answers_counts_once(self):
        story = approved({"value": 6}, *self.used(6), *second(number="AUTH-1"))
        assert judged(story)[:2] == ("open", "authorization.units")

    def test_a_visit_moves_to_another_approval_to_make_room(self):
        early = approved({"value": 1}, encounter(-15, "e0"), *second(units=1, start=-20, end=-10))
        assert judged(early)[::2] == ("met", "Until 21 Jan 2027")


def other_order(id: str = "sr2", **more) -> dict:
    return order(id=id, identifier=[{"system": "https://carecoord.example/id/referral", "value": f"R-{id}"}], **more)


class TestOrdersThatShareAnAuthorization:
    def story(self, booked: int = 3, used: int = 9, **more) -> Story:
        """Order `sr`: 12 authorized, 12 used or booked. Order `sr2` cites the same answer, with a visit booked."""
        mine = [encounter(-3 - n, f"e{n}") for n in range(used)]
        ahead = [appointment(20 + n, f"a{n}") for n in range(booked)]
        cites = other_order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/answer-req")])
        theirs = appointment(5, "theirs", basedOn=[ref("ServiceRequest/sr2")], **more)
        return approved({"value": 12}, *mine, *ahead, cites, theirs).without("Appointment/visit")

    def clear(self, story: Story, id: str):
        return clear(gathered(story.resources[f"ServiceRequest/{id}"], story.resources.values()), NOW, POLICY)

    def test_the_thirteenth_visit_of_another_order_is_not_covered_and_the_first_order_is_warned(self):
        story = self.story()
        first, other = self.clear(story, "sr"), self.clear(story, "sr2")
        assert (other.gate("authorization").state, other.gate("authorization").rule) == ("open", "authorization.units")
        assert not other.cleared
        assert first.gate("authorization").state == "met"
        assert any("Another order under the same authorization" in words for words in first.warnings)
        assert any("All 12 authorized visits" in words for words in first.warnings)

    def test_twelve_used_leave_nothing_for_another_order(self):
        story = self.story(booked=0, used=12)
        assert self.clear(story, "sr2").gate("authorization").rule == "authorization.units"

    def test_the_other_orders_visits_are_taken_off_what_is_left(self):
        story = self.story(booked=1)
        assert self.clear(story, "sr").ruling.note == "1 of 12 visits left"
        assert self.clear(story, "sr2").ruling.note == "1 of 12 visits left"

    def test_a_cancelled_visit_of_the_other_order_uses_nothing(self):
        assert self.clear(self.story(booked=1, status="cancelled"), "sr").ruling.note == "2 of 12 visits left"

    def test_a_visit_for_both_orders_counts_once(self):
        story = self.story(booked=1)
        both = appointment(5, "theirs", basedOn=[ref("ServiceRequest/sr2"), ref("ServiceRequest/sr")])
        assert self.clear(story.with_(both), "sr").ruling.note == "1 of 12 visits left"

    def test_an_order_of_another_authorization_shares_nothing(self):
        story = self.story(booked=1).with_(other_order())
        assert self.clear(story, "sr").ruling.note == "2 of 12 visits left"

    def test_two_copies_of_one_authorization_are_shared_by_the_orders_that_cite_either(self):
        story = self.story(booked=3)
        copy = story.resources["ClaimResponse/answer-req"] | {"id": "copy", "request": ref("Claim/elsewhere")}
        cites = other_order(insurance=[ref("Coverage/card-1"), ref("ClaimResponse/copy")])
        again = story.with_(copy, cites)
        states = [self.clear(again, id).gate("authorization").state for id in ("sr", "sr2")]
        assert "open" in states, "13 visits under 12"
        assert self.clear(again, "sr2").gate("authorization").rule == "authorization.units"

    def test_a_visit_of_the_other_order_is_charged_to_its_own_approval_where_that_has_room(self):
        story = self.story(booked=3).with_(*second(units=2), claim("more", sent=-2, referral=ref("ServiceRequest/sr2")))
        assert self.clear(story, "sr2").gate("authorization").state == "met"
        assert self.clear(story, "sr").ruling.note == "0 of 12 visits left"
        assert not any("Another order" in words for words in self.clear(story, "sr").warnings)

    def test_an_order_that_a_line_of_the_request_names_shares_it(self):
        asked = claim()
        asked["item"][0]["extension"] = [
            {"url": f"{PAS}/extension-requestedService", "valueReference": ref("ServiceRequest/sr2")}
        ]
        story = self.story(booked=3).with_(other_order(), asked)
        assert self.clear(story, "sr2").gate("authorization").state == "met", "its visit is the earlier"
        assert self.clear(story, "sr").gate("authorization").rule == "authorization.units"


DAYS = st.integers(0, 40).map(lambda n: date(2026, 11, 1) + timedelta(days=n))
KINDS = st.sampled_from([("visits", "visit", 0), ("days", "day", 0), ("minutes", "minute", 1), ("minutes", "hour", 60)])


def account(n: int, start: date, length: int, count: int, kind) -> Account:
    line = Line(
        "approved", frozenset(), "", "", (f"N{n}",), (Days(start, start + timedelta(days=length)),),
        Amount(Fraction(count), *kind), False, (), (), "", (),
    )  # fmt: skip
    request = Request(
        f"Claim/{n}", f"Claim/{n}", frozenset(), "answered", None, None, None, None, None, False, None, Payer(None),
        frozenset(), frozenset(), (line,), "", (), frozenset({"ServiceRequest/sr"}), frozenset(), True,
    )  # fmt: skip
    return Account(((request, line),))


def use(n: int, day: date, done: bool, minutes: int | None) -> Use:
    begins = datetime(day.year, day.month, day.day, 15, tzinfo=UTC) + timedelta(minutes=n)
    return Use(
        frozenset({f"Appointment/{n}"}), frozenset({"ServiceRequest/sr"}), day, done, begins, When(begins, 0),
        None if minutes is None else Fraction(minutes), None, "", frozenset(),
    )  # fmt: skip


ACCOUNTS = st.lists(st.tuples(DAYS, st.integers(1, 40), st.integers(0, 8), KINDS), max_size=4)
USES = st.lists(st.tuples(DAYS, st.booleans(), st.none() | st.integers(1, 90)), max_size=12)


@given(ACCOUNTS, USES)
def test_used_and_booked_and_left_are_what_was_authorized(given_accounts, given_uses):
    found = [account(n, *each) for n, each in enumerate(given_accounts)]
    uses = [use(n, *each) for n, each in enumerate(given_uses)]
    ledger = charge(found, uses)
    carried = [each for charged in ledger.charged for each in charged]
    assert len(carried) == len({id(each) for each in carried}), "no visit is charged twice"
    assert not {id(each) for each in carried} & {id(each) for each in ledger.over}
    for each in uses:
        served = any(one.serves(each) for one in found)
        assert (each in carried or each in ledger.over) == served, (
            "every visit that an approval serves is accounted for"
        )
    for n, one in enumerate(found):
        charged = ledger.charged[n]
        used = one.spent(each for each in charged if each.done)
        both = one.spent(charged)
        booked = both - used
        assert used + booked + ledger.left(n) == one.amount.count
        assert min(used, booked, ledger.left(n)) >= 0
        assert all(one.serves(each) for each in charged)


@given(
    st.lists(st.tuples(DAYS, st.integers(1, 40), st.integers(0, 3), st.just(("visits", "visit", 0))), max_size=3), USES
)
def test_a_visit_is_left_without_room_only_where_no_other_charging_covers_more(given_accounts, given_uses):
    found = [account(n, *each) for n, each in enumerate(given_accounts)]
    uses = [use(n, *each) for n, each in enumerate(given_uses)][:7]
    ledger = charge(found, uses)
    carried = sum(len(charged) for charged in ledger.charged)
    assert carried == most(found, uses, [int(each.amount.count) for each in found])


def most(found: list[Account], uses: list[Use], room: list[int]) -> int:
    """How many visits any charging at all can cover, by trying every one."""
    if not uses:
        return 0
    one, *rest = uses
    best = most(found, rest, room)
    for n, each in enumerate(found):
        if room[n] and each.serves(one):
            best = max(best, 1 + most(found, rest, [r - (k == n) for k, r in enumerate(room)]))
    return best
