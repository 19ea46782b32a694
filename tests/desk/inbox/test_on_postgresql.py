"""What waits, the load of an office, views that are kept, and new work given away, on PostgreSQL."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.actions.assignment import placement
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.acts.test_teams import owner
from tests.desk.conftest import PASSWORD
from tests.desk.inbox.test_colleagues import account
from tests.desk.inbox.test_inbox import rows, waiting
from tests.desk.inbox.test_supervisor import load
from tests.desk.worklist.test_saved_views import save, views


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    yield from furnished(Settings(var=str(tmp_path), database_url=database_url, **BUSY))


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_an_office_at_work_on_postgresql(place: Place) -> None:
    stages = ("cancel-requested", "accepted", "declined")
    place.put([body for stage in stages for body in case_of("base", stage, stage)])
    roles = frozenset({"coordinator", "supervisor"})
    accounts.add_user(place.house.world, NewUser("chief", "Chief", roles, "clinic"), PASSWORD)
    place.enter("chief")
    assert place.post("requester", "accepted", "assign", to=account(place, "requester")) == 303
    assert place.post("requester", "accepted", "note", note="@Chief, can you look?") == 303
    told = load(place.people["chief"].get("/load").get_data(as_text=True))
    assert told["Requester"] == ["1", "0", "0", "0"]
    assert told["Nobody has it"] == ["2", "1", "0", "0"]
    assert told["All"] == ["3", "1", "0", "0"]
    waits = {name.partition("-")[0] if name.startswith("note-") else name for name, _ in rows(waiting(place, "chief"))}
    assert waits == {"cancel-requested", "declined", "note"}, "who is named in a note is told of the note"
    assert save(place, "requester", name="Ours", shared="clinic") == 303
    assert [name for name, _ in views(place, "chief")] == ["Ours"]
    sent = {"csrf": place.csrf["chief"], "do": "save", "active": "1", "name": "All", "to": account(place, "chief")}
    assert place.people["chief"].post("/load/rules", data=sent).status_code == 303
    place.put(case_of("base", "sent", "fresh"))
    placement.place(place.house.world, "fresh")
    assert owner(place, "fresh")[1] == "Chief"
    page = place.people["chief"].get("/load/rules").get_data(as_text=True)
    assert re.search(r"Give away the 2 that nobody has", page)
