"""Take the README's picture of the worklist from a running demo (`make demo`), signed in as its coordinator.

    python tests/desk/shoot.py [var/demo.json]

Needs the extra `browser`, Chromium, and Pillow to make the file small: 256 colours lose nothing that one can see.
"""

import io
import json
import os
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[2] / "carecoord" / "docs" / "worklist.png"


def main(notes: Path) -> None:
    """Sign in, open the most urgent referral beside the list, and keep the picture."""
    demo = json.loads(notes.read_text())
    who = next(user for user in demo["users"] if user["role"] == "coordinator")
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport={"width": 1440, "height": 900}, color_scheme="light", base_url=demo["base_url"]
        )
        page.goto("/sign-in")
        page.fill("#login", who["login"])
        page.fill("#password", who["password"])
        page.click("form.form button")
        page.locator(".case-link", has_text="Okafor").first.click()
        page.locator("#panel-name").wait_for()
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(300)  # the font
        shot = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    # kmeans gives the rare greens a place of their own beside the many greys
    small = shot.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=12, dither=Image.Dither.NONE)
    small.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "var/demo.json"))
