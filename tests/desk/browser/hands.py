"""People at their keyboards before the real application: windows that follow each other, and hands that type, walk by
Tab to what has a name, and press; nothing is reached by script. What they do is counted for all of them together."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from playwright.sync_api import BrowserContext, Locator, Page

from auth import store
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.database.engine import reading
from tests.desk.conftest import PASSWORD, House

MOST_STEPS = 120  # of Tab, until what is looked for has the focus
FIELD = ":is(input, textarea, select):focus"
HAS_FOCUS = "element => element === document.activeElement"
Named = str | re.Pattern[str]


def let_in(context: BrowserContext, person: FlaskClient) -> None:
    """Let whoever is signed in by the test's client be signed in in a browser too."""
    cookie = person.get_cookie("cc")
    assert cookie is not None
    context.add_cookies([{"name": "cc", "value": cookie.value, "domain": "127.0.0.1", "path": "/"}])


def type_in(page: Page, words: str) -> None:
    """Type into the field that has the focus, once there is one: a page has come before it gives it to its first."""
    page.locator(FIELD).wait_for()
    page.keyboard.type(words)


@dataclass
class Tally:
    """What was done with the keyboard. `acts`: keys that do something, and fields that are filled; `steps`: Tab, which
    only moves the focus."""

    acts: int = 0
    steps: int = 0


class Hands:
    """Somebody at the keyboard of one window."""

    def __init__(self, page: Page, tally: Tally) -> None:
        self.page, self.tally = page, tally

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            if key in ("Tab", "Shift+Tab"):
                self.tally.steps += 1
            else:
                self.tally.acts += 1
            self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        """Fill the field that has the focus."""
        self.tally.acts += 1
        type_in(self.page, words)

    def walk(self, role: Any, name: Named, key: str = "Tab") -> Locator:
        """Step on until what has this role and accessible name has the focus."""
        wanted = self.page.get_by_role(role, name=name, exact=isinstance(name, str))
        for _ in range(MOST_STEPS):
            if any(each.evaluate(HAS_FOCUS) for each in wanted.all()):
                return wanted
            self.press(key)
        raise AssertionError(f"{role} {name!r} is not reached by {key} on {self.page.url}")

    def push(self, role: Any, name: Named) -> None:
        """Walk to a button or a link, and press it."""
        self.walk(role, name)
        self.press("Enter")

    def fill(self, name: Named, words: str, role: Any = "textbox") -> None:
        """Walk to a field, and fill it."""
        self.walk(role, name)
        self.type(words)

    def choose_file(self, name: Named, path: Path) -> None:
        """Open the chooser of a field for files, and choose one."""
        # The browser is told to hand the chooser over by one road, and the key goes by another that may be faster. The
        # walk asks the page at each step, and so waits for the first.
        with self.page.expect_file_chooser() as chooser:
            self.walk("button", name)
            self.press("Space")
        self.tally.acts += 1
        chooser.value.set_files(str(path))


class Windows:
    """The windows of everybody who takes part; `noise`: what their consoles said."""

    def __init__(self, browser: Any, house: House, address: str) -> None:
        self.browser, self.house, self.address = browser, house, address
        self.contexts: list[Any] = []
        self.noise: list[str] = []
        self.cookies: dict[str, str] = {}
        self.tally = Tally()

    def open(self, path: str = "", who: str = "", width: int = 1440, height: int = 900) -> Hands:
        """A window of somebody who has signed in, or of somebody without an account."""
        context = self.browser.new_context(base_url=self.address, viewport={"width": width, "height": height})
        context.set_default_timeout(20_000)
        self.contexts.append(context)
        if who:
            self.sign_in(context, who)
        page: Page = context.new_page()
        page.on("console", lambda said: self.noise.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.noise.append(str(error)))
        if path:
            page.goto(path)
        return Hands(page, self.tally)

    def sign_in(self, context: Any, who: str) -> None:
        """Give a window somebody's session."""
        if who not in self.cookies:
            cookie = self.house.enter(who).get_cookie("cc")
            assert cookie is not None
            self.cookies[who] = cookie.value
        context.add_cookies([{"name": "cc", "value": self.cookies[who], "domain": "127.0.0.1", "path": "/"}])

    def hire(self, login: str, name: str, roles: str, organization: str) -> str:
        """Somebody more who works somewhere, in these roles, separated by spaces; their login. In a house that a first
        attempt has been in, they may have been hired."""
        with reading(self.house.world.engine) as conn:
            hired = store.find_login(conn, login)
        if hired is None:
            accounts.add_user(self.house.world, NewUser(login, name, frozenset(roles.split()), organization), PASSWORD)
        return login

    def close(self) -> None:
        """Close them all."""
        for context in self.contexts:
            context.close()
