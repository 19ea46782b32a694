"""A real browser before the real application: Debian's Chromium, driven by Playwright, its checks by axe."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import chromium
from tests.desk.browser.servers import serving
from tests.desk.conftest import PASSWORD, PEOPLE, House

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed (extra `browser`)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            # pytest-playwright 0.10 leans on pytest-base-url, which uses what pytest 10 will drop
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not chromium.PATH:
        pytest.skip(chromium.MISSING)
    playwright.expect.set_options(timeout=chromium.SOON)
    return {**browser_type_launch_args, "executable_path": chromium.PATH, "args": chromium.QUIET}


@pytest.fixture(scope="session")
def site(house: House) -> Iterator[str]:
    """The address of the application, served from a thread."""
    with serving(house.app) as address:
        yield address


@pytest.fixture(scope="session")
def cookies(house: House) -> Callable[[str], list[dict[str, str]]]:
    """The cookies of somebody who has signed in, once per session: argon2 takes its time."""
    known: dict[str, str] = {}

    def of(who: str) -> list[dict[str, str]]:
        if who not in known:
            cookie = house.enter(who).get_cookie("cc")
            assert cookie is not None
            known[who] = cookie.value
        return [{"name": "cc", "value": known[who], "domain": "127.0.0.1", "path": "/"}]

    return of


@pytest.fixture
def open_page(open_noisy: Callable[..., Any], noise: list[str]) -> Iterator[Callable[..., Any]]:
    """Open a path as somebody; every console error, CSP report or failed script fails the test at its end."""
    yield open_noisy
    assert noise == []


@pytest.fixture
def noise() -> list[str]:
    """What the console said that it should not."""
    return []


@pytest.fixture
def open_noisy(
    browser: Any, site: str, cookies: Callable[[str], list[dict[str, str]]], noise: list[str]
) -> Iterator[Callable[..., Any]]:
    """Open a path as somebody, in a window of its own."""
    contexts: list[Any] = []

    def opened(path: str = "/", who: str = "coordinator", width: int = 1440, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(base_url=site, viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.add_cookies(cookies(who))
        page = context.new_page()
        page.on("console", lambda said: noise.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def sign_in_page(browser: Any, site: str) -> Iterator[Any]:
    context = browser.new_context(base_url=site)
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#login", PEOPLE["coordinator"][0])
    page.fill("#password", PASSWORD)
    yield page
    context.close()
