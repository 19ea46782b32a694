"""Where this authorization server stands: the addresses that clients are told, from one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from auth.scopes import Scope

AUTHORIZE_PATH: Final = "/oauth/authorize"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  (a path)
INTROSPECT_PATH: Final = "/oauth/introspect"
REVOKE_PATH: Final = "/oauth/revoke"
KEYS_PATH: Final = "/oauth/jwks"
CLIENT_KEYS_PATH: Final = "/oauth/client-jwks.json"  # never changed: EHRs have it in their registration of us
REGISTER_PATH: Final = "/oauth/register"
STYLE_PATH: Final = "/oauth/style.json"
MANAGE_PATH: Final = "/account/apps"
BRANDS_PATH: Final = "/brands.json"


def _none() -> None:
    return None


def _all(_scope: Scope) -> bool:
    return True


@dataclass(frozen=True)
class Issuer:
    """`url`: the issuer, what clients call us by, without a trailing slash. `fhir_url`: the FHIR base that our tokens
    open. `knows`: whether a scope means anything here (its type and search arguments); others are narrowed away.
    `registers`: apps may register themselves. `brand`: the identifier of the brand that works here. `further`: FHIR
    bases below the FHIR base that the same tokens open, each as its path from there, `/older`."""

    url: str
    fhir_url: str
    knows: Callable[[Scope], bool] = _all
    registers: bool = False
    brand: Callable[[], Mapping[str, str] | None] = _none
    further: tuple[str, ...] = ()

    @property
    def token_url(self) -> str:
        return self.url + TOKEN_PATH

    @property
    def oauth_uris(self) -> dict[str, str]:
        """The addresses by the names of the `oauth-uris` extension of a CapabilityStatement."""
        paths = {
            "authorize": AUTHORIZE_PATH, "token": TOKEN_PATH, "manage": MANAGE_PATH, "introspect": INTROSPECT_PATH,
            "revoke": REVOKE_PATH, **({"register": REGISTER_PATH} if self.registers else {}),
        }  # fmt: skip
        return {name: self.url + path for name, path in paths.items()}

    @property
    def style_url(self) -> str:
        return self.url + STYLE_PATH

    @property
    def fhir_path(self) -> str:
        """The path of the FHIR base inside this server."""
        return urlsplit(self.fhir_url).path.removeprefix(urlsplit(self.url).path)

    @property
    def audiences(self) -> tuple[str, ...]:
        """What a client assertion may be addressed to (RFC 7523 section 3, item 3)."""
        return (self.token_url, self.url)
