"""A request made again like an old one: what it names is what stands in it, and it asks for what was asked for."""

from datetime import UTC, date, datetime
from typing import Any

from carecoord.domain.prior_auth import drafts
from carecoord.domain.prior_auth.clinic import asked

OLD = {
    "resourceType": "Claim", "id": "old", "status": "active",
    "careTeam": [
        {"sequence": 1, "provider": {"reference": "Practitioner/asks"}},
        {"sequence": 2, "provider": {"reference": "Organization/did"}},
    ],
    "supportingInfo": [{"sequence": 7, "valueReference": {"reference": "DocumentReference/scan"}}],
    "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/card"}}],
    "item": [{"sequence": 1, "careTeamSequence": [2], "informationSequence": [7], "servicedDate": "2026-10-01"}],
}  # fmt: skip


def test_a_renewal_names_who_is_to_do_it_now_on_each_line_and_no_paper_that_it_has_not() -> None:
    draft = asked.renewed("new", OLD, 90, datetime(2026, 11, 22, 9, 0, tzinfo=UTC), date(2026, 11, 22))
    does = {"reference": "Organization/does", "display": "Does"}
    assert drafts.anew(draft, None, {"reference": "Organization/did"}) == {}, "the same who did it before"
    made = draft | drafts.anew(draft, None, does)
    assert made["careTeam"] == [{"sequence": 1, "provider": does}]
    assert "supportingInfo" not in made
    assert made["item"] == [{
        "sequence": 1, "careTeamSequence": [1], "servicedPeriod": {"start": "2026-11-22", "end": "2027-02-20"},
    }]  # fmt: skip


def test_a_new_request_asks_for_as_much_as_the_last_that_was_not_made_in_error() -> None:
    service = {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "97110"}]}
    order = {"resourceType": "ServiceRequest", "id": "one", "code": service}

    def asking(day: int, visits: int, status: str) -> dict[str, Any]:
        return {
            "resourceType": "Claim", "id": f"of-{day}", "status": status, "created": f"2026-11-{day}",
            "referral": {"reference": "ServiceRequest/one"},
            "item": [{"sequence": 1, "productOrService": service, "quantity": {"value": visits}}],
        }  # fmt: skip

    kept = [asking(10, 12, "cancelled"), asking(12, 120, "entered-in-error"), asking(11, 8, "active")]
    assert drafts.as_before(order, kept) == {"value": 8}
    assert drafts.as_before(order, kept[1:2]) == {}
