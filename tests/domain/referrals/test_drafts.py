"""A referral while it is written: fields in, the order out, and two changes put together."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from carecoord.domain.referrals import drafts
from carecoord.domain.referrals.drafts import Clash
from carecoord.fhir.validation.validate import judge

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
ORDER = drafts.begun("4d2c-01", {"resourceType": "Patient", "id": "p"}, {"reference": "Organization/o"}, NOW)
FIELDS = {
    "service": "Stress echo", "service-code": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets|C8928",
    "reason": "Heart check", "reason-code": "", "question": "Anthracycline?", "clinician": "PractitionerRole/r",
    "specialty": "Cardiology", "specialty-code": "http://nucc.org/provider-taxonomy|207RC0000X",
    "urgency": "urgent", "from": "2026-11-27", "to": "2026-12-11", "interpreter": "1", "transport": "",
    "card": "Coverage/c", "papers": "DocumentReference/a Observation/b",
    "follows": "ServiceRequest/before", "choice": "Organization/x Organization/y", "told": "patient requester",
}  # fmt: skip


def test_what_a_form_says_is_what_the_order_says_and_the_other_way_round() -> None:
    order = drafts.written(ORDER, FIELDS)
    assert not judge(order, "ServiceRequest")
    assert drafts.said(order) == FIELDS
    assert drafts.written(order, {}) == order
    assert drafts.said(drafts.written(order, dict.fromkeys(FIELDS, "") | {"urgency": "stat"})) == {
        **dict.fromkeys(FIELDS, ""), "urgency": "stat", "clinician": "PractitionerRole/r",
    }  # fmt: skip


def test_what_goes_out_is_signed_names_the_clinic_and_keeps_no_choice() -> None:
    order = drafts.ready(drafts.written(ORDER, FIELDS), [{"reference": "Organization/x"}], NOW)
    assert not judge(order, "ServiceRequest")
    assert (order["status"], order["performer"]) == ("active", [{"reference": "Organization/x"}])
    assert drafts.chosen(order) == []
    assert [each["valueCode"] for each in order["extension"]] == ["interpreter"]


def test_two_changes_are_put_together_by_field_and_clash_only_in_the_same_one() -> None:
    base = drafts.said(ORDER)
    theirs, mine = base | {"question": "a", "urgency": "stat"}, base | {"question": "b", "specialty": "GI"}
    fields, clashes = drafts.merged(base, theirs, mine)
    assert fields == base | {"question": "b", "urgency": "stat", "specialty": "GI"}
    assert clashes == [Clash("question", "a", "b")]
    assert drafts.merged(base, theirs, theirs) == (theirs, [])


@pytest.mark.parametrize(
    ("more", "lacks"),
    [
        ({}, []),
        ({"service": "", "choice": ""}, ["service", "choice"]),
        ({"to": "2026-11-21"}, ["to"]),
        ({"from": "2026-12-12"}, ["to"]),
    ],
)
def test_what_is_lacking_before_it_goes_out(more: dict[str, str], lacks: list[str]) -> None:
    assert [name for name, _ in drafts.lacking(FIELDS | more, date(2026, 11, 22))] == lacks


def test_who_orders_is_a_clinician_by_specialty_or_code_or_says_nothing_of_it() -> None:
    hl7 = "http://terminology.hl7.org/CodeSystem/practitioner-role"
    roles: dict[str, tuple[dict[str, Any], bool]] = {
        "doctor": ({"code": [{"coding": [{"system": hl7, "code": "doctor"}]}]}, True),
        "of another kind": ({"code": [{"coding": [{"system": "http://snomed.info/sct", "code": "224535009"}]}]}, True),
        "specialist": ({"code": [{"text": "Lead"}], "specialty": [{"text": "Cardiology"}]}, True),
        "nobody says": ({}, True),
        "coordinator": ({"code": [{"text": "Care coordinator"}]}, False),
        "of the office's computers": ({"code": [{"coding": [{"system": hl7, "code": "ict"}]}]}, False),
    }
    assert {who: drafts.is_clinicians(role) for who, (role, _) in roles.items()} == {
        who: orders for who, (_, orders) in roles.items()
    }
