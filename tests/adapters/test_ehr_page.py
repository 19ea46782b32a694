"""`/ehrs`, for admins: how fresh each is, what it was told and said no to, what is in dispute, and what can be done."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from auth import store
from carecoord.actions.ehrs import sync_health, upkeep
from carecoord.actions.ehrs.sync import PatientRead, add_ehr, cost, repeat, run, run_patient
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.errors import NotFound, Unavailable
from carecoord.store.audit.tables import audit
from carecoord.store.database import mutex
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import ehr_cursor, ehr_run
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.ehr import Ehr
from tests.adapters.content import held
from tests.adapters.test_both_sides import task
from tests.adapters.test_settling import CASE, CLINIC, ID, PASSWORD, entered
from tests.adapters.test_settling import mercy as mercy
from tests.adapters.test_write_back import PATIENT, changed, registered, there, told, written
from tests.desk.test_pages import text


@pytest.fixture
def database_url(new_database: Callable[[str], str]) -> str:
    """SQLite alone: what the page reads is tried on both databases elsewhere."""
    return new_database("sqlite")


@pytest.fixture
def ours(world: World, mercy: World) -> World:
    """We, synced once, and then every 15 minutes; Sam is an admin, Maria a coordinator and an admin."""
    add_ehr(world, registered(mercy))
    assert run(world, "mercy").error is None
    repeat(world, "mercy", timedelta(minutes=15))
    accounts.add_user(world, NewUser("sam", "Whitlock, Sam", frozenset({"admin"}), CLINIC), PASSWORD)
    accounts.add_user(world, NewUser("maria", "Reyes, Maria", frozenset({"admin", "coordinator"}), CLINIC), PASSWORD)
    return world


def page(client: FlaskClient) -> str:
    return plain(client.get("/ehrs").get_data(as_text=True))


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", page)


def press(client: FlaskClient, path: str, **form: str) -> Any:
    csrf = re.findall(r'name="csrf" value="([^"]*)"', page(client))[0]
    return client.post(path, data={"csrf": csrf, "ehr": "mercy"} | form)


def test_it_tells_how_fresh_an_ehr_is_against_its_goal_and_when_it_is_read_next(ours: World) -> None:
    shown = page(entered(ours, "sam"))
    for said in (
        "All read in time", "In time", "Last good reading just now", "the goal is within 1 h", "Next reading at",
        "each 15 min", "The only reading so far did not fail", "Task: make, change", "Delivered: 0", "Refused: 0",
    ):  # fmt: skip
        assert said in shown, said
    assert 'href="/ehrs"' in entered(ours, "sam").get("/account").get_data(as_text=True)


def test_green_is_only_what_was_read_within_its_goal_whatever_failed_or_did_not(ours: World) -> None:
    later = replace(ours, clock=lambda: ours.clock() + timedelta(minutes=75))
    shown = page(entered(later, "sam"))
    assert "1 of 1 not read in time" in shown
    assert "Not read in time" in shown
    assert "Last good reading 1 h ago" in shown
    assert "due now" in shown


def test_it_tells_how_far_each_kind_has_come_and_which_is_late_and_once_what_is_not_granted(ours: World) -> None:
    shown = page(entered(ours, "sam"))
    assert "How far each kind has come" in shown
    assert "<li class=\"tone-\">Task: as of just now</li>" in shown
    with writing(ours.engine) as conn:
        at = (ehr_cursor.c.ehr == "mercy", ehr_cursor.c.type == "Task")
        conn.execute(ehr_cursor.update().where(*at).values(state=b"{}"))
        conn.execute(ehr_run.update().values(ungranted="Condition Observation"))
    later = page(entered(replace(ours, clock=lambda: ours.clock() + timedelta(minutes=75)), "sam"))
    assert "<li class=\"tone-amber\">Task: not read to its end yet</li>" in later
    assert "<li class=\"tone-amber\">Patient: as of 1 h ago, late</li>" in later
    assert later.count("It has not granted us Condition, Observation, so we do not ask for that.") == 1


def test_an_ehr_is_asked_again_now_from_a_case_of_its_patient_and_the_case_says_when_it_was_read(
    ours: World, mercy: World
) -> None:
    maria, path = entered(ours, "maria"), f"/referrals/{CASE}"

    def shown() -> str:
        return plain(maria.get(path).get_data(as_text=True))

    def ask(client: FlaskClient) -> int:
        csrf = re.findall(r'name="csrf" value="([^"]*)"', client.get("/account").get_data(as_text=True))[0]
        return client.post(f"{path}/ask-ehr", data={"csrf": csrf}).status_code

    assert "mercy: read at" in shown()
    assert "Ask it again now" in shown()
    assert loop.once(ours) == 0, "its time has not come"
    written(mercy, there(mercy) | {"description": "Changed there a moment ago"})
    assert (ask(maria), ask(maria)) == (303, 303)
    assert "and asked again now" in shown()
    assert "Ask it again now" not in shown()
    assert loop.once(ours) == 1
    assert held(ours.engine, "Task")[ID]["description"] == "Changed there a moment ago"
    assert "and asked again now" not in shown()
    with reading(ours.engine) as conn:
        rows = conn.execute(select(audit.c.patient).where(audit.c.interaction == "ehr-ask")).all()
    assert [row.patient for row in rows] == [PATIENT, PATIENT]
    assert ask(entered(ours, "sam")) == 404, "who sees no case asks for none"
    press(entered(ours, "sam"), "/ehrs/pause")
    assert "paused since" in shown()
    assert ask(maria) == 409
    assert loop.once(replace(ours, clock=lambda: ours.clock() + timedelta(days=1))) == 0


def test_one_patient_is_read_again_from_a_case_beside_the_runs_and_nobody_else(ours: World, mercy: World) -> None:
    maria, path = entered(ours, "maria"), f"/referrals/{CASE}"

    def shown() -> str:
        return text(maria.get(path).get_data(as_text=True))

    def ask() -> int:
        csrf = re.findall(r'name="csrf" value="([^"]*)"', maria.get("/account").get_data(as_text=True))[0]
        return maria.post(f"{path}/ask-patient", data={"csrf": csrf}).status_code

    with reading(ours.engine) as conn:
        before = conn.execute(select(ehr_cursor.c.type, ehr_cursor.c.state)).all()
    assert re.search(r"Sync this patient again at least \d+ questions to the EHR", shown())
    written(mercy, there(mercy) | {"description": "Changed there a moment ago"})
    assert (ask(), ask()) == (303, 303)
    assert "this patient is asked for now" in shown()
    assert "Sync this patient again" not in shown()
    with mutex.held(ours.engine, "ehr mercy") as alone:  # a run is under way
        assert alone
        with pytest.raises(Unavailable, match="being read just now"):
            run_patient(ours, "mercy", PATIENT)
    assert loop.once(ours) == 1, "asked for twice, read once"
    assert held(ours.engine, "Task")[ID]["description"] == "Changed there a moment ago"
    with reading(ours.engine) as conn:
        assert conn.execute(select(ehr_cursor.c.type, ehr_cursor.c.state)).all() == before, "no run's place is moved"
    again = run_patient(ours, "mercy", PATIENT)
    assert (again.changed, again.calls) == (0, cost(each.type for each in before))
    with pytest.raises(NotFound):
        run_patient(ours, "mercy", "nobody")
    written(mercy, None, "Task", "t1")
    gone = run_patient(ours, "mercy", PATIENT)
    assert gone == PatientRead(again.calls + 1, 1), "what is not found is asked for by its id"
    assert ID not in held(ours.engine, "Task")


def test_a_paused_ehr_is_not_read_until_it_is_resumed_and_then_as_often_as_before(ours: World) -> None:
    sam = entered(ours, "sam")
    assert "mercy is paused" in press(sam, "/ehrs/pause").get_data(as_text=True)
    tomorrow = replace(ours, clock=lambda: ours.clock() + timedelta(days=1))
    assert loop.once(tomorrow) == 0
    assert "It is not read until somebody resumes it, then each 15 min" in page(sam)
    (health,) = sync_health.now(ours)
    assert (health.paused, health.again, health.every) == (True, None, timedelta(minutes=15))
    assert "mercy is read within a second" in press(sam, "/ehrs/resume").get_data(as_text=True)
    assert loop.once(ours) == 1
    (health,) = sync_health.now(ours)
    assert (health.paused, health.every) == (False, timedelta(minutes=15))
    assert health.again is not None
    with reading(ours.engine) as conn:
        acts = list(conn.scalars(select(audit.c.interaction).where(audit.c.interaction.startswith("ehr-"))))
    assert sorted(acts) == ["ehr-pause", "ehr-resume"]


def test_what_came_from_an_ehr_that_is_taken_away_stays_and_is_ours_alone(ours: World) -> None:
    """Nothing waits for it any more, nothing is told it, and what it had may be changed here."""
    before = {type: held(ours.engine, type).keys() for type in ("Patient", "Task", "ServiceRequest")}
    left = upkeep.leaving(ours, "mercy")
    assert left.held == {"Organization": 2, "Patient": 1, "ServiceRequest": 1, "Task": 1}
    assert (left.told, left.disputes) == ({}, 0)
    changed(ours, status="on-hold")
    assert upkeep.leaving(ours, "mercy").told == {"waiting": 1}
    upkeep.remove(ours, "mercy", upkeep.leaving(ours, "mercy"), "test")
    assert {type: held(ours.engine, type).keys() for type in before} == before
    assert loop.once(replace(ours, clock=lambda: ours.clock() + timedelta(days=1))) == 0
    changed(ours, status="accepted")
    assert loop.once(ours) == 0
    with pytest.raises(NotFound):
        upkeep.leaving(ours, "mercy")
    with reading(ours.engine) as conn:
        assert "ehr-remove" in list(conn.scalars(select(audit.c.interaction)))


def test_what_an_ehr_said_no_to_is_told_once_more(ours: World, mercy: World) -> None:
    with writing(mercy.engine) as conn:
        client = store.find_client(conn, "carecoord")
        assert client
        store.change_client(conn, replace(client, scope="system/*.rs"))
    changed(ours, status="on-hold")
    loop.once(ours)
    sam = entered(ours, "sam")
    shown = page(sam)
    assert "Refused: 1" in shown
    assert "mercy does not let us write this. Ask it to grant our client the scope" in shown
    with writing(mercy.engine) as conn:
        store.change_client(conn, client)
    answer = press(sam, "/ehrs/retry", type="Task", id=ID).get_data(as_text=True)
    assert "mercy is told once more of 1 change." in answer
    loop.once(ours)
    assert there(mercy)["status"] == "on-hold"
    assert "Delivered: 1" in page(sam)
    assert press(sam, "/ehrs/retry", type="Task", id=ID).status_code == 404, "it is no longer refused"


def test_a_refusal_is_told_in_the_ehrs_own_words_and_what_is_kept_here_with_its_reason(
    ours: World, mercy: World
) -> None:
    changed(ours, status="draft")  # it was accepted: no table of states has a way back
    loop.once(ours)
    assert told(ours).state == "refused"
    sam = entered(ours, "sam")
    assert f"mercy said no: {told(ours).words}".rstrip(".") in html.unescape(page(sam))
    assert "409" in told(ours).words
    add_ehr(ours, registered(mercy, "system/*.rs"))
    changed(ours, status="on-hold")
    assert "Kept here: 1" in page(sam)
    assert "We ask mercy for reading only" in page(sam)


def test_a_conflict_shows_both_values_to_who_may_settle_it_and_its_kind_to_other_admins(
    ours: World, mercy: World
) -> None:
    changed(ours, status="on-hold")
    written(mercy, task("in-progress"))
    assert run(ours, "mercy").error is None
    shown = page(entered(ours, "sam"))
    assert "1 conflict to settle" in shown
    assert "Task, status" in shown
    assert "on-hold" not in shown
    maria = entered(ours, "maria")
    shown = page(maria)
    assert "<bdi>in-progress</bdi>" in shown
    assert "<bdi>on-hold</bdi>" in shown
    assert f'href="/referrals/{CASE}"' in shown
    ours.journal.drain(ours.engine)
    with reading(ours.engine) as conn:
        searched = select(audit.c.patient).where(audit.c.interaction == "search", audit.c.query == "conflicts")
        assert list(conn.scalars(searched)) == [PATIENT]
    (number,) = set(re.findall(r'action="/conflicts/(\d+)"', shown))
    answer = press(maria, f"/conflicts/{number}", case=CASE, choice="theirs", back="/ehrs")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ehrs")
    assert "to settle" not in page(maria)
    assert held(ours.engine, "Task")[ID]["status"] == "in-progress"


def test_it_is_for_admins(ours: World) -> None:
    accounts.add_user(ours, NewUser("olga", "Harper, Olga", frozenset({"coordinator"}), CLINIC), PASSWORD)
    olga = entered(ours, "olga")
    assert olga.get("/ehrs").status_code == 403
    csrf = re.findall(r'name="csrf" value="([^"]*)"', olga.get("/account").get_data(as_text=True))[0]
    assert olga.post("/ehrs/pause", data={"csrf": csrf, "ehr": "mercy"}).status_code == 403
    assert 'href="/ehrs"' not in olga.get("/account").get_data(as_text=True)


def test_the_first_run_tells_what_an_ehr_gives_by_its_own_word_and_why_one_is_silent(ours: World) -> None:
    sam = entered(ours, "sam")
    add_ehr(ours, Ehr("mute", "http://127.0.0.1:9/fhir"))
    shown = plain(press(sam, "/setup/examine").get_data(as_text=True))
    assert "It answers: FHIR 4.0.1" in shown
    rows = dict(re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', shown))
    assert [len(re.findall('aria-label="yes"', rows[name])) for name in ("Tasks", "Cards")] == [2, 1]
    assert "Come by themselves" in rows["Cards"]
    silent = press(sam, "/setup/examine", ehr="mute")
    assert silent.status_code == 200
    assert "role=\"alert\"" in silent.get_data(as_text=True)
    steps = re.findall(r'<span class="set-up-(done|part|open)">', sam.get("/setup").get_data(as_text=True))
    assert steps[7] == "part", "one of the two was never read"
    assert press(entered(ours, "maria"), "/setup/examine").status_code == 200
