"""What clients are told of this authorization server: exactly what is there, nothing hoped for. Pure.

Clause: SMART App Launch 2.2 conformance.html (`.well-known/smart-configuration`).
"""

from typing import Any

from auth.assertion import ALGORITHMS
from auth.issuer import Issuer

CAPABILITIES = ("client-confidential-asymmetric", "permission-v1", "permission-v2")
GRANTS = ("client_credentials",)
METHODS = ("private_key_jwt",)


def smart_configuration(issuer: Issuer) -> dict[str, Any]:
    """The document at [FHIR base]/.well-known/smart-configuration."""
    return {
        "token_endpoint": issuer.token_url,
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": list(GRANTS),
        "scopes_supported": ["system/*.cruds", "system/*.rs", "system/*.read", "system/*.write"],
        "capabilities": list(CAPABILITIES),
    }
