"""The pages by which an office sets itself up and keeps its agreements, in a browser: axe finds nothing wrong with any,
and nothing is wider than the window, at three widths in both themes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carecoord.web.setup.forms import STEPS
from tests.axe import ENDS, LOOKS, check

Open = Callable[..., Any]
AGREEMENT, DRAFT = "/contracts/agr-0107-v3", "/contracts/agr-0110-v1"
ACTS = {
    AGREEMENT: ("certify", "affiliate", "oblige", "file", "end"), DRAFT: ("edit", "sign", "drop"),
    "/contracts/agr-0101-v1": ("give-notice",),
}  # fmt: skip
ROWS = "Name,Kind,NPI,Phone\nAlder Clinic,clinic,9000030012,555-0101\nYew Clinic,clinic,9000030013,555-0102\n"


def walk(page: Any, paths: list[str]) -> None:
    """Look at one page after the other: a first one of its kind in every look, a further one at its two ends."""
    for n, path in enumerate(paths):
        answer = page.goto(path)
        assert answer.status == 200, path
        check(page, LOOKS if n == 0 else ENDS)


def test_each_step_of_the_set_up_and_the_clinics_that_are_here_twice(open_page: Open) -> None:
    page = open_page("/setup/copies", "admin")
    check(page, LOOKS)
    walk(page, [f"/setup?step={each}" for each in STEPS])


def test_the_letters_their_words_and_how_they_read(open_page: Open) -> None:
    page = open_page("/letters", "admin")
    check(page, LOOKS)
    page.get_by_role("listitem").filter(has_text="Cover sheet to a clinic").get_by_role("link", name="English").click()
    check(page, LOOKS)
    page.get_by_label("Words in English").fill("Not for you? Destroy it, and call {office}.")
    page.get_by_role("button", name="See how it reads").click()
    page.get_by_text("Destroy it, and call", exact=False).last.wait_for()
    check(page, ENDS)


def test_whose_policy_it_is(open_page: Open) -> None:
    walk(open_page("/", "admin"), [
        "/policies?of=office-blue-horizon", "/policies", "/policies?of=Location/office-elm-street",
    ])  # fmt: skip


@pytest.mark.parametrize("address", ACTS)
def test_every_form_on_an_agreement(open_page: Open, address: str) -> None:
    page = open_page(address, "contracts")
    check(page, LOOKS)
    for act in ACTS[address]:
        page.goto(f"{address}?act={act}")
        page.locator("#act-form").wait_for()
        check(page, ENDS)


def test_the_register_its_lists_and_what_is_new(open_page: Open) -> None:
    walk(open_page("/", "contracts"), [
        "/contracts?tab=all", "/contracts?tab=unsigned", "/contracts?q=nothing+like+it&tab=all", "/contracts/new",
        "/contracts/new?kind=payer-provider",
    ])  # fmt: skip


def test_two_versions_against_each_other_and_two_that_are_the_same(open_page: Open) -> None:
    page = open_page(f"{AGREEMENT}?from=agr-0107-v1&to=agr-0107-v3", "contracts")
    page.locator(".redline summary").click()
    check(page, LOOKS)
    page.goto(f"{AGREEMENT}?from=agr-0107-v3&to=agr-0107-v3")
    check(page, ENDS)


def test_an_import_from_its_columns_to_its_faults(open_page: Open, tmp_path: Path) -> None:
    file = tmp_path / "clinics.csv"
    file.write_text(ROWS)
    page = open_page("/import?kind=rates", "contracts")
    check(page, LOOKS)
    page = open_page("/import", "admin")
    check(page, LOOKS)
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload and go on").click()
    page.get_by_role("heading", name="clinics.csv").wait_for()
    check(page, LOOKS)
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("heading", name="What would become of it").wait_for()
    check(page, LOOKS)
