"""Other parties' public keys: from their registration, or fetched from the address they registered.

Clause: SMART backend services, "client-confidential-asymmetric": a key set is never kept past its Cache-Control, and
one that lacks a key we are shown may have been rotated, so it is fetched again, at most once in ten seconds.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import requests
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from urllib3.exceptions import HTTPError

from auth.outgoing import limited_body

UNSAID: Final = 60  # seconds to keep a key set that came without Cache-Control
LONGEST: Final = 86_400
AGAIN: Final = 10  # seconds between two fetches of one address for the sake of an unknown key
PATIENCE: Final = 2.0  # seconds to wait for another thread that is fetching the same set
SHORTEST: Final = 2048  # bits of an RSA key

PublicKey = RSAKey | ECKey


class KeysUnavailable(Exception):
    """A key set can not be fetched or read. `private`: it holds a private key."""

    private = False


@dataclass(frozen=True)
class FetchedKeySet:
    """A key set with the seconds until which it may be used."""

    keys: tuple[PublicKey, ...]
    at: float
    until: float


class KeySets:
    """Key sets by address, for as long as their Cache-Control says. One per process; safe among threads."""

    def __init__(self, http: Callable[[], requests.Session]) -> None:
        self._http = http
        self._known: dict[str, FetchedKeySet] = {}
        self._asking: dict[str, Lock] = {}

    def get(self, url: str, now: float, kid: str) -> tuple[PublicKey, ...]:
        """The keys at `url`. Raises KeysUnavailable when they can not be had. While one thread fetches a set the others
        wait for it, but not long: a slow address must not hold them all."""
        if (found := self._usable(url, now, kid)) is not None:
            return found
        lock = self._asking.setdefault(url, Lock())
        if not lock.acquire(timeout=PATIENCE):
            raise KeysUnavailable(f"The key set at {url} is slow to come.")
        try:
            if (found := self._usable(url, now, kid)) is None:
                self._known[url] = FetchedKeySet(*self._fetch(url, now))
                found = self._known[url].keys
        except KeysUnavailable:
            self._known[url] = FetchedKeySet((), now, now)  # so that a broken address is not asked for every assertion
            raise
        finally:
            lock.release()
        return found

    def _usable(self, url: str, now: float, kid: str) -> tuple[PublicKey, ...] | None:
        """What is known and will do: a set that may be kept and has the key, or one just fetched that lacks it."""
        known = self._known.get(url)
        if known is None:
            return None
        has = _has(known.keys, kid)
        return known.keys if (now < known.until if has else now < known.at + AGAIN) else None

    def _fetch(self, url: str, now: float) -> tuple[tuple[PublicKey, ...], float, float]:
        asked = {"Accept": "application/json"}
        try:
            with (
                self._http() as session,
                session.get(
                    url, headers=asked, timeout=limited_body.TIMEOUT, allow_redirects=False, stream=True
                ) as answer,
            ):
                if answer.status_code != 200:
                    raise KeysUnavailable(f"The key set at {url} answered {answer.status_code}.")
                return parse_jwks(limited_body.body(answer)), now, now + lifetime(answer.headers.get("Cache-Control"))
        except (requests.RequestException, HTTPError, OSError) as error:
            raise KeysUnavailable(f"The key set at {url} can not be fetched.") from error


def parse_jwks(text: str | bytes) -> tuple[PublicKey, ...]:
    """The public keys of a JWKS that may verify a signature: RSA of 2048 bits or more, and EC. Others are left out.

    Raises KeysUnavailable when it is no JWKS, or holds a private key: somebody published what they should not.
    """
    try:
        found = json.loads(text)
        entries = [entry for entry in found["keys"] if _signs(entry)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise KeysUnavailable("This is not a JSON Web Key Set.") from error
    if any("d" in entry for entry in entries):
        refused = KeysUnavailable("The key set holds a private key. Make a new one and publish only its public half.")
        refused.private = True
        raise refused
    return tuple(key for entry in entries if (key := _key(entry)))


def lifetime(cache_control: str | None) -> int:
    """Seconds that a Cache-Control header lets us keep an answer."""
    if cache_control is None:
        return UNSAID
    directives = cache_control.lower()
    if "no-store" in directives or "no-cache" in directives:
        return 0
    age = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", directives)
    return min(int(age[1]), LONGEST) if age else UNSAID


def _signs(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use", "sig") == "sig" and (operations is None or "verify" in operations)


def _key(entry: dict[str, Any]) -> PublicKey | None:
    try:
        if entry.get("kty") == "RSA" and len(urlsafe_b64decode(str(entry["n"]).rstrip("=") + "==")) * 8 < SHORTEST:
            return None
        key = KeySet.import_key_set({"keys": [entry]}).keys[0]
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, (RSAKey, ECKey)) else None


def _has(keys: tuple[PublicKey, ...], kid: str) -> bool:
    return any(key.kid == kid for key in keys)
