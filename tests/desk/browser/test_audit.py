"""Issue 3, Audit: the auditor's pages in a real browser, at every width and in both themes, with axe; also without
script."""

from collections.abc import Callable
from typing import Any

import pytest

from carecoord.fhir.instants import micros
from carecoord.store.access import break_glass
from carecoord.store.access.break_glass import Glass
from carecoord.store.audit.events import Event, record
from carecoord.store.database.engine import writing
from tests.axe import check
from tests.desk.conftest import NOW, House

AT = micros(NOW)
PATHS = ("/audit", "/audit?patient=a", "/audit?person=zzzzz", "/audit/emergencies?all=1", "/audit/emergencies")


@pytest.fixture(scope="session")
def busy(house: House) -> str:
    """A trail with something of each kind in it; the id of a patient of the story."""
    house.enter("coordinator").get("/")
    house.world.journal.drain(house.world.engine)
    with writing(house.world.engine) as conn:
        record(conn, [
            Event(AT + 1, "req-embed", "launch", 200, "nobody", launch="emb-1", query="ehr=city", patient="p-gone"),
            Event(AT + 2, "req-read", "read", 200, "nobody", None, "office-fairmont", "Observation", "obs-1",
                  patient="p-gone", launch="emb-1", emergency="g9"),
            Event(AT + 3, "req-no", "read", 403, "nobody", "unknown-app", None, "Patient", "p-gone"),
            Event(AT + 4, "req-many", "search", 200, "crawler", "crawler", None, "Patient", query="name=x&_count=50",
                  patients=tuple(f"p{n}" for n in range(20))),
        ])  # fmt: skip
        note = "The patient stands at the desk of the emergency room and can not speak for herself."
        break_glass.open_glass(conn, Glass("g9", "nobody", "p-gone", "transfer", note, AT, AT + 10**9))
    return "p-gone"


def test_axe_finds_nothing_and_nothing_overflows(open_page: Callable[..., Any], busy: str) -> None:
    page = open_page("/audit", who="auditor")
    for path in PATHS:
        page.goto(path)
        check(page)


def test_it_works_without_script(open_page: Callable[..., Any], busy: str) -> None:
    page = open_page("/audit", who="auditor", java_script_enabled=False)
    page.get_by_label("Patient").fill(busy)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Opened in an emergency").click()
    page.get_by_role("button", name="Reviewed").click()
    page.get_by_role("heading", name="Nothing to review").wait_for()
    assert page.url.endswith("/audit/emergencies")


def test_it_is_walked_by_keyboard(open_page: Callable[..., Any], busy: str) -> None:
    page = open_page(f"/audit?patient={busy}", who="auditor")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    wanted = ["patient", "person", "app", "what", "from", "to", "Search", "list"]
    assert list(dict.fromkeys(name for name in reached if name in wanted)) == wanted
