"""Section 1.10: we as a client, before a judge who lets nothing pass (judge.py)."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from joserfc.jwk import KeySet

from carecoord.actions.ehrs.sync import add_ehr
from carecoord.actions.server import keys as server_keys
from fhir_adapters.connection import connect
from fhir_adapters.ehr import BackendServices, Ehr, Launch

from .judge import CLIENT, Judge, judging
from .serving import Site
from .visitor import Browser

SCOPE = "system/Patient.rs"


@pytest.fixture
def judge(site: Site) -> Iterator[Judge]:
    with judging() as judge:
        judge.redirect_uri = f"{site.url}/embed/callback/judge"
        judge.jwks_url = f"{site.url}/oauth/client-jwks.json"
        judge.ca = site.ca
        yield judge


@pytest.mark.parametrize("algorithms", [("RS384",), ("ES384",), ("ES384", "RS384")], ids="+".join)
def test_smart_1_10_1_as_a_backend_service_we_sign_with_a_published_key_and_use_the_token(
    site: Site, judge: Judge, algorithms: tuple[str, ...]
) -> None:
    judge.algorithms = algorithms
    ehr = Ehr("judge", f"{judge.url}/fhir", auth=BackendServices(CLIENT, scope=SCOPE))
    with site.session() as session:
        new_id = lambda: str(uuid4())  # noqa: E731
        keys = server_keys.signing(site.world)
        held = connect(ehr, session, keys, clock=site.world.clock, new_id=new_id)
        assert held.backend
        held.http.get(f"{ehr.base_url}/Patient", dict)
        held.backend.renew()
        held.http.get(f"{ehr.base_url}/Patient", dict)
    assert judge.faults == []
    assert judge.seen.count("client_credentials") == 2
    assert len(judge.jtis) == 2
    assert "read Patient with the token" in judge.seen
    assert "read Patient without a token" not in judge.seen


def test_smart_1_10_1_our_keys_stand_public_at_one_address(site: Site, judge: Judge) -> None:
    published = site.get("/oauth/client-jwks.json").json()
    keys = KeySet.import_key_set(published).keys
    assert {key.alg for key in keys} >= {"RS384", "ES384"}
    assert all(key.kid and not key.is_private for key in keys)
    assert len({key.kid for key in keys}) == len(keys)


def test_smart_1_10_1_launched_from_an_ehr_we_ask_and_prove_all_that_we_must(site: Site, judge: Judge) -> None:
    """The browser's part goes over HTTP, from the EHR to our launch address, to the judge, and back to our callback."""
    name = f"judge-{site.url.partition(':')[0]}-{uuid4().hex[:6]}"
    judge.redirect_uri = f"{site.url}/embed/callback/{name}"
    launch = Launch(CLIENT, own_keys=True, roles=("clinician",), organization="clinic")
    add_ehr(site.world, Ehr(name, f"{judge.url}/fhir", launch=launch))
    browser = Browser(site)
    browser.go("/sign-in")  # so that this browser keeps cookies of ours, as a real one does
    to_judge = browser.go(f"/embed/launch?iss={judge.url}/fhir&launch=from-the-judge")
    assert to_judge.is_redirect, to_judge.text
    assert to_judge.headers["Location"].startswith(f"{judge.url}/authorize?")
    with site.session() as outside:
        back = outside.get(to_judge.headers["Location"], allow_redirects=False, timeout=10)
    assert judge.faults == []
    browser.go(back.headers["Location"])
    assert judge.faults == []
    assert judge.seen == ["authorize", "authorization_code"]
    assert browser.page.status_code < 500
    again = browser.go(back.headers["Location"])  # a state is good once
    assert again.status_code in (400, 403, 404)
    assert judge.seen == ["authorize", "authorization_code"]
