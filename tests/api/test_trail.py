"""Issue 3, Audit: who saw this patient? Every way that data goes out notes every patient whose data it was."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.store.audit.tables import audit, audit_patient
from carecoord.store.database.engine import reading
from carecoord.world import World
from tests.api.conftest import Api, patient, referral

PATIENT_REFERRAL = [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}]
Seen = list[tuple[str, str | None, int, set[str]]]


@pytest.fixture
def seen(world: World) -> Callable[[], Seen]:
    """What the trail says since the last look: (interaction, type, status, patients)."""
    after = 0

    def told() -> Seen:
        nonlocal after
        world.journal.drain(world.engine)
        with reading(world.engine) as conn:
            rows = conn.execute(select(audit).where(audit.c.n > after).order_by(audit.c.n)).all()
            more = conn.execute(select(audit_patient.c.n, audit_patient.c.patient)).all()
        after = max([after, *(row.n for row in rows)])
        several = [{p for n, p in more if n == row.n} for row in rows]
        assert not any(row.patient and many for row, many in zip(rows, several, strict=True))
        return [
            (row.interaction, row.type, row.status, many | ({row.patient} if row.patient else set()))
            for row, many in zip(rows, several, strict=True)
        ]

    return told


@pytest.fixture
def story(api: Api, seen: Callable[[], Seen]) -> Api:
    """Two patients, each with an order; a third with none."""
    for id in ("ngozi", "tomas", "vera"):
        assert api.put(f"/Patient/{id}", patient(id=id)).status_code == 201
    for id, subject in (("hip", "ngozi"), ("eye", "tomas")):
        order = referral(f"Patient/{subject}", id=id, category=PATIENT_REFERRAL)
        assert api.put(f"/ServiceRequest/{id}", order).status_code == 201
    assert seen()[-1] == ("create", "ServiceRequest", 201, {"tomas"})
    return api


ASKED: list[tuple[str, Seen]] = [
    ("/Patient/ngozi", [("read", "Patient", 200, {"ngozi"})]),
    ("/ServiceRequest/hip", [("read", "ServiceRequest", 200, {"ngozi"})]),
    ("/ServiceRequest/hip/_history/1", [("vread", "ServiceRequest", 200, {"ngozi"})]),
    ("/ServiceRequest/hip/_history", [("history", "ServiceRequest", 200, {"ngozi"})]),
    ("/Patient/_history", [("history", "Patient", 200, {"ngozi", "tomas", "vera"})]),
    ("/_history?_count=1", [("history", "", 200, {"tomas"})]),
    ("/ServiceRequest?_sort=_id&_count=1", [("search", "ServiceRequest", 200, {"tomas"})]),
    ("/ServiceRequest", [("search", "ServiceRequest", 200, {"ngozi", "tomas"})]),
    ("/Patient?_id=vera&_revinclude=ServiceRequest:subject", [("search", "Patient", 200, {"vera"})]),
    ("/Patient?_id=ngozi,vera&_revinclude=ServiceRequest:subject", [("search", "Patient", 200, {"ngozi", "vera"})]),
    ("/ServiceRequest?_id=eye&_include=ServiceRequest:subject", [("search", "ServiceRequest", 200, {"tomas"})]),
    ("/ServiceRequest?_summary=count", [("search", "ServiceRequest", 200, set())]),
    ("/Patient/tomas/ServiceRequest", [("search", "ServiceRequest", 200, {"tomas"})]),
    ("/ServiceRequest/eye/$clearance", [("clearance", "ServiceRequest", 200, {"tomas"})]),
    ("/Practitioner", [("search", "Practitioner", 200, set())]),
    ("/ServiceRequest/none", [("read", "ServiceRequest", 404, set())]),
    ("/ServiceRequest?nonsense=1", [("search", "ServiceRequest", 400, set())]),
]


@pytest.mark.parametrize(("path", "expected"), ASKED, ids=[path for path, _ in ASKED])
def test_what_was_shown_is_noted_with_every_patient(
    story: Api, seen: Callable[[], Seen], path: str, expected: Seen
) -> None:
    answer = story.get(path, Prefer="handling=strict")
    assert answer.status_code == expected[0][2], answer.get_data()
    assert seen() == expected


def test_what_was_refused_notes_what_was_asked_and_nobody_who_was_not_shown(
    story: Api, client: Callable[..., Api], seen: Callable[[], Seen]
) -> None:
    narrow = client("system/ServiceRequest.rs?patient=Patient/ngozi system/Patient.r?_id=ngozi")
    assert narrow.get("/ServiceRequest/eye").status_code == 404
    assert narrow.get("/Patient/tomas").status_code == 404
    assert narrow.get("/Observation").status_code == 403
    assert narrow.put("/ServiceRequest/eye", referral("Patient/tomas", id="eye")).status_code in (403, 404)
    assert seen() == [
        ("read", "ServiceRequest", 404, set()),
        ("read", "Patient", 404, set()),
        ("search", "Observation", 403, set()),
        ("update", "ServiceRequest", 403, set()),
    ]


def test_a_delete_that_found_nothing_is_noted_too(story: Api, seen: Callable[[], Seen]) -> None:
    """Whoever asks for it learns that nothing was there."""
    assert story.delete("/Patient/nobody").status_code == 204
    assert story.delete("/Patient?identifier=none").status_code == 204
    assert seen() == [("delete", "Patient", 204, set())] * 2


def test_an_older_version_counts_for_the_patient_it_was_about(story: Api, seen: Callable[[], Seen]) -> None:
    """An order that was entered for the wrong person shows that person in its history."""
    story.put("/ServiceRequest/hip", referral("Patient/vera", id="hip"))
    seen()
    story.get("/ServiceRequest/hip/_history/1")
    story.get("/ServiceRequest/hip/_history")
    story.get("/ServiceRequest/hip")
    assert [patients for *_, patients in seen()] == [{"ngozi"}, {"ngozi", "vera"}, {"vera"}]


def test_a_create_that_finds_what_is_there_shows_it(story: Api, seen: Callable[[], Seen]) -> None:
    answer = story.post("/Patient", patient(), If_None_Exist="_id=vera")
    assert json.loads(answer.get_data())["id"] == "vera"
    assert seen() == [("read", "Patient", 200, {"vera"})]


def test_entries_of_a_batch_are_noted_each_for_itself(story: Api, seen: Callable[[], Seen]) -> None:
    asked: list[dict[str, Any]] = [
        {"request": {"method": "GET", "url": "Patient/vera"}},
        {"request": {"method": "GET", "url": "ServiceRequest?_id=eye"}},
        {"request": {"method": "DELETE", "url": "ServiceRequest/eye", "ifMatch": 'W/"7"'}},
    ]
    story.post("", {"resourceType": "Bundle", "type": "batch", "entry": asked})
    assert sorted(seen()) == [
        ("delete", "ServiceRequest", 412, set()),
        ("read", "Patient", 200, {"vera"}),
        ("search", "ServiceRequest", 200, {"tomas"}),
    ]
