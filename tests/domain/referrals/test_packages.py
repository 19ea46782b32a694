"""What goes along by specialty, held against a chart."""

from datetime import date
from typing import Any

from carecoord.domain.referrals import packages
from carecoord.domain.referrals.packages import Paper

TODAY = date(2026, 11, 22)


def paper(type: str, id: str, code: str, **more: Any) -> dict[str, Any]:
    concept = {"coding": [{"system": "http://loinc.org", "code": code}]}
    return {"resourceType": type, "id": id, "type" if type == "DocumentReference" else "code": concept, **more}


def test_each_paper_is_the_newest_of_the_chart_or_missing_or_old() -> None:
    chart = [
        paper("DocumentReference", "old", "11524-6", status="current", date="2026-01-02T10:00:00Z"),
        paper("DocumentReference", "ecg", "11524-6", status="current", date="2026-08-01T10:00:00Z"),
        paper("DocumentReference", "gone", "11524-6", status="entered-in-error", date="2026-11-20T10:00:00Z"),
        paper("Observation", "bp", "8480-6", status="final", effectiveDateTime="2026-11-01"),
        {"resourceType": "MedicationRequest", "id": "m", "status": "active", "authoredOn": "2026-10-01"},
        {"resourceType": "MedicationRequest", "id": "n", "status": "stopped", "authoredOn": "2026-11-01"},
    ]
    assert packages.held_against("Peds cardiology", chart, TODAY) == [
        Paper("referral-note"),
        Paper("medicines", "MedicationRequest/m", "2026-10-01", count=1),
        Paper("allergies"),
        Paper("ecg", "DocumentReference/ecg", "2026-08-01", old=True, count=1),
        Paper("echocardiogram"),
        Paper("lipids"),
        Paper("blood-pressure", "Observation/bp", "2026-11-01", count=1),
    ]


def test_a_specialty_is_known_by_the_beginning_of_a_word_and_another_wants_what_every_referral_does() -> None:
    assert packages.wanted("GI")[3:] == ["laboratory", "imaging", "colonoscopy"]
    assert packages.wanted("Gigantology") == packages.wanted("") == ["referral-note", "medicines", "allergies"]
    assert packages.wanted("Radiation oncology")[3:] == ["pathology", "imaging", "laboratory"]


def test_every_paper_of_the_table_has_a_name_and_every_name_that_is_wanted_is_a_paper() -> None:
    for name in packages.names():
        assert packages.called(name)
    said = {name for each in packages.specialties() for name in packages.wanted(each)}
    assert said <= set(packages.names())
