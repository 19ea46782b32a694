"""What assembling a case leans on is marked stale by the change that matters: both ends of every key are the same."""

from typing import Any

import pytest

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.worklist import registry_keys

ID = "urn:example:ids|7"
NAMED = {"identifier": [{"system": "urn:example:ids", "value": " 7 "}]}
PAYER = {"url": f"{EXTENSION}/plan-payer", "valueIdentifier": NAMED["identifier"][0]}


def asked(**of: Any) -> frozenset[str]:
    kinds = ("references", "plans", "agreements", "organizations", "practitioners", "payers")
    nothing: dict[str, Any] = dict.fromkeys(kinds, ())
    return registry_keys.asked(**(nothing | of))


@pytest.mark.parametrize(
    ("of", "resource"),
    [
        ({"references": ["Organization/a"]}, {"resourceType": "Organization", "id": "a"}),
        ({"plans": ["7"]}, {"resourceType": "InsurancePlan", "id": "p", **NAMED}),
        ({"agreements": [ID]}, {"resourceType": "Contract", "id": "c", **NAMED}),
        ({"organizations": ["Organization/a"]},
         {"resourceType": "OrganizationAffiliation", "id": "r",
          "participatingOrganization": {"reference": "Organization/a"}}),
        ({"practitioners": ["Practitioner/b"]},
         {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/b"}}),
        ({"payers": [ID]}, {"resourceType": "PlanDefinition", "id": "b", "extension": [PAYER]}),
    ],
)  # fmt: skip
def test_whatever_is_asked_for_is_answered_by_the_resource_that_matters(
    of: dict[str, Any], resource: dict[str, Any]
) -> None:
    keys = asked(**of)
    assert len(keys) == 1
    assert keys <= registry_keys.answered(resource)
