"""Where an EHR that launches us lets people in, as real EHRs say it: by SMART's document, by the older extension, or
only half. What nobody but the id_token itself would vouch for is refused."""

from typing import Any

import pytest
import requests
from flask import Flask, Response, jsonify

from auth.client.openid import OpenIDProvider
from fhir_adapters import launch as app_launch
from fhir_adapters.discovery import OAUTH_URIS
from fhir_adapters.ehr import Ehr, Launch
from fhir_adapters.errors import EhrError, Elsewhere, Garbled, Misconfigured, Unreachable
from fhir_adapters.http import Http
from tests.adapters.wsgi import WsgiAdapter

EHR, LOGIN = "https://ehr.test", "https://login.test"
GOOD = {
    "issuer": EHR, "jwks_uri": f"{EHR}/keys", "authorization_endpoint": f"{LOGIN}/authorize",
    "token_endpoint": "../token", "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "authorization_response_iss_parameter_supported": True,
}  # fmt: skip
URIS = [{"url": "authorize", "valueUri": f"{EHR}/older/authorize"}, {"url": "token", "valueUri": "older/token"}]
METADATA = {
    "resourceType": "CapabilityStatement", "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "security": {"extension": [{"url": OAUTH_URIS, "extension": URIS}]}}],
}  # fmt: skip
OPENID = {"issuer": LOGIN, "jwks_uri": f"{LOGIN}/keys"}


def asked(pages: dict[str, Any], **launch: str) -> OpenIDProvider:
    """What we learn of an EHR that serves these pages, by their whole addresses."""

    def site(base: str) -> WsgiAdapter:
        app = Flask(base)

        def answer(path: str = "") -> Response:
            page = pages.get(f"{base}/{path}")
            return page if isinstance(page, Response) else jsonify(page) if page else Response("no", 404)

        app.add_url_rule("/", view_func=answer)
        app.add_url_rule("/<path:path>", view_func=answer)
        return WsgiAdapter(app)

    ehr = Ehr("city", f"{EHR}/fhir", launch=Launch("cc", **launch))
    with requests.Session() as session:
        for base in (EHR, LOGIN):
            session.mount(base, site(base))
        assert ehr.launch
        http = Http(ehr, app_launch.limits(ehr), session, sleep=lambda seconds: None)
        return app_launch.openid_provider(http, ehr, ehr.launch)


def smart(**changes: Any) -> dict[str, Any]:
    said = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return {f"{EHR}/fhir/.well-known/smart-configuration": said}


def test_the_smart_configuration_says_it_all() -> None:
    found = asked(smart())
    assert found.authorize_url == f"{LOGIN}/authorize"
    assert found.token_url == f"{EHR}/token", "a relative address is the EHR's"
    assert (found.issuer, found.jwks_url, found.tells_issuer) == (EHR, f"{EHR}/keys", True)
    assert found.methods == ("client_secret_post",)
    assert (found.secret, found.keys) == (None, ())


@pytest.mark.parametrize("page", [None, "<html>nothing", {"issuer": 1, "token_endpoint": ["?"]}])
def test_the_older_extension_does_where_there_is_nothing_else(page: Any) -> None:
    shown = Response(page, content_type="text/html") if isinstance(page, str) else page
    pages = {f"{EHR}/fhir/.well-known/smart-configuration": shown, f"{EHR}/fhir/metadata": METADATA,
             f"{LOGIN}/.well-known/openid-configuration": OPENID}  # fmt: skip
    found = asked(pages, issuer=LOGIN)
    assert found.authorize_url == f"{EHR}/older/authorize"
    assert found.token_url == f"{EHR}/fhir/older/token"
    assert (found.issuer, found.jwks_url) == (LOGIN, f"{LOGIN}/keys")


def test_an_issuer_that_is_named_without_keys_tells_them_itself() -> None:
    found = asked(smart(issuer=LOGIN, jwks_uri=None) | {f"{LOGIN}/.well-known/openid-configuration": OPENID})
    assert found.jwks_url == f"{LOGIN}/keys"


@pytest.mark.parametrize("launch", [{}, {"issuer": LOGIN}])
def test_keys_of_an_issuer_elsewhere_are_never_those_that_the_ehr_tells(launch: dict[str, str]) -> None:
    """Else an EHR signs in, by keys of its own, whom another issuer knows here: an administrator, if it likes."""
    forged = smart(issuer=LOGIN, jwks_uri=f"{EHR}/keys")
    found = asked(forged | {f"{LOGIN}/.well-known/openid-configuration": OPENID}, **launch)
    assert (found.issuer, found.jwks_url) == (LOGIN, f"{LOGIN}/keys")
    with pytest.raises(EhrError, match="openid-configuration"):
        asked(forged, **launch)


def test_the_registrations_issuer_wins_and_brings_its_own_keys() -> None:
    mine = {"issuer": LOGIN, "jwks_uri": f"{LOGIN}/mine"}
    found = asked(smart() | {f"{LOGIN}/.well-known/openid-configuration": mine}, issuer=LOGIN)
    assert (found.issuer, found.jwks_url) == (LOGIN, f"{LOGIN}/mine")


@pytest.mark.parametrize(
    ("pages", "kind", "reason"),
    [
        ({}, EhrError, "metadata"),
        ({f"{EHR}/fhir/metadata": {"resourceType": "CapabilityStatement"}}, Garbled, "where people are let in"),
        (smart(issuer=None), Misconfigured, "--launch-issuer"),
        (smart(jwks_uri=None), EhrError, "openid-configuration"),
        (smart(issuer=LOGIN) | {f"{LOGIN}/.well-known/openid-configuration": OPENID | {"issuer": EHR}},
         Garbled, "not of that issuer"),
        (smart(authorization_endpoint="http://login.test/authorize"), Misconfigured, "https"),
        (smart(token_endpoint="javascript:alert(1)"), Misconfigured, "https"),
        (smart(jwks_uri="http://login.test/keys"), Misconfigured, "https"),
    ],
)  # fmt: skip
def test_what_can_not_be_trusted_is_refused_with_what_to_do(
    pages: dict[str, Any], kind: type[EhrError], reason: str
) -> None:
    with pytest.raises(kind) as refused:
        asked(pages)
    assert reason in refused.value.text


def test_a_configuration_that_sends_us_elsewhere_is_not_followed() -> None:
    """SSRF: a redirect of the EHR's leads nowhere but to the EHR."""
    away = Response("", 302, {"Location": "http://169.254.169.254/latest"})
    pages = {f"{EHR}/fhir/.well-known/smart-configuration": away, f"{EHR}/fhir/metadata": away}
    with pytest.raises((Elsewhere, Unreachable)):
        asked(pages)
