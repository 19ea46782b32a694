"""Each row of the table by which an approval is matched to a visit (prior-auth.md 5: patient, coverage, date, code,
units, kind, provider, site, status) has a story in which only that row fails, and the gate names it (issue 10,
must-show 2). Each differs from one story that is met by that row alone."""

from typing import Any

import pytest

from carecoord.domain.prior_auth.clinic import requested
from tests.domain.stories import (
    HCPCS,
    NPI,
    PAS,
    Story,
    answer,
    book,
    claim,
    coded,
    coverage,
    day,
    encounter,
    order,
    plain,
    ref,
    rule,
    site,
)

PLACE_OF_SERVICE = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
X12_673 = "https://codesystem.x12.org/005010/673"
SPAN: dict[str, Any] = {"start": -5, "end": 60}


def approved(*more: Any, asked: dict[str, Any] | None = None, said: dict[str, Any] | None = None) -> Story:
    return plain().with_(book(rule()), asked or claim(units=2), said or answer(**SPAN, units=2), *more)


def of(**line: Any) -> dict[str, Any]:
    """The request, its one line otherwise."""
    found = claim(units=2)
    found["item"][0] |= line
    return found


def in_months() -> dict[str, Any]:
    found = answer(**SPAN, units=2)
    detail = next(each for each in found["item"][0]["extension"] if each["url"].endswith("itemAuthorizedDetail"))
    detail["extension"][0]["valueQuantity"] |= {"unit": "Months", "system": X12_673, "code": "MO"}
    return found


def narrowed(code: str) -> dict[str, Any]:
    """Of a range the payer grants another service in its place."""
    found = answer("A6", **SPAN)
    added = {"productOrService": coded(HCPCS, code), "itemSequence": [1], "quantity": {"value": 2}}
    return found | {"addItem": [added | {name: found["item"][0][name] for name in ("extension", "adjudication")}]}


def ranged(first: str, last: str) -> dict[str, Any]:
    end = {"url": f"{PAS}/extension-productOrServiceCodeEnd", "valueCodeableConcept": coded(HCPCS, last)}
    return of(productOrService=coded(HCPCS, first), extension=[end])


def at_place(code: str) -> dict[str, Any]:
    return coded(PLACE_OF_SERVICE, code)


def naming(*whom: str) -> dict[str, Any]:
    """Granted to these, whichever of them; a Location says where."""
    found = answer(**SPAN, units=2)
    for each in whom:
        (named,) = answer(provider="x")["item"][0]["extension"]
        named["extension"][0]["valueReference"] = ref(each)
        found["item"][0]["extension"].append(named)
    return found


def containing(npi: str) -> dict[str, Any]:
    """Granted to somebody whom the answer itself contains, behind a role."""
    found = answer(**SPAN, units=2)
    (named,) = answer(provider="x")["item"][0]["extension"]
    named["extension"][0]["valueReference"] = ref("#role")
    found["item"][0]["extension"].append(named)
    house = {"resourceType": "Organization", "id": "house", "name": "Inside", "identifier": [
        {"system": "urn:other", "value": "1"}, {"system": NPI, "value": npi}]}  # fmt: skip
    return found | {"contained": [
        {"resourceType": "PractitionerRole", "id": "role", "organization": ref("#house")}, house]}


def ordered(*codes: str) -> dict[str, Any]:
    return order(orderDetail=[coded(HCPCS, each) for each in codes])


def under(*codes: str) -> dict[str, Any]:
    return of(modifier=[coded(HCPCS, each) for each in codes])


def naming_by(reference: dict[str, Any], *contained: dict[str, Any]) -> dict[str, Any]:
    """Granted to somebody, named so."""
    found = answer(**SPAN, units=2)
    (named,) = answer(provider="x")["item"][0]["extension"]
    named["extension"][0]["valueReference"] = reference
    found["item"][0]["extension"].append(named)
    return found | {"contained": list(contained)}


def at_contained(npi: str) -> dict[str, Any]:
    """Granted for a place that the answer itself contains."""
    found = narrowed("G0463")
    found["addItem"][0]["locationReference"] = ref("#place")
    return found | {"contained": [
        {"resourceType": "Location", "id": "place", "name": "Inside", "identifier": [{"system": NPI, "value": npi}]}]}


def beside(role: str) -> dict[str, Any]:
    """Asked for with somebody in the care team who does not do it."""
    found = team("group-2")
    found["careTeam"][0]["role"] = coded("https://codesystem.x12.org/005010/98", role)
    return found


def team(*groups: str, mine: list[int] | None = None) -> dict[str, Any]:
    """Asked for to be done by these; mine: of the one line."""
    members = [{"sequence": n, "provider": ref(f"Organization/{each}")} for n, each in enumerate(groups, 1)]
    return of(**({"careTeamSequence": mine} if mine else {})) | {"careTeam": members}


def spans(*said: tuple[int, int]) -> dict[str, Any]:
    """Granted for these days, whichever of them."""
    found = answer(units=2)
    found["item"][0]["extension"] += [
        {"url": f"{PAS}/extension-itemPreAuthPeriod", "valuePeriod": {"start": day(first), "end": day(last)}}
        for first, last in said
    ]
    return found


LEFT = order(orderDetail=[coded(HCPCS, "LT")])
OFFICE = order(locationCode=[at_place("11")])
DATES = [{"servicedPeriod": {"start": day(-5), "end": day(11)}}, {"servicedDate": day(11)}]
NOBODYS = {"patient": ref("Patient/somebody-else")}
NEW_CARD = coverage(id="card-new", start=-5, subscriberId="OTHER-77")
TABLE: dict[str, tuple[Story, str]] = {
    "patient": (approved(asked=claim(units=2, **NOBODYS), said=answer(**SPAN, units=2, **NOBODYS)),
                "authorization.missing"),
    "coverage": (approved(NEW_CARD, order(insurance=[ref("Coverage/card-new")]),
                          coverage(end=-5, subscriberId="M-1")), "authorization.coverage"),
    "date": (approved(said=answer(start=-5, end=11, units=2)), "authorization.dates"),
    "code": (approved(asked=of(productOrService=coded(HCPCS, "G9999"))), "authorization.service"),
    "code beyond the one that was granted of a range": (
        approved(asked=ranged("G0400", "G0499"), said=narrowed("G0401")), "authorization.service"),
    "code beyond a range": (approved(asked=ranged("G0464", "G0499")), "authorization.service"),
    "modifier": (approved(LEFT, asked=of(modifier=[coded(HCPCS, "RT")])), "authorization.service"),
    "modifier beside one that is alike": (approved(ordered("LT", "26"), asked=under("RT", "26")),
                                          "authorization.service"),
    "rented where it was to be bought": (approved(ordered("NU", "KX"), asked=under("RR", "KX")),
                                         "authorization.service"),
    "provider who is named by words alone": (approved(said=naming_by({"display": "Dr. Other"})),
                                             "authorization.performer-unclear"),
    "provider who is named by an address of another server alone": (
        approved(said=naming_by(ref("https://other.example/fhir/Practitioner/7"))), "authorization.performer-unclear"),
    "provider whom the answer contains without a number": (
        approved(said=naming_by(ref("#one"), {"resourceType": "Practitioner", "id": "one", "name": [{"family": "X"}]})),
        "authorization.performer-unclear"),
    "site that the answer contains": (approved(said=at_contained("9999")), "authorization.site"),
    "date of the days asked for": (approved(asked=of(**DATES[0]), said=answer(units=2)), "authorization.dates"),
    "date of the day asked for": (approved(asked=of(**DATES[1]), said=answer(units=2)), "authorization.dates"),
    "payer": (approved(asked=claim(units=2, payer=2), said=answer(**SPAN, units=2, payer=2)), "authorization.payer"),
    "units": (approved(encounter(-2, "seen"), encounter(-3, "before")), "authorization.units"),
    "kind": (approved(said=in_months()), "authorization.unit-kind"),
    "provider": (approved(said=answer(**SPAN, units=2, provider="group-2")), "authorization.performer"),
    "site": (approved(site("b"), asked=of(locationReference=ref("Location/site-b"))), "authorization.site"),
    "site that the payer grants instead": (
        approved(site("b"), said=narrowed("G0463") | {"addItem": [
            {**narrowed("G0463")["addItem"][0], "locationReference": ref("Location/site-b")}]}), "authorization.site"),
    "place of service": (
        approved(OFFICE, asked=of(locationCodeableConcept=at_place("22"))), "authorization.site"),
    "provider where several are named": (
        approved(said=naming("Organization/group-2", "Organization/group-3")), "authorization.performer"),
    "site among those who are authorized": (
        approved(site("b"), said=naming("Organization/group-1", "Location/site-b")), "authorization.site"),
    "provider whom the answer contains": (approved(said=containing("9002")), "authorization.performer"),
    "provider asked for": (approved(asked=team("group-2", "group-3")), "authorization.performer"),
    "provider of the line": (approved(asked=team("group-1", "group-2", mine=[2])), "authorization.performer"),
    "date between two spans": (approved(said=spans((-9, 11), (13, 60))), "authorization.dates"),
    "site of the request": (
        approved(site("b"), asked=of() | {"facility": ref("Location/site-b")}), "authorization.site"),
    "status": (approved(said=answer("A3", **SPAN, because="Not shown")), "authorization.denied"),
}  # fmt: skip


def test_the_story_is_met_where_nothing_fails() -> None:
    assert approved().clear().gate("authorization").rule == "authorization.approved"


MET = {
    "another code of the range that was granted": approved(asked=ranged("G0400", "G0499")),
    "the code that was granted of a range": approved(asked=ranged("G0400", "G0499"), said=narrowed("G0463")),
    "the modifier": approved(LEFT, asked=of(modifier=[coded(HCPCS, "LT")])),
    "a modifier that nobody orders": approved(asked=of(modifier=[coded(HCPCS, "LT")])),
    "the days asked for": approved(asked=of(servicedPeriod={"start": day(-5), "end": day(12)}),
                                   said=answer(units=2)),
    "the day asked for": approved(asked=of(servicedDate=day(12)), said=answer(units=2)),
    "one of several providers": approved(said=naming("Organization/group-2", "Organization/group-1")),
    "the provider whom the answer contains": approved(said=containing("9001")),
    "one of several sites": approved(site("b"), said=naming("Location/site-b", "Location/site-a")),
    "one of several providers asked for": approved(asked=team("group-2", "group-1")),
    "the provider of the line": approved(asked=team("group-2", "group-1", mine=[2])),
    "one of several spans": approved(said=spans((-9, -5), (10, 14), (30, 60))),
    "the site of the request": approved(asked=of() | {"facility": ref("Location/site-a")}),
    "the modifier beside others": approved(ordered("LT", "KX"), asked=under("LT", "26")),
    "a modifier in another code system": approved(
        LEFT, asked=of(modifier=[coded("http://snomed.info/sct", "7771000")])),
    "who ordered it beside whoever does it": approved(asked=beside("DK")),
    "who supervises it beside whoever does it": approved(asked=beside("supervisor")),
    "the site that the answer contains": approved(said=at_contained("77a")),
    "from afar, at home or not": approved(
        order(locationCode=[at_place("10")]), asked=of(locationCodeableConcept=at_place("02"))),
    "the place of service": approved(OFFICE, asked=of(locationCodeableConcept=at_place("11"))),
}  # fmt: skip


@pytest.mark.parametrize("row", MET)
def test_what_the_approval_says_of_the_visit_fails_nothing(row: str) -> None:
    assert MET[row].clear().gate("authorization").rule in ("authorization.approved", "authorization.approved.changed")


@pytest.mark.parametrize("row", TABLE)
def test_where_only_this_row_fails_the_gate_names_it(row: str) -> None:
    story, rule_ = TABLE[row]
    gate = story.clear().gate("authorization")
    assert gate.state not in ("met", "not-needed")
    assert gate.rule == rule_


def test_a_plan_that_is_over_on_the_day_fails_by_the_gate_of_the_card_however_good_the_approval() -> None:
    judged = approved(coverage(end=-1)).clear()
    assert judged.gate("coverage").state not in ("met", "not-needed")
    assert judged.gate("authorization").rule == "authorization.approved"


def test_a_request_without_an_order_is_judged_as_one_for_whoever_does_it_and_not_for_who_ordered_it() -> None:
    asked = beside("DK")
    asked["careTeam"].append({"sequence": 2, "provider": ref("Organization/group-1")})
    assert requested.order(asked)["performer"] == [ref("Organization/group-1")]
    assert "performer" not in requested.order(beside("DN"))


def test_a_modifier_that_was_not_asked_for_is_named() -> None:
    gate = approved(LEFT, asked=of(modifier=[coded(HCPCS, "RT")])).clear().gate("authorization")
    assert str(gate.reason) == (
        "The request is for G0463 with modifier RT; the order asks for Cardiology, consult and treat with modifier LT: "
        "ask for that."
    )


def test_between_two_spans_the_visit_is_told_how_many_days_it_is_past_the_one_before() -> None:
    judged = approved(said=spans((-9, 9), (14, 60))).clear()
    assert str(judged.gate("authorization").reason) == "Visit is 3 days past the approval: extend or move."
    assert judged.gate("appointment").rule == "appointment.after-approval"


def test_copies_of_an_approval_are_one_where_they_share_any_of_their_numbers() -> None:
    """The second statement says again what the first does: two visits in all, not four."""
    again = answer(**SPAN, units=2, claim="again")
    again["item"][0]["adjudication"][0]["extension"][0]["extension"].insert(
        0, {"url": "number", "valueString": "ADMIN-9"})  # fmt: skip
    copy = claim(id="again", units=2)
    used = [encounter(-2, "seen"), encounter(-3, "before")]
    assert approved(copy, again, *used).clear().gate("authorization").rule == "authorization.units"


def test_a_visit_under_one_modifier_uses_up_nothing_of_what_was_granted_for_another() -> None:
    left = of(modifier=[coded(HCPCS, "LT")])
    right = claim(id="right", units=2) | {"item": [left["item"][0] | {"modifier": [coded(HCPCS, "RT")]}]}
    said = answer(**SPAN, units=2, claim="right")
    said["item"][0]["adjudication"][0]["extension"][0]["extension"][1]["valueString"] = "AUTH-2"
    judged = approved(LEFT, right, said, encounter(-2, "seen"), asked=left).clear()
    assert judged.gate("authorization").rule == "authorization.approved"
    assert [len(uses) for a, uses in zip(
        judged.facts.ledger.accounts, judged.facts.ledger.charged, strict=True)
        if a.lines[0][1].modifiers == {"RT"}] == [0]  # fmt: skip
