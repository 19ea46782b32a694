"""Sections 1.6 and 1.7: introspection, revocation, and a person taking back what they permitted."""

import base64
import json

import pytest

from auth.store import User
from carecoord.store.database.engine import writing
from tests.people import add_user_with_password

from .conftest import Launch, exchanged
from .practice import PASSWORD, SECRET
from .serving import Site
from .visitor import App, Browser, ask_backend, refused, standalone


@pytest.mark.parametrize("kind", ["symmetric", "asymmetric"])
def test_smart_1_6_1_introspection_tells_the_app_about_its_token(standalone: dict[str, Launch], kind: str) -> None:
    launched = standalone[kind]
    answer = launched.app.introspect(launched.token)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    told = answer.json()
    assert told["active"] is True
    assert told["client_id"] == launched.app.id
    assert sorted(told["scope"].split()) == sorted(launched.told["scope"].split())
    assert isinstance(told["exp"], int)


def test_smart_1_6_2_introspection_repeats_the_launch_context_and_the_person(ehr: Launch) -> None:
    told = ehr.app.introspect(ehr.token).json()
    assert (told["patient"], told["encounter"]) == (ehr.told["patient"], ehr.told["encounter"])
    said = json.loads(base64.urlsafe_b64decode(ehr.told["id_token"].split(".")[1] + "=="))
    assert {name: told[name] for name in ("iss", "sub", "fhirUser")} == {
        name: said[name] for name in ("iss", "sub", "fhirUser")
    }


@pytest.mark.parametrize("token", ["unknown", "", "é" * 50, "x" * 5000])
def test_smart_1_6_3_an_unknown_token_is_inactive_and_nothing_else_is_said(
    standalone: dict[str, Launch], token: str
) -> None:
    answer = standalone["symmetric"].app.introspect(token)
    assert (answer.status_code, answer.json()) == (200, {"active": False})


def test_smart_1_6_3_s22_282_283_credentials_may_be_basic_or_bearer_and_gateways_see_others_tokens(
    site: Site, standalone: dict[str, Launch]
) -> None:
    launched = standalone["public"]
    form = {"token": launched.token}
    bearer = {"Authorization": f"Bearer {launched.token}"}
    assert site.post("/oauth/introspect", data=form, headers=bearer).json()["client_id"] == "public"
    assert site.post("/oauth/introspect", data=form, auth=("gateway", SECRET)).json()["client_id"] == "public"
    assert site.post("/oauth/introspect", data=form, auth=("symmetric", SECRET)).json() == {"active": False}
    for wrong in ({"headers": {"Authorization": "Bearer made-up"}}, {"auth": ("gateway", "wrong")}, {}):
        refused(site.post("/oauth/introspect", data=form, **wrong))  # type: ignore[arg-type]


def test_smart_1_7_1_what_a_person_takes_back_is_over_at_once_at_every_worker(
    site: Site,
) -> None:
    with writing(site.register) as conn:  # a person of this test alone: everything that she gave, she takes back
        user = User("u7", "taker", "Taker", frozenset({"coordinator"}), "clinic")
        add_user_with_password(conn, user, PASSWORD, 0)
    taker, app = Browser(site), App(site, "public")
    taker.go("/sign-in")
    taker.sign_in("taker")
    got = exchanged(app, standalone(app, taker))
    for _ in range(4):
        assert site.read("Patient/okafor", got.token).status_code == 200
    management = site.get("/fhir/.well-known/smart-configuration").json()["management_endpoint"]
    taker.go(management)
    (form,) = [form for form in taker.forms() if form.action.endswith("/revoke")]
    taker.send(form, form.fields)
    for _ in range(8):
        assert site.read("Patient/okafor", got.token).status_code == 401
    refused(got.app.refresh(got.told["refresh_token"]), "invalid_grant")


def test_smart_1_7_1_a_revoked_token_opens_nothing_at_any_worker(site: Site) -> None:
    app = App(site, "loader", key=site.keys.rsa)
    token = ask_backend(app).json()["access_token"]
    for _ in range(4):
        assert site.read("Patient/okafor", token).status_code == 200
    assert app.post("/oauth/revoke", token=token).status_code == 200
    for _ in range(8):
        assert site.read("Patient/okafor", token).status_code == 401
    assert app.post("/oauth/revoke", token=token).status_code == 200  # RFC 7009: over is over
