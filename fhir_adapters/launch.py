"""Where an EHR that launches us lets people in: its authorization and token endpoints, and who signs its id_tokens.

Clause: SMART App Launch 2.2 conformance.html (smart-configuration; for EHRs that have nothing else, the `oauth-uris` of
their CapabilityStatement); OpenID Connect Discovery 1.0 section 4 for the keys behind an issuer.
"""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from auth.client.openid import OpenIDProvider
from fhir_adapters import dialects
from fhir_adapters.discovery import OAUTH_URIS, WELL_KNOWN, Document, smart_configuration
from fhir_adapters.ehr import LOOPBACK, Ehr, Launch, origin
from fhir_adapters.errors import Garbled, Misconfigured
from fhir_adapters.http import Http

# Somebody looks at an empty frame meanwhile: one more try, and no long ones.
HASTE = {"attempts": 2, "connect_seconds": 4, "read_seconds": 8, "answer_seconds": 10, "backoff_seconds": 0.3}
OPENID = ".well-known/openid-configuration"


@dataclass(frozen=True)
class Endpoints:
    """What an EHR says of letting people in. Empty: it did not say."""

    authorize_url: str = ""
    token_url: str = ""
    issuer: str = ""
    jwks_url: str = ""
    methods: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    tells_issuer: bool = False


def limits(ehr: Ehr) -> dialects.Limits:
    """How patient we are while somebody waits."""
    return dialects.load(ehr.dialect).limits.but({**ehr.limits, **HASTE})


def openid_provider(http: Http, ehr: Ehr, launch: Launch) -> OpenIDProvider:
    """The EHR as the party that says who somebody is; without our proof, which the caller knows. Raises an EhrError.

    The keys of the id_tokens come from where the EHR's own configuration says, where the issuer is the EHR's own, and
    else from what that issuer itself publishes: an EHR that named another's issuer beside keys of its own would sign in
    anybody whom that issuer knows here. An issuer that nobody but the id_token itself names would prove nothing.
    """
    said = _configuration(http, ehr)
    if not (said.authorize_url and said.token_url):
        older = _uris(http, ehr)
        said = replace(said, authorize_url=older.authorize_url, token_url=older.token_url)
    if not (said.authorize_url and said.token_url):
        raise Garbled(f"{ehr.name} does not say where people are let in: neither {WELL_KNOWN} nor its metadata does.")
    issuer = launch.issuer or said.issuer
    if not issuer:
        raise Misconfigured(
            f"{ehr.name} does not say who signs its id_tokens. Tell us with --launch-issuer, as its documentation says."
        )
    jwks_url = said.jwks_url if issuer == said.issuer and _is_own(ehr, issuer) else ""
    found = OpenIDProvider(
        issuer, said.authorize_url, said.token_url, launch.client_id, launch.scope, algorithms=said.algorithms,
        methods=said.methods, tells_issuer=said.tells_issuer, jwks_url=jwks_url or _keys_of(http, ehr, issuer),
    )  # fmt: skip
    for url in (found.authorize_url, found.token_url, found.jwks_url or ""):
        _demand_safe(ehr, url)
    return found


def _configuration(http: Http, ehr: Ehr) -> Endpoints:
    document = smart_configuration(http, ehr)

    def address(name: str) -> str:
        said = document.get(name)
        return urljoin(f"{ehr.base_url}/", said) if isinstance(said, str) and said else ""

    def several(name: str) -> tuple[str, ...]:
        said = document.get(name)
        return tuple(map(str, said)) if isinstance(said, list) else ()

    issuer = document.get("issuer")
    return Endpoints(
        address("authorization_endpoint"), address("token_endpoint"), issuer if isinstance(issuer, str) else "",
        address("jwks_uri"), several("token_endpoint_auth_methods_supported"),
        several("token_endpoint_auth_signing_alg_values_supported"),
        document.get("authorization_response_iss_parameter_supported") is True,
    )  # fmt: skip


def _uris(http: Http, ehr: Ehr) -> Endpoints:
    """The two addresses as the older extension of the metadata tells them."""
    document = http.get(f"{ehr.base_url}/metadata", Document, public=True).document
    found: dict[str, str] = {}
    for rest in _dicts(document.get("rest")):
        security = rest.get("security")
        for extension in _dicts(security.get("extension") if isinstance(security, dict) else None):
            if extension.get("url") == OAUTH_URIS:
                parts = _dicts(extension.get("extension"))
                found |= {str(part.get("url")): str(part["valueUri"]) for part in parts if part.get("valueUri")}
    whole = {name: urljoin(f"{ehr.base_url}/", found[name]) for name in ("authorize", "token") if name in found}
    return Endpoints(whole.get("authorize", ""), whole.get("token", ""))


def _is_own(ehr: Ehr, issuer: str) -> bool:
    """Whether an issuer stands where the EHR does: at its base URL's origin, or at another that we were told is its."""
    try:
        return origin(issuer) in ehr.origins
    except Misconfigured:
        return False


def _keys_of(http: Http, ehr: Ehr, issuer: str) -> str:
    """Where an issuer publishes its keys. It was named by the EHR's own configuration or by an administrator."""
    asked = Http(replace(ehr, base_url=issuer, launch=None), http.limits, http.session)
    document = asked.get(f"{issuer.rstrip('/')}/{OPENID}", Document, public=True).document
    found = document.get("jwks_uri")
    if document.get("issuer") != issuer or not isinstance(found, str):
        raise Garbled(f"{ehr.name}: {issuer}/{OPENID} is not of that issuer, or names no keys.")
    return found


def _demand_safe(ehr: Ehr, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Misconfigured(f"{ehr.name}: {parts.hostname or 'an address'} is not reached by https.")


def _dicts(said: Any) -> list[Document]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
