"""What axe finds in a page, and how a page is looked at: at three widths, light and dark."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page

LOOKS = [(width, scheme) for width in (1440, 420, 320) for scheme in ("light", "dark")]
ENDS = [(1440, "light"), (320, "dark")]  # for the further pages of a template that is looked at in every way elsewhere


def faults(page: Page | Frame, within: str | None = None) -> list[str]:
    """Each violation, in the page or within an element (a long list beside it takes most of the time), as its rule and
    where it is."""
    found: dict[str, Any] = Axe().run(page, within).response  # type: ignore[arg-type]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found["violations"]]


def check(page: Page, looks: list[tuple[int, str]] = ENDS) -> None:
    """axe finds nothing in these looks, and nothing is wider than the window in any."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if (width, scheme) in looks:
            assert faults(page) == [], f"at {width} px, {scheme}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px at {width}"
