"""Two records of one patient put together and taken apart in a real browser, by the keyboard; axe finds nothing."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from carecoord.store.database.engine import writing
from carecoord.store.resources.write import Actor, Change, put_all
from tests.axe import LOOKS, check
from tests.desk.acts.made import made
from tests.desk.browser.hands import Windows
from tests.desk.browser.servers import served
from tests.desk.conftest import House

pytestmark = pytest.mark.xdist_group("linkage")


@pytest.fixture
def windows(browser: Any, acting_house: House) -> Iterator[Windows]:
    """A house in which a patient stands twice, each record with a referral of its own."""
    world = acting_house.world
    one = {
        "resourceType": "Patient", "id": "rita-1", "name": [{"family": "Vaz", "given": ["Rita"]}],
        "birthDate": "1980-05-03", "managingOrganization": {"reference": "Organization/fairmont"},
    }  # fmt: skip
    for n in (1, 2):
        case = made(acting_house, "accepted")
        order = {
            "resourceType": "ServiceRequest", "id": case, "status": "active", "intent": "order",
            "subject": {"reference": f"Patient/rita-{n}"}, "requester": {"reference": "Organization/fairmont"},
            "performer": [{"reference": "Organization/bellwether-vascular"}], "authoredOn": "2026-11-20T10:00:00Z",
            "identifier": [{"value": f"R-V{n}"}], "code": {"text": "Consult"},
        }  # fmt: skip
        mrn = [{"system": "urn:mrn", "value": f"77{n}", "type": {"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}]  # fmt: skip
        changes = [
            Change("Patient", f"rita-{n}", one | {"id": f"rita-{n}", "identifier": mrn}),
            Change("ServiceRequest", case, order),
        ]
        with writing(world.engine) as conn:
            put_all(conn, changes, now=world.clock(), actor=Actor("ehr:elm", None, None, "sync"), base=world.base,
                    project=world.project)  # fmt: skip
    with served(acting_house) as address:
        opened = Windows(browser, acting_house, address)
        yield opened
        opened.close()
        assert opened.noise == []


def test_two_records_are_put_together_and_taken_apart_by_the_keyboard(windows: Windows) -> None:
    hands = windows.open("/quality", "coordinator")
    page: Page = hands.page
    expect(page.get_by_role("heading", name="Patients who may be written down twice 1")).to_be_visible()
    check(page, LOOKS)
    page.set_viewport_size({"width": 1440, "height": 900})
    hands.push("button", re.compile("^Same person: keep MRN 771"))
    expect(page.get_by_role("status").filter(has_text="Vaz, Rita stands for Vaz, Rita too.")).to_be_focused()
    check(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    hands.push("link", "MRN 772")
    expect(page.get_by_text("This record is merged: MRN 771 stands in its place.")).to_be_visible()
    hands.push("link", "MRN 771")
    expect(page.get_by_role("heading", name="Open loops 2")).to_be_visible()
    expect(page.get_by_text("Also written down as MRN 772")).to_be_visible()
    check(page)
    page.goto("/quality")
    hands.push("button", re.compile("^Take apart again"))
    expect(page.get_by_role("heading", name="Patients who may be written down twice 1")).to_be_visible()
