"""What is told of tokens: to resource servers that an admin named; and in id_tokens, of how the person signed in."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from auth import store
from auth.people import sessions
from carecoord.store.database.engine import writing
from tests.auth.place import App, Browser, Place

SCOPE = "openid fhirUser launch/patient patient/Patient.rs"


def resource_server(place: Place, *roles: str) -> dict[str, Callable[[], str]]:
    """The two ways in which a client shows who it is at the introspection endpoint."""
    said = {"method": "client_secret_basic", "grants": (), "redirect_uris": (), "roles": frozenset(roles)}
    row = store.Client("pharmacy", "Pharmacy", "system/*.rs", **said)  # type: ignore[arg-type]
    with writing(place.world.engine) as conn:
        store.add_client(conn, row, place.now(), "its secret")
        own = store.Token("access", "pharmacy", "pharmacy", "system/*.rs", place.now(), place.now() + 300)
        bearer = store.issue(conn, own)
    basic = base64.b64encode(b"pharmacy:its%20secret").decode()
    return {"Basic": lambda: f"Basic {basic}", "Bearer": lambda: f"Bearer {bearer}"}


def launched(place: Place, amr: str = "pwd") -> dict[str, Any]:
    """The token response of an app in Mina's hands, who signed in like that."""
    mina = place.person("mina", "coordinator", fhir_user="Practitioner/mina")
    with writing(place.world.engine) as conn:
        place.web.set_cookie("cc", sessions.open_session(conn, mina, "test", place.now(), amr=amr))
    app, browser = place.app(SCOPE), Browser(place.web)
    assert isinstance(app, App)
    browser.go(app.address(SCOPE))
    browser.press(("patient", "okafor"))
    return app.exchange(app.came(browser.press(("decision", "allow"))))


@pytest.mark.parametrize("way", ["Basic", "Bearer"])
def test_a_resource_server_looks_into_another_clients_token(place: Place, way: str) -> None:
    """S22@282, S22@283: by either kind of Authorization header."""
    got = launched(place)
    headers = {"Authorization": resource_server(place, "resource-server")[way]()}
    told = place.web.post("/oauth/introspect", data={"token": got["access_token"]}, headers=headers).get_json()
    assert told["active"] is True
    assert told["client_id"] == "app"
    assert set(told["scope"].split()) == set(got["scope"].split())
    assert told["patient"] == got["patient"]
    assert told["fhirUser"].endswith("/Practitioner/mina")
    gone = place.web.post("/oauth/introspect", data={"token": "x"}, headers=headers).get_json()
    assert gone == {"active": False}


@pytest.mark.parametrize("way", ["Basic", "Bearer"])
def test_a_client_that_was_not_named_learns_nothing_of_anothers_token(place: Place, way: str) -> None:
    got = launched(place)
    headers = {"Authorization": resource_server(place)[way]()}
    told = place.web.post("/oauth/introspect", data={"token": got["access_token"]}, headers=headers).get_json()
    assert told == {"active": False}


@pytest.mark.parametrize("amr", ["pwd", "pwd otp mfa", "hwk user mfa"])
def test_the_id_token_says_how_and_when_the_person_signed_in(place: Place, amr: str) -> None:
    """OpenID Connect Core section 2 (auth_time, amr), names by RFC 8176."""
    got = launched(place, amr)
    keys = KeySet.import_key_set(place.web.get("/oauth/jwks").get_json())
    claims = jwt.decode(got["id_token"], keys, algorithms=["RS256"]).claims
    assert claims["amr"] == amr.split()
    assert claims["auth_time"] == place.now()
