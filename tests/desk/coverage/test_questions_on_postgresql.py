"""Two clerks of a payer who answer the same question about a card in the same moment, on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carecoord import app
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from tests.desk.authorizations.readers import get
from tests.desk.conftest import FIXTURES, PASSWORD, Clock, House, opened
from tests.desk.coverage.test_questions import PATH, YES, ask, fields, held


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    for world in opened(tmp_path, Clock(), database_url=database_url):
        files = [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]
        assert not fhir_load.load(world, files).refusals
        for login, role, office in (
            ("grange", "payer", "office-granite-care"), ("gale", "payer", "office-granite-care"),
            ("reyes", "coordinator", "office-fairmont"),
        ):  # fmt: skip
            accounts.add_user(world, NewUser(login, login.title(), frozenset({role}), office), PASSWORD)
        yield House(world, app.wired(world))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_of_two_clerks_who_answer_at_once_one_does_and_the_other_is_told(house: House) -> None:
    clerks, page = [house.enter("grange"), house.enter("gale")], f"{PATH}/{ask(house)}"
    forms = [fields(get(each, page), f"{page}/answer-eligibility") for each in clerks]
    said = [YES, {"standing": "not-in-force", "last": "31 Oct"}]
    with ThreadPoolExecutor(2) as both:
        sent = both.map(lambda n: clerks[n].post(f"{page}/answer-eligibility", data=forms[n] | said[n]), range(2))
        assert sorted(each.status_code for each in sent) == [303, 409]
    assert len([each for each in held(house, "CoverageEligibilityResponse") if each["created"] > "2026-11-22"]) == 1
