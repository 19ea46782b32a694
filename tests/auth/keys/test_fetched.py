"""Other parties' keys: fetched from a real server, kept no longer than it allows, never from where we must not look."""

import ipaddress
import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_module
from flask import Flask, Response
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from werkzeug.serving import make_server

from auth import store
from auth.keys.fetched import AGAIN, UNSAID, KeySets, KeysUnavailable, lifetime, parse_jwks
from auth.outgoing import guard
from tests.auth.conftest import Clock, ask, claims, public, sign

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Publisher:
    """Somebody else's web server with a key set on it."""

    url: str = ""
    body: str = '{"keys": []}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    told, app = Publisher(), Flask("publisher")

    @app.get("/jwks.json")
    def jwks() -> Response:
        told.asked += 1
        return Response(told.body, told.status, told.headers, content_type="application/json")

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_client_may_publish_its_keys(
    web: FlaskClient, register: Callable[..., store.Client], publisher: Publisher, ec: ECKey, clock: Clock
) -> None:
    publisher.body = public(ec)
    register(jwks_url=publisher.url)
    assert ask(web, sign(ec, claims(clock))).status_code == 200


def test_s22_338_a_jku_counts_when_it_is_the_registered_one(
    web: FlaskClient, register: Callable[..., store.Client], publisher: Publisher, ec: ECKey, clock: Clock
) -> None:
    publisher.body = public(ec)
    register(jwks_url=publisher.url)
    assert ask(web, sign(ec, claims(clock), jku=publisher.url)).status_code == 200
    assert ask(web, sign(ec, claims(clock), jku=publisher.url + "?x")).json["error"] == "invalid_client"
    assert publisher.asked == 1


def test_a_client_may_have_inline_and_published_keys(
    web: FlaskClient, register: Callable[..., store.Client], publisher: Publisher, ec: ECKey, rsa: RSAKey, clock: Clock
) -> None:
    """S22@296, 297."""
    publisher.body = public(ec)
    register(jwks=public(rsa), jwks_url=publisher.url)
    assert ask(web, sign(rsa, claims(clock))).status_code == 200
    assert ask(web, sign(ec, claims(clock))).status_code == 200


def test_when_the_keys_can_not_be_had_the_client_is_refused(
    web: FlaskClient, register: Callable[..., store.Client], publisher: Publisher, ec: ECKey, clock: Clock
) -> None:
    publisher.status = 500
    register(jwks_url=publisher.url)
    assert ask(web, sign(ec, claims(clock))).json["error"] == "invalid_client"


def test_s22_341_a_key_set_is_kept_for_its_cache_control_and_no_longer(publisher: Publisher, ec: ECKey) -> None:
    publisher.body, publisher.headers = public(ec), {"Cache-Control": "public, max-age=100"}
    sets = KeySets(requests.Session)
    for now in (0, 50, 99):
        assert [key.kid for key in sets.get(publisher.url, now, "ec-1")] == ["ec-1"]
    assert publisher.asked == 1
    sets.get(publisher.url, 100, "ec-1")
    assert publisher.asked == 2


def test_s22_341_a_key_set_that_must_not_be_kept_is_not(publisher: Publisher, ec: ECKey) -> None:
    publisher.body, publisher.headers = public(ec), {"Cache-Control": "no-store"}
    sets = KeySets(requests.Session)
    for now in (0, 0, 1):
        assert sets.get(publisher.url, now, "ec-1")
    assert publisher.asked == 3


def test_a_rotated_key_is_found_without_waiting_for_the_cache(publisher: Publisher, ec: ECKey, rsa: RSAKey) -> None:
    publisher.body, publisher.headers = public(ec), {"Cache-Control": "max-age=3600"}
    sets = KeySets(requests.Session)
    assert sets.get(publisher.url, 0, "ec-1")
    publisher.body = public(ec, rsa)
    assert "rsa-1" in [key.kid for key in sets.get(publisher.url, AGAIN, "rsa-1")]


def test_unknown_kids_do_not_make_us_hammer_the_publisher(publisher: Publisher, ec: ECKey) -> None:
    publisher.body, publisher.headers = public(ec), {"Cache-Control": "max-age=3600"}
    sets = KeySets(requests.Session)
    for second in range(AGAIN):
        sets.get(publisher.url, second, "made-up")
    assert publisher.asked == 1


def test_a_broken_publisher_is_not_asked_for_every_assertion(publisher: Publisher) -> None:
    publisher.status = 500
    sets = KeySets(requests.Session)
    with pytest.raises(KeysUnavailable):
        sets.get(publisher.url, 0, "ec-1")
    assert sets.get(publisher.url, 1, "ec-1") == ()
    assert publisher.asked == 1


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"keys": 7}', '{"keys": [7]}', "[" * 5000, "x" * 300_000])
def test_it_refuses_what_is_no_key_set(publisher: Publisher, body: str) -> None:
    publisher.body = body
    with pytest.raises(KeysUnavailable):
        KeySets(requests.Session).get(publisher.url, 0, "ec-1")


def test_it_does_not_follow_redirects(publisher: Publisher) -> None:
    publisher.status, publisher.headers = 302, {"Location": "http://127.0.0.1:1/"}
    with pytest.raises(KeysUnavailable):
        KeySets(requests.Session).get(publisher.url, 0, "ec-1")


def test_it_refuses_a_published_private_key(ec: ECKey) -> None:
    with pytest.raises(KeysUnavailable, match="private"):
        parse_jwks(json.dumps(KeySet([ec]).as_dict(private=True)))


def test_it_leaves_out_keys_that_can_not_verify_a_signature(ec: ECKey) -> None:
    numbers = rsa_module.generate_private_key(65537, 1024).public_key().public_numbers()
    short = {"kty": "RSA", "kid": "short", "e": "AQAB", "n": b64(numbers.n.to_bytes(128, "big"))}
    weak: list[dict[str, Any]] = [
        short,
        dict(OctKey.generate_key(256, {"kid": "secret"}).as_dict()),
        {**ec.as_dict(private=False), "kid": "for-encryption", "use": "enc"},
        {"kty": "EC", "crv": "P-384", "x": "broken", "y": "broken", "kid": "broken"},
        {**ec.as_dict(private=False), "kid": "good"},
    ]
    assert [key.kid for key in parse_jwks(json.dumps({"keys": weak}))] == ["good"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, UNSAID),
        ("max-age=60", 60),
        ("public, max-age=3600, immutable", 3600),
        ('max-age="120"', 120),
        ("MAX-AGE=5", 5),
        ("no-cache", 0),
        ("max-age=3600, no-store", 0),
        ("s-maxage=99", UNSAID),
        ("max-age=99999999", 86_400),
        ("max-age=x", UNSAID),
    ],
)
def test_it_reads_the_lifetime_from_cache_control(header: str | None, seconds: int) -> None:
    assert lifetime(header) == seconds


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1", "2002:7f00:1::",
        "64:ff9b::7f00:1", "ff02::1",
    ],
)  # fmt: skip
def test_ssrf_addresses_of_our_own_network_are_not_called(address: str) -> None:
    assert not guard.judge()(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_called(address: str) -> None:
    assert guard.judge()(address)


def test_ssrf_a_key_set_in_our_own_network_is_not_fetched(publisher: Publisher, ec: ECKey) -> None:
    """Issue 3, 4: SSRF through JWKS."""
    publisher.body = public(ec)
    with pytest.raises(KeysUnavailable):
        KeySets(guard.session).get(publisher.url, 0, "ec-1")
    assert publisher.asked == 0


def test_ssrf_a_range_of_our_own_network_can_be_allowed(publisher: Publisher, ec: ECKey) -> None:
    publisher.body = public(ec)
    assert KeySets(lambda: guard.session(LOCAL)).get(publisher.url, 0, "ec-1")


def test_ssrf_a_name_that_resolves_into_our_network_is_not_called(publisher: Publisher) -> None:
    with pytest.raises(KeysUnavailable):
        KeySets(guard.session).get(publisher.url.replace("127.0.0.1", "localhost"), 0, "ec-1")
    assert publisher.asked == 0


def test_ssrf_one_forbidden_address_condemns_the_name(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address must not get through on the strength of the first."""
    both = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: both)
    with pytest.raises(guard.Forbidden):
        guard.session().get("http://two-faced.example/", timeout=1)
