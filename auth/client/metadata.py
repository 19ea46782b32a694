"""What an OpenID provider tells of itself, read from its issuer and believed only as far as it can be.

Clause: OpenID Connect Discovery 1.0 sections 3 and 4, RFC 8414 section 3.3, RFC 9207 section 3.
"""

import ipaddress
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.oidc.discovery import get_well_known_url
from urllib3.exceptions import HTTPError

from auth.client.openid import ALGORITHMS
from auth.outgoing import limited_body
from auth.outgoing.guard import Allowed, Forbidden

LIFE: Final = 300  # seconds that it is kept: a sign-in should not ask for it twice
AGAIN: Final = 10  # seconds before a provider that gave nothing usable is asked again
PATIENCE: Final = 2.0  # seconds to wait for another thread that is asking just now


class UnusableProvider(Exception):
    """The provider gives nothing that we could sign people in by; the text says what is wrong, for an administrator. It
    may quote the provider, which may talk without end."""

    def __init__(self, text: str) -> None:
        super().__init__(text[:500])


@dataclass(frozen=True)
class Metadata:
    """Where a provider asks people, where it answers for its codes, and what it takes from clients like us. `methods`
    and `algorithms` are those of its token endpoint, `tells_issuer` RFC 9207."""

    issuer: str
    authorize_url: str
    token_url: str
    jwks_url: str
    methods: tuple[str, ...] = ("client_secret_basic",)
    algorithms: tuple[str, ...] = ()
    tells_issuer: bool = False


class MetadataCache:
    """Providers by issuer, each kept for a while. One per process; safe among threads.

    `allowed`: hosts and networks of ours, where plain http will do. An unreachable provider costs one thread its
    patience and not all of them: while one asks, the others do not wait long, and for a while nobody asks again.
    """

    def __init__(self, http: Callable[[], requests.Session], allowed: Allowed = ()) -> None:
        self._http, self._allowed = http, allowed
        self._known: dict[str, tuple[float, Metadata | UnusableProvider]] = {}
        self._asking: dict[str, Lock] = {}

    def get(self, issuer: str, now: float) -> Metadata:
        """What the provider tells. Raises UnusableProvider."""
        lock = self._asking.setdefault(issuer, Lock())
        if (found := self._fresh(issuer, now)) is None:
            if not lock.acquire(timeout=PATIENCE):
                raise UnusableProvider(f"{issuer} is slow to answer.")
            try:
                if (found := self._fresh(issuer, now)) is None:
                    found = self._ask(issuer)
                    self._known[issuer] = now + (AGAIN if isinstance(found, UnusableProvider) else LIFE), found
            finally:
                lock.release()
        if isinstance(found, UnusableProvider):
            raise UnusableProvider(str(found))
        return found

    def _fresh(self, issuer: str, now: float) -> Metadata | UnusableProvider | None:
        until, found = self._known.get(issuer, (0.0, None))
        return found if now < until else None

    def _ask(self, issuer: str) -> Metadata | UnusableProvider:
        try:
            with self._http() as session:
                return fetch(session, issuer, self._allowed)
        except UnusableProvider as error:
            return error


def fetch(session: requests.Session, issuer: str, allowed: Allowed = ()) -> Metadata:
    """The metadata of an issuer, judged. Raises UnusableProvider."""
    require_https(issuer, "The issuer", allowed)
    if urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise UnusableProvider(f"The issuer {issuer} can have no query and no fragment.")
    url = get_well_known_url(issuer, external=True)
    asked = {"Accept": "application/json"}
    try:
        with session.get(
            url, headers=asked, timeout=limited_body.TIMEOUT, allow_redirects=False, stream=True
        ) as answer:
            if answer.status_code != 200:
                raise UnusableProvider(
                    f"{url} answered {answer.status_code}; is {issuer} the issuer as it calls itself?"
                )
            document = json.loads(limited_body.body(answer))
    except Forbidden as error:
        raise UnusableProvider(f"{error}.") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise UnusableProvider(f"{url} did not answer ({type(error).__name__}).") from error
    except (ValueError, RecursionError) as error:
        raise UnusableProvider(f"{url} answered no JSON; is {issuer} the issuer as it calls itself?") from error
    return validated(document, issuer, allowed)


def validated(document: Any, issuer: str, allowed: Allowed = ()) -> Metadata:
    """A metadata document as a value. Raises UnusableProvider, above all when it is another issuer's: then what is
    signed in that name is not what we asked for (Discovery section 4.3)."""
    if not isinstance(document, dict) or not isinstance(document.get("issuer"), str):
        raise UnusableProvider(f"{issuer} tells no issuer in its OpenID configuration.")
    if document["issuer"] != issuer:
        raise UnusableProvider(f"{issuer} calls itself {document['issuer']}: tell us exactly that, to the last slash.")
    for what, name, ours in (
        ("response types", "response_types_supported", ("code",)),
        ("PKCE methods", "code_challenge_methods_supported", ("S256",)),
        ("signatures of id_tokens", "id_token_signing_alg_values_supported", ALGORITHMS),
    ):
        if (theirs := _words(document, name)) and not set(theirs) & set(ours):
            raise UnusableProvider(f"{issuer} offers {what} {', '.join(theirs)}; we use {', '.join(ours)}.")
    return Metadata(
        issuer,
        _address(document, "authorization_endpoint", issuer, allowed),
        _address(document, "token_endpoint", issuer, allowed),
        _address(document, "jwks_uri", issuer, allowed),
        _words(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        _words(document, "token_endpoint_auth_signing_alg_values_supported"),
        document.get("authorization_response_iss_parameter_supported") is True,
    )


def require_https(url: str, what: str, allowed: Allowed = ()) -> None:
    """Raise UnusableProvider for an address where somebody on the way could read codes or put in keys of their own:
    https everywhere, http only to hosts that the configuration names as ours."""
    try:
        parts = urlsplit(url)
        host, known = (parts.hostname or "").rstrip("."), parts.port != 0
    except ValueError:
        host, known = "", False
    if not known or not host or "@" in parts.netloc:
        raise UnusableProvider(f"{what} is no address: {url[:200]!r}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _ours(host, allowed)):
        raise UnusableProvider(f"{what} {url} must begin with https://, unless its host is named as one of ours.")


def _ours(host: str, allowed: Allowed) -> bool:
    if host in allowed:
        return True
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(ip in network for network in allowed if not isinstance(network, str))


def _address(document: dict[str, Any], name: str, issuer: str, allowed: Allowed) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise UnusableProvider(f"{issuer} tells no {name} in its OpenID configuration.")
    require_https(url, f"The {name} of {issuer},", allowed)
    return url


def _words(document: dict[str, Any], name: str) -> tuple[str, ...]:
    found = document.get(name)
    listed: Sequence[Any] = found if isinstance(found, list) else ()
    return tuple(word for word in listed if isinstance(word, str))
