"""Calls that we make (security.md 4), over HTTP on both databases: wherever somebody may give an address, one of this
machine's own network is refused or never called, however it is written. A witness listens there and hears nothing."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from auth import store
from auth.errors import BadRegistration
from carecoord.store.database.engine import writing
from tests.attacks.fort import Fort
from tests.auth.outgoing.test_guard import good, listening

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# One machine, ours, by each of the ways to write it that a program may read another way than a person.
SPELT = (
    "127.0.0.1", "localhost", "localhost.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "good.example@127.0.0.1", "127.0.0.1.", "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
)  # fmt: skip
METADATA = ("169.254.169.254", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "10.0.0.1", "[::1]", "[fe80::1]")


@pytest.fixture(scope="module")
def witness() -> Iterator[tuple[int, list[bytes]]]:
    """A server inside: its port, and what it was asked."""
    with listening(good) as (port, heard):
        yield port, heard


def urls(port: int, path: str = "/keys", scheme: str = "http") -> Iterator[str]:
    for host in (*SPELT, *METADATA):
        yield f"{scheme}://{host}:{port}{path}"


def signed(client: str, audience: str, issuer: str | None = None, **header: Any) -> str:
    """An assertion in order but for who may have signed it."""
    key, now = ECKey.generate_key("P-384"), int(time.time())
    said = {"alg": "ES384", "typ": "JWT", "kid": "none", **header}
    claims = {"iss": issuer or client, "sub": client, "aud": audience, "jti": str(uuid4()), "exp": now + 200}
    return jwt.encode(said, claims, key, algorithms=["ES384"])


def token_for(fort: Fort, client: str, **header: Any) -> int:
    form = {"grant_type": "client_credentials", "scope": "system/Patient.rs", "client_assertion_type": ASSERTION,
            "client_assertion": signed(client, f"{fort.url}/oauth/token", **header)}  # fmt: skip
    return int(fort.post("/oauth/token", data=form).status_code)


def test_the_keys_of_an_app_are_not_fetched_from_inside(fort: Fort, witness: tuple[int, list[bytes]]) -> None:
    """Registered by the app itself, or let in by an admin who did not look: neither makes us call."""
    port, heard = witness
    app = {"client_name": "x", "token_endpoint_auth_method": "private_key_jwt", "scope": "system/Patient.rs",
           "grant_types": ["client_credentials"]}  # fmt: skip
    for url in urls(port):
        registered = fort.post("/oauth/register", json={**app, "jwks_uri": url})
        assert registered.status_code in (201, 400), (url, registered.text)
    called = 0
    for n, url in enumerate([*urls(port), *urls(port, scheme="https")]):
        client = store.Client(f"inside-{n}", "Inside", "system/*.rs", jwks_url=url)
        with suppress(BadRegistration), writing(fort.world.engine) as conn:
            store.add_client(conn, client, 0)
            called += 1
        assert token_for(fort, client.id) in (400, 401), url
    assert called > len(SPELT), "most of https are taken when they are given, and judged when they are to be called"
    assert heard == []


@pytest.mark.parametrize("name", ["jku", "x5u"])
def test_no_header_of_a_signed_request_is_called(fort: Fort, witness: tuple[int, list[bytes]], name: str) -> None:
    port, heard = witness
    client = store.Client(f"pointing-{name}", "Pointing", "system/*.rs", jwks_url="https://app.example/jwks")
    with writing(fort.world.engine) as conn:
        store.add_client(conn, client, 0)
    for url in urls(port):
        assert token_for(fort, client.id, **{name: url}) in (400, 401), url
        hook = signed(client.id, f"{fort.url}/cds-services/order-sign-crd", **{name: url})
        called = fort.post("/cds-services/order-sign-crd", json={}, headers={"Authorization": f"Bearer {hook}"})
        assert called.status_code in (401, 404), url
    assert heard == []


def test_no_notice_goes_inside(fort: Fort, witness: tuple[int, list[bytes]]) -> None:
    """A Subscription's address is refused when it is given."""
    port, heard = witness
    token = fort.token()
    for url in urls(port, "/notices"):
        body = {
            "resourceType": "Subscription", "status": "requested", "reason": "x",
            "criteria": "http://hl7.org/fhir/us/davinci-pas/SubscriptionTopic/PASSubscriptionTopic",
            "channel": {"type": "rest-hook", "endpoint": url, "payload": "application/fhir+json"},
        }
        assert fort.ask("POST", "Subscription", token, body).status_code in (400, 422), url
    assert heard == []


def test_what_is_stored_is_never_fetched(fort: Fort, witness: tuple[int, list[bytes]]) -> None:
    """Addresses in attachments, references, profiles, images of an app: read, shown and judged without a call."""
    port, heard = witness
    url, id = f"http://127.0.0.1:{port}/picture.png", "calls-one"
    who = {"reference": f"Patient/{id}"}
    fort.put(
        {"resourceType": "Patient", "id": id, "photo": [{"url": url, "contentType": "image/png"}],
         "meta": {"profile": [url]}, "managingOrganization": {"reference": "Organization/office-fairmont"},
         "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><img src="#x"/></div>'}},
        {"resourceType": "DocumentReference", "id": f"{id}-paper", "status": "current", "subject": who,
         "content": [{"attachment": {"url": url, "contentType": "application/pdf"}}]},
        {"resourceType": "Endpoint", "id": f"{id}-end", "status": "active", "address": url,
         "connectionType": {"code": "hl7-fhir-rest"}, "payloadType": [{"text": "x"}]},
    )  # fmt: skip
    fort.post("/oauth/register", json={"client_name": "x", "redirect_uris": ["https://app.example/cb"],
                                       "token_endpoint_auth_method": "none", "logo_uri": url})
    token = fort.token()
    for path in (f"Patient/{id}", f"Patient/{id}/$everything", f"DocumentReference?patient={id}&_include=*",
                 f"DocumentReference/{id}-paper", f"Patient/$validate?profile={url}"):
        assert fort.ask("GET", path, token).status_code < 500, path
    with fort.enter("coordinator") as desk, fort.enter("admin") as admin:
        for browser, path in ((desk, f"/patients/{id}"), (desk, f"/patients/{id}/documents"), (admin, "/apps")):
            assert browser.get(fort.url + path, timeout=60).status_code < 500, path
    assert heard == []


def test_an_ehr_that_launches_us_is_not_called_before_it_is_known(fort: Fort, witness: tuple[int, list[bytes]]) -> None:
    port, heard = witness
    hint = base64.urlsafe_b64encode(json.dumps({"iss": "x"}).encode()).decode()
    for url in urls(port, "/fhir"):
        for path in ("/embed/launch", "/launch", "/oauth/authorize"):
            answer = fort.get(path, params={"iss": url, "launch": hint, "aud": url})
            assert 300 <= answer.status_code < 500, (path, url)
    assert heard == []
