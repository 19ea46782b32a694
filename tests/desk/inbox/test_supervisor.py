"""A supervisor sees how much the office has and how late, each number as long as its list, and hands work over; nobody
else does."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.conftest import PASSWORD
from tests.desk.inbox.test_colleagues import account
from tests.desk.inbox.test_inbox import rows, waiting

HAD = ("cancel-requested", "accepted", "draft")  # of which the first is late


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("supervisor")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):  # type: ignore[arg-type]
        place.put([body for stage in (*HAD, "declined") for body in case_of("base", stage, stage)])
        roles = frozenset({"coordinator", "supervisor"})
        accounts.add_user(place.house.world, NewUser("chief", "Chief", roles, "clinic"), PASSWORD)
        place.enter("chief")
        for case in HAD:
            assert place.post("requester", case, "assign", to=account(place, "requester")) == 303
        assert place.post("requester", "draft", "snooze", until="30 Nov") == 303
        yield place


def load(page: str) -> dict[str, list[str]]:
    """The rows of the page's tables by their heads."""
    found = re.findall(r'<tr><th scope="row"[^>]*>([^<]+)</th>(.*?)</tr>', page)
    return {name: re.findall(r">(\d+)</", cells) for name, cells in found}


def test_the_load_is_told_by_person_and_stage_and_each_number_is_as_long_as_its_list(place: Place) -> None:
    page = place.people["chief"].get("/load").get_data(as_text=True)
    told = load(page)
    assert told["Requester"] == ["2", "1", "0", "1"]
    assert told["Nobody has it"] == ["1", "0", "0", "0"]
    assert told["Chief"] == ["0", "0", "0", "0"]
    assert told["Declined"] == ["1", "0", "0", "0"]
    assert told["All"] == ["3", "1", "0", "1"]
    for href, n in re.findall(r'<td><a href="([^"]+)">(\d+)</a>', page):
        listed = place.people["chief"].get(href.replace("&amp;", "&")).get_data(as_text=True)
        assert len(re.findall(r'id="case-', listed)) == int(n)


def test_what_is_late_in_the_office_waits_for_its_supervisor(place: Place) -> None:
    found = dict(rows(waiting(place, "chief")))
    assert set(found) == {"cancel-requested", "declined"}
    assert "Late in your office: Requester" in found["cancel-requested"]


def test_all_that_somebody_has_is_handed_over_by_acts_and_a_form_sent_twice_does_it_once(place: Place) -> None:
    whose, to = account(place, "requester"), account(place, "chief")
    sent = {"csrf": place.csrf["chief"], "whose": whose, "to": to, "once": "one"}
    for wrong in ({"to": ""}, {"to": whose}, {"whose": "nobody"}):
        assert place.people["chief"].post("/load/hand-over", data={**sent, **wrong}).status_code == 422
    page = place.people["chief"].post("/load/hand-over", data=sent).get_data(as_text=True)
    assert "3 handed over" in page
    assert load(page)["Chief"] == ["2", "1", "0", "1"]
    assert load(page)["Requester"] == ["0", "0", "0", "0"]
    again = place.people["chief"].post("/load/hand-over", data=sent).get_data(as_text=True)
    assert "0 handed over" in again


def test_nobody_but_a_supervisor_sees_the_load_or_hands_work_over_and_none_of_another_office(place: Place) -> None:
    for who in ("requester", "performer"):
        assert place.people[who].get("/load").status_code == 403
        sent = {"csrf": place.csrf[who], "whose": "x", "to": "y", "once": "1"}
        assert place.people[who].post("/load/hand-over", data=sent).status_code == 403
    roles = frozenset({"coordinator", "supervisor"})
    accounts.add_user(place.house.world, NewUser("other-chief", "Other", roles, "heart"), PASSWORD)
    place.enter("other-chief")
    assert load(place.people["other-chief"].get("/load").get_data(as_text=True))["All"] == ["0", "0", "0", "0"]
