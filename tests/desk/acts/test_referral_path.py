"""A referral from draft to closed over HTTP, each act by whose it is; and what each act is refused for."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.fhir import text as fhir_text
from carecoord.fhir.validation.validate import judge
from carecoord.store.database.engine import reading
from carecoord.store.database.tables import case as case_row
from carecoord.store.resources import read
from tests.desk.acts.made import made
from tests.desk.acts.test_work_and_contacts import after, hidden, opened, send
from tests.desk.acts.test_work_and_contacts import stored as all_stored
from tests.desk.conftest import NOW, PASSWORD, House
from tests.desk.test_pages import text

DRAFT = "order-24828"
CLINIC = {
    "clinic": ("okoye", "Okoye, Ruth", "parkside-endocrine"),
    "doctor": ("amari", "Amari, Lea", "office-fairmont"),
}
Enter = Callable[[str], FlaskClient]


@pytest.fixture(scope="module")
def enter(acting_house: House) -> Enter:
    for who, role in (("clinic", "coordinator"), ("doctor", "clinician")):
        login, name, office = CLINIC[who]
        accounts.add_user(acting_house.world, NewUser(login, name, frozenset({role}), office), PASSWORD)
    held: dict[str, FlaskClient] = {}

    def entered(who: str) -> FlaskClient:
        if who not in held:
            held[who] = acting_house.enter(CLINIC[who][0] if who in CLINIC else who)
        return held[who]

    return entered


@pytest.fixture(autouse=True)
def clock(acting_house: House) -> Any:
    clock: Any = acting_house.world.clock
    clock.now += timedelta(minutes=1)
    return clock


def row_of(house: House, case: str = DRAFT) -> Any:
    with reading(house.world.engine) as conn:
        return conn.execute(select(case_row).where(case_row.c.id == case)).one()


def stored(house: House, type: str, case: str = DRAFT) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        found = [fhir_text.loads(row.body) for row in read.of_patient(conn, row_of(house, case).patient, [type])]
    order = f"ServiceRequest/{case}"
    return [each for each in found if order in str(each)]


def press(client: FlaskClient, verb: str, case: str = DRAFT) -> str:
    page = client.get(f"/?show={case}").get_data(as_text=True)
    return text(after(client, send(client, verb, hidden(page, verb), case)))


def fill(client: FlaskClient, verb: str, case: str = DRAFT, **fields: str) -> str:
    return text(after(client, send(client, verb, opened(client, verb, case) | fields, case)))


def offers(client: FlaskClient, verb: str, case: str = DRAFT) -> bool:
    return f'data-verb="{verb}"' in client.get(f"/?show={case}").get_data(as_text=True)


def test_a_referral_goes_from_draft_to_closed_by_acts_alone(acting_house: House, enter: Enter, clock: Any) -> None:
    maria, clinic, doctor = enter("coordinator"), enter("clinic"), enter("doctor")
    assert not offers(maria, "accept")
    assert "Sent to Parkside Endocrine." in press(maria, "send")
    assert row_of(acting_house).stage == "sent"
    (order,) = [each for each in stored_orders(acting_house) if each["id"] == DRAFT]
    assert order["status"] == "active"

    assert not offers(clinic, "send")
    assert not offers(clinic, "assign")
    clock.now += timedelta(minutes=1)
    assert "Asked." in fill(clinic, "ask", note="Is the ultrasound done?")
    assert row_of(acting_house).stage == "awaiting-information"
    assert "Is the ultrasound done?" in text(maria.get(f"/?show={DRAFT}").get_data(as_text=True))
    clock.now += timedelta(minutes=1)
    assert "Answered." in fill(maria, "answer", note="On 20 Nov, it is attached.")
    clock.now += timedelta(minutes=1)
    assert "Accepted." in press(clinic, "accept")
    assert row_of(acting_house).stage == "accepted"

    clock.now += timedelta(minutes=1)
    assert "Visit recorded for 22 Nov 2026 08:30." in fill(clinic, "book", day="today", time="8:30")
    assert row_of(acting_house).stage == "scheduled"
    assert not offers(clinic, "book")
    clock.now += timedelta(minutes=1)
    assert "The patient did not come." in press(clinic, "no-show")
    assert row_of(acting_house).stage == "no-show"
    clock.now += timedelta(minutes=1)
    assert "Visit recorded for 30 Nov 2026 14:00." in fill(maria, "book", day="30 Nov", time="2 pm")
    clock.now += timedelta(minutes=1)
    assert "Visit moved to 1 Dec 2026 15:00." in fill(maria, "move", day="1 Dec", time="15:00")
    assert not offers(maria, "no-show")
    clock.now += timedelta(minutes=1)
    assert "Report recorded." in fill(clinic, "report", note="Fax of 9:20, folder 12")

    clock.now += timedelta(minutes=1)
    assert not offers(maria, "acknowledge")
    assert not offers(maria, "tell")
    assert "Report acknowledged." in press(doctor, "acknowledge")
    clock.now += timedelta(minutes=1)
    assert "Patient told." in press(maria, "tell")
    row = row_of(acting_house)
    assert (row.open, row.loop_gate) == (False, "met")
    for type in ("Task", "Appointment", "DocumentReference", "Communication"):
        for resource in stored(acting_house, type):
            assert judge(resource, type) is None, resource
    assert [each["status"] for each in stored(acting_house, "Appointment")] == ["noshow", "booked"]


def stored_orders(house: House) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        rows = read.of_patient(conn, row_of(house).patient, ["ServiceRequest"])
    return [fhir_text.loads(row.body) for row in rows]


def of_stage(house: House, stage: str) -> tuple[str, str]:
    """A case of our office in a stage: its id, and its performer's."""
    with reading(house.world.engine) as conn:
        found = conn.execute(
            select(case_row.c.id, case_row.c.performer).where(
                case_row.c.stage == stage, case_row.c.open, case_row.c.placer == "fairmont"
            )
        ).first()
    assert found, stage
    return found.id, found.performer


def test_a_declined_referral_keeps_its_order_and_goes_out_again(acting_house: House, enter: Enter, clock: Any) -> None:
    case, performer = of_stage(acting_house, "sent")
    accounts.add_user(
        acting_house.world, NewUser("novak", "Novak, Petra", frozenset({"coordinator"}), performer), PASSWORD
    )
    other, maria = enter("novak"), enter("coordinator")
    empty = send(other, "decline", opened(other, "decline", case), case)
    assert empty.status_code == 422
    assert "Say why." in text(empty.get_data(as_text=True))
    assert "The order stays active" in fill(other, "decline", case, reason="We see no children")
    assert row_of(acting_house, case).stage == "declined"
    (order,) = stored_orders_of(acting_house, case)
    assert order["status"] == "active"
    clock.now += timedelta(minutes=1)
    fields = opened(maria, "reopen", case)
    answer = send(maria, "reopen", fields | {"to": f"Organization/{performer}"}, case)
    assert "Sent again, to" in text(after(maria, answer))
    assert row_of(acting_house, case).stage == "sent"
    tasks = [each for each in stored(acting_house, "Task", case) if each["code"]["coding"][0]["code"] == "fulfill"]
    assert [each["status"] for each in tasks].count("requested") == 1
    assert {each["status"] for each in tasks} == {"rejected", "requested"}


def stored_orders_of(house: House, case: str) -> list[dict[str, Any]]:
    with reading(house.world.engine) as conn:
        row = read.get(conn, "ServiceRequest", case)
    assert row is not None
    return [fhir_text.loads(row.body)]


@pytest.mark.parametrize("verb", ["accept", "decline", "ask"])
def test_the_office_that_refers_can_not_answer_for_the_clinic(acting_house: House, enter: Enter, verb: str) -> None:
    maria = enter("coordinator")
    case, _ = of_stage(acting_house, "in-triage")
    fields = opened(maria, "note", case) | {"reason": "No.", "note": "What?"}
    assert not offers(maria, verb, case)
    assert send(maria, verb, fields, case).status_code == 403


def test_what_the_states_do_not_have_is_refused_in_words(acting_house: House, enter: Enter) -> None:
    maria = enter("coordinator")
    case, _ = of_stage(acting_house, "in-triage")
    page = maria.get(f"/?show={case}").get_data(as_text=True)
    fields = hidden(page, "assign")
    for verb, words in (("reopen", "It is under way"), ("tell", "The report has not come yet.")):
        answer = send(maria, verb, fields | {"once": verb, "to": "Organization/x"}, case)
        assert answer.status_code == 409
        assert words in text(answer.get_data(as_text=True))
    answer = send(maria, "send", fields | {"once": "send"}, case)
    assert answer.status_code == 409
    assert "Legal from in-triage" in text(answer.get_data(as_text=True))


def test_an_act_on_a_task_that_a_colleague_moved_meanwhile_is_not_done(
    acting_house: House, enter: Enter, clock: Any
) -> None:
    case, performer = of_stage(acting_house, "in-triage")
    login = "triage"
    accounts.add_user(acting_house.world, NewUser(login, "Osei, Kofi", frozenset({"coordinator"}), performer), PASSWORD)
    clinic = enter(login)
    stale = opened(clinic, "decline", case)
    press(clinic, "accept", case)
    clock.now += timedelta(minutes=1)
    answer = send(clinic, "decline", stale | {"reason": "Too far"}, case)
    assert answer.status_code == 412
    said = text(answer.get_data(as_text=True))
    assert "Osei, Kofi was first" in said
    assert "In triage became Accepted" in said
    assert "You wrote: Too far" in said
    assert row_of(acting_house, case).stage == "accepted"
    assert clock.now > NOW


def as_performer(house: House, enter: Enter, login: str) -> FlaskClient:
    new = NewUser(login, login.title(), frozenset({"coordinator"}), "bellwether-vascular")
    accounts.add_user(house.world, new, PASSWORD)
    return enter(login)


def of_code(house: House, case: str, code: str) -> list[dict[str, Any]]:
    """The Tasks of a case with this code, by when they were written."""
    with reading(house.world.engine) as conn:
        bodies = [fhir_text.loads(row.body) for row in read.of_patient(conn, row_of(house, case).patient, ["Task"])]
    mine = [each for each in bodies if case in str(each) and each["code"]["coding"][0]["code"] == code]
    return sorted(mine, key=lambda each: str(each.get("authoredOn")))


def test_a_referral_is_withdrawn_before_work_began_with_its_order(acting_house: House, enter: Enter) -> None:
    maria = enter("coordinator")
    case = made(acting_house, "sent")
    page = maria.get(f"/?show={case}&act=withdraw").get_data(as_text=True)
    assert "It ends for good: the order is revoked." in text(page)
    empty = send(maria, "withdraw", opened(maria, "withdraw", case), case)
    assert (empty.status_code, "Say why." in text(empty.get_data(as_text=True))) == (422, True)
    assert "Withdrawn. The order is revoked." in fill(maria, "withdraw", case, reason="Patient moved to Ohio")
    (order,) = stored_orders_of(acting_house, case)
    assert order["status"] == "revoked"
    (task,) = of_code(acting_house, case, "fulfill")
    assert (task["status"], task["statusReason"]) == ("cancelled", {"text": "Patient moved to Ohio"})
    assert (row_of(acting_house, case).stage, row_of(acting_house, case).open) == ("cancelled", False)
    assert not offers(maria, "reopen", case)
    assert not offers(maria, "withdraw", case)


def test_once_work_began_the_clinic_is_asked_to_give_it_up_and_answers(
    acting_house: House, enter: Enter, clock: Any
) -> None:
    maria = enter("coordinator")
    case = made(acting_house, "scheduled")
    clinic = as_performer(acting_house, enter, "lindholm")
    assert not offers(clinic, "withdraw", case)
    assert not offers(clinic, "confirm-cancel", case)
    asks = text(maria.get(f"/?show={case}&act=withdraw").get_data(as_text=True))
    assert "is asked to give it up" in asks
    assert "The clinic is asked to give it up." in fill(maria, "withdraw", case, reason="Seen elsewhere")
    assert row_of(acting_house, case).stage == "cancel-requested"
    (abort,) = of_code(acting_house, case, "abort")
    (task,) = of_code(acting_house, case, "fulfill")
    assert (abort["status"], abort["focus"]) == ("requested", {"reference": f"Task/{task['id']}"})
    assert judge(abort, "Task") is None
    assert not offers(maria, "confirm-cancel", case)

    clock.now += timedelta(minutes=1)
    assert "The office asks to cancel it: Seen elsewhere" in text(
        clinic.get(f"/?show={case}&act=refuse-cancel").get_data(as_text=True)
    )
    assert "You go on with it" in fill(clinic, "refuse-cancel", case, reason="The surgery is tomorrow")
    assert row_of(acting_house, case).stage != "cancel-requested"
    (abort,) = of_code(acting_house, case, "abort")
    assert (abort["status"], abort["statusReason"]) == ("rejected", {"text": "The surgery is tomorrow"})

    clock.now += timedelta(minutes=1)
    fill(maria, "withdraw", case, reason="Patient died")
    clock.now += timedelta(minutes=1)
    assert "Given up, as the office asked." in fill(clinic, "confirm-cancel", case)
    (task,) = of_code(acting_house, case, "fulfill")
    assert (task["status"], task["statusReason"]) == ("cancelled", {"text": "Patient died"})
    assert [each["status"] for each in of_code(acting_house, case, "abort")] == ["rejected", "completed"]
    assert not [each for each in stored(acting_house, "Appointment", case) if each["status"] == "booked"]
    (order,) = stored_orders_of(acting_house, case)
    assert order["status"] == "active"  # it is the office's, which may send it elsewhere or withdraw it
    assert offers(maria, "reopen", case)
    assert offers(maria, "withdraw", case)


@pytest.mark.parametrize(
    ("verb", "fields", "stage", "noted"),
    [("hear-yes", {}, "accepted", "Accepted."), ("hear-no", {"reason": "Full"}, "declined", "Declined: Full")],
)
def test_an_answer_by_telephone_counts_as_the_clinics_and_says_who_gave_it(
    acting_house: House, enter: Enter, verb: str, fields: dict[str, str], stage: str, noted: str
) -> None:
    maria = enter("coordinator")
    case = made(acting_house, "sent")
    empty = send(maria, verb, opened(maria, verb, case) | fields, case)
    assert (empty.status_code, "Write who said so" in text(empty.get_data(as_text=True))) == (422, True)
    assert "by telephone: Dana R. said so." in fill(maria, verb, case, who="Dana R.", **fields)
    assert row_of(acting_house, case).stage == stage
    (talk,) = [each for each in stored(acting_house, "Communication", case) if "Dana R." in str(each)]
    assert talk["payload"] == [{"contentString": noted}]
    told = [each for each in all_stored(acting_house, "Provenance") if "Dana R." in str(each["agent"])]
    (who,) = [each for each in told if case in str(each)]
    author, informant = who["agent"]
    assert (author["who"]["display"], author["type"]["coding"][0]["code"]) == ("Reyes, Maria", "author")
    assert informant["type"]["coding"][0]["code"] == "informant"
    assert informant["onBehalfOf"]["reference"] == "Organization/bellwether-vascular"
    assert judge(who, "Provenance") is None


def taken_back(client: FlaskClient, page: str) -> str:
    act = re.search(r'data-act="([^"]+)"', page)
    assert act
    return text(after(client, client.post(f"/acts/{act[1]}/undo", data=hidden(page, "undo"))))


def test_what_was_recorded_by_mistake_is_taken_back_where_the_tables_lead_back_and_only_there(
    acting_house: House, enter: Enter, clock: Any
) -> None:
    maria, case = enter("coordinator"), made(acting_house, "accepted")
    clinic = as_performer(acting_house, enter, "undersen")
    page = after(maria, send(maria, "book", opened(maria, "book", case) | {"day": "+3", "time": "9:00"}, case))
    assert re.search(r"can be taken back until \d\d:\d\d: the visit counts as a mistake", text(page))
    assert "Taken back." in taken_back(maria, page)
    assert [each["status"] for each in stored(acting_house, "Appointment", case)] == ["entered-in-error"]
    assert offers(maria, "book", case)

    clock.now += timedelta(minutes=1)
    page = after(maria, send(maria, "report", opened(maria, "report", case), case))
    assert "the report counts as not come" in text(page)
    assert "Taken back." in taken_back(maria, page)
    assert offers(maria, "report", case)

    clock.now += timedelta(minutes=1)  # with the clinic's visit its Task went on, from which nothing leads back
    page = after(clinic, send(clinic, "book", opened(clinic, "book", case) | {"day": "+3", "time": "9:00"}, case))
    assert "Visit recorded" in text(page)
    assert "can be taken back" not in text(page)
    assert "Undo" not in text(page)
    act = re.search(r'data-act="([^"]+)"', page)
    assert act
    answer = clinic.post(f"/acts/{act[1]}/undo", data=opened(clinic, "note", case))
    assert answer.status_code == 409


def test_a_clinic_reads_its_own_next_step_and_not_the_referring_offices(acting_house: House, enter: Enter) -> None:
    """In the list, the panel and the file; the office goes on reading its own."""
    maria, clinic = enter("coordinator"), as_performer(acting_house, enter, "novotny")
    case = made(acting_house, "visit-done")
    number = row_of(acting_house, case).number
    for page in (f"/referrals/{case}", f"/?q={number}", f"/worklist.csv?q={number}"):
        theirs, ours = (text(who.get(page).get_data(as_text=True)) for who in (clinic, maria))
        assert "end the report" in theirs, page
        assert "for the report" not in theirs, page
        assert "end the report" not in ours, page
