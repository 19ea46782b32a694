"""What references may point at: HL7's 4.0.1 definitions, held beside the R4B models of other hands."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from carecoord.fhir.definitions import read
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation import targets
from carecoord.fhir.validation.models import _model
from carecoord.fhir.validation.validate import issues

ORDER = {"resourceType": "ServiceRequest", "status": "active", "intent": "order"}

# What R4B lets an element point at besides: 4.0.1 decides.
LATER = {
    ("ActivityDefinition", "productReference"): {"Ingredient"},
    ("DiagnosticReport", "subject"): {"Medication", "Organization", "Practitioner", "Procedure", "Substance"},
    ("Group.member", "entity"): {"RelatedPerson"},
    ("Observation", "subject"): {"Medication", "Organization", "Practitioner", "Procedure", "Substance"},
}


def modelled() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Each Reference of our types, by owner and property, with the types that the R4B models name; none: any."""
    table = read("structures")["elements"]
    for type in TYPES:
        model = _model(type)
        if model is None:  # none of R4B's
            continue
        for owner in (each for each in table if each == type or each.startswith(f"{type}.")):
            named = "".join(step[0].upper() + step[1:] for step in owner.split("."))
            fields = getattr(sys.modules[model.__module__], named).model_fields
            for name, field in fields.items():
                property_ = field.alias or name
                row = table[owner].get(property_)
                if row and row[0] == "Reference":
                    extra: dict[str, Any] = field.json_schema_extra
                    types = frozenset(extra.get("enum_reference_types") or ())
                    yield owner, property_, frozenset() if "Resource" in types else types


def test_every_reference_may_point_at_what_the_models_of_other_hands_let_it() -> None:
    count = 0
    for owner, property_, types in modelled():
        later = LATER.get((owner, property_), set())
        ours = targets.of(owner, property_)
        assert ours == types - later, (owner, property_)
        count += 1
    assert count == 667


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ({"reference": "Patient/p"}, None),
        ({"reference": "Patient/p/_history/2", "type": "Patient"}, None),
        ({"reference": "Group/g", "type": "Group"}, None),
        ({"display": "x"}, None),
        ({"type": "Device", "identifier": {"value": "x"}}, None),
        ({"reference": "https://other.example/fhir/Practitioner/x"}, None),  # another server may name what it likes
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, None),
        ({"reference": "Strange/x", "type": "http://a.example/logical"}, None),
        ({"reference": "Practitioner/d"}, "subject points at a Practitioner; give one of Device, Group, Location, "
                                          "Patient."),
        ({"type": "Practitioner", "display": "x"}, "subject is said to be a Practitioner; give one of Device, Group, "
                                                   "Location, Patient."),
        ({"reference": "Patient/p", "type": "Group"}, "subject is said to be a Group and points at a Patient."),
    ],
)  # fmt: skip
def test_a_reference_points_at_what_its_element_takes(reference: dict[str, Any], words: str | None) -> None:
    found = issues({**ORDER, "subject": reference})
    assert [issue.text for issue in found] == ([words] if words else [])
    assert {(issue.code, issue.where) for issue in found} <= {("value", "ServiceRequest.subject")}


def test_it_says_where_in_a_list_and_within_other_elements() -> None:
    order = {**ORDER, "subject": {"display": "x"}, "note": [{"text": "x", "authorReference": {"reference": "Task/t"}}],
             "performer": [{"reference": "Practitioner/d"}, {"reference": "Claim/c"}]}  # fmt: skip
    assert sorted(str(issue.where) for issue in issues(order)) == [
        "ServiceRequest.note[0].author",
        "ServiceRequest.performer[1]",
    ]


def test_what_may_point_at_anything_is_not_judged() -> None:
    assert not issues({"resourceType": "Task", "status": "draft", "intent": "order",
                       "focus": {"reference": "Slot/s"}})  # fmt: skip
