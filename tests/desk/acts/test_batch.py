"""One act for several referrals, as a browser without scripts sends it: each done by itself, and one answer for all."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from carecoord.fhir import text as fhir_text
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.events.tables import event
from carecoord.store.worklist import registry
from tests.conftest import BUSY
from tests.desk.acts.test_every_move import Place, case_of, furnished
from tests.desk.test_pages import text

Fields = list[tuple[str, str]]


@pytest.fixture(scope="module")
def place(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    var = tmp_path_factory.mktemp("batch")
    shutil.copyfile(sqlite_template, var / "carecoord.db")
    for made in furnished(Settings(var=str(var), **BUSY)):
        made.hire("doctor", "clinician", "clinic")
        yield made


def sent(place: Place, *ids: str) -> None:
    place.put([each for id in ids for each in case_of("base", "sent", id)])


def opened(place: Place, act: str, *ids: str, who: str = "requester") -> Fields:
    """The form with which an act is done for these, as it is sent."""
    page = place.people[who].get("/chosen", query_string=[*(("id", id) for id in ids), ("act", act)])
    assert page.status_code == 200
    form = re.findall(rf'<form[^>]*action="/chosen/{act}".*?</form>', page.get_data(as_text=True), re.S)[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    ticked = re.findall(r'<input type="checkbox" name="(id)" value="([^"]+)" checked', form)
    return [(name, unescape(value)) for name, value in (*hidden, *ticked)]


def send(place: Place, act: str, fields: Fields, who: str = "requester", **more: str) -> tuple[int, str]:
    data: dict[str, Any] = {}
    for name, value in (*fields, *more.items()):
        data.setdefault(name, []).append(value)
    answer = place.people[who].post(f"/chosen/{act}", data=data)
    return answer.status_code, text(answer.get_data(as_text=True))


def owners(place: Place, *ids: str) -> list[str | None]:
    with reading(place.house.world.engine) as conn:
        found = dict(conn.execute(select(case_row.c.id, case_row.c.owner_name)).all())
    return [found[id] for id in ids]


def told(place: Place) -> tuple[int, int]:
    """How many acts there are, and how many events."""
    with reading(place.house.world.engine) as conn:
        return len(registry.every(conn, "Provenance")), len(conn.execute(select(event.c.n)).all())


def test_several_are_given_to_a_colleague_at_once_and_one_that_a_colleague_has_changed_stops_no_other(
    place: Place,
) -> None:
    sent(place, "a1", "a2", "a3")
    fields = opened(place, "assign", "a1", "a2", "a3")
    assert place.post("requester", "a2", "assign", to="team") == 303
    acts, _ = told(place)
    status, said = send(place, "assign", fields, to=subject(place, "doctor"))
    assert (status, owners(place, "a1", "a2", "a3")) == (200, ["Doctor", "clinic", "Doctor"])
    assert "Done for 2 of 3" in said
    assert "Requester was first (09:05): nobody became clinic." in said
    assert told(place)[0] == acts + 2
    again = send(place, "assign", fields, to=subject(place, "doctor"))  # the same form a second time
    assert ("Done for 2 of 3" in again[1], told(place)[0]) == (True, acts + 2)
    anew = opened(place, "assign", "a1", "a2", "a3")
    assert "Done for 3 of 3" in send(place, "assign", anew, to=subject(place, "requester"))[1]


def subject(place: Place, who: str) -> str:
    page = place.people["requester"].get("/chosen?id=a1&act=assign").get_data(as_text=True)
    found = re.findall(r'name="to" value="([^"]+)"[^>]*><span dir="auto">([^<]+)', page)
    return next(id for id, name in found if name == who.title())


def test_each_of_the_acts_is_done_for_each_with_its_own_record_and_events(place: Place) -> None:
    sent(place, "b1", "b2")
    for act, more in (
        ("snooze", {"until": "+3"}), ("note", {"note": "Fax came twice"}),
        ("contact", {"whom": "patient|", "how": "letter", "outcome": "reached", "touch": "+5"}),
    ):  # fmt: skip
        before = told(place)
        status, said = send(place, act, opened(place, act, "b1", "b2"), **more)
        assert (status, "Done for 2 of 2" in said) == (200, True), said
        acts, events = told(place)
        assert acts == before[0] + 2
        assert events > before[1] or act == "snooze"
    with reading(place.house.world.engine) as conn:
        talks = [fhir_text.loads(row.body) for row in registry.every(conn, "Communication")]
        rows = conn.execute(select(case_row).where(case_row.c.id.in_(["b1", "b2"]))).all()
    about = sorted(each["basedOn"][0]["reference"] for each in talks)
    assert about == ["ServiceRequest/b1"] * 2 + ["ServiceRequest/b2"] * 2
    assert [row.contacts for row in rows] == [1, 1]


def test_several_are_taken_over_by_one_press(place: Place) -> None:
    sent(place, "m1", "m2")
    fields = opened(place, "assign", "m1", "m2", who="requester")
    assert "Done for 2 of 2" in send(place, "assign", fields, mine="1")[1]
    assert owners(place, "m1", "m2") == ["Requester", "Requester"]


def test_drafts_are_sent_together_and_what_has_gone_out_or_was_changed_meanwhile_is_left(place: Place) -> None:
    for id in ("d1", "d2", "d3"):
        patient, order, task = case_of("base", "draft", id)
        place.put([patient, order | {"status": "draft"}, task])
    sent(place, "d4")
    fields = opened(place, "send", "d1", "d2", "d3", "d4")
    order = place.held("ServiceRequest", "d2")
    place.put([{**order, "code": {"text": "Another service"}}])
    status, said = send(place, "send", fields)
    assert (status, "Done for 2 of 4" in said) == (200, True), said
    assert [place.held("Task", id)["status"] for id in ("d1", "d2", "d3")] == ["requested", "draft", "requested"]
    assert "there is no 'send' from there" in said


def test_patients_are_told_together_where_a_clinician_has_read_the_report(place: Place) -> None:
    place.put([each for id in ("t1", "t2") for each in case_of("base", "accepted", id)])
    for id in ("t1", "t2"):
        assert place.post("performer", id, "report", note="In the folder") == 303
    assert place.post("doctor", "t1", "acknowledge") == 303
    status, said = send(place, "tell", opened(place, "tell", "t1", "t2"))
    assert (status, "Done for 1 of 2" in said, "A clinician reads the report first." in said) == (200, True, True)
    with reading(place.house.world.engine) as conn:
        rows = dict(conn.execute(select(case_row.c.id, case_row.c.open).where(case_row.c.id.in_(["t1", "t2"]))).all())
    assert rows == {"t1": False, "t2": True}


def test_a_form_with_a_fault_does_nothing_and_keeps_what_was_typed_and_chosen(place: Place) -> None:
    sent(place, "c1", "c2")
    acts, _ = told(place)
    fields = [pair for pair in opened(place, "snooze", "c1", "c2") if pair != ("id", "c2")]
    status, said = send(place, "snooze", fields, until="no day")
    assert (status, "is no day that can be read" in said, told(place)[0]) == (422, True, acts)
    none = [pair for pair in fields if pair[0] != "id"]
    assert send(place, "note", none, note="x")[0] == 422
    other = [(name, "forged" if name == "csrf" else value) for name, value in fields]
    assert (send(place, "snooze", other, until="+3")[0], told(place)[0]) == (403, acts)


def test_what_is_not_the_askers_is_neither_shown_nor_done_and_says_nothing_of_it(place: Place) -> None:
    sent(place, "d1", "d2")
    page = text(place.people["other"].get("/chosen?id=d1&id=d2&act=note").get_data(as_text=True))
    assert ("Made" in page, "2 of those chosen are closed, or not yours to see" in page) == (False, True)
    csrf = [("csrf", place.csrf["other"]), ("once", "x"), ("id", "d1")]
    status, said = send(place, "note", csrf, who="other", note="Mine?")
    assert (status, "There is no such referral, or none that you may see." in said) == (409, True)
    theirs = [("csrf", place.csrf["performer"]), ("once", "x"), ("id", "d1")]
    status, said = send(place, "assign", theirs, who="performer", to="team")
    assert (status, "This is not yours to do on this referral." in said) == (409, True)
    doctors = place.people["doctor"].get("/chosen?id=d1&act=assign").get_data(as_text=True)
    assert "/chosen/assign" not in doctors  # a clinician notes and calls, and gives to nobody
    assert "/chosen/note" in doctors


def test_a_session_that_is_over_gives_back_what_was_typed_and_for_whom(place: Place) -> None:
    sent(place, "e1", "e2")
    fields = opened(place, "note", "e1", "e2")
    data: dict[str, Any] = {"note": "Half written"}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    clock: Any = place.house.world.clock
    clock.now += timedelta(days=2)
    try:
        lost = place.people["requester"].post("/chosen/note", data=data)
        place.enter("requester")
        back = parse_qs(urlsplit(lost.location).query)["next"][0]
        said = place.people["requester"].get(back).get_data(as_text=True)
    finally:
        clock.now -= timedelta(days=2)
        place.enter("requester")
    assert "Half written" in said
    assert re.findall(r'name="id" value="([^"]+)" checked', said) == ["e1", "e2"]
