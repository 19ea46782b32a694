"""Colleagues: who is named in a note finds it waiting until they take it up; who is away has somebody who stands in,
who is told so; and nobody of another office learns of either."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from carecoord.settings import Settings
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.inbox.test_inbox import rows, tabs, waiting
from tests.desk.worklist.test_queues import exported, listed
from tests.desk.worklist.test_queues import tabs as queues


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("colleagues")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for place in furnished(Settings(var=str(var), **BUSY)):
        place.put([*case_of("base", "accepted", "accepted"), *case_of("base", "declined", "declined")])
        for who in ("ann", "bo"):
            place.hire(who, "coordinator", "clinic")
        for case in ("accepted", "declined"):
            assert place.post("requester", case, "assign", to=account(place, "requester")) == 303
        yield place


def account(place: Place, who: str) -> str:
    page = place.people[who].get("/referrals/accepted?act=assign").get_data(as_text=True)
    return re.findall(rf'value="([^"]+)"[^>]*><span dir="auto">{who.title()}</span>', page)[0]


def mentions(place: Place, who: str) -> list[str]:
    return [words for _, words in rows(waiting(place, who, "?tab=mention"))]


def test_who_is_named_finds_the_note_waiting_until_it_is_taken_up_and_taking_that_back_brings_it_back(
    place: Place,
) -> None:
    assert place.post("requester", "accepted", "note", note="@Ann, can you reach them? @Bo knows more") == 303
    for who in ("ann", "bo"):
        (told,) = mentions(place, who)
        assert "Requester: “@Ann, can you reach them? @Bo knows more” Note of 22 Nov" in told
        assert "You are named Got it" in told
    assert mentions(place, "requester") == mentions(place, "performer") == mentions(place, "other") == []
    answer = place.people["ann"].post(
        "/referrals/accepted/receive", data={"csrf": place.csrf["ann"], "once": "1", "back": "/waiting"}
    )
    assert answer.status_code == 303
    assert mentions(place, "ann") == []
    assert len(mentions(place, "bo")) == 1
    assert place.post("ann", "accepted", "receive", back="/waiting") == 409
    done = answer.headers["Location"].split("done=")[1]
    place.people["ann"].post(f"/acts/{done}/undo", data={"csrf": place.csrf["ann"], "back": "/waiting"})
    assert len(mentions(place, "ann")) == 1


def test_messages_and_mentions_stand_under_tabs_of_their_own_whose_counts_are_those_of_their_rows(
    place: Place,
) -> None:
    assert place.post("requester", "declined", "note", note="@Bo, a note of its own") == 303
    assert place.post("performer", "accepted", "message", to="Organization/clinic", note="Is she fasting?") == 303
    page = waiting(place, "bo")
    told = tabs(page)
    for name, tab in (("Messages", "message"), ("Mentions", "mention"), ("All", "all")):
        listed = rows(waiting(place, "bo", f"?tab={tab}"))
        assert told.get(name, 0) == len(listed), name
    (message,) = [words for _, words in rows(waiting(place, "bo", "?tab=message"))]
    assert "Is she fasting?" in message
    assert not [words for words in mentions(place, "bo") if "Is she fasting?" in words]
    assert [words for words in mentions(place, "bo") if "a note of its own" in words]
    place.post("bo", "declined", "note", note="Done.")


def test_whoever_answers_by_a_note_has_taken_up_what_named_them_and_a_wrong_name_is_refused(place: Place) -> None:
    assert place.post("bo", "accepted", "note", note="Done. @Requester") == 303
    assert mentions(place, "bo") == []
    assert len(mentions(place, "requester")) == 1
    sent = {"csrf": place.csrf["bo"], "once": "2", "back": "/referrals/accepted", "note": "@Nobody there"}
    answer = place.people["bo"].post("/referrals/accepted/note", data=sent)
    assert answer.status_code == 422
    assert "Nobody of your office is called “Nobody”" in answer.get_data(as_text=True)
    assert place.post("performer", "accepted", "note", note="@Ann") == 422, "she is of another office"


def own(place: Place, who: str) -> list[str]:
    """The list of what is one's own, of which its tab, its figure and its file tell the same."""
    ids = listed(place, who, "tab=mine")
    assert queues(place.people[who].get("/?tab=mine").get_data(as_text=True))["mine"] == len(ids)
    assert len(exported(place, who, "tab=mine")) == len(ids)
    return ids


def test_a_substitute_has_what_waits_for_whoever_is_away_by_kind_and_is_told_why(place: Place) -> None:
    def leave(**sent: str) -> tuple[int, str]:
        answer = place.people["requester"].post("/waiting/away", data={"csrf": place.csrf["requester"], **sent})
        return answer.status_code, answer.get_data(as_text=True)

    ann, bo = account(place, "ann"), account(place, "bo")
    assert [id for id, _ in rows(waiting(place, "ann")) if not id.startswith("note-")] == []
    for wrong, said in (
        ({"from": "today", "until": "30 Nov"}, "Choose who stands in."),
        ({"from": "30 Nov", "until": "25 Nov", "substitute": ann}, "The first day back lies after"),
        ({"from": "today", "until": "", "substitute": ann}, "Write the first day on which you are back."),
        ({"from": "today", "until": "30 Nov", "substitute": account(place, "requester")}, "Choose somebody else"),
    ):
        status, page = leave(**wrong)
        assert (status, said in page) == (422, True)
    status, _ = leave(**{"from": "today", "until": "30 Nov", "substitute": ann, "substitute-mention": bo})
    assert status == 303
    page = waiting(place, "ann")
    told = {id: words for id, words in rows(page) if not id.startswith("note-")}
    assert set(told) == {"accepted", "declined"}
    assert all("You stand in for Requester" in words for words in told.values())
    assert "Requester is away until 30 Nov." in page
    assert "You stand in for all but messages and mentions." in page
    assert any("You stand in for Requester" in words or "named in a note" in words for words in mentions(place, "bo"))
    assert sorted(own(place, "ann")) == ["accepted", "declined"], "of mentions alone others have them"
    assert own(place, "bo") == []
    assert "You stand in for Requester" in place.people["ann"].get("/?tab=mine").get_data(as_text=True)
    assert "stand in for" not in place.people["bo"].get("/?tab=mine").get_data(as_text=True)
    for kind, (anns, bos) in {"visit": (0, 2), "coverage": (2, 0)}.items():  # what is missing is their insurance
        assert leave(**{"from": "today", "until": "30 Nov", "substitute": bo, f"substitute-{kind}": ann})[0] == 303
        assert (len(own(place, "ann")), len(own(place, "bo"))) == (anns, bos)
    leave(**{"from": "today", "until": "30 Nov", "substitute": ann, "substitute-mention": bo})
    assert tabs(waiting(place, "other"))["All"] == 0
    assert "Requester is away" not in waiting(place, "performer")
    assert place.people["requester"].post("/waiting/back", data={"csrf": "wrong"}).status_code == 403
    place.people["requester"].post("/waiting/back", data={"csrf": place.csrf["requester"]})
    assert [id for id, _ in rows(waiting(place, "ann")) if not id.startswith("note-")] == []
    assert own(place, "ann") == []
