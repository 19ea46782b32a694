"""Shoot the README's picture of the worklist from a running demo.

    make demo                                      # in one terminal
    .venv/bin/python -m tests.picture              # in another; needs the extra `browser` and Debian's chromium

It signs in as the coordinator of var/demo.json and writes carecoord/docs/worklist.png.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WINDOW = {"width": 1440, "height": 900}
PICTURE = Path(__file__).parents[1] / "carecoord" / "docs" / "worklist.png"


def shoot(note: Path, picture: Path) -> None:
    """Sign in, open the worklist with its first referral, and take the picture."""
    said = json.loads(note.read_text())
    user = next(user for user in said["users"] if user["role"] == "coordinator")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, reduced_motion="reduce")
        page.goto(said["base_url"])
        page.get_by_label("Login").fill(user["login"])
        page.get_by_label("Password").fill(user["password"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Okafor, Ngozi").first.click()
        page.get_by_role("heading", name="Okafor, Ngozi").wait_for()
        page.wait_for_load_state("networkidle")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    var = Path(os.environ.get("CARECOORD_VAR", "var"))
    shoot(var / "demo.json", Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
