"""We as a SMART Backend Services client, against a token endpoint on a real socket that judges our assertions."""

import gzip
import json
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from auth.client.backend import (
    Backend,
    BadKey,
    Key,
    TokenError,
    assertion,
    choose_key,
    difference,
    load_keys,
    retry_after,
)
from tests.adapters.little_ehr import LittleEhr, Reply, serving


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def backend(little: LittleEhr, session: requests.Session, clock: Clock, ec: ECKey, rsa: RSAKey) -> Backend:
    little.clients["us"] = KeySet([ec, rsa])
    little.now = lambda: clock().timestamp()
    return make(little, session, clock, [ec, rsa])


def make(
    little: LittleEhr, session: requests.Session, clock: Clock, keys: Sequence[Key], offered: Sequence[str] = ()
) -> Backend:
    return Backend(
        session,
        f"{little.root}/token",
        "us",
        keys,
        "system/*.rs",
        clock=clock,
        new_id=lambda: str(uuid4()),
        offered=offered,
        timeout=(1, 1),
    )


def asked(little: LittleEhr) -> jwt.Token:
    last = [one for one in little.asked if one.path == "/token"][-1]
    return jwt.decode(last.form["client_assertion"][0], little.clients["us"], algorithms=["ES384", "RS384"])


def test_the_assertion_says_what_smart_demands(backend: Backend, little: LittleEhr, ec: ECKey) -> None:
    assert backend.token() in little.tokens
    token = asked(little)
    assert token.header == {"alg": "ES384", "kid": "ours-ec", "typ": "JWT"}
    assert token.claims["iss"] == token.claims["sub"] == "us"
    assert token.claims["aud"] == f"{little.root}/token"
    assert 0 < token.claims["exp"] - time.time() <= 300
    form = little.asked[-1].form
    assert form["grant_type"] == ["client_credentials"]
    assert form["scope"] == ["system/*.rs"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert "client_id" not in form


def test_each_request_has_a_jti_of_its_own(backend: Backend, little: LittleEhr) -> None:
    for _ in range(3):
        backend.renew()
    assert len(little.jtis) == 3


def test_a_token_is_used_again_until_80_percent_of_its_life(backend: Backend, little: LittleEhr, clock: Clock) -> None:
    first = backend.token()
    clock.now += timedelta(seconds=239)
    assert backend.token() == first
    clock.now += timedelta(seconds=1)
    assert backend.token() != first


@pytest.mark.parametrize("said", ["300", 300.0, None, "soon", -1])
def test_any_way_to_say_how_long_a_token_lives_is_understood(
    backend: Backend, little: LittleEhr, clock: Clock, said: Any
) -> None:
    little.expires_in = said
    first = backend.token()
    clock.now += timedelta(seconds=239)
    assert backend.token() == first
    clock.now += timedelta(seconds=2)
    assert backend.token() != first


@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER", None, ""])
def test_a_bearer_token_may_be_called_so_in_any_case_or_not_at_all(
    backend: Backend, little: LittleEhr, kind: str | None
) -> None:
    little.fail("token", Reply(document={"access_token": "x", "token_type": kind, "surprise": [1]}))
    assert backend.token() == "x"


@pytest.mark.parametrize("offered", [["RS384"], ["RS256", "RS384"]])
def test_it_signs_with_rs384_where_the_ehr_offers_only_that(
    little: LittleEhr, session: requests.Session, clock: Clock, ec: ECKey, rsa: RSAKey, offered: list[str]
) -> None:
    little.clients["us"] = KeySet([rsa])
    little.algorithms = ["RS384"]
    assert make(little, session, clock, [ec, rsa], offered).token() in little.tokens
    assert asked(little).header["alg"] == "RS384"


def test_without_a_fitting_key_it_says_which_one_is_needed(ec: ECKey) -> None:
    with pytest.raises(TokenError, match="the server accepts RS384, we may use ES384, RS384, our keys sign ES384"):
        choose_key([ec], ["RS384"])


def test_the_first_of_several_keys_of_a_kind_signs(ec: ECKey) -> None:
    assert choose_key([ec, ECKey.generate_key("P-384")], []) == (ec, "ES384")


def test_scopes_that_were_not_granted_are_told(backend: Backend, little: LittleEhr) -> None:
    little.grants = "system/Patient.r system/Patient.s system/Task.cruds openid"
    assert backend.difference().missing == ()
    backend.token()
    assert backend.difference().missing == ("system/*.rs",)
    assert backend.difference().extra == ("system/Task.cruds", "openid")


def test_scopes_are_compared_by_what_they_permit() -> None:
    assert difference("system/*.read", "system/*.s system/*.r").missing == ()
    assert difference("system/Patient.rs", "system/*.cruds").missing == ()
    assert difference("system/Patient.rs", "system/Patient.rs?active=true").missing == ("system/Patient.rs",)
    assert difference("system/Patient.read launch/other", "").missing == ("system/Patient.read",)


@given(st.lists(st.sampled_from(["system/*.rs", "system/Patient.read", "system/Task.cruds", "openid"])))
def test_what_is_granted_as_asked_has_no_difference(scopes: list[str]) -> None:
    told = difference(" ".join(scopes), " ".join(reversed(scopes)))
    assert told.missing == told.extra == ()


def test_a_scope_left_out_of_the_answer_means_as_asked(backend: Backend, little: LittleEhr) -> None:
    little.fail("token", Reply(document={"access_token": "x", "token_type": "bearer", "expires_in": 300}))
    backend.token()
    assert backend.difference().missing == ()


def test_a_refusal_says_what_the_server_said_and_what_to_look_at(backend: Backend, little: LittleEhr) -> None:
    little.fail("token", Reply(401, {"error": "invalid_client", "error_description": None}))
    with pytest.raises(TokenError, match=r"401 invalid_client \(is our key ours-ec, ES384, registered") as trouble:
        backend.token()
    assert not trouble.value.retry


@pytest.mark.parametrize(
    "raw", [b"<html>", b"", b"[]", b'"x"', b"{}", b'{"access_token": ""}', b'{"access_token": 5}', b"[" * 100_000]
)
def test_an_answer_without_a_token_is_no_token(backend: Backend, little: LittleEhr, raw: bytes) -> None:
    little.fail("token", Reply(raw=raw))
    with pytest.raises(TokenError):
        backend.token()


def test_an_answer_without_end_is_not_read_to_its_end(backend: Backend, little: LittleEhr) -> None:
    """Packed it is a few kilobytes, unpacked more than a worker has room for."""
    packed = gzip.compress(b'{"access_token": "' + b"x" * 50_000_000)
    little.fail("token", Reply(raw=packed, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        with pytest.raises(TokenError, match="TooMuch") as trouble:
            backend.token()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert trouble.value.retry


def test_another_kind_of_token_is_not_used_as_a_bearer_token(backend: Backend, little: LittleEhr) -> None:
    little.fail("token", Reply(document={"access_token": "x", "token_type": "mac"}))
    with pytest.raises(TokenError, match="another type"):
        backend.token()


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_token_endpoint_says_when_to_come_back(backend: Backend, little: LittleEhr, status: int) -> None:
    little.fail("token", Reply(status, {}, {"Retry-After": "9"}))
    with pytest.raises(TokenError) as trouble:
        backend.token()
    assert trouble.value.retry
    assert trouble.value.seconds == 9


def test_our_assertion_does_not_follow_a_redirect(backend: Backend, little: LittleEhr) -> None:
    with serving(LittleEhr()) as other:
        little.fail("token", Reply(307, {}, {"Location": f"{other.root}/token"}))
        with pytest.raises(TokenError):
            backend.token()
        assert other.asked == []


def test_no_answer_may_be_tried_again(backend: Backend, little: LittleEhr) -> None:
    little.fail("token", Reply(200, {}, delay=1.5))
    with pytest.raises(TokenError) as trouble:
        backend.token()
    assert trouble.value.retry


def test_keys_are_read_from_pem_jwk_and_jwks(ec: ECKey, rsa: RSAKey) -> None:
    for key in (ec, rsa):
        (pem,) = load_keys(key.as_pem(private=True))
        (jwk,) = load_keys(json.dumps(key.as_dict(private=True)).encode())
        assert pem.kid == key.thumbprint()
        assert jwk.kid == key.kid
        assert assertion("us", "https://x", pem, "ES384" if isinstance(key, ECKey) else "RS384", datetime.now(UTC), "1")
    both = load_keys(json.dumps(KeySet([ec, rsa]).as_dict(private=True)).encode())
    assert [key.kid for key in both] == ["ours-ec", "ours-rsa"]


def test_a_file_without_a_usable_private_key_is_refused(ec: ECKey) -> None:
    for data in (
        b"",
        b"{}",
        b"junk",
        b"\xff\xfe",
        b'{"keys": []}',
        ec.as_pem(private=False),
        ECKey.generate_key("P-256").as_pem(private=True),
        json.dumps(OctKey.generate_key(256).as_dict()).encode(),
    ):
        with pytest.raises(BadKey):
            load_keys(data)


NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        (" 12 ", 12.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("Sun, 99 Nov 2026 09:00:00 GMT", None),
        (f"Sun, 22 Nov 2026 09:00:00 +{'9' * 20}", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_us(text: str) -> None:
    found = retry_after(text, NOW)
    assert found is None or found >= 0
