"""What somebody tries who has a link that is not theirs, is good no longer, or is none: they get, change and learn
nothing."""

import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from carecoord.store.database.engine import reading
from carecoord.store.events.tables import event
from carecoord.store.guests.tables import guest_link
from tests.desk.acts.made import made
from tests.desk.acts.test_documents import multipart
from tests.desk.conftest import House
from tests.desk.guests.test_clinic_link import SIGNED, answer, come_in, hidden, linked, row_of, stored
from tests.desk.test_pages import text
from tests.domain.documents.files import pdf
from tests.domain.worklist.test_project import statements

pytestmark = pytest.mark.usefixtures("clock")

OVER = "This link is no longer good"


def state_of(house: House, case: str) -> list[tuple[Any, ...]]:
    """All that is kept of the links of a case, and how many events there are of it."""
    with reading(house.world.engine) as conn:
        rows = conn.execute(select(guest_link).where(guest_link.c.case == case)).all()
        events = conn.execute(select(event.c.n).where(event.c.case_id == case)).all()
    return [*map(tuple, rows), (len(events),)]


def test_a_mail_scanner_that_asks_for_every_address_opens_and_changes_nothing(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "sent")
    address, _ = linked(maria, case)
    before = state_of(acting_house, case)
    scanner = acting_house.app.test_client()
    for path in (address, f"{address}?do=accept"):
        assert scanner.head(path).status_code == 200
        page = scanner.get(path).get_data(as_text=True)
        assert "Your code" in text(page)
        assert not {"Dubois", "Cardiology", "Fairmont", "Bellwether"} & set(re.findall(r"\w+", page))
    for path in (
        f"{address}/accept",
        f"{address}/code",
        f"{address}/new",
        f"{address}/papers/x/1",
        f"{address}/done/x",
    ):
        assert scanner.get(path).status_code in (404, 405), path
    assert scanner.post(f"{address}/accept", data=SIGNED).status_code == 404
    assert state_of(acting_house, case) == before
    assert row_of(acting_house, case).stage == "sent"


def test_five_wrong_codes_lock_the_link_for_the_right_one_too_and_tell_the_office(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    for n in range(5):
        _, refused = come_in(acting_house, address, "2222-2222")
        assert refused.status_code == 401, n
    phone = acting_house.app.test_client()
    page = phone.get(address).get_data(as_text=True)
    assert OVER in text(page)
    late = phone.post(f"{address}/code", data=hidden(page, "/new") | {"code": code})
    assert (late.status_code, OVER in text(late.get_data(as_text=True))) == (404, True)
    (talk,) = [each for each in stored(acting_house, "Communication", case) if "locked" in str(each["category"])]
    assert talk["recipient"] == [{"reference": "Organization/office-fairmont"}]
    page = text(maria.get(f"/referrals/{case}/links").get_data(as_text=True))
    assert "Locked" in page
    assert "after wrong answers" in page
    assert "A link was locked after 5 wrong answers." in text(maria.get(f"/referrals/{case}").get_data(as_text=True))


def test_right_codes_forgive_wrong_ones_so_that_slips_over_weeks_lock_nobody_out(
    acting_house: House, maria: FlaskClient
) -> None:
    address, code = linked(maria, made(acting_house, "sent"))
    for said in ("1", "2", "3", "4", code, "5", "6", "7", "8", code):
        _, entered = come_in(acting_house, address, said)
    assert entered.status_code == 303


@pytest.mark.parametrize("end", ["withdrawn", "superseded"])
def test_a_link_that_has_ended_shows_nothing_but_the_wish_for_a_new_one_also_to_who_had_come_in(
    acting_house: House, maria: FlaskClient, end: str
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    form = hidden(phone.get(f"{address}?do=accept").get_data(as_text=True), "accept") | SIGNED
    if end == "withdrawn":
        page = maria.get(f"/referrals/{case}/links").get_data(as_text=True)
        link = re.search(r"/links/([\w-]+)/end", page)
        assert link
        path = f"/referrals/{case}/links/{link[1]}/end"
        assert maria.post(path, data={}).status_code == 403
        assert maria.post(path, data=hidden(page, f"{link[1]}/end")).status_code == 303
    else:
        linked(maria, case)
    demand_over(acting_house, phone, address, case, form)


def demand_over(house: House, phone: FlaskClient, address: str, case: str, form: dict[str, str]) -> None:
    """Whoever had come in, and anybody else, sees nothing of the case any more, and can ask for a new link once."""
    for client in (phone, house.app.test_client()):
        gone = client.get(address)
        page = gone.get_data(as_text=True)
        assert gone.status_code == 404
        assert OVER in text(page)
        assert "Dubois" not in page
    assert phone.post(f"{address}/accept", data=form).status_code == 404
    assert row_of(house, case).stage == "sent"
    wish = hidden(phone.get(address).get_data(as_text=True), "/new")
    for _ in range(2):
        assert "The office knows" in text(phone.post(f"{address}/new", data=wish).get_data(as_text=True))
    wanted = [each for each in stored(house, "Communication", case) if "link-wanted" in str(each["category"])]
    assert len(wanted) == 1


@pytest.mark.parametrize("path", ["", "/papers/x/1", "/papers/x/x", "/nothing", "/done/x/y/z"])
def test_nothing_below_a_links_address_tells_it_to_anybody_else(acting_house: House, path: str) -> None:
    answer = acting_house.app.test_client().get("/guest/" + "x" * 43 + path)
    assert answer.status_code == (405 if path == "/nothing" else 404)  # an act is a POST
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
    assert answer.headers["Cache-Control"] == "no-store"


def asked(house: House, client: FlaskClient, path: str) -> tuple[int, list[str], str]:
    """What asking for a path is answered, with the questions to the database on the way, without what it names."""
    with statements(house.world.engine) as ran:
        answer = client.get(path)
    page = re.sub(r'(name="(csrf|form_token)" value=")[^"]*|[\w-]{32,}', r"\1", answer.get_data(as_text=True))
    return answer.status_code, list(ran), page.replace(path, "")


@pytest.mark.parametrize("how", ["withdrawn", "expired", "superseded", "altered"])
def test_a_link_that_is_good_no_longer_and_one_that_never_was_say_and_cost_the_same(
    acting_house: House, maria: FlaskClient, clock: Any, how: str
) -> None:
    case = made(acting_house, "sent")
    address, _ = linked(maria, case)
    phone = acting_house.app.test_client()
    assert "Your code" in text(phone.get(address).get_data(as_text=True))
    if how == "withdrawn":
        page = maria.get(f"/referrals/{case}/links").get_data(as_text=True)
        link = re.search(r"/links/([\w-]+)/end", page)
        assert link
        maria.post(f"/referrals/{case}/links/{link[1]}/end", data=hidden(page, f"{link[1]}/end"))
    elif how == "superseded":
        linked(maria, case)  # the newer ends the older
    elif how == "expired":
        clock.now += timedelta(days=60)
    else:
        address = address[:-1] + ("A" if address[-1] != "A" else "B")
    for tail in ("", "?do=accept", "/papers/x/1", "/done/x", "/forms/x"):
        asked(acting_house, phone, address + tail)
        told = asked(acting_house, phone, address + tail)
        assert (told[0], told) == (404, asked(acting_house, phone, "/guest/" + "x" * 43 + tail)), tail
    clock.now -= timedelta(days=60 if how == "expired" else 0)


@pytest.mark.parametrize("who", ["outsider", "payer", "rival"])
@pytest.mark.parametrize("path", ["/referrals/{}", "/referrals/{}?act=note", "/referrals/{}/messages"])
def test_a_case_of_others_and_one_that_is_not_there_cost_the_same_questions(
    acting_house: House, who: str, path: str
) -> None:
    case = made(acting_house, "sent")
    client = acting_house.enter(who)
    asked(acting_house, client, path.format(case))
    theirs, none = (asked(acting_house, client, path.format(id)) for id in (case, "R-none"))
    assert theirs[0] in (403, 404)
    assert theirs[0] == none[0]
    assert theirs[1] == none[1]
    assert theirs[2].replace(case, "R-none") == none[2]


def test_an_address_that_never_was_one_is_answered_as_one_that_has_ended(acting_house: House) -> None:
    phone = acting_house.app.test_client()
    gone = phone.get("/guest/" + "x" * 43)
    assert (gone.status_code, OVER in text(gone.get_data(as_text=True))) == (404, True)
    wish = hidden(gone.get_data(as_text=True), "/new")
    assert "The office knows" in text(phone.post("/guest/" + "x" * 43 + "/new", data=wish).get_data(as_text=True))


def test_the_cookie_of_one_link_opens_no_other_and_no_other_case(acting_house: House, maria: FlaskClient) -> None:
    mine, other = made(acting_house, "sent"), made(acting_house, "sent")
    address, code = linked(maria, mine)
    theirs, _ = linked(maria, other)
    phone, _ = come_in(acting_house, address, code)
    assert "Your code" in text(phone.get(theirs).get_data(as_text=True))
    value = phone.get_cookie(_cookie_name(address))
    assert value
    intruder = acting_house.app.test_client()
    intruder.set_cookie(_cookie_name(theirs), value.value)
    assert "Your code" in text(intruder.get(theirs).get_data(as_text=True))
    form = hidden(phone.get(f"{address}?do=accept").get_data(as_text=True), "accept") | SIGNED
    assert intruder.post(f"{theirs}/accept", data=form).status_code == 404
    assert row_of(acting_house, other).stage == "sent"
    for path in (
        "/",
        f"/referrals/{mine}",
        f"/fhir/ServiceRequest/{mine}",
        f"/referrals/{mine}/links",
        "/record/Task/x",
    ):
        assert phone.get(path).status_code in (303, 401), path


def _cookie_name(address: str) -> str:
    return f"cc-guest-{hashlib.sha256(address.rpartition('/')[2].encode()).hexdigest()[:16]}"


def test_a_form_from_another_site_or_of_nobody_does_nothing_and_one_that_is_sent_twice_does_it_once(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    form = hidden(phone.get(f"{address}?do=ask").get_data(as_text=True), "ask") | SIGNED | {"note": "Which side?"}
    assert phone.post(f"{address}/ask", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert phone.post(f"{address}/ask", data=form | {"csrf": "x"}).status_code == 403
    fresh = acting_house.app.test_client()
    page = fresh.get(address).get_data(as_text=True)
    sent = hidden(page, "/code") | {"code": code}
    assert fresh.post(f"{address}/code", data=sent, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert row_of(acting_house, case).stage == "sent"
    first, second = phone.post(f"{address}/ask", data=form), phone.post(f"{address}/ask", data=form)
    assert (first.status_code, first.location) == (second.status_code, second.location) == (303, first.location)
    assert row_of(acting_house, case).stage == "awaiting-information"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ((io.BytesIO(b"MZ\x90\x00" + b"\0" * 600), "note.pdf"), "It is a program"),
        ((io.BytesIO(b"<html><script>alert(1)</script>"), "note.pdf"), "It is a web page"),
        (None, "Choose the file"),
    ],
)
def test_a_note_that_is_not_what_it_says_or_too_large_is_refused_with_what_to_do(
    acting_house: House, maria: FlaskClient, file: Any, said: str
) -> None:
    case = made(acting_house, "scheduled")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    refused = answer(phone, address, "report", **({"file": file} if file else {}))
    assert refused.status_code == 422
    assert said in text(refused.get_data(as_text=True))
    assert "Rosa M." in refused.get_data(as_text=True)
    form = hidden(phone.get(address).get_data(as_text=True), "report") | SIGNED
    large = phone.post(
        f"{address}/report", data=multipart(form, pdf() + b" " * 20_000_000),
        content_type="multipart/form-data; boundary=x",
    )  # fmt: skip
    assert "20 MB can be kept" in text(large.get_data(as_text=True))
    assert stored(acting_house, "DocumentReference", case) == []
    assert row_of(acting_house, case).stage == "scheduled"


def test_a_link_has_no_act_that_the_table_has_not_and_none_unsigned(acting_house: House, maria: FlaskClient) -> None:
    case = made(acting_house, "accepted")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    page = phone.get(address).get_data(as_text=True)
    assert "Your answer" not in text(page)
    form = hidden(page, "report") | SIGNED
    assert phone.post(f"{address}/accept", data=form).status_code == 409
    for verb in ("book", "withdraw", "tell", "assign", "link", "nonsense"):
        assert phone.post(f"{address}/{verb}", data=form | {"reason": "x"}).status_code == 404, verb
    unsigned = phone.post(
        f"{address}/report", data=form | {"name": "", "phone": "x", "file": (io.BytesIO(pdf()), "a.pdf")}
    )
    assert unsigned.status_code == 422
    assert "Write your name" in text(unsigned.get_data(as_text=True))
    assert row_of(acting_house, case).stage == "accepted"


def test_an_answer_to_what_was_changed_meanwhile_is_not_taken_and_says_so(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    form = hidden(phone.get(f"{address}?do=decline").get_data(as_text=True), "decline") | SIGNED | {"why": "not-ours"}
    clock.now += timedelta(minutes=1)
    assert answer(phone, address, "ask", note="Which eye?").status_code == 303
    late = phone.post(f"{address}/decline", data=form)
    assert late.status_code == 412
    assert "It changed while you wrote" in text(late.get_data(as_text=True))
    assert row_of(acting_house, case).stage == "awaiting-information"


def test_a_link_ends_with_the_clinics_part_when_the_referral_goes_elsewhere(
    acting_house: House, maria: FlaskClient
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case)
    phone, _ = come_in(acting_house, address, code)
    sent = answer(phone, address, "decline", why="no-room", until="not known")
    receipt = text(phone.get(sent.location).get_data(as_text=True))
    assert "Declined" in receipt
    assert row_of(acting_house, case).stage == "declined"
    gone = phone.get(address)
    assert (gone.status_code, OVER in text(gone.get_data(as_text=True))) == (404, True)


@pytest.mark.parametrize("who", ["outsider", "payer", "auditor", "admin", "contracts", "clinician"])
def test_only_a_coordinator_of_the_office_that_refers_makes_or_sees_links(acting_house: House, who: str) -> None:
    case = made(acting_house, "sent")
    refused = acting_house.enter(who).get(f"/referrals/{case}/links")
    assert refused.status_code in (403, 404)


def test_a_link_is_good_until_the_end_of_its_last_day_in_the_office(
    acting_house: House, maria: FlaskClient, clock: Any
) -> None:
    case = made(acting_house, "sent")
    address, code = linked(maria, case, until="today")
    phone, _ = come_in(acting_house, address, code)
    form = hidden(phone.get(f"{address}?do=accept").get_data(as_text=True), "accept") | SIGNED
    clock.now = datetime(2026, 11, 23, 4, 59, 59, tzinfo=UTC)
    assert "Your code" in text(acting_house.app.test_client().get(address).get_data(as_text=True))
    clock.now = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
    demand_over(acting_house, phone, address, case, form)


def test_a_relative_sees_by_their_link_that_referral_alone_and_none_of_the_papers_the_patient_keeps_from_them(
    acting_house: House,
) -> None:
    maria = acting_house.enter("coordinator")  # the clock has moved on since she came in
    page = maria.get("/referrals/order-24817/links").get_data(as_text=True)
    kin = re.findall(r'value="relative:([\w-]+)"', page)
    assert kin == ["emeka-okafor"]
    address, code = linked(maria, "order-24817", f"relative:{kin[0]}")
    assert code == ""
    born = str(row_of(acting_house, "order-24817").birth_date)
    phone, entered = come_in(acting_house, address, born)
    assert entered.status_code == 303
    assert "Where is" in text(phone.get(address).get_data(as_text=True))
    other, _ = linked(maria, "order-24820", "patient")
    for path in (other, f"{other}/papers/order-24817-57133-1/1", f"{address}/papers/order-24820-57133-1/1"):
        told = phone.get(path)
        assert "Martinez" not in told.get_data(as_text=True), path
        assert told.status_code == (200 if path == other else 404)  # the door asks for the date of birth
    for path in ("/", "/patients/ngozi-okafor", "/referrals/order-24817", "/load.csv", "/fhir/Patient/ngozi-okafor"):
        assert phone.get(path).status_code in (302, 303, 401), path
