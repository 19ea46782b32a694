"""Apps that register themselves: what they may say of themselves, and what becomes of it.

Clause: RFC 7591 (registration), RFC 7592 (reading, changing, ending it), SMART App Launch 2.2 "Register App with EHR".
Whoever registers is let in by nobody yet: the registration waits for an admin (`auth.server.registrations`).

KINDS is the seam for other ways to register: a kind says whether a request is its own, and reads it into metadata that
it vouches for. One for software statements (RFC 7591 section 2.3, UDAP) needs no other change than its row.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc7591 import (
    ClientMetadataClaims,
    InvalidClientMetadataError,
    InvalidRedirectURIError,
    UnapprovedSoftwareStatementError,
)
from joserfc.errors import JoseError

from auth import store
from auth.errors import BadRegistration
from auth.keys.fetched import KeysUnavailable, parse_jwks
from auth.scopes import Scope, parse, render
from auth.server.issuer import Issuer
from auth.store import Client

Metadata = dict[str, Any]

METHODS: Final = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
GRANTS: Final = ("authorization_code", "refresh_token", "client_credentials")
LONGEST: Final = 2_000  # characters of one value
MOST: Final = 20  # values of one list
METADATA_NAMES: Final = (  # kept and told back, of all that may be said; the rest is ignored (RFC 7591 section 2)
    "client_name", "redirect_uris", "token_endpoint_auth_method", "grant_types", "response_types", "scope", "jwks",
    "jwks_uri", "initiate_login_uri", "launch_url", "client_uri", "logo_uri", "contacts", "tos_uri", "policy_uri",
    "software_id", "software_version",
)  # fmt: skip
_LISTS: Final = ("redirect_uris", "grant_types", "response_types", "contacts")


@dataclass(frozen=True)
class RegistrationKind:
    """A way to register. `takes`: whether a request is of this kind. `read`: its metadata, as far as the kind vouches
    for them; raises an OAuth2Error of RFC 7591 section 3.2.2."""

    name: str
    takes: Callable[[Metadata], bool]
    read: Callable[[Metadata], Metadata]


def _plain(said: Metadata) -> Metadata:
    return said


KINDS: Final = (RegistrationKind("plain", lambda said: "software_statement" not in said, _plain),)


def parse_metadata(said: Any, issuer: Issuer, kinds: tuple[RegistrationKind, ...] = KINDS) -> Metadata:
    """The metadata of a registration, complete and consistent, by the names of RFC 7591.

    Raises InvalidRedirectURIError, InvalidClientMetadataError or UnapprovedSoftwareStatementError, each in words.
    """
    if not isinstance(said, dict):
        raise InvalidClientMetadataError("Send the metadata as one JSON object.")
    kind = next((kind for kind in kinds if kind.takes(said)), None)
    if kind is None:
        raise UnapprovedSoftwareStatementError("No software statement is known here; register without one.")
    told = {name: value for name, value in kind.read(said).items() if name in METADATA_NAMES and value is not None}
    for name, value in told.items():
        _check_shape(name, value)
    told = _with_defaults(told)
    _check_consistency(told)
    told["scope"] = _scope(told, issuer)
    return told


def to_client(id: str, told: Metadata) -> Client:
    """The registration as a row: it waits for an admin, and opens nothing until then. Raises the errors of RFC 7591."""
    method = told["token_endpoint_auth_method"]
    keys = json.dumps(told["jwks"]) if "jwks" in told else None
    return Client(
        id, told["client_name"], told["scope"], "client_secret_basic" if method == "client_secret_post" else method,
        tuple(told["grant_types"]), keys, told.get("jwks_uri"), tuple(told["redirect_uris"]),
        told.get("initiate_login_uri"), disabled=True, pending=True, metadata=json.dumps(told),
    )  # fmt: skip


def has_secret(told: Mapping[str, Any]) -> bool:
    """Whether an app that registers so proves itself by a secret, which it is then given."""
    return str(told["token_endpoint_auth_method"]).startswith("client_secret")


def _with_defaults(told: Metadata) -> Metadata:
    """With the defaults of RFC 7591 section 2 filled in."""
    grants = told.get("grant_types", ["authorization_code"])
    launch = told.get("initiate_login_uri", told.get("launch_url"))  # the one of OpenID Connect, or the one in use
    named = {"initiate_login_uri": launch} if launch else {}
    return {
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": grants,
        "response_types": ["code"] if "authorization_code" in grants else [],
        "redirect_uris": [],
        **{name: value for name, value in told.items() if name != "launch_url"},
        **named,
    }


def _check_shape(name: str, value: Any) -> None:
    if name == "jwks":
        if not isinstance(value, dict) or len(json.dumps(value)) > 50_000:
            raise InvalidClientMetadataError("jwks is a JSON Web Key Set: an object with keys.")
        return
    values = value if name in _LISTS else [value]
    if not isinstance(values, list) or len(values) > MOST:
        raise InvalidClientMetadataError(f"{name} is a list of at most {MOST} texts.")
    for one in values:
        if not isinstance(one, str) or not one.strip() or len(one) > LONGEST or not one.isprintable():
            raise InvalidClientMetadataError(f"{name} is a text of 1 to {LONGEST} characters on one line.")


def _check_consistency(told: Metadata) -> None:
    """That the parts fit together."""
    if len(told.get("client_name", "")) not in range(1, 101):
        raise InvalidClientMetadataError("client_name needs 1 to 100 characters: people must see who asks.")
    _check_known("token_endpoint_auth_method", [told["token_endpoint_auth_method"]], METHODS)
    _check_known("grant_types", told["grant_types"], GRANTS)
    _check_known("response_types", told["response_types"], ("code",))
    by_people, method = "authorization_code" in told["grant_types"], told["token_endpoint_auth_method"]
    if not by_people and "client_credentials" not in told["grant_types"]:
        raise InvalidClientMetadataError("grant_types needs authorization_code or client_credentials.")
    if "client_credentials" in told["grant_types"] and method != "private_key_jwt":
        raise InvalidClientMetadataError("A backend service (client_credentials) must use private_key_jwt.")
    if by_people != bool(told["redirect_uris"]):
        raise InvalidRedirectURIError("redirect_uris go with the grant authorization_code, and it needs at least one.")
    for uri in told["redirect_uris"]:
        _check_address("redirect_uris", uri, InvalidRedirectURIError)
    for name in ("initiate_login_uri", "jwks_uri"):
        if name in told:
            _check_address(name, told[name], InvalidClientMetadataError)
    _check_keys(told)
    try:
        ClientMetadataClaims({**told}, {}).validate()
    except JoseError as error:
        raise InvalidClientMetadataError(f"{_printable(error.description or error.error)} can not be meant.") from error


def _check_keys(told: Metadata) -> None:
    given = "jwks" in told or "jwks_uri" in told
    if given != (told["token_endpoint_auth_method"] == "private_key_jwt"):  # noqa: S105 (a name of RFC 7591)
        raise InvalidClientMetadataError("private_key_jwt needs jwks or jwks_uri, and nothing else has a use for them.")
    try:
        if "jwks" in told and not parse_jwks(json.dumps(told["jwks"])):
            raise InvalidClientMetadataError("jwks has no key that can verify RS384 or ES384.")
    except KeysUnavailable as error:
        raise InvalidClientMetadataError(str(error)) from error


def _check_known(name: str, said: list[str], known: tuple[str, ...]) -> None:
    unknown = [one for one in said if one not in known]
    if unknown:
        raise InvalidClientMetadataError(_printable(f"{name} knows {', '.join(known)}, not {unknown[0][:40]}."))


def _check_address(name: str, uri: str, error: type[Exception]) -> None:
    try:
        store.judge_address(uri)
    except BadRegistration as refused:
        raise error(_printable(f"{name}: {refused}")) from refused


def _printable(text: str) -> str:
    """In the letters that RFC 6749 section 5.2 lets an error_description have."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else " " for c in text)[:300]


def _scope(told: Metadata, issuer: Issuer) -> str:
    """What it asks for of all that there is here. It may be given less."""
    asked = parse(told.get("scope", ""))
    known = [scope for scope in asked if not isinstance(scope, Scope) or issuer.knows(scope)]
    if not any(isinstance(scope, Scope) for scope in known):
        text = "scope names no permission that is known here; for example: launch/patient openid patient/Patient.rs"
        raise InvalidClientMetadataError(text)
    return render(known)
