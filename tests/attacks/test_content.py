"""Stored content (security.md 3), over HTTP on both databases: script in every text that the desk shows, file names,
files served, what an app says of itself, formulas in spreadsheets, line breaks into the log."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin

import openpyxl
import pytest

from auth import store
from carecoord.store.database.engine import writing
from tests.attacks.fort import Fort
from tests.attacks.test_fuzz import PAGES

EVIL = "'\"></td></script><b id=pwn9 onpwn9=1>{{7*7}}${7*7}</b>"
LINK = "javascript:pwn9()"
FORMULAS = ("=HYPERLINK(\"http://evil.example\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1")
ID = "evil-one"
FAIRMONT = {"reference": "Organization/office-fairmont"}


class Judge(HTMLParser):
    """What a browser would make of a page, as far as it should not be there."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            said = re.sub(r"[\x00-\x20]", "", value or "").lower()
            led = name in ("href", "src", "action",
                "formaction") and said.startswith(("javascript:", "data:text", "vbscript:"))
            if name.startswith(("onpwn9", "on")) or (name == "id" and value == "pwn9") or led:
                self.faults.append(f"<{tag} {name}={value!r}>")


def resources(said: str, id: str, link: str = LINK) -> list[dict[str, Any]]:
    """A case of the office of Fairmont in which every text is this one."""
    who, told = {"reference": f"Patient/{id}", "display": said}, {"text": said,
        "coding": [{"code": "x", "display": said}]}
    there, order = {"reference": f"Organization/{id}-there",
        "display": said}, {"reference": f"ServiceRequest/{id}-order"}
    note, number = [{"text": said, "authorString": said}], [{"system": "http://x.test/n", "value": said}]
    party = {"name": said, "telecom": [{"system": "phone", "value": said}, {"system": "url", "value": link}],
             "address": [{"line": [said], "city": said, "state": said}]}  # fmt: skip
    file = {"contentType": "text/html", "title": said, "url": f"Binary/{id}-file"}
    fulfil = {"status": "requested", "intent": "order", "for": who, "requester": FAIRMONT, "owner": there,
        "focus": order}
    return [
        {"resourceType": "Organization", "id": f"{id}-there", **party},
        {"resourceType": "Patient", "id": id, "identifier": number,
        "name": [{"family": said, "given": [said], "text": said}],
         "telecom": party["telecom"], "address": party["address"], "managingOrganization": FAIRMONT,
         "contact": [{"name": {"text": said}, "relationship": [told]}], "communication": [{"language": told}]},
        {"resourceType": "ServiceRequest", "id": f"{id}-order", "status": "active", "intent": "order", "subject": who,
         "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005", "display": said}]}],
         "code": told,
         "reasonCode": [told], "note": note, "requester": FAIRMONT, "performer": [there], "performerType": told,
         "patientInstruction": said, "identifier": number, "supportingInfo": [{"display": said}]},
        {"resourceType": "Task", "id": f"{id}-task", **fulfil, "description": said, "note": note, "statusReason": told,
         "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}},
        {"resourceType": "Binary", "id": f"{id}-file", "contentType": "text/html",
         "data": "PHNjcmlwdD5wd245KCk8L3NjcmlwdD4="},
        {"resourceType": "DocumentReference", "id": f"{id}-paper", "status": "current", "subject": who,
        "description": said,
         "type": told, "content": [{"attachment": file}], "context": {"related": [order]}},
        {"resourceType": "Condition", "id": f"{id}-problem", "subject": who, "code": told, "note": note,
         "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
         "code": "active"}]}},
        {"resourceType": "AllergyIntolerance", "id": f"{id}-allergy", "patient": who, "code": told, "clinicalStatus": {
             "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
             "code": "active"}]},
         "reaction": [{"manifestation": [told], "description": said}]},
        {"resourceType": "Observation", "id": f"{id}-lab", "status": "final", "code": told, "subject": who,
        "valueString": said,
         "interpretation": [told]},
        {"resourceType": "MedicationRequest", "id": f"{id}-drug", "status": "active", "intent": "order", "subject": who,
         "medicationCodeableConcept": told, "dosageInstruction": [{"text": said}]},
        {"resourceType": "Communication", "id": f"{id}-word", "status": "completed", "subject": who, "about": [order],
         "payload": [{"contentString": said}], "sender": {"display": said}, "topic": told},
        {"resourceType": "Coverage", "id": f"{id}-card", "status": "active", "beneficiary": who, "subscriberId": said,
         "payor": [{"reference": "Organization/pinnacle", "display": said}],
         "class": [{"type": told, "value": said, "name": said}]},
        {"resourceType": "Appointment", "id": f"{id}-visit", "status": "proposed", "description": said, "comment": said,
         "participant": [{"actor": who, "status": "accepted"}], "basedOn": [order], "serviceType": [told]},
        {"resourceType": "Goal", "id": f"{id}-goal", "lifecycleStatus": "active", "subject": who,
        "description": {"text": said}},
        {"resourceType": "Flag", "id": f"{id}-flag", "status": "active", "code": told, "subject": who},
    ]  # fmt: skip


@pytest.fixture(scope="module")
def planted(fort: Fort) -> Fort:
    fort.put(*resources(EVIL, ID))
    return fort


SHOWN = (
    f"/?show={ID}-order", f"/referrals/{ID}-order", f"/referrals/{ID}-order?act=note",
    f"/referrals/{ID}-order?act=book",
    f"/referrals/{ID}-order/messages", f"/referrals/{ID}-order/links", f"/patients/{ID}", f"/patients?q={quote(EVIL)}",
    f"/record/ServiceRequest/{ID}-order", f"/record/DocumentReference/{ID}-paper", f"/record/Observation/{ID}-lab",
    f"/record/Patient/{ID}", f"/?q={quote(EVIL)}", f"/chosen?act=note&id={ID}-order", f"/referrals/{ID}-order/refer",
    f"/referrals/new?order={ID}-order", f"/worklist/options?facet=referral&q={quote('<')}", f"/waiting?show={ID}-order",
    f"/audit?patient={ID}", f"/audit?q={quote(EVIL)}", f"/codes?q={quote(EVIL)}", f"/sign-in?next={quote(EVIL)}",
    f"/no/such/{quote(EVIL)}", f"/contracts?q={quote(EVIL)}", f"/authorizations?q={quote(EVIL)}",
    f"/decisions?q={quote(EVIL)}",
    f"/oauth/authorize?client_id={quote(EVIL)}&error_description={quote(EVIL)}", f"/setup/copies?q={quote(EVIL)}",
)  # fmt: skip


@pytest.mark.parametrize("who", ["coordinator", "clinician", "admin", "auditor"])
def test_no_text_that_is_stored_or_asked_for_becomes_part_of_a_page(planted: Fort, who: str) -> None:
    with planted.enter(who) as browser:
        seen = 0
        for path in (*SHOWN, *PAGES):
            page = browser.get(planted.url + path, timeout=60)
            assert page.status_code < 500, path
            if "html" in page.headers.get("Content-Type", ""):
                seen += page.text.count("pwn9")
                assert Judge(page.text).faults == [], path
                assert "7*7" not in page.text or "{{7*7}}" in page.text.replace("&#123;", "{"), path
                assert "script-src 'self'" in page.headers["Content-Security-Policy"], path
        assert seen > (40 if who == "coordinator" else 0), "it is shown, as the text that it is"


def test_a_file_is_saved_under_a_plain_name_and_never_opened_as_a_page(planted: Fort) -> None:
    with planted.enter("coordinator") as browser:
        for path in (f"/documents/{ID}-paper/0", f"/documents/{ID}-paper/1"):
            answer = browser.get(planted.url + path, timeout=60)
            if answer.status_code == 404:
                continue
            said = answer.headers
            assert said["X-Content-Type-Options"] == "nosniff"
            assert said["Content-Disposition"].startswith("attachment") or "html" not in said["Content-Type"]
            assert not re.search(r"[\r\n<>]", said["Content-Disposition"])
    for kind, data in (("text/html", b"<script>1</script>"), ("image/svg+xml", b"<svg onload='1'/>"),
        ("text/xml", b"<x/>"),
                       ("application/xhtml+xml", b"<html/>"), ("text/plain", b"<html><script>1</script>")):  # fmt: skip
        sent = planted.ask("POST", "Binary", planted.token(), data, Content_Type=kind)
        if sent.status_code != 201:
            assert sent.status_code in (400, 415, 422), kind
            continue
        path = urljoin("/", sent.headers["Location"].partition("/fhir/")[2].partition("/_history")[0])
        got = planted.ask("GET", path.lstrip("/"), planted.token(), Accept="*/*")
        assert got.headers["X-Content-Type-Options"] == "nosniff", kind
        plain = got.headers["Content-Type"].startswith(("application/fhir+json", "text/plain",
            "application/octet-stream"))
        assert plain or "attachment" in got.headers.get("Content-Disposition", ""), (kind, got.headers)
        assert "default-src 'none'" in got.headers.get("Content-Security-Policy", "default-src 'none'")


@pytest.mark.parametrize("change", [
    {"client_name": EVIL}, {"client_name": "x", "logo_uri": LINK},
    {"client_name": "x", "client_uri": "data:text/html,<script>"},
    {"client_name": "x", "tos_uri": LINK, "policy_uri": "vbscript:x"}, {"client_name": "x", "contacts": [EVIL]},
    {"client_name": "x", "software_id": EVIL, "software_version": EVIL},
])  # fmt: skip
def test_what_an_app_says_of_itself_is_shown_as_text_and_leads_nowhere(fort: Fort, change: dict[str, Any]) -> None:
    form = {"redirect_uris": ["https://app.example/callback"], "scope": "openid patient/Patient.rs", **change,
            "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}  # fmt: skip
    answer = fort.post("/oauth/register", json=form)
    assert answer.status_code in (201, 400), answer.text
    with fort.enter("admin") as browser:
        page = browser.get(f"{fort.url}/apps", timeout=60)
    assert page.status_code == 200
    assert Judge(page.text).faults == []
    assert LINK not in page.text
    for uri in (LINK, "data:text/html,x", "https://app.example/cb\r\nX: y", "https://u:p@app.example/",
        "http://app.example/"):
        refused = fort.post("/oauth/register", json={**form, "client_name": "x", "redirect_uris": [uri]})
        assert refused.status_code == 400, uri


def test_no_cell_of_any_table_that_leaves_is_a_formula(fort: Fort) -> None:
    for n, formula in enumerate(FORMULAS):  # the API takes no text that begins with a blank
        said = formula if formula.strip() == formula else f"x{formula}"
        fort.put(*resources(said, f"sum-{n}", "https://x.example/"))
    with writing(fort.world.engine) as conn:
        store.add_client(conn, store.Client("sums", FORMULAS[0], "system/*.rs", jwks_url="https://app.example/jwks"), 0)
    seen = 0
    for who, names in (("coordinator",
        ("worklist", "waiting", "load", "asked", "quality", "measures", "authorizations")),
                       ("auditor", ("audit",)), ("contracts", ("contracts",)),
                       ("payer", ("decisions", "worklist"))):  # fmt: skip
        with fort.enter(who) as browser:
            for name in names:
                answer = browser.get(f"{fort.url}/{name}.csv", timeout=60)
                if answer.status_code == 403:
                    continue
                assert answer.status_code == 200, (who, name)
                cells = [cell for row in csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))) for cell in row]
                bad = [cell for cell in cells if re.match(r"[=+@\t\r\n]|-(?!\d+(\.\d+)?$)", cell) and len(cell) > 1]
                assert bad == [], (who, name)
                seen += sum("HYPERLINK" in cell for cell in cells)
                book = browser.get(f"{fort.url}/{name}.xlsx", timeout=60)
                if book.status_code == 200:
                    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
                    assert sheet is not None
                    assert [c.value for row in sheet.iter_rows() for c in row if c.data_type == "f"] == [], (who, name)
    assert seen, "one of them was in a table"


def test_no_line_of_the_log_is_made_by_who_asks(fort: Fort) -> None:
    forged = '{"event":"forged9"}'
    for path in (f"/x%0a{quote(forged)}", f"/fhir/Patient/x%0d%0a{quote(forged)}", f"/sign-in?next=%0a{quote(forged)}"):
        fort.get(path, headers={"User-Agent": forged, "X-Request-Id": forged, "X-Forwarded-For": forged})
    fort.post("/sign-in", data={"login": f"x\n{forged}", "password": f"\r\n{forged}"})
    fort.post("/oauth/token", data={"client_id": f"x\n{forged}", "grant_type": f"\n{forged}"})
    lines = [line for line in fort.log.read_text().splitlines() if line and not line.startswith("[INFO]")]
    events = [json.loads(line)["event"] for line in lines]
    assert len(events) > 20
    assert not any("forged9" in line for line in lines)
