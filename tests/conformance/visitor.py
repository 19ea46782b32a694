"""Who comes to the server, and by nothing but HTTP: a person with a browser, and the apps that they let in."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit
from uuid import uuid4

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.auth.place import Form, Forms

from .practice import CALLBACK, LOGIN, PASSWORD, SECRET
from .serving import Site

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
STATE = "st/+ =&é"
STANDALONE = "openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs"
ALLOW, DENY = ("decision", "allow"), ("decision", "deny")
Came = dict[str, str]


class Browser:
    """A person's browser: cookies, pages, forms."""

    def __init__(self, site: Site) -> None:
        self.site, self.http = site, site.session()
        self.page = requests.Response()

    def go(self, address: str) -> requests.Response:
        """GET a page of the server, following redirects as long as they stay there."""
        return self._arrive(self.http.get(urljoin(self.site.url, address), allow_redirects=False, timeout=30))

    def forms(self) -> list[Form]:
        return Forms(self.page.text).found

    def press(self, button: tuple[str, str], drop: tuple[str, ...] = (), add: tuple[str, ...] = ()) -> Any:
        """Send the form that has this button; `drop` and `add`: scopes to untick and tick."""
        form = next((form for form in self.forms() if button in form.buttons), None)
        assert form, f"no button {button} on {self.page.url} ({self.page.status_code}): {self.page.text[:3000]}"
        kept = [pair for pair in form.fields if not (pair[0] == "scope" and pair[1] in drop)]
        return self.send(form, [*kept, *(("scope", scope) for scope in add), button])

    def send(self, form: Form, pairs: list[tuple[str, str]], **headers: str) -> requests.Response:
        address = urljoin(self.page.url, form.action)
        own = {"Origin": self.site.url, "Referer": self.page.url, **headers}
        return self._arrive(self.http.post(address, data=pairs, headers=own, allow_redirects=False, timeout=30))

    def sign_in(self, login: str = LOGIN, password: str = PASSWORD) -> requests.Response:
        """Fill in the sign-in form of the page that is shown."""
        form = next(form for form in self.forms() if any(name == "password" for name, _ in form.fields))
        kept = [pair for pair in form.fields if pair[0] not in ("login", "password")]
        return self.send(form, [*kept, ("login", login), ("password", password)])

    def signed_in(self) -> "Browser":
        self.go("/sign-in")
        self.sign_in()
        assert self.page.status_code == 200, self.page.text
        return self

    def _arrive(self, answer: requests.Response) -> requests.Response:
        while answer.is_redirect and urljoin(answer.url, answer.headers["Location"]).startswith(self.site.url + "/"):
            answer = self.http.get(urljoin(answer.url, answer.headers["Location"]), allow_redirects=False, timeout=30)
        self.page = answer
        return answer


@dataclass
class App:
    """A SMART app at a server: what it knows of itself, and its PKCE verifier."""

    site: Site
    id: str
    secret: str | None = None
    key: RSAKey | ECKey | None = None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def params(self, scope: str = STANDALONE, **changes: str | None) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        good = {
            "response_type": "code", "client_id": self.id, "redirect_uri": CALLBACK, "scope": scope, "state": STATE,
            "aud": self.site.fhir, "code_challenge_method": "S256", "nonce": "n-0",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), **changes,
        }  # fmt: skip
        return {name: value for name, value in good.items() if value is not None}

    def address(self, scope: str = STANDALONE, **changes: str | None) -> str:
        return f"{self.site.url}/oauth/authorize?{urlencode(self.params(scope, **changes))}"

    def credentials(self, **changes: Any) -> dict[str, Any]:
        """How the app proves itself; `changes` are for the claims of its assertion."""
        if self.key:
            form = {"client_assertion_type": ASSERTION, "client_assertion": assertion(self, **changes)}
            return {"data": form}
        if self.secret:
            return {"auth": (self.id, self.secret)}
        return {"data": {"client_id": self.id}}

    def post(self, path: str, headers: dict[str, str] | None = None, **form: Any) -> requests.Response:
        sent = self.credentials()
        data = {**sent.pop("data", {}), **{name: value for name, value in form.items() if value is not None}}
        return self.site.post(path, data=data, headers=headers, **sent)

    def exchange(self, came: Came, **changes: Any) -> requests.Response:
        good = {"code": came["code"], "redirect_uri": CALLBACK, "code_verifier": self.verifier}
        return self.post("/oauth/token", grant_type="authorization_code", **{**good, **changes})

    def refresh(self, token: str, **changes: Any) -> requests.Response:
        return self.post("/oauth/token", grant_type="refresh_token", refresh_token=token, **changes)

    def introspect(self, token: str) -> requests.Response:
        return self.post("/oauth/introspect", token=token)


def apps(site: Site) -> dict[str, App]:
    """The three kinds of app."""
    return {
        "public": App(site, "public"),
        "symmetric": App(site, "symmetric", secret=SECRET),
        "asymmetric": App(site, "asymmetric", key=site.keys.rsa),
    }


def assertion(app: App, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A signed assertion of the app, good but for the changes; a change to None takes a claim away."""
    assert app.key
    now = int(time.time())
    good = {
        "iss": app.id, "sub": app.id, "aud": f"{app.site.url}/oauth/token", "iat": now, "exp": now + 200,
        "jti": str(uuid4()),
    }  # fmt: skip
    said = {name: value for name, value in {**good, **changes}.items() if value is not None}
    alg = "RS384" if isinstance(app.key, RSAKey) else "ES384"
    full = {"alg": alg, "kid": app.key.kid, "typ": "JWT", **(header or {})}
    return jwt.encode({k: v for k, v in full.items() if v is not None}, said, app.key, algorithms=[full["alg"]],
                      default_type=None)  # fmt: skip


def ask_backend(app: App, text: str | None = None, **changes: Any) -> requests.Response:
    """A backend service's request for a token."""
    form = {
        "grant_type": "client_credentials", "scope": "system/*.rs", "client_assertion_type": ASSERTION,
        "client_assertion": text or assertion(app),
    }  # fmt: skip
    sent = {name: value for name, value in {**form, **changes}.items() if value is not None}
    return app.site.post("/oauth/token", data=sent)


def came(answer: requests.Response) -> Came:
    """What the app's callback is told."""
    assert answer.is_redirect, f"{answer.status_code} {answer.url}: {answer.text[:3000]}"
    assert answer.headers["Location"].startswith(CALLBACK + "?"), answer.headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def consent(browser: Browser, patient: str | None = "okafor", **choice: tuple[str, ...]) -> Came:
    """Whatever pages are shown between the app's request and its callback: picker, encounter, consent."""
    if patient and any(("patient", patient) in form.buttons for form in browser.forms()):
        browser.press(("patient", patient))
    if any(("encounter", f"{patient}-visit") in form.buttons for form in browser.forms()):
        browser.press(("encounter", f"{patient}-visit"))
    return came(browser.press(ALLOW, **choice))


def standalone(app: App, browser: Browser, scope: str = STANDALONE, **choice: tuple[str, ...]) -> Came:
    """A standalone launch by a person who is signed in already."""
    browser.go(app.address(scope))
    return consent(browser, **choice)


def from_desk(app: App, browser: Browser, referral: str = "okafor-referral") -> dict[str, str]:
    """The desk launches the app on a referral; what the app's launch URL is told."""
    sent = browser.go(f"/referrals/{referral}/apps/{app.id}")
    assert sent.is_redirect, sent.text
    assert urlsplit(sent.headers["Location"]).netloc == "app.example"
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["Location"]).query).items()}


def ehr_launch(app: App, browser: Browser, scope: str, **choice: tuple[str, ...]) -> Came:
    """An EHR launch: the desk, the app's launch URL, and the launch value echoed."""
    told = from_desk(app, browser)
    browser.go(app.address(scope, launch=told["launch"]))
    return consent(browser, None, **choice)


def refused(answer: requests.Response, *errors: str) -> dict[str, Any]:
    """A refusal of the token endpoint, in its own form; with one of these error codes, if any are named."""
    assert answer.status_code in (400, 401), f"{answer.status_code}: {answer.text}"
    told: dict[str, Any] = answer.json()
    assert told["error"] in (errors or (told["error"],)), told
    assert "access_token" not in told
    return told
