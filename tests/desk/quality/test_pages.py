"""The page of data quality: lists with their counts, rows with what leads to settling them, nobody sees another's."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carecoord.errors import Issue
from carecoord.settings import Settings
from carecoord.store.database.engine import writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("quality")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        made.hire("keeper", "admin", "clinic")
        made.hire("clerk", "payer", "third")
        yield made


def flagged(place: Place, body: dict[str, Any], where: str) -> None:
    """Put away as an EHR's, with what the judge doubts in it."""
    issue, world = Issue("error", "value", "It is no such thing.", where), place.house.world
    with writing(world.engine) as conn:
        change = Change(body["resourceType"], body["id"], body, flags=(issue,))
        actor = Actor("ehr:elm", None, None, "sync")
        put_all(conn, [change], now=world.clock(), actor=actor, base=world.base, project=world.project)


def part(place: Place, name: str, who: str = "requester") -> tuple[str, list[str], list[str]]:
    """The count of a list, its rows in words, and the addresses in them."""
    page = place.people[who].get("/quality").get_data(as_text=True)
    section = re.findall(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.S)[0]
    rows = re.findall(r'<li class="row[^"]*">(.*?)</li>', section, re.S)
    count = re.findall(r'class="count">(.*?)<', section)[0]
    return count, [" ".join(text(row).split()) for row in rows], re.findall(r'href="([^"]+)"', section)


def test_what_is_doubted_is_told_once_with_the_referral_that_leads_to_it(place: Place) -> None:
    place.put(case_of("base", "sent", "odd"))
    patient = case_of("base", "sent", "odd")[0]
    flagged(place, patient | {"birthDate": "1965-02-14"}, "Patient.name[0].family")
    count, rows, ways = part(place, "doubts")
    assert (count, len(rows)) == ("1", 1)
    assert "Made, Up" in rows[0]
    assert ways == ["/referrals/odd", "/record/Patient/odd"]
    assert part(place, "doubts", "other") == ("0", [], [])
    place.put([patient])  # the next version, in which nothing is wrong, takes the doubt away
    assert part(place, "doubts")[0] == "0"


def test_two_who_may_be_one_are_a_pair_with_the_question_that_settles_it(place: Place) -> None:
    for id, given in (("twin-1", "Ana"), ("twin-2", "Ana"), ("other", "Bo")):
        patient, *rest = case_of("base", "sent", id)
        born = "1970-03-03" if id != "other" else "1971-03-03"
        named = {"name": [{"family": "Souza", "given": [given]}], "birthDate": born}
        place.put([patient | named, *rest])
    count, rows, ways = part(place, "pairs")
    assert (count, rows[0]) == ("1", rows[0])
    assert "Souza, Ana and Souza, Ana Do both live at the same address?" in rows[0]
    assert set(ways) == {"/referrals/twin-1", "/referrals/twin-2"}
    linked = case_of("base", "sent", "twin-1")[0] | {
        "name": [{"family": "Souza", "given": ["Ana"]}], "birthDate": "1970-03-03",
        "link": [{"other": {"reference": "Patient/twin-2"}, "type": "seealso"}],
    }  # fmt: skip
    place.put([linked])
    assert part(place, "pairs")[0] == "0", "somebody has said how they belong together"


def test_what_nobody_has_counts_as_the_list_does_and_leads_to_giving_it_away(place: Place) -> None:
    place.put(case_of("base", "accepted", "lonely"))
    count, rows, ways = part(place, "nobodys")
    listed = place.people["requester"].get("/?tab=nobody").get_data(as_text=True)
    assert f'Nobody&#39;s <span class="count">{count}</span>' in listed
    assert len(rows) == int(count)
    assert "/?tab=nobody&amp;show=lonely&amp;act=assign" in ways
    assert part(place, "conflicts")[:2] == ("0", [])


def test_an_order_of_no_office_is_told_to_who_looks_after_ehrs_without_its_patient(place: Place) -> None:
    patient, order, task = case_of("base", "sent", "nobodys-order")
    del task["requester"]
    place.put([patient, order | {"requester": {"reference": "Practitioner/stranger"}}, task])
    page = place.people["keeper"].get("/quality").get_data(as_text=True)
    assert re.findall(r'aria-labelledby="(\w+)"', page) == ["unowned"]
    said = " ".join(text(page).split())
    assert "ServiceRequest/nobodys-order, written here asked for by Practitioner/stranger" in said
    assert "Made" not in page
    assert "unowned" not in place.people["requester"].get("/quality").get_data(as_text=True)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_the_lists_are_the_same_on_postgresql(database_url: str, tmp_path: Path) -> None:
    for made in furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY)):
        patient, *rest = case_of("base", "sent", "pg-1")
        flagged(made, patient | {"birthDate": "1970-03-03"}, "Patient.name[0].family")
        made.put(rest)
        twin, *more = case_of("base", "sent", "pg-2")
        made.put([twin | {"birthDate": "1970-03-03"}, *more])
        assert [part(made, name)[0] for name in ("doubts", "conflicts", "pairs", "nobodys")] == ["1", "0", "1", "2"]


def test_who_has_nothing_to_do_with_it_is_refused(place: Place) -> None:
    assert place.people["clerk"].get("/quality").status_code == 403
    assert 'href="/quality"' not in place.people["clerk"].get("/").get_data(as_text=True)
    assert 'href="/quality"' in place.people["requester"].get("/").get_data(as_text=True)
