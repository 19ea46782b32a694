"""What happened one after the other, each step as somebody would take it, after which a case must not be called
cleared; each was found called so once."""

from typing import Any

import pytest

from tests.domain.stories import (
    HCPCS,
    Story,
    answer,
    appointment,
    book,
    claim,
    coded,
    contract,
    coverage,
    day,
    eligibility,
    ours,
    period,
    plain,
    ref,
    rule,
    site,
    states,
)

Json = dict[str, Any]
ELIGIBLE = "CoverageEligibilityResponse/eligible-card-1-5"


def says(needed: bool, code: str = "G0463", age: int = 3, **more: Any) -> Json:
    """The payer's answer about the card, which says of a service whether it needs an authorization."""
    line = {"productOrService": coded(HCPCS, code), "authorizationRequired": needed} | more
    said = eligibility(age)
    said["insurance"][0]["item"] = [line]
    return said


def out_of_network(code: str) -> Json:
    return {"network": coded("http://terminology.hl7.org/CodeSystem/benefit-network", code)}


def excludes(code: str = "G0463", age: int = 3, **more: Any) -> Json:
    """The same, which says of a service that the plan does not pay for it."""
    said = eligibility(age)
    said["insurance"][0]["item"] = [{"productOrService": coded(HCPCS, code), "excluded": True} | more]
    return said


class TestThePayersOwnWordAboutAService:
    def test_it_goes_before_a_rule_that_spares_it(self) -> None:
        found = plain().with_(says(True)).clear()
        assert (found.gate("authorization").rule, found.cleared) == ("authorization.missing", False)
        assert str(found.gate("authorization").reason) == (
            "The payer answered on 19 Nov 2026 that this service needs an authorization: "
            "nothing has been asked for yet."
        )

    def test_it_goes_before_no_rule_at_all(self) -> None:
        story = plain().with_(book())
        assert story.clear().gate("authorization").rule == "authorization.no-rule"
        assert story.with_(says(True)).clear().gate("authorization").rule == "authorization.missing"
        assert story.with_(says(False)).clear().gate("authorization").rule == "authorization.no-rule", "it may be old"

    def test_an_approval_settles_it(self) -> None:
        assert plain().with_(says(True), claim(), answer("A1", -5, 60)).clear().cleared

    @pytest.mark.parametrize(
        ("said", "cleared"),
        [
            ([says(True, "70553")], True),  # of another service
            ([says(True, **out_of_network("out"))], True),  # the performer is in network
            ([says(True, **out_of_network("in"))], False),
            ([says(True), says(False, age=1)], True),  # the newest word about it
            ([says(False), says(True, age=1)], False),
            ([says(True), eligibility(1)], False),  # that says nothing of it
            ([says(True, age=40), eligibility(1)], False),  # however old: it was never taken back
        ],
    )
    def test_of_which_the_newest_about_this_service_counts(self, said: list[Json], cleared: bool) -> None:
        assert plain().with_(*said).clear().cleared is cleared


class TestAServiceThatThePlanDoesNotPayFor:
    @pytest.mark.parametrize(
        ("said", "cleared"),
        [
            ([excludes()], False),
            ([excludes("70553")], True),  # another service
            ([excludes(**out_of_network("out"))], True),  # the performer is in network
            ([excludes(), eligibility(1)], False),  # that says nothing of it
            ([excludes(), excludes(excluded=False, age=1)], True),
        ],
    )
    def test_is_not_cleared_though_the_card_is_good(self, said: list[Json], cleared: bool) -> None:
        assert plain().with_(*said).clear().cleared is cleared

    def test_says_so(self) -> None:
        found = plain().with_(excludes()).clear().gate("coverage")
        assert (found.state, found.rule) == ("blocked", "coverage.excluded")
        assert str(found.reason) == (
            "Blue Horizon answered on 19 Nov 2026 that the plan does not pay for this service."
        )


class TestAnAnswerOfAWrongYear:
    """A program that writes 2062 for 2026: nothing that the payer says afterwards was ever newer."""

    def test_of_a_card_gives_way_to_what_came_later(self) -> None:
        came = {"meta": {"versionId": "1", "lastUpdated": "2026-11-18T14:00:00Z"}}
        wrong = eligibility(4) | {"created": "2062-11-18"} | came
        story = plain().without(ELIGIBLE).with_(wrong)
        assert story.clear().gate("coverage").rule == "coverage.confirmed"
        assert story.with_(eligibility(1, inforce=False)).clear().gate("coverage").rule == "coverage.not-in-force"

    def test_of_a_request_gives_way_to_what_came_later(self) -> None:
        came = {"meta": {"versionId": "1", "lastUpdated": "2026-11-14T14:00:00Z"}}
        wrong = answer("A1", -5, 60) | {"id": "yes", "created": "2062-11-14"} | came
        story = plain().with_(book(rule()), claim(), wrong)
        assert story.clear().cleared
        no = answer("A3", decided=2) | {"id": "no", "meta": {"versionId": "1", "lastUpdated": "2026-11-20T14:00:00Z"}}
        found = story.with_(no).clear()
        assert (found.gate("authorization").rule, found.cleared) == ("authorization.denied", False)


class TestAVisitWhoseSiteTellsItsZone:
    """Half past nine in the evening by a program of the west coast is half past midnight at the site in the east."""

    @pytest.mark.parametrize(
        ("clock", "cleared"), [("21:30:00-08:00", False), ("20:30:00-08:00", True), ("23:30:00-05:00", True)]
    )
    def test_is_judged_for_the_day_there(self, clock: str, cleared: bool) -> None:
        east = site("a") | {"extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "America/New_York"}]}  # fmt: skip
        story = plain().with_(book(rule()), claim(), answer("A1", -5, 12), east)
        moved = appointment(12) | {"start": f"{day(12)}T{clock}", "end": f"{day(13)}T02:00:00-05:00"}
        found = story.with_(moved).clear()
        assert found.cleared is cleared
        assert found.date is not None
        assert found.date.isoformat() == ("2026-12-04" if cleared else "2026-12-05")


class TestAnAgreement:
    def test_is_ended_by_an_amendment_that_names_its_end_alone(self) -> None:
        ended = contract(n=2, start=None, end=5, status="terminated", marks=[
            ours("amends", valueReference=ref("Contract/agr-1-v1"))])  # fmt: skip
        assert plain().clear().cleared
        assert states(plain().with_(ended).clear())["agreement"] == "blocked"


class TestTwoCards:
    def first(self, **more: Any) -> Story:
        """The first card, and one that pays after it."""
        second = coverage(1, id="card-9", order=2, subscriberId="S-9")
        return plain().without(ELIGIBLE).with_(coverage(**more), second)

    def test_that_pays_after_the_first_is_not_judged_by_while_the_first_is_in_doubt(self) -> None:
        """Its last day is written as midnight UTC: nobody knows whether it holds on the day of the visit."""
        found = self.first(period={"start": day(-300), "end": "2026-12-04T00:00:00Z"}).clear()
        assert (found.gate("coverage").rule, found.cleared) == ("coverage.dates", False)

    def test_that_pays_after_the_first_is_judged_by_once_the_first_is_over(self) -> None:
        found = self.first(period=period(-300, 11)).clear()
        assert found.card is not None
        assert (found.card.key, found.cleared) == ("Coverage/card-9", True)

    def test_that_is_the_next_of_its_kind_is_judged_by(self) -> None:
        renewed = coverage(1, id="card-9", subscriberId="S-9")
        old = coverage(period={"start": day(-300), "end": "2026-12-04T00:00:00Z"})
        found = plain().without(ELIGIBLE).with_(old, renewed).clear()
        assert found.card is not None
        assert found.card.key == "Coverage/card-9"
