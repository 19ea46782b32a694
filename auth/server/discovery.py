"""What clients are told of this authorization server: exactly what is there, nothing hoped for. Pure.

Clause: SMART App Launch 2.2 conformance.html, OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 9207.
"""

from typing import Any, Final

from auth.keys.signing import ALGORITHM
from auth.server.assertion import ALGORITHMS
from auth.server.grants import AUTH_METHODS
from auth.server.issuer import (
    AUTHORIZE_PATH,
    BRANDS_PATH,
    INTROSPECT_PATH,
    KEYS_PATH,
    MANAGE_PATH,
    REGISTER_PATH,
    REVOKE_PATH,
    Issuer,
)

CAPABILITIES: Final = (
    "launch-ehr", "launch-standalone", "authorize-post",
    "client-public", "client-confidential-symmetric", "client-confidential-asymmetric",
    "sso-openid-connect", "context-banner", "context-style",
    "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter",
    "permission-offline", "permission-online", "permission-patient", "permission-user",
    "permission-v1", "permission-v2", "smart-app-state",
)  # fmt: skip
SCOPES: Final = (
    "openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
    "patient/*.cruds", "user/*.cruds", "system/*.cruds", "patient/*.rs", "user/*.rs", "system/*.rs",
    "patient/*.read", "user/*.read", "system/*.read", "patient/*.write", "user/*.write", "system/*.write",
)  # fmt: skip
GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials")


def smart_configuration(issuer: Issuer) -> dict[str, Any]:
    """The document at [FHIR base]/.well-known/smart-configuration."""
    brand = issuer.brand()
    branded = {"user_access_brand_bundle": issuer.url + BRANDS_PATH, "user_access_brand_identifier": brand}
    return _endpoints(issuer) | {
        "capabilities": list(CAPABILITIES),
        "management_endpoint": issuer.url + MANAGE_PATH,
        "smart_app_state_endpoint": issuer.fhir_url,  # no other than the FHIR base; for apps that look for it
        **(branded if brand else {}),
    }


def openid_configuration(issuer: Issuer) -> dict[str, Any]:
    """The document at [issuer]/.well-known/openid-configuration, and for OAuth at .../oauth-authorization-server."""
    return _endpoints(issuer) | {
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "fhirUser", "name"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent"],
    }


def _endpoints(issuer: Issuer) -> dict[str, Any]:
    registers = {"registration_endpoint": issuer.url + REGISTER_PATH} if issuer.registers else {}
    confidential = [method for method in AUTH_METHODS if method != "none"]
    return {
        "issuer": issuer.url,
        "jwks_uri": issuer.url + KEYS_PATH,
        "authorization_endpoint": issuer.url + AUTHORIZE_PATH,
        "token_endpoint": issuer.token_url,
        "introspection_endpoint": issuer.url + INTROSPECT_PATH,
        "revocation_endpoint": issuer.url + REVOKE_PATH,
        "grant_types_supported": list(GRANTS),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SCOPES),
        "authorization_response_iss_parameter_supported": True,
        **registers,
    }
