"""Views that people keep: tab, filters, order and columns stand in them; who shares a team has them, others not."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished

BACK = "/?tab=payer&priority=urgent&sort=-patient&hide=contract&show=sent&after=WyJhIiwxXQ"


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("views")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):  # type: ignore[arg-type]
        place.put(case_of("base", "sent", "sent"))
        place.hire("ann", "coordinator", "clinic")
        yield place


def views(place: Place, who: str) -> list[tuple[str, str]]:
    page = place.people[who].get("/").get_data(as_text=True)
    found = re.findall(r'class="saved-view"><a class="menu-item" href="([^"]+)">.*?dir="auto">([^<]+)', page)
    return [(name, href.replace("&amp;", "&")) for href, name in found]


def save(place: Place, who: str, **sent: str) -> int:
    form = {"csrf": place.csrf[who], "back": BACK, **sent}
    return place.people[who].post("/worklist/views", data=form).status_code


def test_a_view_keeps_the_whole_list_and_is_its_keepers_until_it_is_shared(place: Place) -> None:
    assert save(place, "requester", name="Urgent with payer") == 303
    wanted = ("Urgent with payer", "/?tab=payer&priority=urgent&sort=-patient&hide=contract")
    assert views(place, "requester") == [wanted]
    assert views(place, "ann") == views(place, "performer") == []
    page = place.people["requester"].get(wanted[1]).get_data(as_text=True)
    assert "Priority: Urgent" in page
    assert save(place, "requester", name="Urgent with payer", shared="clinic") == 303
    assert views(place, "requester") == views(place, "ann") == [wanted]
    assert views(place, "performer") == []


def test_a_shared_view_is_removed_by_whoever_keeps_it_alone_and_what_can_not_be_is_refused(place: Place) -> None:
    page = place.people["requester"].get("/").get_data(as_text=True)
    path = re.findall(r'action="(/worklist/views/[^"]+/remove)"', page)[0]
    assert "/remove" not in place.people["ann"].get("/").get_data(as_text=True)
    assert place.people["ann"].post(path, data={"csrf": place.csrf["ann"], "back": "/"}).status_code == 404
    assert save(place, "requester", name="") == save(place, "requester", name="x" * 61) == 422
    assert save(place, "requester", name="Theirs", shared="heart") == 422
    assert save(place, "requester", name="Wrong", csrf="no") == 403
    assert place.people["requester"].post(path, data={"csrf": place.csrf["requester"], "back": "/"}).status_code == 303
    assert views(place, "requester") == views(place, "ann") == []


def test_a_column_is_left_out_and_stays_so_while_the_list_is_searched(place: Place) -> None:
    page = place.people["requester"].get("/?hide=contract&hide=nonsense").get_data(as_text=True)
    assert 'class="cases hide-contract"' in page
    assert 'colspan="8"' in page
    assert '<input type="hidden" name="hide" value="contract">' in page
    assert 'href="/?hide=contract&amp;hide=referral"' in page
    assert 'href="/"' in page
