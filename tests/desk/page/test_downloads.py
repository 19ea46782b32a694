"""Issue 9.11: wherever a page shows rows they leave as CSV and as XLSX, alike; no cell of either ever runs; and dates
go into calendars, on the right clock and without a name."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import icalendar
import openpyxl
import pytest

from carecoord.actions.imports import workbooks
from carecoord.web.page import downloads
from tests.desk.conftest import House

PAGES = (  # who, the address without its ending, a heading, whether there is a row
    ("coordinator", "/worklist", "number", True),
    ("payer", "/worklist", "number", True),
    ("payer", "/waiting", "Due", True),
    ("coordinator", "/asked", "Number", False),
    ("coordinator", "/quality", "List", True),
    ("contracts", "/contracts", "Agreement number", True),
    ("auditor", "/audit", "when", True),
)
EVIL = ('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "plain, and \"quoted\"", "")


def cells(house: House, who: str, path: str) -> tuple[list[list[str]], list[list[str]]]:
    client = house.enter(who)
    text, book = client.get(f"{path}.csv"), client.get(f"{path}.xlsx")
    assert (text.status_code, book.status_code) == (200, 200)
    assert "attachment" in text.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(text.get_data().decode("utf-8-sig"))))
    return rows, list(sheet(book.get_data()))


def sheet(data: bytes) -> Iterator[list[str]]:
    page: Any = openpyxl.load_workbook(io.BytesIO(data)).active
    for row in page.iter_rows():
        assert {cell.data_type for cell in row} <= {"s", "n", "inlineStr"}, "no formula"
        yield [str(cell.value or "") for cell in row]


@pytest.mark.parametrize(("who", "path", "heading", "filled"), PAGES)
def test_the_rows_of_a_page_leave_as_csv_and_as_xlsx_alike(
    house: House, who: str, path: str, heading: str, filled: bool
) -> None:
    rows, book = cells(house, who, path)
    if path != "/audit":  # where each look is a row of its own
        assert [[each.removeprefix("'") for each in row] for row in rows] == book
    assert heading in rows[0]
    assert (len(rows) > 1) == filled
    assert {len(row) for row in rows} == {len(rows[0])}


def test_nobody_gets_a_file_of_a_page_that_is_not_theirs(house: House) -> None:
    for path in ("/load", "/quality", "/audit", "/asked", "/waiting"):
        who = "auditor" if path != "/audit" else "payer"
        assert house.enter(who).get(f"{path}.xlsx").status_code == 403, path


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_cell_runs_as_a_formula(form: downloads.Form) -> None:
    made = downloads.table("evil", ["a"], ([each] for each in EVIL), form).get_data()
    if form == "xlsx":
        assert [row[0].strip() for row in sheet(made)][1:] == [each.strip() for each in EVIL]
    else:
        read = [row[0] for row in csv.reader(io.StringIO(made.decode(), newline=""))][1:]
        assert read == [f"'{each}" for each in EVIL[:6]] + list(EVIL[6:])


def test_no_heading_of_a_workbook_runs_as_a_formula() -> None:
    """Of the rows that could not be kept the headings are those of the file that came, whoever made it."""
    made = list(sheet(workbooks.written("Faulty rows", [*EVIL, "a\x07b"], iter([[*EVIL, ""]]))))
    assert [each.strip() for each in made[0]] == [*(each.strip() for each in EVIL), "ab"]


def entries(house: House, who: str, path: str) -> list[Any]:
    answer = house.enter(who).get(path)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/calendar")
    return list(icalendar.Calendar.from_ical(answer.get_data()).walk("VEVENT"))


def test_a_visit_goes_into_a_calendar_on_the_clock_of_its_place_without_a_name(house: House) -> None:
    (visit,) = entries(house, "coordinator", "/referrals/order-24817/calendar.ics")
    at = visit.decoded("dtstart")
    assert at.utcoffset() is not None
    assert (at, visit.decoded("dtend") - at) == (VISIT, timedelta(minutes=30))
    assert str(visit["summary"]) == "Visit, referral R-24817"
    assert str(visit["status"]) == "TENTATIVE", "it is held"
    assert "Okafor" not in visit.to_ical().decode()
    assert house.enter("outsider").get("/referrals/order-24817/calendar.ics").status_code == 404
    assert house.enter("payer").get("/referrals/order-24817/calendar.ics").status_code == 404


VISIT = datetime.fromisoformat("2026-11-27T09:40:00-05:00")


def test_the_end_of_an_agreement_and_its_last_day_for_notice_go_into_a_calendar_as_whole_days(house: House) -> None:
    client = house.enter("contracts")
    rows = list(csv.DictReader(io.StringIO(client.get("/contracts.csv").get_data().decode("utf-8-sig"))))
    row = next(each for each in rows if each["Ends"])
    page = client.get(f"/contracts?q={row['Agreement number']}").get_data(as_text=True)
    href = page.split('class="case-link" href="', 1)[1].split('"')[0].partition("?")[0]
    dated = entries(house, "contracts", f"{href}/calendar.ics")
    found = {str(each["summary"]): each.decoded("dtstart") for each in dated}
    assert found[f"Agreement {row['Agreement number']} ends"] == date.fromisoformat(row["Ends"])
    assert all(type(day) is date for day in found.values())
