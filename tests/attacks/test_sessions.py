"""Sessions and tokens (security.md 2), over HTTP on both databases, at a server that has no base URL set: what is taken
away in the middle of a session or token is gone at once; what counts once counts once for many who come at the same
moment; no form of another site does anything; nobody is led elsewhere."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pyotp
import pytest
import requests
from sqlalchemy import func, select

from auth import store
from auth.people import factors, totp
from carecoord import app
from carecoord.actions.people import people
from carecoord.actions.people.accounts import NewUser
from carecoord.store.database import tables
from carecoord.store.database.engine import reading, writing
from tests.attacks.fort import Fort
from tests.attacks.fuzzing import Fields
from tests.attacks.test_fuzz import PAGES
from tests.conformance.practice import CALLBACK, EVERYTHING, PEOPLES
from tests.conformance.visitor import App, Browser, consent
from tests.desk.conftest import PASSWORD, PEOPLE

AT_ONCE = 8
NOT_THE_DESKS = ("/fhir", "/oauth/", "/cds-services", "/guest/", "/embed/", "/sign-in", "/invitation", "/pas/")


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """What comes of it for each of several who call in the same moment."""
    line = Barrier(AT_ONCE)

    def run(n: int) -> Any:
        line.wait(30)
        return call(n)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(run, range(AT_ONCE)))


def is_in(fort: Fort, browser: requests.Session) -> bool:
    answers = {browser.get(f"{fort.url}/account", timeout=60, allow_redirects=False).status_code for _ in range(3)}
    assert answers in ({200}, {303}), answers
    return answers == {200}


@pytest.fixture(scope="module")
def public(fort: Fort) -> App:
    """An app that people let in."""
    client = store.Client("attacked", "App", EVERYTHING, "none", PEOPLES, redirect_uris=(CALLBACK,))
    with writing(fort.world.engine) as conn:
        store.add_client(conn, client, 0)
    return App(fort, "attacked")  # type: ignore[arg-type]


def let_in(fort: Fort, public: App, login: str) -> dict[str, str]:
    """The code that somebody's consent brings the app."""
    browser = Browser(fort)  # type: ignore[arg-type]
    browser.go("/sign-in")
    browser.sign_in(login, PASSWORD)
    browser.go(public.address("openid user/Task.rs offline_access"))
    return consent(browser, None)


@pytest.mark.parametrize("how", ["another role", "disabled", "another organization"])
def test_what_is_taken_from_a_person_is_gone_in_the_middle_of_session_and_token(fort: Fort, public: App,
    how: str) -> None:
    login = f"leaver-{how.replace(' ', '-')}"
    user = fort.add(login, "coordinator")
    with fort.enter(login) as browser:
        told = public.exchange(let_in(fort, public, login)).json()
        assert is_in(fort, browser)
        assert fort.ask("GET", "Task?_count=1", told["access_token"]).status_code == 200
        if how == "disabled":
            with writing(fort.world.engine) as conn:
                store.change_user(conn, replace(user, disabled=True))
        else:
            roles, elsewhere = {"roles": frozenset({"auditor"})}, {"organization": "office-harborview"}
            given = roles if how == "another role" else elsewhere
            people.change(fort.world, login, "test", **given)
        assert not is_in(fort, browser)
    assert fort.ask("GET", "Task?_count=1", told["access_token"]).status_code == 401
    renewed = public.refresh(told["refresh_token"])
    assert renewed.status_code == 400 or how != "disabled"


def test_a_client_that_is_disabled_is_out_in_the_middle_of_its_token(fort: Fort) -> None:
    client = store.Client("service-leaver", "Service", "system/*.rs", jwks_url="https://app.example/jwks")
    with writing(fort.world.engine) as conn:
        store.add_client(conn, client, 0)
    token = fort.token("system/*.rs", client=client.id)
    assert {fort.ask("GET", "Task?_count=1", token).status_code for _ in range(3)} == {200}
    with writing(fort.world.engine) as conn:
        store.change_client(conn, replace(client, disabled=True))
    assert {fort.ask("GET", "Task?_count=1", token).status_code for _ in range(3)} == {401}


def test_a_tab_of_a_session_that_ended_in_the_other_does_nothing(fort: Fort) -> None:
    """Signed out in one tab, and signed in anew: what the other tab still shows is a form of a session that is over."""
    fort.add("tabs", "coordinator")
    with fort.enter("tabs") as browser:
        page = browser.get(f"{fort.url}/account", timeout=60).text
        (old,) = set(re.findall(r'name="csrf" value="([^"]+)"', page))
        out = {"csrf": old}
        assert browser.post(f"{fort.url}/sign-out", out, timeout=60, allow_redirects=False).status_code == 303
        form = {"csrf": old, "language": "es"}
        answer = browser.post(f"{fort.url}/account/language", form, timeout=60, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"][:8]) == (303, "/sign-in")
    with fort.enter("tabs") as anew:
        assert anew.post(f"{fort.url}/account/language", form, timeout=60, allow_redirects=False).status_code == 403
        assert 'lang="en"' in anew.get(f"{fort.url}/account", timeout=60).text


def test_an_invitation_counts_once_for_many_who_come_at_the_same_moment(fort: Fort) -> None:
    new = NewUser("invited", "Invited", frozenset({"coordinator"}), "office-fairmont")
    path = urlsplit(people.invite(fort.world, new, "test")).path
    page = [fort.session() for _ in range(AT_ONCE)]
    forms = [Fields(each.get(fort.url + path, timeout=60).text).found[0] for each in page]

    def accept(n: int) -> int:
        word = f"five made-up words number {n}"
        sent = {name: value for name, value in forms[n][1] if value} | {"password": word, "again": word}
        return page[n].post(fort.url + path, sent, timeout=60, allow_redirects=False).status_code

    statuses = at_once(accept)
    first = [n for n, status in enumerate(statuses) if status in (200, 303)]
    assert len(first) == 1, statuses
    fort.enter("invited", f"five made-up words number {first[0]}").close()
    with pytest.raises(AssertionError):
        fort.enter("invited", f"five made-up words number {1 - min(first[0], 1)}")


def test_a_recovery_code_counts_once_for_many_who_come_at_the_same_moment(fort: Fort) -> None:
    user, now = fort.add("recovering", "coordinator"), fort.world.seconds()
    with writing(fort.world.engine) as conn:
        totp.offer_secret(conn, user.id, now)
        offered = totp.find(conn, user.id)
        assert offered
        assert totp.confirm(conn, user.id, pyotp.TOTP(offered.secret).at(now), now)
        code = factors.new_recovery_codes(conn, user.id)[0]
    halves = [fort.enter("recovering") for _ in range(AT_ONCE)]
    assert not any(is_in(fort, half) for half in halves), "the password alone opens nothing"
    forms = [dict(Fields(each.get(f"{fort.url}/sign-in/second-step", timeout=60).text).found[0][1]) for each in halves]

    def step(n: int) -> int:
        sent = {**forms[n], "code": code}
        return halves[n].post(f"{fort.url}/sign-in/code", sent, timeout=60, allow_redirects=False).status_code

    at_once(step)
    assert sum(is_in(fort, half) for half in halves) == 1


def test_an_authorization_code_and_a_refresh_token_count_once_for_many_at_the_same_moment(fort: Fort,
    public: App) -> None:
    """And whoever comes too late ends what the first one got: it was stolen by one of them (RFC 6749 4.1.2)."""
    came = let_in(fort, public, PEOPLE["coordinator"][0])
    answers = at_once(lambda n: public.exchange(came))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) <= 1, [answer.status_code for answer in answers]
    assert all(fort.ask("GET", "Task?_count=1", each["access_token"]).status_code == 401 for each in good)
    told = public.exchange(let_in(fort, public, PEOPLE["coordinator"][0])).json()
    answers = at_once(lambda n: public.refresh(told["refresh_token"]))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) <= 1, [answer.status_code for answer in answers]
    assert all(fort.ask("GET", "Task?_count=1", each["access_token"]).status_code == 401 for each in good)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "forged-host.example"}, {"X-Forwarded-Host": "forged-host.example", "X-Forwarded-Proto": "gopher"},
     {"Forwarded": "host=forged-host.example;proto=https"}, {"Host": "forged-host.example:80@127.0.0.1"},
     {"X-Original-URL": "/people"}],
)  # fmt: skip
def test_no_address_of_ours_follows_what_a_request_says_of_its_host(fort: Fort, headers: dict[str, str]) -> None:
    for path in ("/sign-in", "/", "/people", "/.well-known/openid-configuration",
        "/fhir/.well-known/smart-configuration",
                 "/fhir/metadata", "/brands.json", "/account/"):  # fmt: skip
        answer = fort.get(path, headers=headers)
        assert answer.status_code < 500, path
        assert "forged-host.example" not in answer.text + str(answer.headers), path
    with fort.enter("admin") as browser:
        assert "forged-host.example" not in browser.get(f"{fort.url}/people", headers=headers, timeout=60).text
    told = fort.ask("POST", "Basic", fort.token(), {"resourceType": "Basic", "code": {"text": "x"}}, **headers)
    assert "forged-host.example" not in told.headers.get("Location", "") + told.text


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "https:evil.example",
     "///evil.example", "http://[::1", "javascript:alert(1)", "/%5cevil.example", "https://127.0.0.1@evil.example/",
     "/../..//evil",
     "/\n/evil.example", ".evil.example", "@evil.example", "/sign-out"],
)  # fmt: skip
def test_nobody_is_led_elsewhere_after_signing_in(fort: Fort, to: str) -> None:
    with fort.session() as browser:
        page = browser.get(f"{fort.url}/sign-in?next={quote(to)}", timeout=60)
        assert page.status_code == 200
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        sent = {**form, "login": PEOPLE["clinician"][0], "password": PASSWORD, "next": to}
        answer = browser.post(f"{fort.url}/sign-in", sent, timeout=60, allow_redirects=False)
        assert answer.status_code == 303
        where = urlsplit(urljoin(fort.url, answer.headers["Location"]))
        assert (where.scheme, where.netloc) == ("http", urlsplit(fort.url).netloc), where


def rows(fort: Fort) -> dict[str, int]:
    """Of each table, but those that write down what was asked."""
    quiet = {name: table for name, table in tables.metadata.tables.items()
             if not name.startswith(("audit", "outbox", "job", "auth_session", "auth_pending", "auth_failure",
                 "worker"))}  # fmt: skip
    with reading(fort.world.engine) as conn:
        return {name: conn.scalar(select(func.count()).select_from(table)) or 0 for name, table in quiet.items()}


@pytest.mark.parametrize("who", ["coordinator", "admin", "contracts", "payer"])
def test_no_form_that_there_is_does_anything_for_another_site(fort: Fort, who: str) -> None:
    """Each form that is shown, and each address that takes one: without the token, with another session's, and with the
    right one from a page of another site."""
    with fort.enter(who) as browser, fort.enter("clinician") as other:
        forms = {}
        for path in PAGES:
            page = browser.get(fort.url + path, timeout=60)
            for address, fields in Fields(page.text).found:
                forms[urlsplit(urljoin(path, address)).path] = fields
        (csrf,) = {dict(fields).get("csrf") for fields in forms.values()} - {None}
        (strange,) = set(re.findall(r'name="csrf" value="([^"]+)"', other.get(f"{fort.url}/account", timeout=60).text))
        for rule in app.wired(fort.world).url_map.iter_rules():
            if "POST" in (rule.methods or ()) and not rule.rule.startswith(NOT_THE_DESKS):
                forms.setdefault(re.sub(r"<[^>]*>", "1", rule.rule), [])
        assert len(forms) > 80
        before, let = rows(fort), []
        evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Referer": "https://evil.example/x"}
        for path, fields in forms.items():
            plain = [pair for pair in fields if pair[0] != "csrf"]
            for sent, headers in ((plain, {}), ([*plain, ("csrf", strange)], {}), ([*plain, ("csrf", csrf)], evil)):
                answer = browser.post(fort.url + path, data=sent, headers=headers, timeout=60, allow_redirects=False)
                page = path.removesuffix("/ask").removesuffix("/forms")
                back = answer.headers.get("Location") == page  # to the page, with nothing done
                if answer.status_code not in (403, 404, 405, 415) and not back:
                    let.append(f"{path} {answer.status_code} {'evil' if headers else sent[-1:]} {answer.text[:90]}")
        assert not let, "\n".join(let)
        assert is_in(fort, browser)
    time.sleep(0.1)
    after = rows(fort)
    assert {name: (before[name], count) for name, count in after.items() if count != before[name]} == {}
