"""`/policies`: an admin sees what holds, says something else from a day on, and takes it back."""

import re

from flask.testing import FlaskClient

from carecoord.domain.policies.shipped import TERMS
from carecoord.store.agreements.register import NOW
from carecoord.store.policies import lines
from carecoord.web.policies.vocabulary import NAMES
from tests.desk.conftest import House

GRANITE = "office-blue-horizon"


def post(client: FlaskClient, path: str, page: str, **typed: str):
    hidden = dict(re.findall(r'<input type="hidden" name="(csrf|of|seen)" value="([^"]*)"', page))
    return client.post(path, data={**hidden, **typed})


def test_an_admin_says_something_of_a_payer_and_takes_it_back(acting_house: House) -> None:
    admin, address = acting_house.enter("admin"), f"/policies?of={GRANITE}"
    page = admin.get(address).get_data(as_text=True)
    assert int(re.findall(r"([\d,]+) open cases lean", page)[0].replace(",", "")) > 5
    typed = {"term": "decision.standard", "value": "5  Business days", "start": "2026-11-01", "business": ""}
    answer = post(admin, "/policies", page, **typed)
    assert answer.status_code == 303
    said = admin.get(answer.location).get_data(as_text=True)
    assert "Saved." in said
    assert "5 business days</bdi> · from 1 Nov 2026" in said

    stale = post(admin, "/policies", page, **typed | {"value": "6 days"})
    assert stale.status_code == 412
    assert 'value="6 days"' in stale.get_data(as_text=True), "what was typed is kept"

    (n,) = re.findall(r'name="n" value="(\d+)"', said)
    answer = post(admin, "/policies/back", said, n=n)
    assert "Nothing: what is shipped holds." in admin.get(answer.location).get_data(as_text=True)


def test_what_can_not_be_kept_is_said_at_its_field_and_what_was_typed_stays(acting_house: House) -> None:
    admin = acting_house.enter("admin")
    page = admin.get("/policies").get_data(as_text=True)
    for typed, field in (
        ({"term": "", "value": "7 days", "start": "today"}, "term"),
        ({"term": "appeal", "value": "a fortnight", "start": "today"}, "value"),
        ({"term": "appeal", "value": "7 days", "start": "some day"}, "start"),
        ({"term": "calendar.holidays", "value": "US-XX", "start": "today"}, "value"),
    ):
        answer = post(admin, "/policies", page, **typed)
        told = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert f'href="#{field}"' in told
        assert f'id="{field}-fault"' in told
        assert f'value="{typed["value"]}"' in told


def test_only_admins_come_here_and_only_from_our_own_page(acting_house: House) -> None:
    for who in ("coordinator", "payer", "contracts", "auditor"):
        assert acting_house.enter(who).get("/policies").status_code == 403
    admin = acting_house.enter("admin")
    assert 'href="/policies"' in admin.get("/people").get_data(as_text=True)
    assert admin.post("/policies", data={"term": "appeal", "value": "7 days", "start": "today"}).status_code == 403
    assert admin.get("/policies?of=nobody").status_code == 404


def test_every_term_has_words() -> None:
    assert set(NAMES) == set(TERMS)


def test_a_site_says_when_it_works_and_nothing_else(acting_house: House) -> None:
    admin, address = acting_house.enter("admin"), "/policies?of=Location/office-elm-street"
    page = admin.get(address).get_data(as_text=True)
    assert "Sites: when each works" in page
    terms = re.findall(r'<option value="([a-z.-]+)">', page[page.index('id="term"') :])
    assert terms == ["calendar.week", "calendar.hours", "calendar.holidays", "calendar.closed", "calendar.zone"]
    said = {"of": "Location/office-elm-street", "start": "today", "term": "calendar.closed", "value": "2026-12-24"}
    assert post(admin, "/policies", page, **said).status_code == 303
    assert "2026-12-24" in admin.get(address).get_data(as_text=True)
    other = said | {"term": "report", "value": "2 days"}
    assert post(admin, "/policies", admin.get(address).text, **other).status_code == 422
    assert admin.get("/policies?of=Location/nowhere").status_code == 404


def test_a_payers_rules_about_extensions_are_written_together_on_one_form(acting_house: House) -> None:
    admin, address = acting_house.enter("admin"), f"/policies?of={GRANITE}"
    page = admin.get(address).get_data(as_text=True)
    form = page[page.index('id="extension"') :]
    assert 'name="standard" type="text" maxlength="60" autocomplete="off" value="14 days"' in form
    assert "The patient or the payer" in form
    typed = {"standard": "5 business days", "expedited": "14 days", "by": "patient", "ground": "Papers are missing",
             "business": "medicaid", "start": "2026-11-01"}  # fmt: skip
    for field, value, shown in (
        ("standard", "soon", "standard"), ("by", "somebody", "by"), ("ground", "x" * 201, "ground"),
        ("start", "some day", "begins"), ("business", "none", "line"),
    ):  # fmt: skip
        told = post(admin, "/policies/extension", page, **typed | {field: value})
        assert told.status_code == 422
        assert f'id="{shown}-fault"' in told.text
        assert f'href="#{shown}"' in told.text
    same = typed | {"standard": "14 days", "by": "either", "ground": ""}
    assert "Nothing differs from what holds already." in post(admin, "/policies/extension", page, **same).text
    answer = post(admin, "/policies/extension", page, **typed)
    assert answer.status_code == 303
    with acting_house.world.engine.connect() as conn:
        rows = lines.find(conn, ["https://carecoord.example/id/payer|BH001"], NOW)
    assert {(r.name, r.business, r.value) for r in rows if r.name.startswith("extension.")} == {
        ("extension.standard", "medicaid", "5 business days"), ("extension.by", "medicaid", "patient"),
        ("extension.ground", "medicaid", "Papers are missing"),
    }  # fmt: skip
    assert post(admin, "/policies/extension", page, **typed | {"by": "payer"}).status_code == 412
    all_lines = {"business": "", "standard": "10 days", "start": "2026-11-01"}
    assert post(admin, "/policies/extension", admin.get(address).text, **typed | all_lines).status_code == 303
    back = typed | {"business": "chip", "standard": "14 days", "by": "either", "ground": ""}
    assert post(admin, "/policies/extension", admin.get(address).text, **back).status_code == 303
    assert 'value="10 days"' in admin.get(address).text
    assert "14 days</bdi> · from 1 Nov 2026 · CHIP" in admin.get(address).text
    office = admin.get("/policies?of=office-fairmont").text
    assert "policies/extension" not in office, "an office extends nothing"
