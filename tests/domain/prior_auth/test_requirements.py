"""Is one needed? Each part of a rule's key alone, ties, what a case does not say, gold cards. Answers by hand."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.question import Known, Question, edges
from carecoord.domain.prior_auth.requirements import requirement
from carecoord.domain.prior_auth.rule_book import Rule, lines
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.parties import Party
from tests.domain.stories import (
    HCPCS,
    NPI,
    POLICY,
    Story,
    T,
    answer,
    appointment,
    book,
    claim,
    coded,
    coverage,
    order,
    organization,
    ours,
    plain,
    ref,
)
from tests.domain.stories import rule as old_rule

PAYER = "https://carecoord.example/id/payer|P1"
DOCTOR = f"{NPI}|1234567893"
DAY = date(2026, 12, 4)
SITE = Party("Location/a", "Main Street", frozenset({"Location/a"}))
SAID = Known(
    codes=frozenset({("cpt", "97110")}), modifiers=frozenset({"GP"}), places=frozenset({"11"}),
    birth=(date(1960, 5, 1), date(1960, 5, 1)), sex="female", diagnoses=frozenset({"M54.51"}), reasons_left=False,
    specialties=frozenset({"cardiology"}), providers=frozenset({DOCTOR}),
)  # fmt: skip


def line(answer: str = "required", title: str = "", **key: Any) -> Rule:
    said = title or f"{answer} {sorted(key)}"
    key = {"system": "cpt", "code": "97110"} | key
    return Rule(payer=key.pop("payer", PAYER), answer=answer, title=said, line=said,
                evidence=Evidence("PlanDefinition/p", "1", said), **key)  # type: ignore[arg-type]  # fmt: skip


def asked(known: Known = SAID, **more: Any) -> Question:
    given = {"payer": Party("Organization/p", "Blue Horizon", frozenset({PAYER})), "plan": "PLAN1", "network": "in",
             "day": DAY, "businesses": frozenset({"medicaid"}), "site": SITE}  # fmt: skip
    return Question(known=known, **(given | more))


def said(**more: Any) -> Known:
    return Known(**({name: getattr(SAID, name) for name in Known.__dataclass_fields__} | more))


GENERAL = line("not-required", code="", system="")  # what holds where nothing more exact speaks

# part: what the rule says, a case that it speaks of, one that it does not speak of, one that does not tell
PARTS: dict[str, tuple[dict[str, Any], Question, Question, Question | None]] = {
    "code": ({}, asked(), asked(said(codes=frozenset({("cpt", "97112")}))), None),
    "system": ({}, asked(), asked(said(codes=frozenset({("hcpcs", "97110")}))), None),
    "range": (
        {"code": "97110", "code_end": "97164"},
        asked(said(codes=frozenset({("cpt", "97140")}))),
        asked(said(codes=frozenset({("cpt", "97165")}))),
        None,
    ),
    "payer": ({}, asked(), asked(payer=Party("Organization/q", "Summit", frozenset({"x|P2"}))), None),
    "plan": ({"plan": "PLAN1"}, asked(), asked(plan="PLAN2"), asked(plan="")),
    "business": (
        {"business": "Medicaid"}, asked(), asked(businesses=frozenset({"commercial"})), asked(businesses=frozenset())
    ),
    "modifiers": (
        {"modifiers": frozenset({"GP", "GO"})}, asked(), asked(said(modifiers=frozenset({"GN"}))),
        asked(said(modifiers=None)),
    ),
    "places": (
        {"places": frozenset({"11", "22"})}, asked(), asked(said(places=frozenset({"21"}))), asked(said(places=None))
    ),
    "place of the site": (
        {"places": frozenset({"22"})},
        asked(said(places=None, sites={"Location/a": frozenset({"22"})})),
        asked(said(places=None, sites={"Location/a": frozenset({"11"})})),
        asked(said(places=None, sites={"Location/b": frozenset({"22"})})),
    ),
    "setting": (
        {"setting": "inpatient"}, asked(said(places=frozenset({"21"}))), asked(), asked(said(places=frozenset({"99"})))
    ),
    "age from": ({"age_from": 65}, asked(day=date(2026, 5, 1)), asked(day=date(2025, 4, 30)), asked(said(birth=None))),
    "age to": ({"age_to": 17}, asked(day=date(1978, 4, 30)), asked(day=date(1978, 5, 1)), asked(said(birth=None))),
    "age of a year only": (
        {"age_from": 65},
        asked(said(birth=(date(1960, 1, 1), date(1960, 12, 31))), day=date(2025, 12, 31)),
        asked(said(birth=(date(1960, 1, 1), date(1960, 12, 31))), day=date(2024, 12, 31)),
        asked(said(birth=(date(1960, 1, 1), date(1960, 12, 31))), day=date(2025, 6, 1)),
    ),
    "sex": ({"sex": "female"}, asked(), asked(said(sex="male")), asked(said(sex=""))),
    "diagnosis": (
        {"diagnosis": "M54"}, asked(), asked(said(diagnoses=frozenset({"I44.7"}))),
        asked(said(diagnoses=frozenset({"I44.7"}), reasons_left=True)),
    ),
    "diagnosis range": (
        {"diagnosis": "M50", "diagnosis_end": "M54.5"}, asked(), asked(said(diagnoses=frozenset({"M54.6"}))),
        asked(said(diagnoses=frozenset({"M54"}))),
    ),
    "visit": (
        {"visit_from": 3},
        asked(said(visits=(date(2026, 1, 5), date(2026, 2, 5), DAY))),
        asked(said(visits=(date(2026, 2, 5), DAY, date(2026, 12, 24)))),
        asked(said(visits=(date(2025, 12, 5), date(2026, 2, 5), DAY))),  # who says when the payer's year begins?
    ),
    "undated visit": (
        {"visit_from": 2}, asked(said(visits=(date(2026, 1, 5),))), asked(), asked(said(undated=1))
    ),
    "network": ({"network": "out"}, asked(network="out"), asked(network="in"), asked(network="unknown")),
    "specialty": (
        {"specialties": frozenset({"Cardiology"})}, asked(), asked(said(specialties=frozenset({"neurology"}))),
        asked(said(specialties=None)),
    ),
    "day": (
        {"days": Days(date(2026, 12, 4), date(2026, 12, 5))}, asked(), asked(day=date(2026, 12, 5)), None
    ),
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_a_rule_speaks_of_what_fits_its_key_and_of_nothing_else(part: str) -> None:
    key, fits, other, untold = PARTS[part]
    table = [GENERAL, line("required", **key)]
    assert requirement(fits, table).answer == "required"
    assert requirement(other, table).answer == (None if part == "payer" else "not-required")
    if untold is not None:
        found = requirement(untold, table)
        assert (found.answer, found.needed) == (None, None), "never a false `not required`"
        assert part == "network" or "depends on" in str(found.reason)


def test_what_would_settle_it_is_named() -> None:
    found = requirement(asked(said(birth=None, sex="")), [GENERAL, line("required", "Girls", age_to=17, sex="female")])
    assert (
        str(found.reason)
        == "Whether “Girls” applies depends on the patient's age and the patient's sex, which the record does not tell"
    )
    assert {each.element for each in found.evidence} == {"Girls", GENERAL.title}


def test_what_the_case_does_not_say_does_not_matter_where_it_changes_nothing() -> None:
    untold = asked(said(birth=None))
    assert requirement(untold, [GENERAL, line("not-required", age_to=17)]).answer == "not-required"
    exact = line("required", plan="PLAN1")
    assert requirement(untold, [exact, line("not-required", age_to=17)]).answer == "required"  # the plan goes first


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ({"provider": DOCTOR, "code": "", "system": ""}, {"plan": "PLAN1", "network": "in"}),
        ({"plan": "PLAN1", "code": "", "system": ""}, {"business": "medicaid", "network": "in"}),
        ({"business": "medicaid"}, {"network": "in"}),
        ({"network": "in", "code": "", "system": ""}, {}),
        ({}, {"code_end": "97164"}),
        ({"code_end": "97164"}, {"code": "97000", "code_end": "97999"}),
        ({"code": "97000", "code_end": "97999"}, {"code": "", "system": ""}),
        ({"diagnosis": "M54.5"}, {"diagnosis": "M54"}),
        ({"diagnosis": "M54"}, {}),
        ({"age_from": 65, "age_to": 70}, {"age_from": 65}),
        ({"places": frozenset({"11"})}, {"places": frozenset({"11", "22"})}),
        ({"modifiers": frozenset({"GP"}), "sex": "female"}, {"sex": "female"}),
    ],
)
def test_the_more_exact_rule_wins_whichever_way_it_answers(stronger: dict[str, Any], weaker: dict[str, Any]) -> None:
    for one, other in (("required", "not-required"), ("not-required", "required")):
        table = [line(one, **stronger), line(other, **weaker)]
        assert [requirement(asked(), t).answer for t in (table, table[::-1])] == [one, one]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"sex": "female"}, {"places": frozenset({"11"})}),
        ({"code": "", "system": "", "diagnosis": "M54"}, {}),  # any service for a bad back; this service for whomever
    ],
)
def test_rules_of_which_neither_is_the_more_exact_are_told_both(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = requirement(asked(), [line("required", "First", **one), line("not-required", "Second", **other)])
    assert found.answer is None
    assert str(found.reason) == "Two rules of the payer disagree, and neither is the more exact: “First” and “Second”"
    assert {each.element for each in found.evidence} == {"First", "Second"}


def test_two_vendors_for_one_service_are_a_tie() -> None:
    table = [line("delegated", "A", vendor="Evi"), line("delegated", "B", vendor="Carelon")]
    assert requirement(asked(), table).answer is None
    found = requirement(asked(), table[:1])
    assert (found.answer, found.needed, found.vendor) == ("delegated", True, "Evi")
    assert str(found.reason) == "A; Evi decides in the payer's place"


def test_a_gold_card_is_the_exemption_of_its_provider_in_its_range_and_time_and_names_itself() -> None:
    card = line("not-required", "Exempt until June", provider=DOCTOR, code="97000", code_end="97999",
                days=Days(None, date(2027, 6, 1)))  # fmt: skip
    table = [line("required", plan="PLAN1"), card]
    found = requirement(asked(), table)
    assert (found.answer, [each.element for each in found.evidence]) == ("not-required", ["Exempt until June"])
    assert str(found.reason) == "The provider is exempt (gold card): Exempt until June"
    assert requirement(asked(said(providers=frozenset({f"{NPI}|9"}))), table).answer == "required"
    assert requirement(asked(day=date(2027, 6, 1)), table).answer == "required"
    assert requirement(asked(said(codes=frozenset({("cpt", "70551")}))), table).answer is None


def test_the_twelve_visits_that_are_free_say_from_which_on_one_is_needed() -> None:
    table = [line("not-required", "Twelve visits are free"), line("required", "From the 13th", visit_from=13)]
    first = requirement(asked(said(visits=(date(2026, 11, 1), DAY))), table)
    assert first.answer == "not-required"
    assert str(first.reason) == "Twelve visits are free; from visit 13 of the year on one is needed"
    twelve = tuple(date(2026, n, 1) for n in range(1, 13))
    assert requirement(asked(said(visits=twelve), day=date(2026, 12, 20)), table).answer == "required"


def test_the_days_on_which_an_answer_turns_are_known() -> None:
    young, thirteenth = line(age_to=17), line(visit_from=13)
    child = said(birth=(date(2009, 2, 28), date(2009, 2, 28)), visits=(DAY,))
    assert edges([young], child) == {date(2027, 2, 28)}
    assert {date(2026, 12, 5), date(2027, 1, 1)} <= edges([thirteenth], child)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.builds(
    lambda answer, **other: line(answer, **other), st.sampled_from(["required", "not-required", "delegated"]),
    payer=st.just("x|P2"), plan=st.sampled_from(["", "PLAN1"]), network=st.sampled_from(["any", "in"]),
) | st.builds(
    lambda answer, **other: line(answer, **other), st.sampled_from(["required", "not-required", "delegated"]),
    plan=st.sampled_from(["PLAN2", "PLAN3"]),
) | st.builds(
    lambda answer, **other: line(answer, **other), st.sampled_from(["required", "not-required", "delegated"]),
    code=st.sampled_from(["97112", "9711", "G0151"]), provider=st.sampled_from(["", DOCTOR]),
), max_size=8))  # fmt: skip
def test_rules_of_other_payers_plans_and_codes_never_change_the_answer(others: list[Rule]) -> None:
    table = [line("required", plan="PLAN1"), line("not-required", network="in"), GENERAL]
    assert requirement(asked(), [*others, *table]) == requirement(asked(), table)


# From a PlanDefinition to the gate.


def marked(*parts: dict[str, Any], title: str = "A line", code: Any = None) -> dict[str, Any]:
    concept = {"coding": [code]} if isinstance(code, dict) else coded(HCPCS, code or "G0463")
    return {
        "id": title,
        "title": title,
        "code": [concept],
        "extension": [ours("authorization-rule", extension=list(parts))],
    }


def part(name: str, **value: Any) -> dict[str, Any]:
    return {"url": name, **value}


def judged(story: Story) -> Any:
    return story.clear().gate("authorization")


def test_a_book_says_every_part_of_the_key() -> None:
    full = marked(
        part("answer", valueCode="delegated"), part("plan", valueString="PLAN1"), part("plan", valueString="PLAN2"),
        part("line-of-business", valueCode="medicaid"), part("modifier", valueCode="GP"), part("place", valueCode="22"),
        part("setting", valueCode="outpatient"), part("age", valueRange={"low": {"value": 3}, "high": {"value": 17}}),
        part("sex", valueCode="female"), part("network", valueCode="in"), part("vendor", valueString="Evi"),
        part("diagnosis", valueCoding={"code": "M50", "extension": [ours("code-end", valueCode="M54")]}),
        part("visit-from", valueInteger=13), part("specialty", valueString="Cardiology"),
        part("lead-days", valueInteger=5), part("document", valueCodeableConcept=coded("http://loinc.org", "1")),
        part("period", valuePeriod={"start": "2026-01-01", "end": "2026-12-31"}),
        part("source", valueUri="https://payer.example/book"), part("retrieved", valueDate="2026-11-01"),
        code={"system": HCPCS, "code": "G0151", "extension": [ours("code-end", valueCode="G0162")]},
    )  # fmt: skip
    found = lines(book(full), POLICY.zone)
    assert [each.plan for each in found] == ["PLAN1", "PLAN2"]
    one = found[0]
    assert (one.payer, one.answer, one.business, one.code, one.code_end) == (
        PAYER,
        "delegated",
        "medicaid",
        "G0151",
        "G0162",
    )
    assert (one.modifiers, one.places, one.specialties) == ({"GP"}, {"22"}, {"Cardiology"})
    assert (one.setting, one.age_from, one.age_to, one.sex, one.network) == ("outpatient", 3, 17, "female", "in")
    assert (one.diagnosis, one.diagnosis_end, one.visit_from, one.vendor, one.lead_days) == ("M50", "M54", 13, "Evi", 5)
    assert one.days == Days(date(2026, 1, 1), date(2027, 1, 1))
    assert (one.origin, one.retrieved, len(one.papers)) == ("https://payer.example/book", "2026-11-01", 1)


@pytest.mark.parametrize("broken", [
    part("age", valueRange={"low": {"unit": "a"}}), part("visit-from", valueString="13"),
    part("network", valueCode="maybe"),
    part("diagnosis", valueCoding={"display": "back pain"}), part("answer", valueCode="perhaps"),
    part("provider", valueIdentifier={"value": "1"}),
])  # fmt: skip
def test_a_line_of_which_a_part_can_not_be_read_says_nothing_and_lets_nothing_pass(broken: dict[str, Any]) -> None:
    needed = [] if broken["url"] == "answer" else [part("needed", valueBoolean=False)]
    found = judged(plain().with_(book(marked(*needed, broken), old_rule(needed=False, code=None))))
    assert (found.state, str(found.reason)) == ("unknown", "What the payer's rule “A line” says can not be read.")


def test_a_service_in_words_only_is_not_any_service() -> None:
    words = {**marked(part("needed", valueBoolean=False)), "code": [{"text": "Physical therapy"}]}
    assert judged(plain().with_(book(words))).rule == "authorization.no-rule"


def test_who_is_only_to_be_told_is_told_by_a_request_that_was_sent() -> None:
    story = plain().with_(book(marked(part("answer", valueCode="notification-only"), title="Tell us")))
    found = judged(story)
    assert (found.rule, found.state, found.action.code) == ("authorization.notify", "open", "notify-payer")
    assert judged(story.with_(claim(status="draft"))).state == "open"
    assert (judged(story.with_(claim())).rule, judged(story.with_(claim())).state) == ("authorization.notified", "met")


def test_an_approval_of_the_vendor_who_decides_for_the_payer_is_one() -> None:
    vendor = organization("evi", "Evi", "https://carecoord.example/id/payer", "EVI")
    there = {"insurer": ref("Organization/evi")}
    story = plain().with_(vendor, claim(**there), answer(start=-5, end=60, **there))
    delegated = book(marked(part("answer", valueCode="delegated"), part("vendor", valueString="Evi"), title="Ask Evi"))
    assert judged(story.with_(delegated)).state == "met"
    assert judged(story.with_(book(old_rule()))).state == "open"
    bare = judged(plain().with_(delegated))
    assert str(bare.reason) == "Ask Evi; Evi decides in the payer's place: nothing has been asked for yet."


def test_a_payer_that_must_be_asked_days_before_the_visit_is_to_be_asked_by_then() -> None:
    needed = part("needed", valueBoolean=True)
    found = judged(plain().with_(book(marked(needed, part("lead-days", valueInteger=10)))))
    assert (found.rule, found.due.isoformat()) == ("authorization.missing", "2026-11-24T05:00:00+00:00")


def test_what_a_case_says_of_the_key_is_read_from_its_resources() -> None:
    person = {**plain().resources["Patient/pat"], "birthDate": "2010-07", "gender": "female"}
    role = {"resourceType": "PractitionerRole", "id": "asker", "practitioner": ref("Practitioner/dr"),
            "specialty": [{"text": "Cardiology"}]}  # fmt: skip
    doctor = {"resourceType": "Practitioner", "id": "dr", "identifier": [{"system": NPI, "value": "1234567893"}]}
    place = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
    lbbb = coded("http://hl7.org/fhir/sid/icd-10-cm", "I44.7")
    said = order(requester=ref("PractitionerRole/asker"), reasonCode=[lbbb], locationCode=[coded(place, "22")],
                 orderDetail=[coded("http://www.ama-assn.org/go/cpt", "26")])  # fmt: skip
    other = {**order(), "id": "other", "category": [], "performer": []}
    seen = appointment(-40, "earlier", "fulfilled", basedOn=[ref("ServiceRequest/other")])
    counting = book(marked(part("needed", valueBoolean=True), part("visit-from", valueInteger=13)))
    known = plain().with_(person, role, doctor, said, other, seen, counting).clear().facts.known
    assert (known.modifiers, known.places, known.specialties) == ({"26"}, {"22"}, {"cardiology"})
    assert (known.birth, known.sex) == ((date(2010, 7, 1), date(2010, 7, 31)), "female")
    assert (known.diagnoses, known.reasons_left) == ({"I44.7"}, False)
    assert {DOCTOR, f"{NPI}|9001"} <= known.providers
    assert [(day - T).days for day in known.visits] == [-40, 12]


@pytest.mark.parametrize(("said", "business"), [
    (coverage(type=coded("https://nahdo.org/sopt", "2111")), {"medicaid"}),
    (coverage(type=coded("https://nahdo.org/sopt", "111")), {"medicare-advantage"}),
    (coverage(type=coded("https://nahdo.org/sopt", "512")), {"commercial", "exchange", "self-funded"}),
    (coverage(extension=[ours("line-of-business", valueCode="exchange")]), {"exchange"}),
    (coverage(type={"text": "HMO"}), set()),
])  # fmt: skip
def test_the_line_of_business_is_told_by_the_card(said: dict[str, Any], business: set[str]) -> None:
    assert plain().with_(said).clear().card.businesses == business
