"""Where a clinic deals with a payer's server, in a real browser: payers by PAS under Set-up, how a request fares on its
way, the payer's forms, and the payer's page with the form that came: axe, the widths, the themes, Spanish, and the
keyboard."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from carecoord.domain.prior_auth.dtr import prefill, wanted
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import writing
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.store.prior_auth.payer_endpoints import Endpoint
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from tests.axe import ENDS, LOOKS, Look, check
from tests.desk.browser.hands import let_in
from tests.desk.browser.servers import served
from tests.desk.conftest import NOW, Clock, House, built

pytestmark = pytest.mark.xdist_group("browser-payers")
CASE, CLAIM = "worked-07-document-asked", "request-worked-07-document-asked"
FORM, REQUEST = f"/referrals/{CASE}/forms/form-open", f"/authorizations/{CLAIM}"
TOLD = {"fhir": "4.0.1", "software": "Horizon PAS 4", "subscribes": True,
        "operations": ["submit", "inquire", "submit-attachment", "questionnaire-package"]}  # fmt: skip
Json = dict[str, Any]


def asks(link: str, kind: str, words: str, expression: str = "", **more: Any) -> Json:
    said = {"language": "text/fhirpath", "expression": expression}
    filled = {"extension": [{"url": prefill.INITIAL, "valueExpression": said}]} if expression else {}
    return {"linkId": link, "type": kind, "text": words} | filled | more


QUESTIONS = wanted.fetched({
    "resourceType": "Questionnaire", "id": "fetched-disc", "url": "https://pas.example/forms/disc", "version": "3",
    "status": "active", "title": "Disc surgery: what was tried before",
    "item": [
        asks("born", "date", "Date of birth", "%patient.birthDate", required=True),
        asks("member", "string", "Member number", "%coverage.subscriberId"),
        asks("tried", "choice", "Which treatments were tried?", repeats=True, answerOption=[
            {"valueString": "Physical therapy"}, {"valueString": "Injections"}, {"valueString": "Medicines"}]),
        asks("weeks", "integer", "For how many weeks?", required=True),
        asks("words", "text", "What came of it"),
    ],
}, "blue-horizon")  # fmt: skip


def origin(kind: str, value: Json) -> list[Json]:
    marks = [{"url": prefill.ORIGIN, "extension": [{"url": "source", "valueCode": kind}]}]
    return [{"extension": marks, **value}]


CAME: Json = {
    "resourceType": "QuestionnaireResponse", "id": "answers-came", "status": "completed",
    "questionnaire": "https://pas.example/forms/disc|3", "subject": {"reference": "Patient/thanh-nguyen"},
    "basedOn": [{"reference": f"ServiceRequest/{CASE}"}], "authored": "2026-11-20T10:00:00-05:00",
    "meta": {"tag": [{"system": "https://carecoord.example/fhir/CodeSystem/disclosed-to", "code": "blue-horizon"}]},
    "item": [
        {"linkId": "born", "text": "Date of birth", "answer": origin("auto", {"valueDate": "1971-06-04"})},
        {"linkId": "member", "text": "Member number", "answer": origin("override", {"valueString": "BH-4490-007"})},
        {"linkId": "words", "text": "What came of it", "answer": origin("manual", {
            "valueString": "Two injections in August helped for a fortnight each; therapy made the leg pain worse."})},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def house(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A request that went by PAS, with a form to fill in, one that came of it, and one that can not be filled in."""
    for found in built(story, tmp_path_factory.mktemp("payers"), Clock()):
        world, now = found.world, micros(NOW)
        with writing(world.engine) as conn:
            stored = read.get(conn, "Claim", CLAIM)
            assert stored is not None
            claim: Json = json.loads(stored.body)
            info = [*claim.get("supportingInfo", []), {"sequence": 9, "category": {"text": "Form"}, "valueReference": {
                "reference": "QuestionnaireResponse/answers-came"}}]  # fmt: skip
            order = f"ServiceRequest/{CASE}"
            done = wanted.task("form-done", claim, order, QUESTIONS, NOW) | {
                "status": "completed", "description": "Back pain: the course so far",
                "output": [{"type": {"text": "Answers"}, "valueReference": {
                    "reference": "QuestionnaireResponse/answers-came"}}]}  # fmt: skip
            new = [QUESTIONS, CAME, claim | {"supportingInfo": info}, done,
                   wanted.task("form-open", claim, order, QUESTIONS, NOW),
                   wanted.refused("form-asks", claim, order, "Questions one by one", NOW)]  # fmt: skip
            put_all(conn, [Change(each["resourceType"], each["id"], each) for each in new], now=NOW,
                    actor=Actor(None, None, None, ""), base=world.base, project=world.project)  # fmt: skip
            for payer in ("blue-horizon", "granite-care", "pinnacle"):
                url = f"https://pas.{payer}.example/fhir"
                payer_endpoints.put(conn, Endpoint(payer, url, "fairmont", client_id="fairmont"))
            payer_endpoints.examined(conn, "blue-horizon", TOLD)
            payer_endpoints.heard(conn, "blue-horizon", now - 7_200_000_000, 3)
            payer_endpoints.failed(conn, "granite-care", "away", "It did not answer in 20 seconds.", now)
            sendings.order(conn, "submit", CLAIM, f"Claim/{CLAIM}", "blue-horizon", now - 172_800_000_000)
            sendings.begin(conn, f"submit:{CLAIM}", "b", b"{}", now - 172_000_000_000)
            sendings.settle(conn, f"submit:{CLAIM}", "answered", now - 171_000_000_000)
            sendings.order(conn, "attach", "wish", f"Claim/{CLAIM}", "blue-horizon", now)
            sendings.trouble(conn, "attach:wish", "away", "It did not answer in 20 seconds.")
        yield found


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Any, house: House) -> Iterator[Open]:
    with served(house) as address:
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(10_000)

        def opened(path: str, who: str) -> Page:
            let_in(context, house.enter(who))
            page: Page = context.new_page()
            page.goto(path)
            return page

        yield opened
        context.close()


def shot(page: Page, name: str) -> None:
    """Keep pictures of a page, where somebody wants to look at them."""
    if folder := os.environ.get("PAYER_PICTURES"):
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", full_page=True)


@pytest.mark.parametrize(("name", "path", "who", "looks"), [
    ("set-up", "/setup/pas", "admin", LOOKS),
    ("request", REQUEST, "coordinator", LOOKS),
    ("form", FORM, "coordinator", LOOKS),
    ("decision", f"/decisions/{CLAIM}", "payer", ENDS),
])  # fmt: skip
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    open_page: Open, name: str, path: str, who: str, looks: list[Look]
) -> None:
    page = open_page(path, who)
    for each in page.locator("details.asked > summary").all():
        each.press("Enter")
    shot(page, name)
    check(page, looks)
    page.context.set_extra_http_headers({"Accept-Language": "es"})
    page.goto(path)
    shot(page, f"{name}-es")
    check(page, [(320, "dark")])


def test_a_payers_form_is_filled_in_by_the_keyboard_and_its_answers_stand_on_the_request(open_page: Open) -> None:
    page = open_page(REQUEST, "coordinator")
    page.get_by_role("link", name="Disc surgery: what was tried before").press("Enter")
    expect(page.get_by_text("The payer wants this form with the request.")).to_be_visible()
    born = page.get_by_label("Date of birth")
    expect(born).to_have_accessible_description("From the chart")
    member = page.get_by_label("Member number")
    member.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("BH-1")
    page.get_by_role("button", name="Put it with the request").press("Enter")
    expect(page.locator("#faults")).to_be_visible()
    expect(member).to_have_accessible_description("Changed. The chart says: 4490007")
    check(page, ENDS)
    page.get_by_label("For how many weeks?").focus()
    page.keyboard.type("6")
    page.get_by_role("button", name="Put it with the request").press("Enter")
    page.wait_for_url(f"**{REQUEST}?done=**")
    page.locator("details.request-form summary", has_text="Disc surgery").press("Enter")
    answers = page.locator("details.request-form[open] .answers > div")
    expect(answers).to_have_text([re.compile(each) for each in (
        r"Date of birth.*From the chart", r"Member number\s*BH-1\s*Changed", r"weeks\?\s*6\s*Written at the clinic")])
