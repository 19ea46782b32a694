"""Acts over HTTP as a browser without scripts sends them: who may, what is written, what comes back when it can not."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from auth import store
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from tests.desk.conftest import NOW, PASSWORD, PEOPLE, House
from tests.desk.test_pages import ids, text, walk

CASE = "worked-07-document-asked"
OTHER = "worked-01-visit-after-approval"
PANEL = f"/?show={CASE}"


@pytest.fixture(scope="module")
def colleague(acting_house: House) -> None:
    new = NewUser("patel", "Patel, Kavita", frozenset({"coordinator"}), "office-fairmont")
    accounts.add_user(acting_house.world, new, PASSWORD)


@pytest.fixture
def clock(acting_house: House) -> Iterator[Any]:
    clock: Any = acting_house.world.clock
    yield clock
    clock.now = NOW


@pytest.fixture
def maria(acting_house: House, colleague: None) -> FlaskClient:
    return acting_house.enter("coordinator")


@pytest.fixture
def kavita(acting_house: House, colleague: None) -> FlaskClient:
    return acting_house.enter("patel")


def hidden(page: str, verb: str) -> dict[str, str]:
    """The hidden fields of the form that sends this act: of the open one, else of the one that is pressed."""
    forms = re.findall(rf'<form[^>]*action="/[^"]*/{verb}".*?</form>', page, re.S)
    form = sorted(forms, key=lambda each: 'id="act-form"' not in each)[:1]
    assert form, verb
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


def opened(client: FlaskClient, verb: str, case: str = CASE) -> dict[str, str]:
    page = client.get(f"/?show={case}&act={verb}")
    assert page.status_code == 200
    return hidden(page.get_data(as_text=True), verb)


def send(client: FlaskClient, verb: str, fields: dict[str, str], case: str = CASE, **headers: str) -> TestResponse:
    return client.post(f"/referrals/{case}/{verb}", data=fields, headers=headers)


def after(client: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
    page = client.get(answer.location)
    assert page.status_code == 200
    return page.get_data(as_text=True)


def stored(house: House, type: str) -> list[dict[str, Any]]:
    """Every resource of a type about the case's patient or, of Provenance, at all."""
    with reading(house.world.engine) as conn:
        row = conn.execute(select(case_row).where(case_row.c.id == CASE)).one()
        if type == "Provenance":
            rows = registry.every(conn, "Provenance")
        else:
            rows = read.of_patient(conn, row.patient, [type])
    return [fhir_text.loads(each.body) for each in rows]


def row_of(house: House, case: str = CASE) -> Any:
    with reading(house.world.engine) as conn:
        return conn.execute(select(case_row).where(case_row.c.id == case)).one()


def test_a_contact_is_logged_and_stands_on_the_row_and_in_the_story(acting_house: House, maria: FlaskClient) -> None:
    before = row_of(acting_house).contacts
    fields = opened(maria, "contact")
    page = after(
        maria,
        send(maria, "contact", fields | {
            "whom": "payer|555-0180", "how": "call", "outcome": "reached", "who": "Dana R.", "reference": "C-56012",
            "note": "Decides Saturday.", "touch": "+1",
        }),
    )  # fmt: skip
    said = text(page)
    assert "Call to Blue Horizon" in said
    assert "Next touch 23 Nov 2026" in said
    assert "Decides Saturday." in said
    row = row_of(acting_house)
    assert row.contacts == before + 1
    talk = next(each for each in stored(acting_house, "Communication") if each.get("identifier"))
    assert judge(talk, "Communication") is None
    assert talk["identifier"] == [{"value": "C-56012"}]
    assert talk["basedOn"] == [{"reference": f"ServiceRequest/{CASE}"}]
    assert talk["recipient"][1] == {"display": "Dana R."}
    assert "reference" not in talk["recipient"][0]
    assert talk["status"] == "completed"


def test_who_was_not_reached_is_told_so_and_needs_neither_name_nor_number(
    acting_house: House, maria: FlaskClient
) -> None:
    fields = opened(maria, "contact") | {"whom": "patient|555-0200", "how": "call", "outcome": "no-answer"}
    after(maria, send(maria, "contact", fields))
    talks = [each for each in stored(acting_house, "Communication") if each.get("statusReason")]
    assert [each["statusReason"]["text"] for each in talks] == ["No answer"]
    assert talks[0]["status"] == "not-done"
    assert judge(talks[0], "Communication") is None


def test_a_wrong_number_is_said_where_it_is_offered_and_a_letter_proposed_after_three_attempts(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case, said = "order-24744", ""
    for n, outcome in enumerate(("wrong-number", "no-answer", "no-answer")):
        page = maria.get(f"/?show={case}&act=contact").get_data(as_text=True)
        said = text(page)
        assert "a letter is the better way" not in said, n
        assert ("wrong number on 22 Nov, Reyes, Maria" in said) == (n > 0)
        fields = opened(maria, "contact", case) | {"whom": "patient|555-0209", "how": "call", "outcome": outcome}
        after(maria, send(maria, "contact", fields, case))
        clock.now += timedelta(minutes=1)
    page = maria.get(f"/?show={case}&act=contact").get_data(as_text=True)
    assert "Nakamura, Ken was not reached 3 times in a row: a letter is the better way now." in text(page)
    assert re.search(r'name="how" value="letter" checked', page)
    fields = opened(maria, "contact", case) | {"whom": "patient|555-0209", "how": "call", "outcome": "reached"}
    after(maria, send(maria, "contact", fields, case))
    said = text(maria.get(f"/?show={case}&act=contact").get_data(as_text=True))
    assert "wrong number" not in said
    assert "a letter is the better way" not in said


def test_a_note_is_written_once_however_often_its_form_is_sent(acting_house: House, maria: FlaskClient) -> None:
    fields = opened(maria, "note") | {"note": "Fax of the other clinic is broken."}
    first, second = send(maria, "note", fields), send(maria, "note", fields)
    assert (first.status_code, first.location) == (second.status_code, second.location)
    notes = [each for each in stored(acting_house, "Communication") if "Fax of the other" in str(each.get("payload"))]
    assert len(notes) == 1
    assert "Note saved." in text(after(maria, second))


def test_an_act_leaves_its_origin_who_for_whom_and_from_which_version(
    acting_house: House, maria: FlaskClient, kavita: FlaskClient
) -> None:
    with reading(acting_house.world.engine) as conn:
        users = {user.login: user.id for user in store.users(conn)}
    maria_first, then_patel = users[PEOPLE["coordinator"][0]], users["patel"]
    after(maria, send(maria, "assign", opened(maria, "assign") | {"to": maria_first}))
    before = {each["id"] for each in stored(acting_house, "Provenance")}
    after(maria, send(maria, "assign", opened(maria, "assign") | {"to": then_patel}))
    (origin,) = (each for each in stored(acting_house, "Provenance") if each["id"] not in before)
    assert origin["activity"]["coding"][0]["code"] == "assign"
    assert judge(origin, "Provenance") is None
    assert origin["agent"][0]["who"]["display"] == "Reyes, Maria"
    assert origin["agent"][0]["onBehalfOf"] == {"reference": "Organization/office-fairmont"}
    made, _, version = origin["target"][0]["reference"].partition("/_history/")
    revised = [each["what"]["reference"] for each in origin["entity"] if each["role"] == "revision"]
    assert revised[0] == f"{made}/_history/{int(version) - 1}"
    assert row_of(acting_house).owner_name == "Patel, Kavita"
    task = next(each for each in stored(acting_house, "Task") if each["code"].get("text") == "Work on this referral")
    assert judge(task, "Task") is None


def test_taking_it_oneself_is_one_press(acting_house: House, maria: FlaskClient) -> None:
    page = maria.get(f"/?show={OTHER}").get_data(as_text=True)
    page = after(maria, send(maria, "assign", hidden(page, "assign"), OTHER))
    assert "You have it now." in text(page)
    assert row_of(acting_house, OTHER).owner_name == "Reyes, Maria"


def test_a_case_rests_until_its_day_and_is_found_meanwhile_under_resting(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    page = after(maria, send(maria, "snooze", opened(maria, "snooze", OTHER) | {"until": "4 Dec"}, OTHER))
    assert "Rests until 4 Dec 2026." in text(page)
    assert OTHER not in walk(maria, "/")
    assert OTHER in walk(maria, "/?tab=snoozed")
    assert OTHER in ids(maria.get("/?tab=snoozed&q=R-90001").get_data(as_text=True))
    clock.now = NOW + timedelta(days=13)
    assert OTHER in walk(acting_house.enter("coordinator"), "/")


def test_what_was_done_can_be_taken_back_for_ten_minutes_by_whoever_did_it(
    acting_house: House, maria: FlaskClient, kavita: FlaskClient, clock: Any
) -> None:
    clock.now = NOW + timedelta(hours=1)
    maria, kavita = acting_house.enter("coordinator"), acting_house.enter("patel")
    before = row_of(acting_house).touch_at
    done = send(maria, "snooze", opened(maria, "snooze") | {"until": "2026-12-10"})
    page = after(maria, done)
    act = re.search(r'data-act="([^"]+)"', page)
    assert act
    assert "can be taken back until 10:15" in text(page)
    token = hidden(page, "undo")
    theirs = opened(kavita, "note")["csrf"]
    assert kavita.post(f"/acts/{act[1]}/undo", data=token | {"csrf": theirs}).status_code == 404
    back = maria.post(f"/acts/{act[1]}/undo", data=token)
    assert "Taken back." in text(after(maria, back))
    assert maria.post(f"/acts/{act[1]}/undo", data=token).location == back.location
    row = row_of(acting_house)
    assert (row.wakes_at, row.touch_at) == (0, before)
    again = after(maria, send(maria, "snooze", opened(maria, "snooze") | {"until": "2026-12-10"}))
    late = re.search(r'data-act="([^"]+)"', again)
    assert late
    clock.now += timedelta(minutes=11)
    refused = maria.post(f"/acts/{late[1]}/undo", data=hidden(again, "undo"))
    assert refused.status_code == 409
    assert "ten minutes" in text(refused.get_data(as_text=True))


def test_a_note_that_was_taken_back_is_entered_in_error(acting_house: House, maria: FlaskClient) -> None:
    page = after(maria, send(maria, "note", opened(maria, "note") | {"note": "Wrong patient!"}))
    act = re.search(r'data-act="([^"]+)"', page)
    assert act
    after(maria, maria.post(f"/acts/{act[1]}/undo", data=hidden(page, "undo")))
    talk = next(each for each in stored(acting_house, "Communication") if "Wrong patient" in str(each.get("payload")))
    assert talk["status"] == "entered-in-error"
    assert "Wrong patient!" not in text(maria.get(PANEL).get_data(as_text=True))


def test_what_is_wrong_is_said_at_its_field_and_everything_typed_is_kept(maria: FlaskClient) -> None:
    fields = opened(maria, "contact") | {"how": "call", "who": "Dana <R.>", "note": "Long\ntalk", "touch": "31 feb"}
    answer = send(maria, "contact", fields)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert re.findall(r'<li><a href="#([^"]+)"', page) == ["act-whom", "act-outcome", "act-touch"]
    for anchor in ("act-whom", "act-touch"):
        assert f'id="{anchor}"' in page
    assert 'value="Dana &lt;R.&gt;"' in page
    assert "Long\ntalk</textarea>" in page
    assert 'value="31 feb"' in page
    assert 'aria-invalid="true"' in page


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Request-Type": "partial"}])
def test_a_stale_form_shows_who_was_first_and_keeps_ones_own_text(
    acting_house: House, maria: FlaskClient, kavita: FlaskClient, headers: dict[str, str]
) -> None:
    mine = opened(maria, "snooze")
    after(kavita, send(kavita, "snooze", opened(kavita, "snooze") | {"until": "2026-12-01"}))
    answer = send(maria, "snooze", mine | {"until": "2026-12-08"}, **headers)
    page = answer.get_data(as_text=True)
    said = text(page)
    assert answer.status_code == 412
    assert "Patel, Kavita was first" in said
    assert "became 1 Dec 2026" in said
    assert "You wrote 2026-12-08 ; nothing of yours is saved." in said
    assert 'value="2026-12-08"' in page
    assert ("<html" in page) is not bool(headers)
    put = send(maria, "snooze", hidden(page, "snooze") | {"until": "2026-12-08"}, **headers)
    assert put.status_code == (200 if headers else 303)
    assert row_of(acting_house).wakes_at == 1796706000000000  # 8 Dec 2026, midnight in New York
    assert send(kavita, "snooze", opened(kavita, "snooze") | {"wake": "1"}).status_code == 303


def test_a_swap_gets_the_desk_at_once_with_its_address(maria: FlaskClient) -> None:
    fields = opened(maria, "note") | {"note": "By a swap."}
    answer = send(maria, "note", fields, **{"HX-Request": "true", "HX-Request-Type": "partial"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'id="desk"' in page
    assert "<html" not in page
    assert answer.headers["HX-Replace-Url"].startswith(f"/?show={CASE}&done=")
    assert "Note saved." in text(page)


def test_the_page_of_one_referral_does_the_same_acts(maria: FlaskClient) -> None:
    page = maria.get(f"/referrals/{CASE}?act=note").get_data(as_text=True)
    answer = send(maria, "note", hidden(page, "note") | {"note": "From its own page."})
    assert answer.location.startswith(f"/referrals/{CASE}?done=")
    assert "Note saved." in text(after(maria, answer))
    wrong = send(maria, "note", hidden(page, "note") | {"once": "another", "note": " "})
    assert wrong.status_code == 422
    assert "Write the note" in text(wrong.get_data(as_text=True))


@pytest.mark.parametrize("verb", ["note", "contact", "assign", "snooze"])
@pytest.mark.parametrize(
    ("who", "status"),
    [("payer", 403), ("outsider", 404), ("contracts", 404), ("auditor", 404), ("admin", 404)],
)
def test_nobody_else_can_act_on_it(acting_house: House, who: str, status: int, verb: str, maria: FlaskClient) -> None:
    fields = {
        "note": "x", "whom": "patient|", "how": "call", "outcome": "reached", "to": "team", "until": "+1",
    }  # fmt: skip
    client = acting_house.enter(who)
    page = client.get("/account").get_data(as_text=True)
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token
    before = len(stored(acting_house, "Provenance"))
    assert send(client, verb, fields | {"csrf": token[1], "once": f"{who}-{verb}"}).status_code == status
    assert len(stored(acting_house, "Provenance")) == before


def test_a_clinician_writes_notes_and_contacts_but_gives_to_nobody_and_is_told_who_can(acting_house: House) -> None:
    new = NewUser("amari", "Amari, Lea", frozenset({"clinician"}), "office-fairmont")
    accounts.add_user(acting_house.world, new, PASSWORD)
    doctor = acting_house.enter("amari")
    page = doctor.get(PANEL).get_data(as_text=True)
    assert 'data-verb="note"' in page
    assert 'data-verb="assign"' not in page
    assert "Only a coordinator can give it to somebody" in text(page)
    token = opened(doctor, "note")
    assert send(doctor, "assign", token | {"to": "team"}).status_code == 403


def test_nobody_is_given_a_case_who_is_not_of_the_office(acting_house: House, maria: FlaskClient) -> None:
    with reading(acting_house.world.engine) as conn:
        olga = next(user.id for user in store.users(conn) if user.login == "harper")
    answer = send(maria, "assign", opened(maria, "assign") | {"to": olga})
    assert answer.status_code == 422
    assert "Choose somebody of your office." in text(answer.get_data(as_text=True))


def test_a_form_from_elsewhere_or_without_its_token_does_nothing(acting_house: House, maria: FlaskClient) -> None:
    fields = opened(maria, "note") | {"note": "Forged."}
    assert send(maria, "note", fields, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    answer = send(maria, "note", fields | {"csrf": "another"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert "You have signed in anew" in text(page)
    assert "Forged.</textarea>" in page
    assert not [each for each in stored(acting_house, "Communication") if "Forged" in str(each.get("payload"))]
    after(maria, send(maria, "note", hidden(page, "note") | {"note": "Meant."}))


@pytest.mark.parametrize("swapped", [False, True])
def test_a_session_that_ended_gives_back_what_was_typed_to_its_owner_alone(
    acting_house: House, colleague: None, clock: Any, swapped: bool
) -> None:
    maria = acting_house.enter("coordinator")
    fields = opened(maria, "note") | {"note": "Half an hour of typing."}
    clock.now = NOW + timedelta(hours=2)
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"} if swapped else {}
    answer = send(maria, "note", fields, **headers)
    assert answer.status_code == (401 if swapped else 303)
    to = answer.headers["HX-Redirect"] if swapped else answer.location
    assert not [each for each in stored(acting_house, "Communication") if "Half an hour" in str(each.get("payload"))]
    page = maria.get(to).get_data(as_text=True)
    assert "You were signed out" in text(page)
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = {name: unescape(value) for name, value in form.items()}
    back = maria.post("/sign-in", data=form | {"login": PEOPLE["coordinator"][0], "password": PASSWORD})
    page = after(maria, back)
    assert "Half an hour of typing.</textarea>" in page
    assert "Nothing was sent" in text(page)
    other = acting_house.enter("patel")
    assert "Half an hour" not in other.get(back.location).get_data(as_text=True)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("4 Dec", "Fri 4 Dec 2026"),
        ("dec 4", "Fri 4 Dec 2026"),
        ("+1", "22 Nov + 1 working day = Mon 23 Nov 2026"),
        ("+7", "22 Nov + 7 working days = Tue 1 Dec 2026"),
        ("12/4", "Fri 4 Dec 2026"),
        ("fri", "Fri 27 Nov 2026"),
        ("1 jan", "Fri 1 Jan 2027"),
        ("20 Nov", "Fri 20 Nov 2026 is over. Choose today or a later day."),
        ("soon", "“soon” is no day that can be read. Write it as 4 Dec, 12/4, mon or +3."),
        ("", ""),
    ],
)
def test_a_day_is_read_as_people_write_it_and_said_in_full(maria: FlaskClient, said: str, meant: str) -> None:
    answer = maria.get("/acts/day", query_string={"said": said})
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, meant)


def test_the_version_of_a_list_changes_with_it_and_only_then(acting_house: House, colleague: None, clock: Any) -> None:
    clock.now = NOW + timedelta(days=20)
    maria, outsider = acting_house.enter("coordinator"), acting_house.enter("outsider")
    after(maria, send(maria, "note", opened(maria, "note") | {"note": "News."}))
    first, theirs = (each.get("/worklist/version").headers["ETag"] for each in (maria, outsider))
    assert maria.get("/worklist/version", headers={"If-None-Match": first}).status_code == 304
    clock.now += timedelta(seconds=1)
    after(maria, send(maria, "note", opened(maria, "note") | {"note": "More news."}))
    assert maria.get("/worklist/version", headers={"If-None-Match": first}).status_code == 204
    assert outsider.get("/worklist/version", headers={"If-None-Match": theirs}).status_code == 304
