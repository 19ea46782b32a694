"""A table is tried by keyboard alone, on pages that axe finds nothing wrong with; the house is everybody's, so that
nothing is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.axe import check

ROWS = "Name,Kind,NPI,Phone number\nAlder Clinic,clinic,9000030012,555-0101\nYew Clinic,clinic,9000030013,555-0102\n"


def test_a_table_is_tried_by_keyboard_and_axe_finds_nothing(open_page: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "clinics.csv"
    file.write_text(ROWS)
    page = open_page("/import", "admin")
    check(page)
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload and go on").press("Enter")
    page.get_by_role("heading", name="clinics.csv").wait_for()
    check(page)
    page.get_by_label("Phone").select_option("Phone number")
    page.get_by_role("button", name="Try it").press("Enter")
    page.get_by_role("heading", name="What would become of it").wait_for()
    assert "its last digit does not fit the others" in page.get_by_role("row", name="C3").inner_text()
    check(page)
    button = page.get_by_role("button", name="Import 1 row")
    button.focus()
    assert button.evaluate("each => each === document.activeElement")
