"""A first run as the README tells it: a fresh database, a browser, and nothing but the first admin's invitation. The
steps are walked to the end, an app posts a referral, and the desk shows it with its gates."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any
from uuid import uuid4

import pytest
import requests
from werkzeug.serving import make_server

from auth.client.backend import Backend, load_keys
from carecoord import app
from carecoord.actions.people import accounts, people
from carecoord.actions.people.accounts import NewUser
from carecoord.domain.resource.parties import PAYER_ID
from carecoord.world import World
from tests.desk.conftest import NOW, PASSWORD, opened

NPI = "http://hl7.org/fhir/sid/us-npi"
CLASSES = "http://terminology.hl7.org/CodeSystem/coverage-class"
SCOPE = "system/Organization.rs system/Patient.cu system/Coverage.cu system/ServiceRequest.cu system/Task.cu"
TABLES = {
    "organizations": "Name,Kind,NPI,City\nHarbor Cardiology,clinic,9000030012,Fairmont\n",
    "agreements": "Number,Payer,Provider,Starts,Networks\nG-1,GR001,9000010089,2026-01-01,Granite Select\n",
    "rules": "Payer,Answer,Rule,Code\nGR001,not required,Cardiology visit,99243\n",
}


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    """A served application with nothing in it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    copyfile(sqlite_template, tmp_path / "carecoord.db")
    address = f"http://127.0.0.1:{port}"
    for world in opened(tmp_path, lambda: NOW, base_url=address, registration=True):
        server = make_server("127.0.0.1", port, app.wired(world), threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield world
        server.shutdown()
        thread.join()
        server.server_close()


def enter(browser: Any, link: str, login: str) -> Any:
    """A window in which somebody has followed their invitation and signed in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(link)
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def fill(page: Any, step: str, button: str, **typed: str) -> None:
    """Fill in the form of a step."""
    page.goto(f"{page.evaluate('location.origin')}/setup?step={step}")
    for name, value in typed.items():
        page.fill(f"#{name.replace('_', '-')}", value)
    page.get_by_role("button", name=button).click()
    page.get_by_role("status").filter(has_text="aved").wait_for()


def invite(page: Any, url: str, name: str, login: str, role: str) -> str:
    """Invite somebody to Elm Clinic; their link."""
    page.goto(f"{url}/people")
    page.fill("#name", name)
    page.fill("#login", login)
    form = page.locator("form[action='/people/invite']")
    form.get_by_label(role).check()
    form.get_by_label("Organization").select_option("Elm Clinic")
    form.get_by_role("button", name="Make a link").click()
    return str(page.locator("#link").inner_text())


def bring(page: Any, url: str, kind: str) -> None:
    """Bring in a table of one row: try it, then import it."""
    page.goto(f"{url}/import?kind={kind}")
    page.set_input_files("#file", {"name": f"{kind}.csv", "mimeType": "text/csv", "buffer": TABLES[kind].encode()})
    page.get_by_role("button", name="Upload and go on").click()
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("button", name="Import 1 row").click()
    page.get_by_text("1 row is in").wait_for()


def posted(url: str, id: str, key: bytes) -> requests.Response:
    """What an app sends: a patient with a card, and a referral from Harbor Cardiology to Elm Clinic."""

    def org(system: str, value: str) -> dict[str, str]:
        return {"reference": f"Organization?identifier={system}|{value}"}

    patient, order, card = (f"urn:uuid:{uuid4()}" for _ in range(3))
    entries: dict[str, dict[str, Any]] = {
        patient: {"resourceType": "Patient", "name": [{"family": "Quill", "given": ["Otto"]}]},
        card: {
            "resourceType": "Coverage", "status": "active", "beneficiary": {"reference": patient}, "subscriberId": "M1",
            "payor": [org(PAYER_ID[:-1], "GR001")],
            "class": [{"type": {"coding": [{"system": CLASSES, "code": "plan"}]}, "value": "GR-CHO"}],
            "period": {"start": "2026-01-01", "end": "2026-12-31"},
        },
        order: {
            "resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"reference": patient},
            "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99243"}], "text": "Cardiology"},
            "requester": org(NPI, "9000030012"), "performer": [org(NPI, "9000010089")],
            "authoredOn": "2026-11-20", "insurance": [{"reference": card}],
        },
    }  # fmt: skip
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": at, "resource": each, "request": {"method": "POST", "url": each["resourceType"]}}
            for at, each in entries.items()
        ],
    }
    with requests.Session() as session:
        backend = Backend(
            session, f"{url}/oauth/token", id, load_keys(key), SCOPE, clock=lambda: NOW,
            new_id=lambda: str(uuid4()),
        )  # fmt: skip
        sent = {"Authorization": f"Bearer {backend.token()}", "Content-Type": "application/fhir+json"}
        return session.post(f"{url}/fhir", data=json.dumps(bundle), headers=sent, timeout=20)


def test_the_steps_are_walked_to_the_end_and_a_referral_that_an_app_posts_shows_with_its_gates(
    browser: Any, fresh: World
) -> None:
    url = fresh.settings.url
    link = people.invite(fresh, NewUser("whitlock", "Whitlock, Sam", frozenset({"admin"})), "cli")
    admin = enter(browser, link, "whitlock")
    fill(admin, "organization", "Save the organization", name="Elm Clinic", npi="9000010089", city="Fairmont")
    fill(admin, "sites", "Save the site", name="Elm Street")
    fill(admin, "payers", "Save the payer", name="Granite Mutual", payer_number="GR001")
    fill(admin, "plans", "Save the plan", name="Granite Choice", number="GR-CHO", networks="Granite Select")
    staff = enter(browser, invite(admin, url, "Nilsson, Carla", "nilsson", "Contracts"), "nilsson")
    for kind in TABLES:
        bring(staff, url, kind)
    desk = enter(browser, invite(admin, url, "Reyes, Maria", "reyes", "Coordinator"), "reyes")

    key, jwks = accounts.make_key()
    told = {
        "client_name": "Elm Orders", "grant_types": ["client_credentials"], "scope": SCOPE,
        "token_endpoint_auth_method": "private_key_jwt", "jwks": json.loads(jwks),
    }  # fmt: skip
    registered = requests.post(f"{url}/oauth/register", json=told, timeout=20).json()
    admin.goto(f"{url}/apps")
    admin.get_by_role("button", name="Approve Elm Orders").click()
    admin.get_by_text("Elm Orders is approved.").wait_for()
    admin.goto(f"{url}/setup?step=calendar")
    admin.get_by_role("link", name="Say when you work").click()
    admin.get_by_label("What", exact=True).select_option("Holidays of")
    admin.get_by_label("Value").fill("US-NY")
    admin.get_by_role("button", name="Save").click()
    admin.get_by_text("Saved.").wait_for()
    answer = posted(url, registered["client_id"], key)
    assert answer.status_code == 200, answer.text

    admin.goto(f"{url}/setup")
    assert admin.get_by_text("9 of 9 done").is_visible()
    desk.goto(url)
    desk.get_by_role("link", name="Quill, Otto").click()
    desk.locator(".gate").first.wait_for()
    gates = dict(zip(desk.locator(".gate-name").all_inner_texts(), desk.locator(".gate .chip").all_inner_texts(),
                     strict=True))  # fmt: skip
    assert gates == {
        "Coverage": "Met", "Authorization": "Not needed", "Contract": "Met", "Information": "Not needed",
        "Appointment": "To do", "Loop closure": "Waiting",
    }  # fmt: skip
    assert desk.get_by_text("Elm Clinic is in Granite Select under agreement G-1.").is_visible()
