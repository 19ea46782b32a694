"""A rule written by hand is a PlanDefinition that says it whole, and ties are those that nobody can decide."""

from dataclasses import replace
from datetime import UTC, date

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.requirements import requirement
from carecoord.domain.prior_auth.rule_book import Rule, lines
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import Days
from carecoord.domain.rules import example, ties, written

ACME = "https://carecoord.example/id/payer|AC001"
CPT = "http://www.ama-assn.org/go/cpt"
HERE = Evidence("PlanDefinition/p", None, "PlanDefinition.action.where(id='by-hand')")
WHOLE = Rule(
    payer=ACME, answer="delegated", title="Therapy", line="by-hand", evidence=HERE, plan="AC-HMO",
    business="commercial", system=CPT, code="97110", code_end="97164", modifiers=frozenset({"GP", "GO"}),
    places=frozenset({"11", "22"}), setting="outpatient", age_from=3, age_to=17, sex="female", diagnosis="M54",
    diagnosis_end="M55", visit_from=13, network="out", specialties=frozenset({"Pediatrics"}), vendor="Prism Imaging",
    days=Days(date(2026, 1, 1), date(2027, 1, 1)), lead_days=5, papers=({"text": "Plan of care"},),
    origin="https://acme.example/rules", retrieved="2026-11-01",
    provider="http://hl7.org/fhir/sid/us-npi|9000010121",
)  # fmt: skip


def test_a_rule_is_written_with_its_whole_key_and_read_again_as_it_was() -> None:
    other = replace(WHOLE, plan="AC-PPO")
    assert lines(written.book("p", [WHOLE, other], ""), UTC) == (WHOLE, other)


def test_what_a_line_says_besides_stays_when_it_is_changed_by_a_form() -> None:
    mark = {"url": f"{EXTENSION}/authorization-rule", "extension": [
        {"url": "answer", "valueCode": "required"}, {"url": "criterion", "valueString": "Six weeks of therapy"},
    ]}  # fmt: skip
    book = {"resourceType": "PlanDefinition", "id": "b", "title": "The book", "action": [
        {"id": "1", "title": "First", "extension": [mark]}, {"id": "2", "title": "Second", "extension": [mark]},
    ]}  # fmt: skip
    made = written.replaced(book, "PlanDefinition.action.where(id='2')", [WHOLE])
    assert (made["title"], made["action"][0]) == ("The book", book["action"][0])
    said = made["action"][1]["extension"][0]["extension"]
    assert (made["action"][1]["id"], made["action"][1]["title"]) == ("2", "Therapy")
    assert [each["valueString"] for each in said if each["url"] == "criterion"] == ["Six weeks of therapy"]
    assert [each["valueCode"] for each in said if each["url"] == "answer"] == ["delegated"]


def test_a_form_changes_no_line_of_several_services() -> None:
    codes = [{"coding": [{"system": CPT, "code": each}]} for each in ("97110", "97112")]
    book = {"resourceType": "PlanDefinition", "action": [{"id": "1", "code": codes}, {"id": "2", "code": codes[:1]}]}
    assert not written.is_one(book, "PlanDefinition.action.where(id='1')")
    assert written.is_one(book, "PlanDefinition.action.where(id='2')")
    assert not written.is_one(book, "PlanDefinition.action.where(id='3')")


def rule(**said: object) -> Rule:
    return replace(Rule(payer=ACME, answer="required", title="R", line="1", evidence=HERE, system=CPT, code="97110"),
                   **said)  # type: ignore[arg-type]  # fmt: skip


def test_two_rules_tie_where_neither_is_the_more_exact_and_a_case_fits_both() -> None:
    mine = rule(places=frozenset({"11"}))
    here = frozenset({"11"})
    ranged = rule(answer="not-required", code="97100", code_end="97199", age_from=0, age_to=17, places=here)
    assert ties.tied(mine, [ranged]) == (ranged,)
    for apart in (
        replace(ranged, answer="required"), replace(ranged, code="97200", code_end="97299"),
        replace(ranged, places=frozenset({"21"})), replace(ranged, places=frozenset(), setting="inpatient"),
        replace(ranged, plan="AC-HMO"), replace(ranged, age_from=None, age_to=None),
    ):  # fmt: skip
        assert ties.tied(mine, [apart]) == ()
    early, late = Days(None, date(2026, 1, 1)), Days(date(2026, 1, 1), None)
    assert ties.tied(replace(mine, days=early), [replace(ranged, days=late)]) == ()
    assert ties.tied(replace(mine, age_from=18), [replace(ranged, visit_from=2)]) == ()


def test_the_visit_by_which_a_rule_is_tried_is_one_of_which_it_speaks() -> None:
    tried = example.fitting(WHOLE, date(2026, 11, 22))
    assert (tried.code, tried.place, tried.age, tried.visit, tried.network) == ("97110", "11", 3, 13, "out")
    assert requirement(tried.asked(ACME), [WHOLE]).answer == "delegated"
    assert example.fitting(WHOLE, date(2027, 3, 1)).day == date(2026, 12, 31)
    leap = replace(tried, day=date(2028, 2, 29), age=3).asked(ACME)
    assert leap.ages == (3, 3)
