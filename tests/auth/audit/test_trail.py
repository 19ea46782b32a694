"""Issue 3, Audit: what happens at the OAuth endpoints stands in the trail: consent, tokens given and refused, ends."""

from typing import Any

import pytest
from sqlalchemy import select

from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from tests.auth.place import App, Browser, Place

SCOPE = "openid fhirUser launch/patient offline_access patient/Patient.rs"
OKAFOR, ALLOW, DENY = ("patient", "okafor"), ("decision", "allow"), ("decision", "deny")


@pytest.fixture
def app(place: Place) -> App:
    place.sign_in(place.person("mina", "coordinator", fhir_user="Practitioner/mina"))
    return place.app(SCOPE)


def trail(place: Place, *interactions: str) -> list[Any]:
    place.world.journal.drain(place.world.engine)
    with reading(place.world.engine) as conn:
        found = select(audit).where(audit.c.interaction.in_(interactions)).order_by(audit.c.n)
        return list(conn.execute(found).all())


def launched(place: Place, app: App) -> dict[str, Any]:
    visitor = Browser(place.web)
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    return app.exchange(app.came(visitor.press(ALLOW)))


def test_a_launch_is_followed_from_consent_to_what_was_read(place: Place, app: App) -> None:
    got = launched(place, app)
    place.fhir(got["access_token"], "GET", "Patient/okafor")
    (consent,) = trail(place, "consent")
    assert (consent.subject, consent.client, consent.patient) == ("mina", "app", "okafor")
    assert consent.query == f"scope={got['scope']}"
    (token,) = trail(place, "token")
    assert (token.subject, token.client, token.status) == ("mina", "app", 200)
    assert token.query == "grant_type=authorization_code"
    *_, read = trail(place, "read")
    assert (read.subject, read.client, read.patient) == ("mina", "app", "okafor")
    assert consent.launch
    assert consent.launch == token.launch == read.launch
    assert got["access_token"] not in str(trail(place, "token", "consent"))


def test_a_no_is_noted_too(place: Place, app: App) -> None:
    visitor = Browser(place.web)
    visitor.go(app.address(SCOPE))
    visitor.press(OKAFOR)
    visitor.press(DENY)
    (said,) = trail(place, "consent", "consent-refused")
    assert (said.interaction, said.subject, said.client, said.patient) == ("consent-refused", "mina", "app", None)


def test_refresh_refusals_and_the_end_are_noted(place: Place, app: App) -> None:
    got = launched(place, app)
    form = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"], "client_id": "app"}
    new = place.web.post("/oauth/token", data=form).json
    assert new
    assert place.web.post("/oauth/token", data=form).status_code == 400, "used twice: the family dies"
    place.web.post("/oauth/token", data={"grant_type": "authorization_code", "code": "guessed", "client_id": "app"})
    assert [(row.query, row.status, row.client) for row in trail(place, "token")] == [
        ("grant_type=authorization_code", 200, "app"),
        ("grant_type=refresh_token", 200, "app"),
        ("grant_type=refresh_token", 400, "app"),
        ("grant_type=authorization_code", 400, "app"),
    ]


def test_a_token_that_its_app_gives_back_is_noted(place: Place, app: App) -> None:
    got = launched(place, app)
    form = {"token": got["refresh_token"], "client_id": "app"}
    assert place.web.post("/oauth/revoke", data=form).status_code == 200
    (end,) = trail(place, "token-revoked")
    (token,) = trail(place, "token")
    assert (end.subject, end.client, end.launch) == ("mina", "app", token.launch)


def test_a_permission_that_its_person_takes_back_is_noted(place: Place, app: App) -> None:
    launched(place, app)
    visitor = Browser(place.web)
    visitor.go("/account/apps")
    (form,) = (form for form in visitor.forms() if form.action.endswith("/revoke"))
    visitor.send(form)
    (end,) = trail(place, "token-revoked")
    (consent,) = trail(place, "consent")
    assert (end.subject, end.client, end.launch) == ("mina", "app", consent.launch)
