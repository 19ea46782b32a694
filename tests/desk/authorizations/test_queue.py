"""The payer's queue: in the order of its clock, under its tabs with counts of the same query, as a file, with who is on
a request."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from carecoord.actions.fhir import interactions
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from tests.desk.authorizations.readers import get, ids
from tests.desk.authorizations.test_automatic import SYSTEM, stored
from tests.desk.conftest import NOW, PASSWORD, Clock, House, built

VASCULAR = "request-order-24825"


@pytest.fixture
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    for found in built(story, tmp_path_factory.mktemp("queue"), Clock()):
        clerk = NewUser("calder", "Calder, Ines", frozenset({"payer"}), "office-blue-horizon")
        accounts.add_user(found.world, clerk, PASSWORD)
        yield found


def counted(page: str) -> dict[str, int]:
    return {tab: int(n) for tab, n in re.findall(r'tab=([a-z]+)[^>]*>[^<]* <span class="count">(\d+)', page)}


def test_the_queue_stands_in_the_order_of_the_payers_own_clock_and_each_count_is_that_of_its_list(house: House) -> None:
    clerk = house.enter("payer")
    page = get(clerk, "/decisions")
    assert ids(page) == [
        "request-order-24829", "request-order-24817", VASCULAR, "request-worked-07-document-asked",
    ]  # fmt: skip
    said = counted(page)
    assert set(said) == {
        "decide", "mine", "new", "expedited", "answered", "second", "director", "appeals", "held", "decided",
    }  # fmt: skip
    for tab, n in said.items():
        assert len(ids(get(clerk, f"/decisions?tab={tab}"))) == n, tab
    for tab, n in re.findall(r'tab=([a-z]+)[^>]*><span class="figure-name">.*?tone-[a-z]*">(\d+)<', page):
        assert len(ids(get(clerk, f"/decisions?tab={tab}"))) == int(n), tab


def test_a_lock_is_told_for_a_quarter_of_an_hour_is_renewed_and_keeps_nobody_from_reading(house: House) -> None:
    first, second = house.enter("payer"), house.enter("calder")
    get(first, f"/decisions/{VASCULAR}")
    assert "Okonkwo, Paul is on it" in get(second, "/decisions")
    assert ids(get(first, "/decisions?tab=mine")) == [VASCULAR]
    assert ids(get(second, "/decisions?tab=mine")) == []
    assert "You can read it, and decide it if you must" in get(second, f"/decisions/{VASCULAR}")
    clock = house.world.clock
    assert isinstance(clock, Clock)
    clock.now = NOW + timedelta(minutes=14)
    token = re.search(r'name="csrf" value="([^"]*)"', get(first, "/decisions/request-order-24817"))
    assert token is not None
    assert first.post(f"/decisions/{VASCULAR}/hold", data={"csrf": token[1]}).status_code == 204
    clock.now = NOW + timedelta(minutes=28)
    assert "Okonkwo, Paul is on it" in get(second, "/decisions")
    clock.now = NOW + timedelta(minutes=45)
    assert "is on it" not in get(second, "/decisions")


def test_what_waits_for_a_paper_is_neither_offered_next_nor_decided_until_the_paper_is_in(house: House) -> None:
    asked, clerk = "request-order-24817", house.enter("payer")
    assert asked not in ids(get(clerk, "/decisions?tab=decided"))
    assert "decisions-next" not in get(clerk, "/decisions?tab=asked")
    patient = stored(house, "Claim", asked)["patient"]["reference"].partition("/")[2]
    with reading(house.world.engine) as conn:
        tasks = [json.loads(each.body) for each in read.of_patient(conn, patient, ("Task",))]
    for task in tasks:
        if task.get("reasonReference", {}).get("reference") == f"Claim/{asked}":
            interactions.update(house.world, SYSTEM, "Task", task["id"], task | {"status": "completed"})
    page = get(clerk, "/decisions?tab=answered")
    assert ids(page) == [asked]
    assert f'decisions-next" href="/decisions/{asked}"' in page


def test_the_file_of_a_tab_has_every_row_of_it_and_no_number_of_the_clinic(house: House) -> None:
    clerk = house.enter("payer")
    rows = list(csv.DictReader(io.StringIO(get(clerk, "/decisions.csv?tab=decide"))))
    assert [row["code"] for row in rows] == ["G6015", "C8928", "C1768", "S2348"]
    assert {row["patient_name"] for row in rows} >= {"Osei, Kwame", "Nguyen, Thanh"}
    assert "MRN" not in get(clerk, "/decisions.csv?tab=decide")
    assert house.enter("coordinator").get("/decisions.csv").status_code == 404


def test_a_member_is_found_by_number_and_code_and_not_by_the_clinics_number(house: House) -> None:
    clerk = house.enter("payer")
    assert ids(get(clerk, "/decisions?q=C1768")) == [VASCULAR]
    assert ids(get(clerk, "/decisions?q=BH001-4420317")) == [VASCULAR]
    assert ids(get(clerk, "/decisions?q=MRN-1")) == []
