"""A request made again like an old one: what it names is what stands in it."""

from datetime import UTC, date, datetime

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
