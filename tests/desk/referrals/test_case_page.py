"""One referral at full width, over HTTP: its course, the asked paper first, events by kind with who did what, a note
that swaps the timeline alone, the referrals beside it in the list."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from carecoord.web.page.times import MINUS
from tests.desk.conftest import House
from tests.desk.test_pages import text

CASE = "order-24817"  # the payer pended it and asks for the echocardiogram, which lies in the chart


@pytest.fixture(scope="module")
def maria(acting_house: House) -> FlaskClient:
    return acting_house.enter("coordinator")


def page(client: FlaskClient, path: str = f"/referrals/{CASE}", **headers: str) -> str:
    answer = client.get(path, headers={name.replace("_", "-"): said for name, said in headers.items()})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_the_steps_say_what_is_done_where_it_stands_and_what_the_later_ones_wait_for(maria: FlaskClient) -> None:
    one = r'<li class="stage stage-([\w-]+)"(?: aria-current="step")?>.*?stage-name">(.*?)</li>'
    found = re.findall(one, page(maria))
    shown = [(state, " ".join(text(said).split())) for state, said in found]
    assert [state for state, _ in shown] == ["done", "done", "done", "here", *["later"] * 5]
    assert shown[3][1] == f"Authorization : now {MINUS}3h 15m, Documents due"
    assert shown[4][1] == "Booked : later Held 27 Nov 09:40"
    assert shown[5][1] == "Visit : later By 16 Dec"
    assert shown[8][1] == "Told, closed : later In Igbo"


def test_the_paper_that_is_asked_for_is_read_first_with_the_words_that_answer_marked(maria: FlaskClient) -> None:
    said = page(maria)
    assert re.search(r'aria-current="page"><span><bdi>Echocardiogram</bdi>, 20 Nov</span> <span[^>]*>Asked for', said)
    assert "<mark>Echocardiogram</mark>: LVEF 38 %" in said
    assert f"22 Nov {MINUS} 20 Nov = 2 d" in said
    other = re.findall(r'<a href="([^"]+)"><span><bdi>ECG, 12 leads', said)[0]
    assert "<mark>" not in (ecg := page(maria, unescape(other)))
    assert "ECG, 12 leads. New LBBB" in ecg
    # an id of somebody else's document shows nothing of it
    assert "LVEF 38 %" in page(maria, f"/referrals/{CASE}?paper=nobody")


def test_events_are_shown_by_kind_and_a_kind_that_nobody_knows_shows_all(maria: FlaskClient) -> None:
    def told(kind: str) -> list[str]:
        return re.findall(r'event-what">(.*?)</p>', page(maria, f"/referrals/{CASE}?kind={kind}"))

    every, payer, visits = told(""), told("payer"), told("visits")
    assert "Blue Horizon Health pended the request" in payer
    assert visits == ["Visit held for 27 Nov 2026"]
    assert set(payer) < set(every) == set(told("nonsense"))
    assert sum(len(told(kind)) for kind in ("calls", "payer", "stages", "visits", "papers")) == len(every)


def test_a_note_swaps_the_timeline_alone_and_says_who_wrote_it(maria: FlaskClient) -> None:
    said = page(maria)
    form = said[said.index('class="jot"') :]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")]))
    sent = {name: unescape(value) for name, value in hidden.items()} | {"note": "Echo goes out today"}
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#timeline"}
    answer = maria.post(f"/referrals/{CASE}/note", data=sent, headers=headers)
    part = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert 'id="timeline"' in part
    assert 'id="case"' not in part
    assert "Echo goes out today · Reyes, Maria" in text(part)
    empty = maria.post(f"/referrals/{CASE}/note", data=sent | {"once": "again", "note": ""}, headers=headers)
    assert empty.status_code == 422
    assert 'id="case"' in empty.get_data(as_text=True)
    assert "Write the note, or close the form." in empty.get_data(as_text=True)


def test_an_act_from_the_page_comes_back_to_the_page_with_the_list_and_the_kind_kept(maria: FlaskClient) -> None:
    where = f"/referrals/{CASE}?kind=calls&list=tab%3Dopen"
    said = page(maria, f"{where}&act=snooze")
    form = said[said.index('id="act-form"') :]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")]))
    sent = {name: unescape(value) for name, value in hidden.items()} | {"until": "30 Nov"}
    answer = maria.post(f"/referrals/{CASE}/snooze", data=sent)
    assert answer.status_code == 303
    assert "kind=calls" in answer.location
    assert "list=tab%3Dopen" in answer.location
    assert "Rests until 30 Nov 2026" in text(page(maria, answer.location))


def test_the_referrals_beside_it_are_those_of_the_list_that_one_comes_from(maria: FlaskClient) -> None:
    rows = re.findall(r'class="case" id="case-([^"]+)"', page(maria, "/?tab=overdue"))
    said = page(maria, f"/referrals/{rows[1]}?list=tab%3Doverdue")
    ways = {rel: unescape(to) for to, rel in re.findall(r'class="tool" href="([^"]+)"[^>]* rel="(prev|next)"', said)}
    assert ways == {
        "prev": f"/referrals/{rows[0]}?list=tab%3Doverdue", "next": f"/referrals/{rows[2]}?list=tab%3Doverdue"
    }  # fmt: skip
    assert 'rel="prev"' not in page(maria, f"/referrals/{rows[0]}?list=tab%3Doverdue")
    assert 'rel="next"' not in page(maria, f"/referrals/{rows[1]}")
    assert page(maria, f"/referrals/{rows[1]}?list=tab%3Dnonsense")
    open_row = page(maria, f"/?tab=overdue&show={rows[1]}")
    assert f'href="/referrals/{rows[1]}?list=tab%3Doverdue"' in open_row


def test_nobody_else_sees_more_by_it_than_before(acting_house: House) -> None:
    assert acting_house.enter("outsider").get(f"/referrals/{CASE}").status_code == 404
    payer = page(acting_house.enter("payer"))
    assert "stage-here" not in payer
    assert "Reyes, Maria" not in payer
