"""A house in which an office has had a year, told late and out of order, and counted as it was told."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from auth import store
from auth.store import Token
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.measures import count
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.database.engine import writing
from tests.desk.conftest import FIXTURES, PASSWORD, Clock, House, built
from tests.desk.measures.made import OFFICE, PAIRS, Year, write
from tests.desk.measures.recount import Recount

NOW = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)
COUNT = 39  # referrals
TYPES = ("ServiceRequest", "Task", "Appointment", "DiagnosticReport", "Communication", "Claim", "ClaimResponse")
OUTSIDE = {f"Organization/{clinic}" for *_, clinic, inside in PAIRS if not inside}


@dataclass(frozen=True)
class Office:
    """The house, and what an independent count of the same history comes to."""

    house: House
    recount: Recount


@pytest.fixture(scope="session")
def office(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    clock, folder = Clock(), tmp_path_factory.mktemp("year")
    for house in built(story, tmp_path_factory.mktemp("measures"), clock):
        organization = {
            "resourceType": "Organization",
            "id": OFFICE,
            "name": "Quarry Hill Practice",
            "active": True,
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9000029998"}],
            "type": [
                {"coding": [{"code": "prov", "system": "http://terminology.hl7.org/CodeSystem/organization-type"}]}
            ],
        }
        fhir_load.load(house.world, [write(folder / "office.ndjson", [organization])])
        for login, roles in (("quill", {"coordinator", "supervisor"}), ("quince", {"payer"})):
            accounts.add_user(house.world, NewUser(login, f"Of, {login}", frozenset(roles), OFFICE), PASSWORD)
        for n, (now, resources) in enumerate(Year(_cards()).make(COUNT)):
            clock.now = now
            loaded = fhir_load.load(house.world, [write(folder / f"{n}.ndjson", resources)])
            assert not loaded.refusals, loaded.refusals[:3]
            count.follow(house.world)
        clock.now = NOW
        count.follow(house.world)
        yield Office(house, Recount(list(_history(house)), OFFICE, OUTSIDE))


def _cards() -> dict[str, str]:
    cards = [json.loads(line) for line in (FIXTURES / "ehr" / "Coverage.ndjson").read_text().splitlines()]
    return {card["beneficiary"]["reference"].partition("/")[2]: card["id"] for card in cards}


def _history(house: House) -> Iterator[dict[str, Any]]:
    """Every version, by the API: page by page."""
    world, now = house.world, int(NOW.timestamp())
    with writing(world.engine) as conn:
        token = store.issue(conn, Token("access", "tester", "tester", "system/*.rs", now, now + 3600))
    http, sent = Client(house.app), {"Authorization": f"Bearer {token}"}
    since = (NOW - timedelta(days=500)).isoformat().replace("+00:00", "Z")
    for type in TYPES:
        url = f"/fhir/{type}/_history?_count=500&_since={since}"
        while url:
            answer = http.get(url, headers=sent)
            assert answer.status_code == 200, answer.get_data()
            page = json.loads(answer.get_data())
            yield from (each for each in page.get("entry", ()) if "resource" in each)
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
            url = url[url.index("/fhir/") :] if url else ""
