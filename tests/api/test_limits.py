"""Issue 3, rate limits: on sign-in, on the OAuth endpoints and on search, in memory and in a real Redis."""

import base64
import itertools
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from carecoord import app
from carecoord.settings import BadSetting, Settings, load
from carecoord.web.server import limits
from carecoord.world import World
from tests import brokers
from tests.brokers import Redis

from .conftest import Api, Clock, issues

NUMBERS = itertools.count()  # of logins: after some wrong passwords, one and the same is locked by another rule


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if wrong := brokers.missing("redis"):
        pytest.skip(wrong)
    made = Redis(tmp_path)
    yield made
    made.close()


def limited(world: World, **rates: Any) -> Client:
    return Client(app.wired(replace(world, settings=replace(world.settings, **rates))))


def sign_in(http: Client, **more: Any) -> TestResponse:
    page = http.get("/sign-in", **more).get_data(as_text=True)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return http.post("/sign-in", data={**hidden, "login": f"nobody-{next(NUMBERS)}", "password": "wrong"}, **more)


def token(http: Client, client: str, **more: Any) -> TestResponse:
    return http.post("/oauth/token", data={"grant_type": "client_credentials", "client_id": client}, **more)


def test_too_many_attempts_to_sign_in_end_in_a_page_that_says_when_to_come_back(world: World, clock: Clock) -> None:
    http = limited(world, sign_in_rate="3/minute")
    assert [sign_in(http).status_code for _ in range(3)] == [401, 401, 401]
    refused = sign_in(http)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    assert "Too many attempts to sign in" in refused.get_data(as_text=True)
    assert http.get("/sign-in").status_code == 200
    clock.now += timedelta(seconds=61)
    assert sign_in(http).status_code == 401


def test_of_several_rates_each_counts(world: World, clock: Clock) -> None:
    http = limited(world, sign_in_rate="5/minute;6/hour")
    assert [sign_in(http).status_code for _ in range(5)] == [401] * 5
    clock.now += timedelta(seconds=61)
    assert [sign_in(http).status_code for _ in range(2)] == [401, 429]
    assert int(sign_in(http).headers["Retry-After"]) > 3000


def test_every_address_that_takes_a_secret_has_a_limit(world: World) -> None:
    """A page that is added without one is found here: it answers a stranger, takes a POST, and is on no list."""
    flask = app.wired(world)
    held = limits.limited(flask, *limits.limits(world.settings))
    http = Client(flask)
    open_to_all = {"/oauth/authorize"}  # takes no secret: it sends the browser on
    bare = []
    for rule in flask.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint.startswith("fhir.") or rule.rule in open_to_all:
            continue
        if "POST" in held.get(rule.endpoint, {}):
            continue
        path = re.sub(r"<any\('?(\w+)[^>]*>", r"\1", re.sub(r"<int:[^>]*>", "1", rule.rule))
        path = re.sub(r"<[^>]*>", "x", path)
        answer = http.post(path, headers={"HX-Request": "true"})
        if not (answer.status_code == 401 or answer.headers.get("Location", "").startswith("/sign-in")):
            bare.append((rule.rule, answer.status_code))
    assert bare == []


def test_an_app_over_the_limit_reads_it_as_an_oauth_error(world: World) -> None:
    http = limited(world, oauth_rate="2/minute")
    assert [token(http, "app-1").status_code for _ in range(2)] != [429, 429]
    refused = token(http, "app-1", headers={"Origin": "https://app.example"})
    assert refused.status_code == 429
    assert json.loads(refused.get_data())["error"] == "temporarily_unavailable"
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert int(refused.headers["Retry-After"]) > 0


def basic(client: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client}:x".encode()).decode()}


def assertion(client: str) -> str:
    parts = [{"alg": "ES384", "kid": "k"}, {"sub": client, "iss": client}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + ".AAAA"


@pytest.mark.parametrize(
    "said",
    [
        lambda name: {"data": {"client_id": name}},
        lambda name: {"headers": basic(name)},
        lambda name: {"data": {"client_assertion": assertion(name)}},
    ],
    ids=["form", "basic", "assertion"],
)
def test_the_oauth_limit_is_each_clients_own(world: World, said: Callable[[str], dict[str, Any]]) -> None:
    http = limited(world, oauth_rate="2/minute")
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        assert http.post(path, **said(f"first{path}")).status_code != 429
    answers = [http.post("/oauth/token", **said("first")).status_code for _ in range(3)]
    assert [status == 429 for status in answers] == [False, False, True]
    assert http.post("/oauth/token", **said("second")).status_code != 429


def test_nobody_uses_up_the_limit_of_another_by_taking_its_name(world: World) -> None:
    http = limited(world, oauth_rate="2/minute")
    there, here = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "198.51.100.1"}
    assert [token(http, "victim", environ_base=there).status_code == 429 for _ in range(3)] == [False, False, True]
    assert token(http, "victim", environ_base=here).status_code != 429


def test_a_new_name_with_each_request_does_not_escape_the_limit(world: World) -> None:
    http = limited(world, oauth_rate="2/minute")
    answers = [token(http, f"made-up-{n}").status_code == 429 for n in range(limits.CROWD * 2 + 1)]
    assert (any(answers[:-1]), answers[-1]) == (False, True)


def test_a_form_too_large_is_refused_as_ever(world: World) -> None:
    assert token(limited(world), "x" * 70_000).status_code == 413


@pytest.mark.parametrize("how", ["/Patient?name=x", "POST /Patient/_search", "/Patient/p/Observation"])
def test_searches_over_the_limit_are_told_so_in_an_operation_outcome(
    world: World, client: Callable[..., Api], how: str
) -> None:
    one, other = (Api(limited(world, search_rate="2/minute"), client().token) for _ in range(2))
    other.http, other.token = one.http, client().token
    method, path = how.split() if " " in how else ("GET", how)
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    answers = [one(method, path, **kind).status_code == 429 for _ in range(3)]
    assert answers == [False, False, True]
    refused = one(method, path, **kind)
    assert issues(refused)[0]["code"] == "throttled"
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert other(method, path, **kind).status_code != 429, "another token has a limit of its own"
    assert one.get("/Patient/nobody").status_code == 404, "reads are not searches"


def test_a_batch_counts_so_that_no_search_hides_in_it(world: World, client: Callable[..., Api]) -> None:
    api = Api(limited(world, search_rate="1/minute"), client().token)
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Patient"}}]}
    assert api.post("", batch).status_code == 200
    assert api.post("", batch).status_code == 429


def test_the_memory_holds_no_token_and_no_more_askers_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST", 3)
    counts = limits.Counts()
    for n in range(10):
        counts.add(f"search/60/{n}", 60, 0.0)
    assert len(counts._counts) == 3
    assert counts.add("search/60/9", 60, 1.0) == (2, 59.0)
    assert counts.add("search/60/9", 60, 60.0) == (1, 60)


def test_x_forwarded_for_is_believed_only_from_proxies_that_the_settings_count(world: World) -> None:
    def from_there(http: Client, claimed: str) -> int:
        return sign_in(http, headers={"X-Forwarded-For": claimed}).status_code

    direct = limited(world, sign_in_rate="1/minute")
    assert [from_there(direct, f"203.0.113.{n}") for n in range(2)] == [401, 429]
    behind = limited(world, sign_in_rate="1/minute", trusted_proxies=1)
    assert [from_there(behind, f"203.0.113.{n}") for n in range(2)] == [401, 401]
    assert from_there(behind, "10.9.9.9, 203.0.113.1") == 429, "what the client itself wrote before the proxy's word"


def test_the_addresses_of_one_ipv6_network_count_as_one(world: World) -> None:
    http = limited(world, sign_in_rate="1/minute")
    ask = lambda address: sign_in(http, environ_base={"REMOTE_ADDR": address}).status_code  # noqa: E731
    assert [ask("2001:db8:1:2::1"), ask("2001:db8:1:2:ffff::9"), ask("2001:db8:1:3::1")] == [401, 429, 401]
    assert [ask("::ffff:203.0.113.1"), ask("::ffff:203.0.113.2"), ask("203.0.113.1")] == [401, 401, 429]


def test_two_servers_with_a_redis_count_together(world: World, redis: Redis) -> None:
    one, other = (limited(world, sign_in_rate="2/minute", redis_url=redis.url) for _ in range(2))
    assert [sign_in(http).status_code for http in (one, other, one, other)] == [401, 401, 429, 429]
    assert 0 < int(sign_in(one).headers["Retry-After"]) <= 61


def test_redis_is_given_no_token(world: World, client: Callable[..., Api], redis: Redis) -> None:
    api = Api(limited(world, redis_url=redis.url), client().token)
    assert api.get("/Patient").status_code == 200
    dump = subprocess.run(["redis-cli", "-p", str(redis.port), "--scan"], capture_output=True, text=True, check=True)
    assert "carecoord/search/60/" in dump.stdout
    assert str(api.token) not in dump.stdout


def test_a_redis_that_goes_away_takes_nothing_down_and_is_found_again(
    world: World, redis: Redis, clock: Clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each process then counts for itself, so there is still a limit; and the log says so."""
    http = limited(world, sign_in_rate="3/minute", redis_url=redis.url)
    other = limited(world, sign_in_rate="3/minute", redis_url=redis.url)
    assert sign_in(http).status_code == 401
    redis.stop()
    assert [sign_in(http).status_code for _ in range(4)] == [401, 401, 401, 429]
    said = "".join(capfd.readouterr())
    assert said.count("redis_away") == 1
    redis.start()
    clock.now += timedelta(seconds=limits.AWAY + 1)
    assert [sign_in(http).status_code for _ in range(3)] == [401] * 3
    assert sign_in(other).status_code == 429, "they count together again"


@pytest.mark.parametrize("name", ["SIGN_IN_RATE", "OAUTH_RATE", "SEARCH_RATE"])
@pytest.mark.parametrize("rate", ["", "often", "20 per", "20/moment"])
def test_a_rate_that_can_not_be_read_is_refused_when_the_settings_are(name: str, rate: str) -> None:
    with pytest.raises(BadSetting, match=f"CARECOORD_{name} must be a rate such as 20/minute"):
        load({f"CARECOORD_{name}": rate})


def test_a_redis_url_of_another_kind_is_refused() -> None:
    with pytest.raises(BadSetting, match="CARECOORD_REDIS_URL"):
        load({"CARECOORD_REDIS_URL": "http://127.0.0.1:6379"})


def test_there_are_limits_unless_somebody_sets_others() -> None:
    assert [str(rate) for rate in limits.limits(Settings())[0].rates] == ["20 per 1 minute", "100 per 1 hour"]
