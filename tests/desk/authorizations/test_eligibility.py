"""A payer is asked whether a card is good: by one button, by an app, and by itself on the days before a visit."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from carecoord.actions.acts import provenance
from carecoord.actions.prior_auth import eligibility
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.database.outbox import Job
from carecoord.store.database.tables import resource
from carecoord.store.resources import read
from carecoord.worker import handlers
from tests.desk.authorizations.readers import get
from tests.desk.authorizations.test_request_acts import told
from tests.desk.authorizations.test_requests import put, text
from tests.desk.conftest import NOW, Clock, House, built

OUTSIDE = "request-worked-01-visit-after-approval"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[House]:
    yield from built(story, tmp_path_factory.mktemp("eligibility"), clock)


def questions(house: House, patient: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        rows = read.of_patient(conn, patient, ("CoverageEligibilityRequest",))
        return [json.loads(each.body) for each in rows]


def patient_of(house: House, claim: str) -> str:
    with reading(house.world.engine) as conn:
        row = read.get(conn, "Claim", claim)
        assert row is not None
        return str(row.patient)


def test_one_button_asks_about_the_day_of_the_visit(house: House) -> None:
    client, patient = house.enter("coordinator"), patient_of(house, OUTSIDE)
    before = {each["id"] for each in questions(house, patient)}
    assert told(client, OUTSIDE, "check-eligibility")[0] == 303
    (made,) = [each for each in questions(house, patient) if each["id"] not in before]
    visit = re.search(r"Visit (\d+) (\w+)", text(get(client, f"/authorizations/{OUTSIDE}")))
    assert visit is not None
    assert made["servicedDate"].endswith(f"-{int(visit[1]):02}")
    assert (made["status"], made["purpose"]) == ("active", ["validation", "benefits", "auth-requirements"])
    assert made["insurance"][0]["focal"] is True
    with reading(house.world.engine) as conn:
        act = provenance.author_of(conn, provenance.Version("CoverageEligibilityRequest", made["id"], 1))
    assert act is not None
    assert (act.name, act.verb) == ("Reyes, Maria", "check-eligibility")


def test_a_payer_is_asked_by_itself_14_and_3_days_before_a_visit_once_a_day_and_not_of_a_cancelled_one(
    house: House, clock: Clock
) -> None:
    with reading(house.world.engine) as conn:
        kind = (resource.c.type == "Appointment") & resource.c.deleted.is_(False)
        ids = [each for each in conn.scalars(select(resource.c.id).where(kind)) if "worked-01" in each]
        row = read.get(conn, "Appointment", ids[0])
        assert row is not None
        visit = json.loads(row.body)
    start = NOW + timedelta(days=20)
    visit |= {"start": start.isoformat(), "end": (start + timedelta(minutes=30)).isoformat(), "status": "booked"}
    put(house, visit)
    patient = patient_of(house, OUTSIDE)

    def asked() -> list[str]:
        handlers.HANDLERS[eligibility.JOB](house.world, Job(1, eligibility.JOB, eligibility.JOB, b"", 1, "a test", 1))
        return [each["created"][:10] for each in questions(house, patient) if each.get("servicedDate") == "2026-12-12"]

    assert asked() == []
    clock.now = NOW + timedelta(days=6)
    assert asked() == ["2026-11-28"]
    assert asked() == ["2026-11-28"], "once a day"
    clock.now = NOW + timedelta(days=9)
    assert asked() == ["2026-11-28", "2026-12-01"], "its month begins"
    clock.now = NOW + timedelta(days=17)
    put(house, visit | {"status": "cancelled"})
    assert asked() == ["2026-11-28", "2026-12-01"]
