"""Asking an EHR over a real socket that is slow, busy, broken, or leads elsewhere."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response

from fhir_adapters import dialects
from fhir_adapters.ehr import Ehr
from fhir_adapters.errors import (
    Away,
    Broken,
    Busy,
    CircuitOpen,
    Elsewhere,
    Garbled,
    NotAllowedIn,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from fhir_adapters.http import Http
from tests.adapters.little_ehr import LittleEhr, Reply, serving
from tests.adapters.wsgi import WsgiAdapter

Document = dict[str, Any]
LIMITS = dialects.load("generic").limits.but(
    {"attempts": 3, "backoff_seconds": 0.01, "read_seconds": 0.4, "connect_seconds": 0.4, "answer_seconds": 1}
)


class Slept:
    """Remembers how long it was asked to sleep, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def slept() -> Slept:
    return Slept()


@pytest.fixture
def http(little: LittleEhr, slept: Slept) -> Iterator[Http]:
    little.put({"resourceType": "Patient", "id": "1"})
    with requests.Session() as session:
        yield Http(Ehr("little", little.base), LIMITS, session, sleep=slept)


def ask(http: Http) -> Document:
    return http.get(f"{http.ehr.base_url}/Patient/1", Document).document


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_the_seconds_that_the_ehr_asks_for(http: Http, little: LittleEhr, slept: Slept, status: int) -> None:
    little.fail("Patient", Reply(status, {}, {"Retry-After": "7"}))
    assert ask(http)["id"] == "1"
    assert slept.seconds == [7.0]


def test_it_waits_until_the_date_that_the_ehr_gives(http: Http, little: LittleEhr, slept: Slept) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    little.fail("Patient", Reply(503, {}, {"Retry-After": at}))
    assert ask(http)["id"] == "1"
    assert 55 < slept.seconds[0] <= 60


def test_it_does_not_wait_longer_than_a_run_may_take(http: Http, little: LittleEhr, slept: Slept) -> None:
    little.fail("Patient", Reply(429, {}, {"Retry-After": "3600"}))
    with pytest.raises(Away, match="come back in 3600 s"):
        ask(http)
    assert slept.seconds == []


def test_a_header_with_a_date_that_is_none_ends_no_run_of_ours(slept: Slept) -> None:
    app = Flask("ehr")
    far = f"Sun, 22 Nov 2026 09:00:00 +{'9' * 20}"
    app.add_url_rule("/fhir/Patient", view_func=lambda: Response('{"a": 1}', headers={"Date": far}))
    with requests.Session() as session:
        session.mount("https://ehr.test", WsgiAdapter(app))
        ehr = Http(Ehr("little", "https://ehr.test/fhir"), LIMITS, session, sleep=slept)
        assert ehr.get("https://ehr.test/fhir/Patient", Document).date is None


def test_without_a_retry_after_each_wait_is_about_twice_as_long(http: Http, little: LittleEhr, slept: Slept) -> None:
    little.fail("Patient", Reply(429, {}), times=9)
    with pytest.raises(Busy):
        ask(http)
    assert len(slept.seconds) == 2
    assert 0.005 <= slept.seconds[0] <= 0.01 <= slept.seconds[1] <= 0.02


@pytest.mark.parametrize("status", [408, 500, 502, 504, 520])
def test_it_tries_again_after_a_server_error(http: Http, little: LittleEhr, status: int) -> None:
    little.fail("Patient", Reply(status, {}), times=2)
    assert ask(http)["id"] == "1"


def test_it_gives_up_after_the_last_attempt_and_says_what_the_ehr_said(http: Http, little: LittleEhr) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "diagnostics": "disk full"}]}
    little.fail("Patient", Reply(500, outcome), times=9)
    with pytest.raises(Broken, match="little: GET /r4/Patient/1: 500 disk full"):
        ask(http)
    assert len(little.asked) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 410, 501])
def test_it_does_not_repeat_what_was_refused(http: Http, little: LittleEhr, status: int) -> None:
    little.fail("Patient", Reply(status, {}))
    with pytest.raises(Refused) as refused:
        ask(http)
    assert refused.value.status == status
    assert len(little.asked) == 1


def test_it_tries_again_when_no_answer_comes_in_time(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(200, {}, delay=0.8))
    assert ask(http)["id"] == "1"


def test_it_says_so_when_no_answer_ever_comes(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(200, {}, delay=0.8), times=9)
    with pytest.raises(TimedOut):
        ask(http)


def test_it_tries_again_when_the_answer_breaks_off(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(200, {"resourceType": "Patient"}, cut=True))
    assert ask(http)["id"] == "1"


@pytest.mark.parametrize("raw", [b'{"resourceType": "Pat', b"<html>Sign in</html>", b"", b"[]", b'"x"', b"\xff\xfe"])
def test_it_tries_again_when_the_answer_is_no_json_document(http: Http, little: LittleEhr, raw: bytes) -> None:
    little.fail("Patient", Reply(200, raw=raw))
    assert ask(http)["id"] == "1"
    little.fail("Patient", Reply(200, raw=raw), times=9)
    with pytest.raises(Garbled) as garbled:
        ask(http)
    assert "Sign in" not in garbled.value.text


def test_an_answer_over_the_limit_is_not_read_to_its_end(http: Http, little: LittleEhr) -> None:
    http.limits = http.limits.but({"body_bytes": 100_000})
    little.fail("Patient", Reply(200, {"x": "y" * 1_000_000}), times=9)
    with pytest.raises(TooLarge):
        ask(http)
    assert len(little.asked) == 1


def test_nobody_listening_is_said_plainly(slept: Slept) -> None:
    with serving(LittleEhr()) as gone:
        base = gone.base
    with requests.Session() as session, pytest.raises(Unreachable, match="no connection"):
        ask(Http(Ehr("gone", base), LIMITS, session, sleep=slept))


def test_after_some_failures_in_a_row_it_stops_asking(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(500, {}), times=99)
    for _ in range(3):
        with pytest.raises(Broken):
            ask(http)
    asked = len(little.asked)
    with pytest.raises(CircuitOpen):
        ask(http)
    assert len(little.asked) == asked


def test_an_answer_in_between_closes_the_circuit_again(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(500, {}), times=6)
    for _ in range(2):
        with pytest.raises(Broken):
            ask(http)
    little.fail("Patient", Reply(404, {}))
    with pytest.raises(Refused):
        ask(http)
    assert http.failures == 0
    assert ask(http)["id"] == "1"


class Purse:
    """Hands out tokens: t1, then t2, ..."""

    def __init__(self) -> None:
        self.given = 1

    def token(self) -> str:
        return f"t{self.given}"

    def renew(self) -> str:
        self.given += 1
        return self.token()


def test_a_401_is_answered_with_a_new_token_once(http: Http, little: LittleEhr) -> None:
    http.bearer = Purse()
    little.fail("Patient", Reply(401, {}))
    assert ask(http)["id"] == "1"
    assert [asked.headers["authorization"] for asked in little.asked] == ["Bearer t1", "Bearer t2"]


def test_a_second_401_ends_it(http: Http, little: LittleEhr) -> None:
    http.bearer = Purse()
    little.fail("Patient", Reply(401, {}), times=9)
    with pytest.raises(NotAllowedIn):
        ask(http)
    assert len(little.asked) == 2


def test_discovery_goes_without_a_token(http: Http, little: LittleEhr) -> None:
    http.bearer = Purse()
    http.get(f"{little.base}/metadata", Document, public=True)
    assert "authorization" not in little.asked[-1].headers


def test_a_netrc_entry_never_replaces_or_adds_a_token(
    http: Http, little: LittleEhr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(http)
    assert "authorization" not in little.asked[-1].headers
    http.bearer = Purse()
    ask(http)
    assert little.asked[-1].headers["authorization"] == "Bearer t1"


def test_a_redirect_to_another_host_is_not_followed(http: Http, little: LittleEhr) -> None:
    http.bearer = Purse()
    with serving(LittleEhr()) as other:
        little.fail("Patient", Reply(302, {}, {"Location": f"{other.base}/Patient/1"}))
        with pytest.raises(Elsewhere, match="not this EHR"):
            ask(http)
        assert other.asked == []


def test_a_redirect_within_the_ehr_is_followed_with_the_token(http: Http, little: LittleEhr) -> None:
    http.bearer = Purse()
    little.put({"resourceType": "Patient", "id": "2"})
    little.fail("Patient/1", Reply(307, {}, {"Location": "2"}))
    assert ask(http)["id"] == "2"
    assert little.asked[-1].headers["authorization"] == "Bearer t1"


def test_redirects_in_a_circle_end(http: Http, little: LittleEhr) -> None:
    little.fail("Patient", Reply(302, {}, {"Location": "1"}), times=999)
    with pytest.raises(Garbled, match="redirected"):
        ask(http)


def test_another_host_may_be_configured(little: LittleEhr, slept: Slept) -> None:
    with serving(LittleEhr()) as other, requests.Session() as session:
        other.put({"resourceType": "Patient", "id": "1"})
        ehr = Ehr("little", little.base, hosts=(other.root,))
        found = Http(ehr, LIMITS, session, Purse(), sleep=slept).get(f"{other.base}/Patient/1", Document)
        assert found.document["id"] == "1"
        assert other.asked[-1].headers["authorization"] == "Bearer t1"


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "//x/y", "file:///etc/passwd", "http:///x", "http://[::1", "javascript:x"]
)
def test_an_address_that_is_no_http_address_is_refused(http: Http, url: str) -> None:
    with pytest.raises(Elsewhere):
        http.get(url, Document)


def test_http_links_of_an_https_ehr_are_asked_by_https() -> None:
    with requests.Session() as session:
        http = Http(Ehr("tls", "https://ehr.example/r4"), LIMITS, session)
        assert http._home("http://ehr.example/r4/Patient?page=2") == "https://ehr.example/r4/Patient?page=2"
        with pytest.raises(Elsewhere):
            http._home("http://ehr.example:8080/r4/Patient?page=2")


def test_it_keeps_to_the_rate_that_the_ehr_can_bear(http: Http) -> None:
    http.limits = http.limits.but({"requests_per_second": 20})
    http.sleep = time.sleep
    started = time.monotonic()
    for _ in range(4):
        ask(http)
    assert time.monotonic() - started >= 3 / 20


def test_the_headers_of_the_ehr_and_of_its_tenancy_go_along(little: LittleEhr) -> None:
    little.put({"resourceType": "Patient", "id": "1"})
    with requests.Session() as session:
        ask(
            Http(
                Ehr("little", little.base, headers={"Epic-Client-ID": "x"}), LIMITS, session, headers={"X-Tenant": "7"}
            )
        )
    assert little.asked[-1].headers["epic-client-id"] == "x"
    assert little.asked[-1].headers["x-tenant"] == "7"
    assert little.asked[-1].headers["accept"] == "application/fhir+json"
