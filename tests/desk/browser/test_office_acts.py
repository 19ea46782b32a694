"""The forms of what an office does around an agreement, which need something to have been done before: approving a
draft, bills, what is owed, clauses. axe finds nothing wrong with any, and nothing is wider than the window."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.policies import say
from tests.axe import ENDS, check
from tests.desk.agreements.test_acts import after, opened, send
from tests.desk.agreements.test_office import CLINIC, STEPS, done, drafted
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import serving
from tests.desk.conftest import NOW, PASSWORD, House
from tests.domain.documents.files import pdf

Show = Callable[[str, str, str], Page]


@pytest.fixture(scope="module")
def office(acting_house: House) -> House:
    clock: Any = acting_house.world.clock
    clock.now = NOW
    say.say(acting_house.world, None, "", "office-fairmont", STEPS, None)
    ames = NewUser("ames", "Ames", frozenset({"contracts"}), "office-fairmont")
    accounts.add_user(acting_house.world, ames, PASSWORD)
    return acting_house


@pytest.fixture(scope="module")
def address(office: House) -> Iterator[str]:
    with serving(office.app) as address:
        yield address


@pytest.fixture
def show(browser: Any, address: str, office: House) -> Iterator[Show]:
    """The form of an act on an agreement, as somebody opens it."""
    contexts = []

    def opened_as(who: str, id: str, act: str) -> Page:
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(10_000)
        contexts.append(context)
        let_in(context, office.enter(who))
        page: Page = context.new_page()
        page.goto(f"/contracts/{id}?act={act}")
        page.locator("#act-form").wait_for()
        return page

    yield opened_as
    for context in contexts:
        context.close()


def test_a_draft_on_its_round(office: House, show: Show) -> None:
    carla = office.enter("contracts")
    id = drafted(carla, "V-21")
    check(show("contracts", id, "submit"), ENDS)
    done(carla, id, "submit")
    check(show("ames", id, "approve"), ENDS)
    check(show("ames", id, "give-back"), ENDS)


def test_bills_and_what_is_owed(office: House, show: Show) -> None:
    carla = office.enter("contracts")
    id = drafted(carla, "V-22")
    check(show("contracts", id, "bill"), ENDS)
    done(carla, id, "bill", number="71", issuer=CLINIC, day="1 Nov", amount="2,500")
    check(show("contracts", id, "pay"), ENDS)
    done(carla, "agr-0115-v1", "oblige", what="Roster", owner=CLINIC, due="2026-11-15")
    page = show("contracts", "agr-0115-v1", "oblige")
    page.locator("a[href*='act=fulfil']").click()
    page.locator("input[name=day]").wait_for()
    check(page, ENDS)


def test_the_clause_on_which_a_term_stands(office: House, show: Show) -> None:
    carla = office.enter("contracts")
    given = opened(carla, "agr-0108-v1", "file") | {"file": (io.BytesIO(pdf()), "a.pdf"), "kind": "signed-agreement"}
    after(carla, carla.post("/contracts/agr-0108-v1/file", data=given, content_type="multipart/form-data"))
    page = show("contracts", "agr-0108-v1", "cite")
    check(page, ENDS)
    assert send(carla, "agr-0108-v1", "cite", opened(carla, "agr-0108-v1", "cite")).status_code == 422
