"""A document is attached and sent in a browser, by the keyboard alone, at every width and in both themes."""

from pathlib import Path
from typing import Literal

from playwright.sync_api import expect

from tests.axe import faults
from tests.desk.browser.test_acts import PANEL, Open, acting_site, open_desk, sessions
from tests.domain.documents.files import pdf

__all__ = ["acting_site", "open_desk", "sessions"]


def test_a_document_is_attached_by_the_keyboard_and_stands_on_the_panel(open_desk: Open, tmp_path: Path) -> None:
    page = open_desk(PANEL)
    page.locator("#panel-name").focus()
    page.keyboard.press("h")
    expect(page.locator("#act-file")).to_be_focused()
    large = tmp_path / "large.pdf"
    large.write_bytes(b" " * 20_100_000)
    page.set_input_files("#act-file", large)
    expect(page.locator("#act-file-large")).to_contain_text("20 MB can be kept")
    page.locator("#act-note").focus()
    page.keyboard.type("Left knee")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#act-file")).to_be_focused()
    false = tmp_path / "false.pdf"
    false.write_bytes(b"<html><script>alert(1)</script>")
    page.set_input_files("#act-file", false)
    page.locator("#act-kind").focus()
    page.keyboard.type("Imaging")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#faults")).to_be_focused()
    expect(page.locator("#act-file-fault")).to_contain_text("It is a web page")
    expect(page.locator("#act-file-sum [data-again]")).to_be_hidden()
    expect(page.locator("#act-note")).to_have_value("Left knee")
    whole = tmp_path / "whole.pdf"
    whole.write_bytes(pdf())
    page.set_input_files("#act-file", whole)
    page.locator("#act-day").focus()
    page.keyboard.type("yesterday")
    expect(page.locator("#act-day-sum")).to_have_text("Sat 21 Nov 2026")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#done p")).to_contain_text("Attached: Imaging report.")
    expect(page.locator("#panel .documents")).to_contain_text("Imaging report")
    expect(page.locator("#panel .timeline").first).to_contain_text("Imaging report")


LOOKS: tuple[tuple[str, tuple[tuple[int, Literal["light", "dark"]], ...]], ...] = (
    ("attach", ((1440, "light"), (320, "dark"))),
    ("share", ((420, "dark"),)),
)


def test_the_forms_are_without_fault_at_every_width(open_desk: Open) -> None:
    for verb, looks in LOOKS:
        page = open_desk(f"{PANEL}&act={verb}")
        for width, scheme in looks:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("#act-form")).to_be_visible()
            assert faults(page, "#panel") == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
