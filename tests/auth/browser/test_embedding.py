"""Issue 3, "What it must show" 2: a launch inside a cross-site iframe keeps its session, in real Chromium over TLS.

Two sites by name, ehr.test and care.test: the EHR is a second instance of our own application, and a page of its site
frames us as EHRs do, sandboxed. What is particular to the EHR in these tests: its pages may frame its own consent.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask, Response, request
from playwright.sync_api import Browser, BrowserContext, BrowserType, FrameLocator, Page, expect
from werkzeug.serving import make_server

from tests.adapters.wsgi import WsgiAdapter
from tests.auth.ehrs.test_launch import built
from tests.auth.server.test_over_tls import certificate
from tests.axe import ADDS, LOOKS, check, faults
from tests.chromium import WHOLE

from .. import ehr_place
from ..ehr_place import PATELS, SANDBOX, SANTOSES, Two

__all__ = ["built", "certificate"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("embedding"),
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]

@pytest.fixture(scope="module")
def chromium(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    """A Chromium that finds every name under .test on this machine: the whole one, for the headless shell does not keep
    a frame's cookies apart as people's browsers do."""
    if not WHOLE:
        pytest.skip("needs the whole of Chromium: apt-get install chromium")
    names = "--host-resolver-rules=MAP *.test 127.0.0.1"
    args = {"executable_path": WHOLE, "args": [*browser_type_launch_args["args"], names]}
    made = browser_type.launch(**browser_type_launch_args | args)
    yield made
    made.close()


class Front:
    """An EHR's web server: our application, a page that frames apps, and consent that this page may frame."""

    def __init__(self, app: Flask) -> None:
        self.app, self.pages = app, Flask("chart")
        self.pages.add_url_rule("/chart", view_func=self.chart)

    def chart(self) -> Response:
        """One frame for each `src`; with `isolated`, a page that shows only what may be shown on an isolated one."""
        frames = "".join(
            f'<iframe sandbox="{SANDBOX}" title="app {n}" width="{request.args.get("width", "600")}" height="900" '
            f'src="{src}"></iframe>'
            for n, src in enumerate(request.args.getlist("src"))
        )
        headers = {"Cross-Origin-Embedder-Policy": "require-corp"} if request.args.get("isolated") else {}
        return Response(f"<!doctype html><title>Chart</title>{frames}", content_type="text/html", headers=headers)

    def __call__(self, environ: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/chart":
            return self.pages(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if path.startswith("/oauth/"):
                kept = [(name, value) for name, value in headers if name != "X-Frame-Options"]
                headers = [(name, value.replace("frame-ancestors 'none'", "frame-ancestors 'self'"))
                           for name, value in kept]  # fmt: skip
                headers.append(("Cross-Origin-Embedder-Policy", "require-corp"))
            return start_response(status, headers, exc_info)

        return self.app(environ, start)


@pytest.fixture
def two(built: Path, tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Two]:
    """Both, served over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    servers = [make_server("127.0.0.1", 0, Flask(name), threaded=True, ssl_context=context) for name in "ab"]
    urls = (f"https://ehr.test:{servers[0].server_port}", f"https://care.test:{servers[1].server_port}")
    sites: dict[str, Flask] = {}

    def http() -> requests.Session:
        made = requests.Session()
        made.mount(urls[0], WsgiAdapter(sites[urls[0]]))
        return made

    made = ehr_place.copied(built, tmp_path, urls, http)
    sites |= made.sites
    servers[0].app, servers[1].app = Front(made.sites[urls[0]]), made.sites[urls[1]]
    threads = [Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    yield made
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()
    made.ehr.engine.dispose()
    made.our.engine.dispose()


@pytest.fixture
def context(chromium: Browser, two: Two) -> Iterator[BrowserContext]:
    """A doctor's browser: signed in at the hospital's desk, and never here before."""
    made = chromium.new_context(ignore_https_errors=True)
    made.set_default_timeout(15_000)
    cookie = two.at_desk(two.ehr, two.doctor())
    made.add_cookies([{"name": "__Host-cc", "value": cookie, "url": two.ehr_url, "secure": True, "sameSite": "Lax"}])
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Its tab; whatever breaks our policy or fails in a script says so on the console."""
    made = context.new_page()
    seen: list[str] = []
    made.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: seen.append(str(error)))
    yield made
    assert [said for said in seen if "status of 40" not in said and "requestStorageAccess" not in said] == []


def chart(page: Page, two: Two, *referrals: str, **more: str) -> None:
    """Open the hospital's page that frames us, once for each referral."""
    frames = [f"src=/referrals/{referral}/apps/carecoord" for referral in referrals]
    page.goto(f"{two.ehr_url}/chart?{'&'.join([*frames, *(f'{name}={value}' for name, value in more.items())])}")


def frame(page: Page, n: int = 0) -> FrameLocator:
    return page.frame_locator(f"iframe[title='app {n}']")


def agree(shown: FrameLocator) -> None:
    """Let us in at the hospital, inside the frame."""
    shown.get_by_role("button", name="Allow").click()


def test_a_launch_in_a_cross_site_frame_keeps_its_session(page: Page, two: Two) -> None:
    two.register()
    chart(page, two, PATELS)
    shown = frame(page)
    agree(shown)
    expect(shown.locator(".embed-name")).to_have_text("Patel, Arjun")
    inside = page.frames[1]
    assert inside.url.startswith(f"{two.our_url}/embed/l/")
    shown.locator(".case-link").first.click()
    expect(shown.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(shown.locator(".embed-name")).to_have_text("Patel, Arjun")
    inside.evaluate("setTimeout(() => location.reload())")  # told before the frame goes
    expect(shown.get_by_role("heading", name="Timeline")).to_be_visible()
    shown.get_by_role("link", name="All referrals").click()
    expect(shown.get_by_role("navigation", name="Referrals")).to_be_visible()
    assert len(page.context.pages) == 1
    assert page.url.startswith(f"{two.ehr_url}/chart"), "the top never went anywhere"


def test_a_launch_from_the_hospitals_desk_in_a_tab(page: Page, two: Two) -> None:
    """Without a frame: the hospital's desk is our own, and starts us as any app of its."""
    two.register()
    page.goto(f"{two.ehr_url}/referrals/{PATELS}/apps")
    page.get_by_role("link", name="carecoord").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator(".embed-name")).to_have_text("Patel, Arjun")
    page.reload()
    expect(page.locator(".embed-name")).to_have_text("Patel, Arjun")


def test_two_launches_side_by_side_do_not_mix(page: Page, two: Two) -> None:
    """Both at once, in a browser that has no cookie of ours yet: each opens a session, the browser keeps one."""
    two.register()
    chart(page, two, PATELS, SANTOSES)
    first, second = frame(page), frame(page, 1)
    expect(first.get_by_role("button", name="Allow")).to_be_visible()
    expect(second.get_by_role("button", name="Allow")).to_be_visible()
    agree(first)
    agree(second)
    for _ in range(2):
        expect(first.locator(".embed-name")).to_have_text("Patel, Arjun")
        expect(second.locator(".embed-name")).to_have_text("Santos, Maricel")
        for inside in page.frames[1:]:
            inside.evaluate("setTimeout(() => location.reload())")  # told before the frame goes
    second.locator(".case-link").first.click()
    first.locator(".case-link").first.click()
    expect(first.locator(".embed-name")).to_have_text("Patel, Arjun")
    expect(second.locator(".embed-name")).to_have_text("Santos, Maricel")
    expect(first.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(second.get_by_role("heading", name="Timeline")).to_be_visible()


def test_the_frame_is_refused_to_a_page_that_is_not_registered(context: BrowserContext, two: Two) -> None:
    """Clickjacking: another site frames a launch that is good in its own frame."""
    two.register()
    page = context.new_page()
    chart(page, two, PATELS)
    agree(frame(page))
    expect(frame(page).locator(".embed-name")).to_be_visible()
    address = page.frames[1].url
    evil = page.url.replace("ehr.test", "evil.test").partition("?")[0]
    other = context.new_page()
    with other.expect_console_message(lambda said: "frame-ancestors" in said.text):
        other.goto(f"{evil}?src={address}")
    assert frame(other).locator("main").count() == 0


def test_a_launch_from_a_page_of_another_origin_is_refused_its_frame(context: BrowserContext, two: Two) -> None:
    """The hospital's own page, when it is not the origin that was registered."""
    two.register(origins=("https://portal.test",))
    page = context.new_page()
    chart(page, two, PATELS)
    with page.expect_console_message(lambda said: "frame-ancestors https://portal.test" in said.text):
        agree(frame(page))
    assert frame(page).locator(".embed-name").count() == 0


def test_a_page_that_is_isolated_may_frame_us_too(page: Page, two: Two) -> None:
    two.register()
    chart(page, two, PATELS, isolated="1")
    agree(frame(page))
    expect(frame(page).locator(".embed-name")).to_have_text("Patel, Arjun")


def test_a_browser_that_keeps_no_cookies_in_frames_gets_a_tab(context: BrowserContext, page: Page, two: Two) -> None:
    """A clear page, not a loop; its button works once."""
    two.register()

    forget_partitions(two)
    chart(page, two, PATELS)
    agree(frame(page))
    button = frame(page).get_by_role("button", name="Open in a new tab")
    expect(button).to_be_visible()
    sound(page)
    # The other way, the Storage Access API: an EHR's sandbox that does not let us ask for it is said in words.
    frame(page).get_by_role("button", name="Allow cookies here").click()
    expect(frame(page).get_by_role("status")).to_contain_text("does not allow it here")
    with context.expect_page() as opened:
        button.click()
    tab = opened.value
    expect(tab.locator(".embed-name")).to_have_text("Patel, Arjun")
    assert tab.url.startswith(f"{two.our_url}/embed/l/")
    with context.expect_page() as again:
        button.click()
    expect(again.value.get_by_role("alert")).to_contain_text("works once")


def test_the_full_page_of_somebody_who_comes_by_the_ehr_alone(context: BrowserContext, page: Page, two: Two) -> None:
    two.register()
    chart(page, two, PATELS)
    shown = frame(page)
    agree(shown)
    shown.get_by_role("button", name="Open full page").click()
    expect(shown.get_by_role("button", name="Open in a new tab")).to_be_visible()
    sound(page)
    with context.expect_page() as opened:
        shown.get_by_role("button", name="Open in a new tab").click()
    expect(opened.value.locator(".embed-name")).to_have_text("Patel, Arjun")
    shown.get_by_role("link", name="Back").click()
    expect(shown.locator(".embed-name")).to_have_text("Patel, Arjun")
    shown.get_by_role("button", name="Close").click()
    expect(shown.get_by_role("heading", name="Closed")).to_be_visible()
    sound(page)


def test_every_page_in_the_frame_is_sound_for_axe_at_each_width_light_and_dark(
    context: BrowserContext, page: Page, two: Two
) -> None:
    two.register()
    chart(page, two, PATELS)
    shown = frame(page)
    agree(shown)
    shown.get_by_role("button", name="Open full page").click()
    with context.expect_page() as opened:
        shown.get_by_role("button", name="Open in a new tab").click()
    tab = opened.value
    expect(tab.locator(".embed-name")).to_be_visible()
    home = tab.url
    check(tab)
    tab.goto(f"{home}?tab=closed")
    check(tab)
    tab.goto(home)
    tab.locator(".case-link").first.click()
    for part in tab.locator(".gate summary").all():
        part.click()
    check(tab)
    tab.goto(f"{home}referrals/nonsense")
    check(tab)


def forget_partitions(two: Two) -> None:
    """Make of our cookies what a browser sees that knows no partitions: Chromium then keeps none in a foreign frame."""
    app = two.sites[two.our_url]
    inner = app.wsgi_app

    def older(environ: Any, start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            plain = [(name, value.replace("; Partitioned", "")) for name, value in headers]
            return start_response(status, plain, exc_info)

        return inner(environ, start)

    app.wsgi_app = older  # type: ignore[method-assign]


def sound(page: Page) -> None:
    """axe finds nothing in a page that only a frame shows: see `check`."""
    inside = page.frames[1]
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.locator("iframe").evaluate("(frame, width) => { frame.width = width; }", width)
        inside.wait_for_function("width => innerWidth === width", arg=width)  # the frame runs in a process of its own
        assert faults(inside, rules=ADDS[width, scheme]) == [], f"at {width} px, {scheme}"
        wide = inside.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px at {width}"
