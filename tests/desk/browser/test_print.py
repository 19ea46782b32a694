"""What is printed, read back from the PDF that Chromium makes of it: the sheet has its name, its filter, its date and
who printed it; no button stands on it; and no row is cut in two."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from pypdf import PdfReader

from tests.desk.conftest import PEOPLE

# Path, who -> what stands on the sheet besides the date and who printed it.
SHEETS = {
    ("/?move=coordinator", "coordinator"): ("My team: ", "Whose move: Coordinator", "on this sheet"),
    ("/?tab=payer", "payer"): ("on this sheet",),
    ("/waiting", "coordinator"): ("All:",),
    ("/measures?span=90", "coordinator"): ("Measures, ", "Loops closed"),
    ("/contracts", "contracts"): ("Contracts: ",),
    ("/patients/eleanor-brandt", "coordinator"): ("Brandt, Eleanor", "Open loops"),
    ("/quality", "coordinator"): ("Data quality",),
}


def pages(page: Any) -> list[str]:
    """The words of each page of paper, in one line each."""
    read = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    return [" ".join(each.extract_text().split()) for each in read.pages]


def bare(words: str) -> str:
    """The letters and digits alone: how lines are broken is the printer's."""
    return re.sub(r"\W", "", words)


def sheet(page: Any, who: str, words: tuple[str, ...]) -> list[str]:
    """The pages of what is printed, which has these words on the first, and no button."""
    found = pages(page)
    for said in (*words, PEOPLE[who][1]):
        assert said in found[0], (said, found[0][:400])
    assert re.search(r"As of 22 Nov 2026, \d\d:\d\d E[SD]T", found[0])
    page.emulate_media(media="print")
    shown = page.locator("button:visible, .button:visible, nav.tabs:visible, .rail:visible, input:visible")
    assert shown.all_inner_texts() == []
    return found


@pytest.mark.parametrize(("path", "who"), SHEETS)
def test_a_list_prints_with_its_name_its_filter_and_its_date(
    open_page: Callable[..., Any], path: str, who: str
) -> None:
    page = open_page(path, who)
    numbers = [each for each in page.locator("tr.case .c-patient .sub").all_inner_texts() if each]
    found = sheet(page, who, SHEETS[path, who])
    for number in numbers:
        assert sum(bare(number) in bare(each) for each in found) == 1, number


def test_no_row_of_a_long_list_is_cut_in_two(open_page: Callable[..., Any]) -> None:
    page = open_page("/")
    page.emulate_media(media="print")
    rows = [
        [
            cell
            for cell in row.locator("td:is(.c-patient, .c-to, .c-referral):visible").all_inner_texts()
            if cell.strip()
        ]
        for row in page.locator("tr.case").all()
    ]
    page.emulate_media(media="null")
    found = [bare(each) for each in pages(page)]
    assert len(found) > 1
    for cells in rows:
        words = [bare(part) for cell in cells for part in cell.splitlines() if part.strip()]
        assert any(all(word in each for word in words) for each in found), cells


def test_a_case_a_patient_and_an_agreement_print_whole(open_page: Callable[..., Any]) -> None:
    page = open_page("/")
    href = page.locator("tr.case a.case-link").first.get_attribute("href")
    name = page.locator("tr.case a.case-link").first.inner_text()
    for path in (href, f"/referrals/{href.partition('show=')[2].partition('&')[0]}"):
        page.goto(path)
        assert name in "".join(sheet(page, "coordinator", ()))
        page.emulate_media(media="null")
    page.goto("/patients?q=brandt")
    page.get_by_role("link", name="Brandt, Eleanor").click()
    page.get_by_role("heading", name="Open loops 1").wait_for()
    assert "Brandt, Eleanor" in "".join(sheet(page, "coordinator", ()))
    other = open_page("/contracts", "contracts")
    other.goto(other.locator("tbody a[href^='/contracts/']").first.get_attribute("href"))
    number = other.locator(".back .soft").inner_text().rpartition("· ")[2]
    assert number in sheet(other, "contracts", ())[0]
