"""The Chromium that tests drive: Debian's headless shell where it is installed, which draws no window around each page
and takes half the time, else the whole browser. CHROMIUM names another."""

import os
import shutil

WHOLE = os.environ.get("CHROMIUM") or shutil.which("chromium")
PATH = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or WHOLE
SOON = 20_000  # milliseconds, until what a test waits for without saying how long: it shares the machine with others
MISSING = "needs Chromium: apt-get install chromium-headless-shell"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # One process draws, and one runs the pages: of each kind another would begin, and end, with every window.
    "--in-process-gpu",
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
]
