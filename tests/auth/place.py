"""The whole application with a small practice in it, a browser that fills in its forms, and an app at the other end."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from auth import store
from auth.people import sessions
from carecoord.store.database.engine import writing
from carecoord.world import World

URL = "https://care.example"
CALLBACK = "https://app.example/callback"
LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
NPI = "http://hl7.org/fhir/sid/us-npi"
MRN = "https://carecoord.example/id/mrn"


def _observation(id: str, patient: str, category: str, encounter: str | None = None) -> dict[str, Any]:
    system, _, code = LAB.partition("|")
    found: dict[str, Any] = {
        "resourceType": "Observation", "id": id, "status": "final", "code": {"text": id},
        "category": [{"coding": [{"system": system, "code": category or code}]}],
        "subject": {"reference": f"Patient/{patient}"},
    }  # fmt: skip
    return found | ({"encounter": {"reference": f"Encounter/{encounter}"}} if encounter else {})


def _patient(id: str, family: str, organization: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": id, "name": [{"family": family, "given": ["Ngozi"]}], "gender": "female",
        "birthDate": "1970-01-01", "identifier": [{"system": MRN, "value": f"MRN-{id}"}],
        "managingOrganization": {"reference": f"Organization/{organization}"},
    }  # fmt: skip


def _encounter(id: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Encounter", "id": id, "status": "finished", "subject": {"reference": f"Patient/{patient}"},
        "class": {"code": "AMB", "display": "ambulatory"}, "period": {"start": "2026-11-01T09:00:00Z"},
    }  # fmt: skip


def _referral(id: str, patient: str, performer: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{patient}"}, "performer": [{"reference": f"Organization/{performer}"}],
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
        "encounter": {"reference": f"Encounter/{patient}-visit"},
    }  # fmt: skip


# The clinic (two copies of it, one party by its NPI) looks after Okafor; Lindqvist is another's patient.
RESOURCES: list[dict[str, Any]] = [
    *({"resourceType": "Organization", "id": id, "name": "Clinic", "identifier": [{"system": NPI, "value": "1"}]}
      for id in ("clinic", "clinic-ehr")),
    {"resourceType": "Organization", "id": "other", "name": "Other", "identifier": [{"system": NPI, "value": "2"}]},
    {"resourceType": "Practitioner", "id": "mina", "name": [{"family": "Reyes"}]},
    _patient("okafor", "Okafor", "clinic-ehr"), _patient("lindqvist", "Lindqvist", "other"),
    _encounter("okafor-visit", "okafor"), _encounter("lindqvist-visit", "lindqvist"),
    _observation("okafor-lab", "okafor", "", "okafor-visit"), _observation("okafor-survey", "okafor", "survey"),
    _observation("lindqvist-lab", "lindqvist", "", "lindqvist-visit"),
    _referral("okafor-cardiology", "okafor", "clinic"), _referral("lindqvist-cardiology", "lindqvist", "other"),
]  # fmt: skip


@dataclass
class Form:
    """A form of a page: where it goes, and what it sends unless changed."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    offered: list[tuple[str, str]] = field(default_factory=list)  # check boxes, ticked or not


class Forms(HTMLParser):
    """The forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Form] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(given["action"]))
        elif self.found and tag in ("input", "button") and "name" in given:
            pair = (given["name"], given.get("value", ""))
            if tag == "button":
                self.found[-1].buttons.append(pair)
            elif given.get("type") == "checkbox":
                self.found[-1].offered.append(pair)
            if tag == "input" and (given.get("type") != "checkbox" or "checked" in dict(attrs)):
                self.found[-1].fields.append(pair)


@dataclass
class Browser:
    """A person's browser."""

    web: FlaskClient
    page: TestResponse | None = None

    def go(self, address: str) -> TestResponse:
        self.page = self.web.get(address)
        return self.page

    def forms(self) -> list[Form]:
        assert self.page is not None
        return Forms(self.page.text).found

    def press(self, button: tuple[str, str], drop: tuple[str, ...] = (), add: tuple[str, ...] = ()) -> TestResponse:
        """Send the form that has this button; `drop` and `add`: scopes to untick and tick."""
        form = next(form for form in self.forms() if button in form.buttons)
        kept = [pair for pair in form.fields if not (pair[0] == "scope" and pair[1] in drop)]
        self.page = self.web.post(form.action, data=_multi([*kept, *(("scope", s) for s in add), button]))
        return self.page

    def send(self, form: Form, **changes: str) -> TestResponse:
        """Send a form with some fields changed."""
        fields = [pair for pair in form.fields if pair[0] not in changes]
        self.page = self.web.post(form.action, data=_multi([*fields, *changes.items()]))
        return self.page


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


@dataclass
class Place:
    """The application, its world, and whoever comes."""

    world: World
    web: FlaskClient

    def person(self, login: str, *roles: str, organization: str = "clinic", fhir_user: str | None = None) -> store.User:
        new = store.User(login, login, login.title(), frozenset(roles), organization, fhir_user)
        with writing(self.world.engine) as conn:
            store.add_user(conn, new, "no password will do", self.now())
        return new

    def sign_in(self, who: store.User, ago: int = 0) -> None:
        """As if the right password had been given some seconds ago."""
        with writing(self.world.engine) as conn:
            cookie = sessions.open_session(conn, who, "test", self.now() - ago, amr="pwd")
        self.web.set_cookie("cc", cookie)

    def app(self, scope: str, **changes: Any) -> "App":
        new = store.Client(
            **{
                "id": "app", "name": "Growth Chart", "scope": scope, "method": "none",
                "grants": ("authorization_code", "refresh_token"), "redirect_uris": (CALLBACK,),
                "launch_url": "https://app.example/launch", **changes,
            }
        )  # fmt: skip
        with writing(self.world.engine) as conn:
            store.add_client(conn, new, self.now())
        return App(self, new)

    def service(self, scope: str) -> str:
        """A token of a backend service."""
        with writing(self.world.engine) as conn:
            row = store.Token("access", "loader", "loader", scope, self.now(), self.now() + 300)
            return store.issue(conn, row)

    def fhir(self, token: str | None, method: str, path: str, body: Any = None) -> TestResponse:
        headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.web.open(
            f"/fhir/{path}", method=method, headers=headers, data=json.dumps(body) if body is not None else None
        )

    def now(self) -> int:
        return int(self.world.clock().timestamp())


@dataclass
class App:
    """A public SMART app."""

    place: Place
    client: store.Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def address(self, scope: str | None = None, **changes: str | None) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        params = {
            "response_type": "code", "client_id": self.client.id, "redirect_uri": CALLBACK,
            "scope": scope or self.client.scope, "state": "st/+ =&", "aud": f"{URL}/fhir",
            "code_challenge_method": "S256",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), **changes,
        }  # fmt: skip
        sent = {name: value for name, value in params.items() if value is not None}
        return f"/oauth/authorize?{urlencode(sent)}"

    def came(self, answer: TestResponse) -> dict[str, str]:
        """What the app's callback is told."""
        assert answer.status_code == 303, answer.text
        assert answer.location.startswith(CALLBACK + "?"), answer.location
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}

    def exchange(self, came: dict[str, str]) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": came["code"], "redirect_uri": CALLBACK,
            "client_id": self.client.id, "code_verifier": self.verifier,
        }  # fmt: skip
        got = self.place.web.post("/oauth/token", data=form)
        assert got.status_code == 200, got.text
        assert got.json is not None
        return dict(got.json)
