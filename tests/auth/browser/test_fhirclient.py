"""The SMART JavaScript client (npm fhirclient, unchanged) launches, refreshes and reads in a real browser."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from ..place import Place
from .conftest import LIBRARY

SCOPE = "openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not LIBRARY.exists(), reason="npm's fhirclient is not here: npm install --prefix var/npm fhirclient@2.6.3"
    ),
    pytest.mark.filterwarnings("ignore::pytest.PytestRemovedIn10Warning"),
]
LAUNCH = """<!doctype html><script src="fhir-client.js"></script><script>
FHIR.oauth2.authorize({clientId: "app", redirectUri: "index.html", scope: "%s", %s pkceMode: "required"})
</script>"""
INDEX = """<!doctype html><pre id="said">…</pre><script src="fhir-client.js"></script><script>
const said = document.getElementById("said");
FHIR.oauth2.ready().then(async client => {
  const patient = await client.patient.read();
  const user = await client.user.read();
  const before = client.state.tokenResponse.access_token;
  await client.refresh();
  const found = await client.request("Observation?patient=" + client.patient.id, {flat: true});
  said.textContent = JSON.stringify({
    patient: patient.id, user: user.id, idToken: client.getIdToken().sub, observations: found.map(o => o.id).sort(),
    refreshed: before !== client.state.tokenResponse.access_token,
    context: client.state.tokenResponse.fhirContext || null,
  });
}).catch(error => { said.textContent = "failed: " + error; });
</script>"""


@pytest.fixture
def smart(house: Place) -> Iterator[str]:
    """A SMART app on another origin, registered here; its address."""
    app = Flask("smart")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    iss = f'iss: "{house.world.settings.fhir_url}",'
    pages = {
        "fhir-client.js": LIBRARY.read_text(),
        "index.html": INDEX,
        "standalone.html": LAUNCH % (f"launch/patient {SCOPE}", iss),
        "launch.html": LAUNCH % (f"launch {SCOPE}", ""),
    }

    @app.get("/<name>")
    def page(name: str) -> Response:
        kind = "text/javascript" if name.endswith(".js") else "text/html"
        return Response(pages[name], content_type=kind) if name in pages else Response(status=204)

    house.app(f"launch launch/patient {SCOPE}", redirect_uris=(f"{url}/index.html",), launch_url=f"{url}/launch.html")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mina(page: Page, house: Place) -> None:
    """Signed in, in this browser."""
    house.sign_in(house.person("mina", "coordinator", "clinician", fhir_user="Practitioner/mina"))
    cookie = house.web.get_cookie("cc")
    assert cookie
    page.context.add_cookies([{"name": "cc", "value": cookie.value, "url": house.world.settings.url}])


def said(page: Page) -> Any:
    expect(page.locator("#said")).to_contain_text("}", timeout=20_000)
    return page.evaluate("JSON.parse(document.getElementById('said').textContent)")


@pytest.mark.usefixtures("mina")
def test_a_standalone_launch_by_fhirclient(page: Page, smart: str) -> None:
    page.goto(f"{smart}/standalone.html")
    page.get_by_role("button", name="Okafor, Ngozi").click()
    page.get_by_role("button", name="Allow").click()
    assert said(page) == {
        "patient": "okafor", "user": "mina", "idToken": "mina", "observations": ["okafor-lab", "okafor-survey"],
        "refreshed": True, "context": None,
    }  # fmt: skip


@pytest.mark.usefixtures("mina")
def test_an_ehr_launch_by_fhirclient(page: Page, smart: str, house: Place) -> None:
    page.goto(f"{house.world.settings.url}/referrals/okafor-cardiology/apps")
    page.get_by_role("link", name="Growth Chart").click()
    page.get_by_role("button", name="Allow").click()
    told = said(page)
    assert told["patient"] == "okafor"
    assert told["context"] == [{"reference": "ServiceRequest/okafor-cardiology"}]
