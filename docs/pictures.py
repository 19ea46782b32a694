"""Take the pictures of docs/users from a running demo, signed in as the people of its story.

    make demo                                # in one terminal
    .venv/bin/python docs/pictures.py        # in another: the extra `browser`, Chromium, and Pillow to make them small

Everybody in them is made up. 64 colours lose nothing that one would miss.
"""

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER: Final = Path(__file__).parent / "users"
WINDOW: Final = {"width": 1200, "height": 800}
COLOURS: Final = 64
NOT_ONE: Final = ("/new", "/alike", "/letters", "/metrics")  # pages beside those of single things
# The picture: whose it is, the page, and the text of a link that is followed from there.
PICTURES: Final = {
    "waiting": ("maria.reyes", "/waiting", ""),
    "worklist": ("maria.reyes", "/", "Okafor"),
    "referral": ("maria.reyes", "/", "Okafor|/referrals/"),
    "new-referral": ("maria.reyes", "/referrals/new", ""),
    "decisions": ("paul.okonkwo", "/decisions", ""),
    "decision": ("paul.okonkwo", "/decisions", "|/decisions/"),
    "contracts": ("carla.nilsson", "/contracts", ""),
    "contract": ("carla.nilsson", "/contracts", "|/contracts/"),
}


def main(notes: Path) -> None:
    """All of them."""
    demo = json.loads(notes.read_text())
    passwords = {user["login"]: user["password"] for user in demo["users"]}
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        pages: dict[str, Page] = {}
        for name, (login, where, link) in PICTURES.items():
            if login not in pages:
                pages[login] = entered(browser, demo["base_url"], login, passwords[login])
            keep(pages[login], where, link, FOLDER / f"{name}.png")
        browser.close()


def entered(browser: Browser, base: str, login: str, password: str) -> Page:
    """A page of somebody who has signed in."""
    given = {"color_scheme": "light", "reduced_motion": "reduce", "locale": "en-US"}
    page = browser.new_page(viewport=WINDOW, base_url=base, **given)
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("form.form button")
    return page


def keep(page: Page, where: str, link: str, file: Path) -> None:
    """One picture. link: text of a link to click; behind a `|` the beginning of the address of a page to go on to."""
    page.goto(where)
    text, _, address = link.partition("|")
    if text:
        page.locator("a.case-link", has_text=text).first.click()
        page.locator("#panel-name").wait_for()
    if address:
        found = page.locator(f"a[href^='{address}']")
        links = found.evaluate_all("all => all.map(one => one.getAttribute('href'))")
        whole = [each.partition("?")[0] for each in links]
        page.goto(next(each for each in whole if each.count("/") == 2 and not each.endswith(NOT_ONE)))
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    small = shot.quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(file, optimize=True)
    print(f"{file.name}: {file.stat().st_size // 1024} KB")  # noqa: T201 (a script that says what it did)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ.get("CARECOORD_VAR", "var")) / "demo.json")
