"""The invariants of R4: an engine by other hands reads HL7's own expressions, and says the same as what we compiled."""

import re
import time
from collections import Counter
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation.invariants.grammar import parse
from carecoord.fhir.validation.invariants.rules import ELSEWHERE, REWORDED, rules
from carecoord.fhir.validation.invariants.triggers import trigger
from carecoord.fhir.validation.invariants.values import Scope
from carecoord.fhir.validation.validate import issues
from tests.fhir.sources import davinci, synthea
from tests.fhir.specimens import mutant, part, specimen
from tests.fhir.validation import oracle

Json = dict[str, Any]

# Where fhirpathpy and we part: the order of dates that overlap and of quantities of two units (order.py), a list where
# it takes one item only, a boolean that it does not take for the System.Boolean of `is`, a code that R4 has not.
PARTED = {"app-4", "per-1", "inv-1", "mdd-1", "rng-2", "tim-9", "que-7", "sdf-8a"}


def told(resource: Json) -> set[tuple[str, str]]:
    """The key and the place of each invariant that we say is broken; of a resource with a good structure."""
    return {(key_of(issue.text), str(issue.where)) for issue in issues(resource)}


def key_of(text: str) -> str:
    found = re.search(r"\(([\w-]+)\)\.$", text)
    assert found, text
    return found[1]


def has_good_structure(resource: Json) -> bool:
    return all(issue.code == "invariant" for issue in issues(resource))


def places() -> dict[str, str]:
    """Every place that has invariants, and the type of the values there."""
    table = read("structures")["elements"]
    named = (place.partition(":") for place in read("rules")["invariants"] if place != "DomainResource")
    return {f"{owner}{colon}{name}": table[owner][name][0] if name else owner for owner, colon, name in named}


def verdict(place: str, key: str, value: Any) -> bool:
    """Whether a value keeps the invariant, by ours."""
    (rule,) = (rule for rule in rules(place, places()[place]) if rule.key == key)
    if rule.triggers and not any(name in value for name in rule.triggers):
        return True
    return rule.holds(value, Scope(value, value, value)) is True


def test_each_error_of_the_definitions_is_compiled_or_judged_elsewhere_for_a_reason() -> None:
    official = read("rules")["invariants"]
    assert len({(key, expression) for rows in official.values() for key, _human, expression in rows}) == 204
    compiled = {rule.key for place, type in places().items() for rule in rules(place, type)}
    compiled |= {rule.key for rule in rules("DomainResource", "DomainResource")}
    assert {key for rows in official.values() for key, *_ in rows} - compiled == ELSEWHERE.keys()
    assert sorted(ELSEWHERE) == ["ctm-1", "dom-2", "txt-1", "txt-2"]
    assert sorted(REWORDED) == ["app-4", "csd-1", "que-2", "sdf-9"]


def test_ours_and_an_engine_by_other_hands_agree_on_values_of_every_place() -> None:
    random, seen = Random(20261129), Counter[tuple[str, bool]]()
    official = read("rules")["invariants"]
    for place, type in places().items():
        keys = [(key, text) for key, _, text in official[place] if key not in {*ELSEWHERE, *oracle.UNREAD, *PARTED}]
        for n in range(40):
            value = part(random, type, random.choice([0.0, 0.2, 0.5, 0.9]))
            if n % 2 and isinstance(value, dict):
                value |= part(random, type, 0.9)  # more of what excludes each other
            if not oracle.has_bare(value):
                for key, text in keys:
                    kept = verdict(place, key, value)
                    assert kept == oracle.holds(text, type, value, value, value), (place, key, value)
                    seen[key, kept] += 1
    assert len({key for key, kept in seen if not kept}) > 120  # or it has shown little
    assert len({key for key, kept in seen if kept}) > 180


def test_ours_and_an_engine_by_other_hands_agree_on_whole_resources_valid_mutated_and_random() -> None:
    random, judged, broken = Random(11), 0, Counter[str]()
    real = [*davinci(), *synthea()[:300]]
    for n in range(900):
        resource = mutant(random, random.choice(real)) if n % 3 == 0 else specimen(random, random.choice(_types), 0.4)
        if has_good_structure(resource):
            ours = told(resource)
            for (key, where), holds in oracle.verdicts(resource).items():
                if key not in PARTED and key not in ELSEWHERE:
                    assert ((key, where) not in ours) == holds, (key, where, resource)
                    broken[key] += not holds
            judged += 1
    assert judged > 500
    assert len(+broken) > 40


_types = sorted(TYPES)


# Broken and, with one change, kept: those that random values hardly ever come upon, and those where we decide.
_CODING = {"system": "http://a.example", "code": "x"}


@pytest.mark.parametrize(
    ("place", "key", "broken", "kept"),
    [
        ("Appointment", "app-4", {"status": "booked", "cancelationReason": {}},
         {"status": "noshow", "cancelationReason": {}}),
        ("Bundle", "bdl-7", {"type": "collection", "entry": [{"fullUrl": "http://a/1"}, {"fullUrl": "http://a/1"}]},
         {"type": "collection", "entry": [{"fullUrl": "http://a/1"}, {"fullUrl": "http://a/2"}]}),
        ("Bundle.entry", "bdl-8", {"fullUrl": "http://a/P/1/_history/2"}, {"fullUrl": "http://a/P/1"}),
        ("Bundle.entry", "bdl-8", {"fullUrl": "http://a/P/1/_history/2"}, {"resource": {"resourceType": "Basic"}}),
        ("CapabilityStatement.rest", "cpb-9", {"resource": [{"type": "Task"}, {"type": "Task"}]},
         {"resource": [{"type": "Task"}, {"type": "Slot"}]}),
        ("CodeSystem", "csd-1", {"concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "b"}]},
         {"concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "c"}]}),
        ("ElementDefinition", "eld-2", {"min": 2, "max": "1"}, {"min": 1, "max": "1"}),
        ("ElementDefinition:max", "eld-3", "many", "*"),
        ("ElementDefinition", "eld-14", {"constraint": [{"key": "a"}, {"key": "a"}]}, {"constraint": [{"key": "a"}]}),
        ("ImplementationGuide", "ig-2", {"fhirVersion": ["4.0.1"], "definition": {"resource": [
            {"fhirVersion": ["3.0.2"]}]}}, {"fhirVersion": ["4.0.1"], "definition": {"resource": [{}]}}),
        ("MedicationDispense", "mdd-1", {"whenHandedOver": "2024-01-01", "whenPrepared": "2024-01-02"},
         {"whenHandedOver": "2024-01-02", "whenPrepared": "2024-01-02"}),
        ("Observation", "obs-7", {"code": {"coding": [_CODING]}, "valueInteger": 1, "component": [
            {"code": {"coding": [_CODING]}}]}, {"code": {"coding": [_CODING]}, "valueInteger": 1}),
        ("Organization:address", "org-2", {"use": "home"}, {"use": "work"}),
        ("Organization:telecom", "org-3", {"use": "home"}, {}),
        ("Period", "per-1", {"start": "2024-01-02", "end": "2024-01-01"}, {"start": "2024-01-02", "end": "2024"}),
        ("Period", "per-1", {"start": "2024-01-03", "end": "2024-01-01T23:00:00Z"},
         {"start": "2024-01-02", "end": "2024-01-01T23:00:00-05:00"}),
        ("Period", "per-1", {"start": "2024-01-01T10:00:00Z", "end": "2024-01-01T10:30:00+01:00"},
         {"start": "2024-01-01T10:00:00Z", "end": "2024-01-01T11:00:00+01:00"}),
        ("Questionnaire", "que-2", {"item": [{"linkId": "1", "item": [{"linkId": "1"}]}]},
         {"item": [{"linkId": "1", "item": [{"linkId": "1.1"}]}]}),
        ("Questionnaire.item", "que-13", {"initial": [{}, {}]}, {"initial": [{}, {}], "repeats": True}),
        ("Questionnaire.item.enableWhen", "que-7", {"operator": "exists", "answerInteger": 1},
         {"operator": "exists", "answerBoolean": True}),
        ("Range", "rng-2", {"low": {"value": 5, "unit": "mg"}, "high": {"value": 4, "unit": "mg"}},
         {"low": {"value": 5, "unit": "mg"}, "high": {"value": 4, "unit": "ml"}}),
        ("StructureDefinition", "sdf-9", {"snapshot": {"element": [{"path": "Task", "label": "x"}]}},
         {"snapshot": {"element": [{"path": "Task.id", "label": "x"}]}}),
        ("Task", "inv-1", {"authoredOn": "2024-01-02", "lastModified": "2024-01-01"},
         {"authoredOn": "2024-01-02T10:00:00Z", "lastModified": "2024-01-02"}),
        ("Timing.repeat", "tim-9", {"offset": 5, "when": ["MORN", "C"]}, {"offset": 5, "when": ["MORN", "AFT"]}),
        ("Count", "cnt-3", {"value": 1}, {"code": "1", "value": 1}),
        ("Count", "cnt-3", {"code": "1", "value": Decimal("1.5")}, {"code": "1", "value": Decimal("1e999999999")}),
    ],
)  # fmt: skip
def test_an_invariant_is_broken_by_the_one_and_kept_by_the_other(
    place: str, key: str, broken: Any, kept: Any
) -> None:
    assert not verdict(place, key, broken)
    assert verdict(place, key, kept)


PATIENT = {"resourceType": "Patient", "id": "p1"}
DRUG = {"resourceType": "Medication", "id": "m"}
ORDER: Json = {"resourceType": "MedicationRequest", "status": "active", "intent": "order",
               "subject": {"display": "x"}, "medicationReference": {"reference": "#m"}}  # fmt: skip


def test_it_tells_the_key_the_text_and_the_path_of_what_is_broken() -> None:
    (issue,) = issues({**PATIENT, "name": [{"period": {"start": "2024-02-01", "end": "2024-01-01"}}]})
    assert (issue.severity, issue.code, issue.where) == ("error", "invariant", "Patient.name[0].period")
    assert issue.text == "If present, start SHALL have a lower value than end (per-1)."


@pytest.mark.parametrize(
    ("resource", "broken"),
    [
        ({**ORDER, "contained": [DRUG]}, set()),
        ({**ORDER, "contained": [{**DRUG, "id": "n"}]},
         {("ref-1", "MedicationRequest.medication"), ("dom-3", "MedicationRequest")}),
        ({**ORDER, "contained": [{**DRUG, "meta": {"versionId": "1", "security": [_CODING]}}]},
         {("dom-4", "MedicationRequest"), ("dom-5", "MedicationRequest")}),
        ({**PATIENT, "contained": [{"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
                                    "subject": {"reference": "#"}}]}, set()),
        ({**PATIENT, "generalPractitioner": [{"reference": "#"}]}, {("ref-1", "Patient.generalPractitioner[0]")}),
        ({**PATIENT, "extension": [{"url": "http://a.example", "valueUri": "#m"}], "contained": [DRUG]}, set()),
        ({**PATIENT, "text": {"status": "generated", "div": "<div>#m</div>"}, "contained": [DRUG]},
         {("dom-3", "Patient")}),
        ({**PATIENT, "extension": [{"url": "http://a.example"}]}, {("ext-1", "Patient.extension[0]")}),
        ({**PATIENT, "_birthDate": {"extension": [{"url": "http://a.example"}]}},
         {("ext-1", "Patient.birthDate.extension[0]")}),
        ({"resourceType": "Bundle", "type": "collection", "entry": [
            {"fullUrl": "http://a/1", "resource": {**ORDER, "contained": [DRUG]}}]}, set()),
        ({"resourceType": "Bundle", "type": "collection", "entry": [
            {"fullUrl": "http://a/1", "resource": ORDER}]},
         {("ref-1", "Bundle.entry[0].resource.medication")}),
    ],
)  # fmt: skip
def test_it_looks_at_the_whole_resource_and_at_what_it_contains(
    resource: Json, broken: set[tuple[str, str]]
) -> None:
    assert told(resource) == broken


def test_a_great_resource_is_judged_in_a_time_that_grows_with_it_and_no_faster() -> None:
    """20,000 of what is looked up in one another: each was a second and more when each was compared with each."""
    many = range(20_000)
    status = {"status": "final", "code": {"text": "x"}}
    chain = [{"resourceType": "Observation", "id": f"p{n}", **status, "focus": [{"reference": f"#p{(n + 1) % 20_000}"}]}
             for n in many]  # fmt: skip
    guide = {"grouping": [{"id": f"g{n}", "name": "x"} for n in many],
             "resource": [{"reference": {"display": "x"}, "groupingId": f"g{n}"} for n in many]}  # fmt: skip
    codes = [{"_code": {"extension": [{"url": "http://x", "valueInteger": n}]}} for n in many]
    began = time.process_time()
    assert not told({"resourceType": "List", "status": "current", "mode": "working", "contained": chain,
                     "entry": [{"item": {"reference": "#p0"}}]})  # fmt: skip
    assert not told({"resourceType": "ImplementationGuide", "url": "http://x", "name": "x", "status": "draft",
                     "packageId": "a", "fhirVersion": ["4.0.1"], "definition": guide})  # fmt: skip
    assert not told({"resourceType": "CodeSystem", "status": "draft", "content": "complete", "concept": codes})
    assert time.process_time() - began < 5


def test_invariants_are_told_only_of_a_resource_whose_structure_is_good() -> None:
    period = {"start": "2024-02-01", "end": "2024-01-01"}
    found = issues({**PATIENT, "name": [{"period": period}], "foo": 1})
    assert [(issue.code, issue.where) for issue in found] == [("structure", "Patient.foo")]


def test_a_trigger_is_what_an_invariant_can_not_be_broken_without() -> None:
    assert trigger(parse("code.empty() or system.exists()")) == "code"
    assert trigger(parse("offset.empty() or (when.exists() and ((when in ('C' | 'CM')).not()))")) == "offset"
    assert trigger(parse("condition.exists() implies data.exists()")) == "condition"
    assert trigger(parse("extension.exists() != value.exists()")) is None
    assert trigger(parse("contained.meta.security.empty()")) == "contained"


@pytest.mark.parametrize("source", ["", "a b", "(a", "a.", "a = ", "a ~ b", "§"])
def test_what_is_no_expression_of_ours_is_no_tree(source: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(source)
