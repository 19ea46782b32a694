"""A new referral on PostgreSQL: the patient found, the draft kept, the clinic looked at, all sent."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished

HEART = {"reference": "Organization/heart"}
BEFORE: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "new", "name": [{"family": "Ñandú", "given": ["Íñigo"]}],
     "birthDate": "1979-02-03", "telecom": [{"system": "phone", "value": "(215) 555-0203"}],
     "managingOrganization": {"reference": "Organization/clinic"}},
    {"resourceType": "Location", "id": "site", "managingOrganization": HEART},
    {"resourceType": "Schedule", "id": "diary", "actor": [{"reference": "Location/site"}]},
    {"resourceType": "Slot", "id": "slot", "status": "free", "schedule": {"reference": "Schedule/diary"},
     "start": "2026-12-01T15:00:00Z", "end": "2026-12-01T15:30:00Z"},
]  # fmt: skip


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_a_patient_without_any_referral_is_found_and_referred_on_postgresql(place: Place) -> None:
    place.put([*BEFORE, *case_of("base", "sent", "before")])
    client, token = place.people["requester"], {"csrf": place.csrf["requester"]}
    page = client.get("/referrals/new/patients?q=nandu 555-0203").get_data(as_text=True)
    assert re.findall(r'name="patient" value="([^"]+)"', page) == ["new"]
    begun = client.post("/referrals/new/begin", data=token | {"once": "1", "patient": "new"})
    id = str(begun.location).partition("order=")[2]
    steps = {"draft": "1", "specialty": "Cardiology", "service": "Consult", "urgency": "urgent", "another": "heart"}
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    kept = client.post(f"/referrals/new/{id}/save", data=token | steps | {"once": "2"}, headers=headers)
    assert kept.status_code == 200
    assert "heart" in kept.get_data(as_text=True).split("Not offered:")[1]  # of no plan nobody knows the network
    sent = token | steps | {"once": "3", "choice": "Organization/heart"}
    first, second = (client.post(f"/referrals/new/{id}/send", data=sent) for _ in range(2))
    assert (first.status_code, first.location) == (303, second.location)
    order = place.held("ServiceRequest", id)
    assert (order["status"], order["priority"], order["performer"][0]["reference"]) == (
        "active", "urgent", "Organization/heart",
    )  # fmt: skip
