"""The page of the measures: what it says beside each figure, that the list behind a figure has just its rows, and for
whom it is."""

import csv
import html
import io
import re
from datetime import date
from urllib.parse import parse_qs, urlsplit

import openpyxl
import pytest

from tests.desk.conftest import House
from tests.desk.measures.conftest import Office

FIRST, LAST = date(2025, 11, 29), date(2026, 11, 28)  # the year that ends with yesterday
YEAR = "/measures?span=365"


def text(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.mark.parametrize("name", ["closed-loop", "first-answer", "no-show", "inside-clock", "denied"])
def test_the_list_behind_a_figure_has_just_its_referrals(office: Office, name: str) -> None:
    client = office.house.enter("quill")
    page = client.get(f"{YEAR}&show={name}").get_data(as_text=True)
    n, hits, value, cases = office.recount.figure(name, FIRST, LAST)
    inside = text(page[page.index('id="inside"') :])
    assert (f"{value} " in inside) if value is not None else "only counts" in inside
    assert f"{len(cases)} referral" in inside
    assert (f"{hits} of {n}" in inside) or f"{n} counted" in inside
    href = html.unescape(re.search(r'class="inside-acts"><a class="button" href="([^"]+)"', page)[1])  # type: ignore[index]
    query = urlsplit(href).query
    shown = list(csv.DictReader(io.StringIO(client.get(f"/worklist.csv?{query}").get_data(as_text=True))))
    wanted = {f"Q-{case.removeprefix('ServiceRequest/q-')}" for case in cases}
    assert {row["number"] for row in shown} == wanted
    assert len(shown) == len(wanted)
    listed = client.get(href).get_data(as_text=True)
    assert f"Counted: {len(wanted)} referral" in text(listed)
    assert "Counted in " in text(listed)


def test_the_numerator_alone_can_be_opened_and_filters_narrow_it(office: Office) -> None:
    client = office.house.enter("quill")
    page = client.get(f"{YEAR}&show=declined&specialty=GI").get_data(as_text=True)
    href = html.unescape(re.search(r'</a> <a class="button" href="([^"]+)"', page)[1])  # type: ignore[index]
    assert parse_qs(urlsplit(href).query)["in-specialty"] == ["GI"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/worklist.csv?{urlsplit(href).query}").get_data(as_text=True))))
    declined = {case for measure, case, _, hit, _ in office.recount.counted if measure == "declined" and hit}
    # every third referral is for the stomach, see made.py
    wanted = {f"Q-{n}" for n in range(2, 200, 3) if f"ServiceRequest/q-{n}" in declined}
    assert {row["number"] for row in rows} == wanted
    assert {row["specialty"] for row in rows} <= {"GI"}


def test_denials_stand_by_payer_and_work_by_person_and_come_to_the_figure(office: Office) -> None:
    client = office.house.enter("quill")
    for name, head in (("denied", "By payer"), ("inside-clock", "By who works on it")):
        page = client.get(f"{YEAR}&show={name}").get_data(as_text=True)
        split = page[page.index('id="inside-split"') :].partition("</section>")[0]
        assert head in split
        counted = [int(each) for each in re.findall(r"<td>(?:[\d.]+ · )?(\d+)</td>", split)]
        assert sum(counted) == office.recount.figure(name, FIRST, LAST)[0]
        assert all(re.findall(r'<th scope="row" dir="auto">([^<]*)</th>', split)), "each is called something"


def test_the_same_numbers_leave_as_csv_and_xlsx(office: Office) -> None:
    client = office.house.enter("quill")
    rows = list(csv.reader(io.StringIO(client.get("/measures.csv?span=365").get_data(as_text=True))))
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/measures.xlsx?span=365").get_data())).active
    assert [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()] == rows
    loops = next(row for row in rows if row[0] == "Loops closed (%)")
    n, hits, value, _ = office.recount.figure("closed-loop", FIRST, LAST)
    assert loops[1:5] == [str(value), str(hits), str(n), "85"]
    assert rows[0][5:18:12] == ["Nov 2025", "Nov 2026"]
    spanish = client.get("/measures.csv", headers={"Accept-Language": "es"}).get_data(as_text=True)
    assert "Circuitos cerrados (%)" in spanish


def test_of_few_only_counts_are_told(office: Office) -> None:
    client = office.house.enter("quill")
    page = client.get(f"{YEAR}&show=authorization-turnaround-expedited&as=table").get_data(as_text=True)
    n, _, value, _ = office.recount.figure("authorization-turnaround-expedited", FIRST, LAST)
    assert (n < 10) == (value is None)
    assert value is None, "the story is to have few of these"
    inside = page[page.index('id="inside"') :]
    assert f"{n} counted (fewer than 10: only counts are shown)" in text(inside)
    assert "/referrals/" not in inside


def test_measures_are_for_those_who_see_the_referrals_and_of_their_office_alone(office: Office, house: House) -> None:
    assert office.house.enter("quince").get("/measures").status_code == 403
    for who in ("payer", "contracts", "auditor", "admin"):
        assert house.enter(who).get("/measures").status_code == 403, who
        assert house.enter(who).get("/measures.csv").status_code == 403, who
    theirs = office.house.enter("outsider").get(YEAR + "&as=table").get_data(as_text=True)
    assert "Northgate" in theirs, "to which they send themselves"
    assert "Bellwether" not in theirs
    payer = house.enter("payer").get("/?tab=open&measure=no-show&from=2026-01-01&to=2026-11-01")
    assert payer.status_code == 400


@pytest.mark.parametrize(
    ("query", "says"),
    [("span=7", "30, 90, 365"), ("show=speed", "speed"), ("as=table&specialty=%00", "NUL")],
)
def test_an_address_that_can_not_be_meant_is_refused_in_words(office: Office, query: str, says: str) -> None:
    answer = office.house.enter("quill").get(f"/measures?{query}")
    assert answer.status_code == 400
    assert says in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "query", ["measure=speed&from=2026-01-01&to=2026-02-01", "measure=no-show&from=x&to=y", "tab=counted"]
)
def test_a_list_of_no_figure_is_refused(office: Office, query: str) -> None:
    assert office.house.enter("quill").get(f"/?{query}").status_code == 400
