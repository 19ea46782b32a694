"""What axe finds in a page, and how a page is looked at: at three widths, light and dark."""

from typing import Literal, TypeAlias

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page

Rules: TypeAlias = Literal["all", "colours", "drawn"] | None
Look: TypeAlias = tuple[int, Literal["light", "dark"]]

# What each look can show that none before it did. Of axe's rules only those about colours can tell light from dark; and
# the two narrow widths have one layout between them, which is seen once light, once dark: the second time what is drawn
# otherwise where there is less room, and in the other colours.
ADDS: dict[Look, Rules] = {
    (1440, "light"): "all", (1440, "dark"): "colours", (420, "light"): "all", (420, "dark"): None,
    (320, "light"): None, (320, "dark"): "drawn",
}  # fmt: skip
LOOKS = list(ADDS)
ENDS: list[Look] = [(1440, "light"), (320, "dark")]  # for further pages of a template that is looked at in every way
COLOURS = ("color-contrast", "link-in-text-block")
DRAWN = (*COLOURS, "scrollable-region-focusable", "target-size")
ONLY: dict[str, tuple[str, ...]] = {"colours": COLOURS, "drawn": DRAWN}

_SOURCE = Axe().axe_script
_RUN = """([within, only]) => axe.run(within ?? document, {resultTypes: ["violations"], ...(only && {runOnly: only})})
    .then(found => found.violations.map(each => `${each.id}: ${each.nodes[0].html}`))"""


def faults(page: Page | Frame, within: str | None = None, rules: Rules = "all") -> list[str]:
    """Each violation, in the page or within an element (a long list beside it takes most of the time), as its rule and
    where it is."""
    if rules is None:
        return []
    if not page.evaluate("'axe' in window"):
        page.evaluate(_SOURCE)
    found: list[str] = page.evaluate(_RUN, [within, ONLY.get(rules)])
    return found


def rules_of(look: Look, looks: list[Look]) -> Rules:
    """What to ask of a page in one of the looks that it is given."""
    return "all" if ADDS[look] == "drawn" and (420, "light") not in looks else ADDS[look]


def check(page: Page, looks: list[Look] = ENDS) -> None:
    """axe finds nothing in these looks, and nothing is wider than the window in any."""
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        if (width, scheme) in looks:
            assert faults(page, rules=rules_of((width, scheme), looks)) == [], f"at {width} px, {scheme}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px at {width}"
