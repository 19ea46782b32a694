"""A first run as the README tells it: a fresh database, a browser, and nothing but the first admin's invitation. The
steps are walked to the end, the demo's EHR is connected and read, an app posts a referral, and the desk shows it with
its gates."""

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
from auth.store import Client
from carecoord import app
from carecoord.actions.apps.registration import SENDING
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts, people
from carecoord.actions.people.accounts import NewUser
from carecoord.cli.demo import PARTNER
from carecoord.domain.resource.parties import PAYER_ID
from carecoord.worker import loop
from carecoord.world import World
from tests.desk.conftest import FIXTURES, NOW, PASSWORD, opened

NPI = "http://hl7.org/fhir/sid/us-npi"
CLASSES = "http://terminology.hl7.org/CodeSystem/coverage-class"
FAIRMONT, HEART = "9000020013", "9000010014"  # of the story: we, and who refers to us
# the first three come with the EHR
PAYERS = {"BH001": "Blue", "GC014": "Care", "PM220": "Pinnacle", "GR001": "Granite"}
TABLES = {
    "plans": "Plan number,Plan name,Payer,Networks\n"
    + "".join(f"{number}-P,{name} Plan,{number},{name} Select\n" for number, name in list(PAYERS.items())[:3]),
    "agreements": "Number,Payer,Provider,Starts,Networks\n"
    + "".join(f"{number}-1,{number},{FAIRMONT},2026-01-01,{name} Select\n" for number, name in PAYERS.items()),
    "rules": "Payer,Answer,Rule,Code\n"
    + "".join(f"{number},not required,Cardiology visit,99243\n" for number in list(PAYERS)[:3]),
}


def served(folder: Path, template: Path) -> Iterator[World]:
    """An application with nothing in it, served at an address of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder.mkdir()
    copyfile(template, folder / "carecoord.db")
    for world in opened(folder, lambda: NOW, base_url=f"http://127.0.0.1:{port}", private_hosts="127.0.0.1"):
        server = make_server("127.0.0.1", port, app.wired(world), threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield world
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def fresh(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    """Ours: nothing is in it."""
    yield from served(tmp_path / "ours", sqlite_template)


@pytest.fixture
def ehr(fresh: World, sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    """The demo's EHR, whose IT was told where our keys are."""
    for world in served(tmp_path / "ehr", sqlite_template):
        files = [each for each in sorted((FIXTURES / "ehr").glob("*.ndjson")) if each.stem not in ("Slot", "Schedule")]
        assert not fhir_load.load(world, files).refusals
        jwks = f"{fresh.settings.url}/oauth/client-jwks.json"
        accounts.add_backend(world, Client("carecoord", "carecoord", PARTNER, jwks_url=jwks))
        yield world


def enter(browser: Any, link: str, login: str) -> Any:
    """A window in which somebody has followed their invitation and signed in."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
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
    """Invite somebody to the office; their link."""
    page.goto(f"{url}/people")
    page.fill("#name", name)
    page.fill("#login", login)
    form = page.locator("form[action='/people/invite']")
    form.get_by_label(role).check()
    form.get_by_label("Organization").select_option("Fairmont Medical Group")
    form.get_by_role("button", name="Make a link").click()
    return str(page.locator("#link").inner_text())


def bring(page: Any, url: str, kind: str) -> None:
    """Bring in a table: try it, then import it."""
    rows = TABLES[kind].count("\n") - 1
    page.goto(f"{url}/import?kind={kind}")
    page.set_input_files("#file", {"name": f"{kind}.csv", "mimeType": "text/csv", "buffer": TABLES[kind].encode()})
    page.get_by_role("button", name="Upload and go on").click()
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("button", name=f"Import {rows} row").click()
    page.get_by_text(f"{rows} rows are in").wait_for()


def rule(page: Any, url: str) -> None:
    """Write one payer's rule by the form: tried, then saved."""
    page.goto(f"{url}/rules/new?payer=GR001")
    page.get_by_label("Authorization").select_option("Not required")
    page.get_by_label("What the payer calls the rule").fill("Cardiology visit")
    page.get_by_label("Code", exact=True).fill("99243")
    page.get_by_role("button", name="Try it").click()
    page.get_by_role("button", name="Save this rule").click()
    page.get_by_role("status").filter(has_text="Saved.").wait_for()


def posted(url: str, id: str, key: bytes) -> requests.Response:
    """What an app sends: a patient with a card, and a referral from Riverside Heart to us."""

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
            "requester": org(NPI, HEART), "performer": [org(NPI, FAIRMONT)],
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
            session, f"{url}/oauth/token", id, load_keys(key), SENDING, clock=lambda: NOW,
            new_id=lambda: str(uuid4()),
        )  # fmt: skip
        sent = {"Authorization": f"Bearer {backend.token()}", "Content-Type": "application/fhir+json"}
        return session.post(f"{url}/fhir", data=json.dumps(bundle), headers=sent, timeout=20)


def connect(admin: Any, url: str, ehr: World) -> None:
    """Connect the EHR, see what it gives, read it for the first time."""
    admin.goto(f"{url}/setup?step=sources")
    admin.get_by_label("What you call it").fill("Fairmont EHR")
    admin.get_by_label("FHIR address").fill(ehr.settings.fhir_url)
    admin.get_by_label("Our client id there").fill("carecoord")
    admin.get_by_role("button", name="Connect").click()
    admin.get_by_role("button", name="What this EHR gives you").click()
    gives = admin.get_by_role("region", name="What fairmont-ehr gives you")
    gives.wait_for()
    assert gives.get_by_role("row", name="Referrals yes yes Both ways").is_visible()
    assert gives.get_by_role("row", name="Cards yes no Come by themselves").is_visible()
    admin.get_by_role("button", name="Read it for the first time").click()
    admin.get_by_role("status").filter(has_text="It is read within a second").wait_for()


def let_in(admin: Any, url: str) -> tuple[str, bytes]:
    """Let an app send referrals; its client id, and the key that its maker keeps."""
    key, jwks = accounts.make_key()
    admin.goto(f"{url}/setup?step=sources")
    admin.get_by_label("What the app is called").fill("Elm Orders")
    admin.get_by_label("Its public keys").fill(jwks)
    admin.get_by_role("button", name="Let it send referrals").click()
    admin.get_by_role("status").filter(has_text="Elm Orders is let in").wait_for()
    return str(admin.locator("#client-id").inner_text()), key


@pytest.mark.slow
def test_the_steps_are_walked_to_the_end_and_a_referral_that_an_app_posts_shows_with_its_gates(
    browser: Any, fresh: World, ehr: World
) -> None:
    url = fresh.settings.url
    link = people.invite(fresh, NewUser("whitlock", "Whitlock, Sam", frozenset({"admin"})), "cli")
    admin = enter(browser, link, "whitlock")
    admin.get_by_text("Not now").click()
    admin.get_by_role("link", name="Go on with the set-up").click()
    admin.get_by_role("link", name="1 Our organization").click()
    fill(admin, "organization", "Save the organization", name="Fairmont Medical Group", npi=FAIRMONT, city="Fairmont")
    fill(admin, "sites", "Save the site", name="Elm Street")
    connect(admin, url, ehr)
    loop.once(fresh)
    fill(admin, "payers", "Save the payer", name="Granite Mutual", payer_number="GR001")
    admin.goto(f"{url}/setup?step=plans")
    admin.get_by_label("Payer").select_option("Granite Mutual")
    fill_in = {"Name of the plan": "Granite Choice", "Plan number": "GR-CHO", "Networks": "Granite Select"}
    for label, value in fill_in.items():
        admin.get_by_label(label).fill(value)
    admin.get_by_role("button", name="Save the plan").click()
    admin.get_by_role("status").filter(has_text="saved").wait_for()
    staff = enter(browser, invite(admin, url, "Nilsson, Carla", "nilsson", "Contracts"), "nilsson")
    for kind in TABLES:
        bring(staff, url, kind)
    rule(staff, url)
    desk = enter(browser, invite(admin, url, "Reyes, Maria", "reyes", "Coordinator"), "reyes")
    admin.goto(f"{url}/setup?step=calendar")
    admin.get_by_role("link", name="Say when you work").click()
    admin.get_by_label("What", exact=True).select_option("Holidays of")
    admin.get_by_label("Value").fill("US-NY")
    admin.get_by_role("button", name="Save").click()
    admin.get_by_text("Saved.").wait_for()
    admin.goto(f"{url}/setup?step=letters")
    admin.get_by_role("link", name="Look over the letters").click()
    admin.get_by_role("listitem").filter(has_text="Cover sheet to a clinic").get_by_role("link", name="English").click()
    admin.get_by_label("Words in English").fill("Not for you? Destroy it, and call {office}.")
    admin.get_by_role("button", name="See how it reads").click()
    admin.get_by_text("and call Fairmont Medical Group.", exact=False).wait_for()
    admin.get_by_role("button", name="Save these words").click()
    admin.get_by_text("Saved.").wait_for()
    answer = posted(url, *let_in(admin, url))
    assert answer.status_code == 200, answer.text

    admin.goto(f"{url}/setup")
    assert admin.get_by_text("10 of 10 done").is_visible()
    desk.goto(f"{url}/?q=Quill")
    desk.get_by_role("link", name="Quill, Otto").click()
    desk.locator(".gate").first.wait_for()
    gates = dict(zip(desk.locator(".gate-name").all_inner_texts(), desk.locator(".gate .chip").all_inner_texts(),
                     strict=True))  # fmt: skip
    assert gates == {
        "Coverage": "Met", "Authorization": "Not needed", "Contract": "Met", "Information": "Not needed",
        "Appointment": "To do", "Loop closure": "Waiting",
    }  # fmt: skip
    assert desk.get_by_text("Fairmont Medical Group is in Granite Select under agreement GR001-1.").is_visible()
