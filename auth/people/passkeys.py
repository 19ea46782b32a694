"""Passkeys (WebAuthn level 2): registered by somebody signed in, and shown to sign in, alone or after the password.

A passkey is bound to the host of our address and to its very origin; every challenge is ours, good once, for a few
minutes, for one purpose and for the browser that asked for it. Alone a passkey counts only when the authenticator has
verified its person (by PIN, finger or face), for then it is two factors in one.
"""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import Connection, delete, insert, select, update
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from auth.errors import Refused
from auth.people import one_time
from auth.store import User, find_user
from auth.tables import passkey

LIFE: Final = 300  # seconds that a challenge is good
LONGEST_NAME: Final = 60
_LONGEST_CREDENTIAL: Final = 20_000  # characters of a credential; real ones have below 3,000
_REGISTRATION: Final = "passkey-new"
_AUTHENTICATION: Final = "passkey-shown"
_WRONG: Final = "That passkey did not let you in. Try again, or sign in another way."


class BadPasskey(Refused):
    """What the browser sent is not a passkey that was asked for; the text says what to do."""


@dataclass(frozen=True)
class Site:
    """Who asks for passkeys: `host` is the relying party's id, `origin` the one origin at which they count."""

    host: str
    origin: str


@dataclass(frozen=True)
class Passkey:
    """A registered passkey, for a list."""

    id: bytes
    name: str
    made: int
    used: int | None


def site(url: str) -> Site | None:
    """The site of our address, or None where browsers know no passkeys: at a bare IP address (WebAuthn section 5.1.3:
    a relying party id is a domain), and at http other than localhost (a secure context is needed)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return Site(host, f"{parts.scheme}://{parts.netloc}") if host and secure and not _is_ip(host) else None


def registration_options(conn: Connection, here: Site, who: User, bound: str, now: int) -> dict[str, Any]:
    """What the browser needs to make a new passkey (PublicKeyCredentialCreationOptions as JSON). bound: the secret of
    the browser that asks, such as its session's CSRF token."""
    challenge = _new_challenge(conn, _REGISTRATION, bound, now, who.id)
    made = webauthn.generate_registration_options(
        rp_id=here.host,
        rp_name="carecoord",
        user_id=_handle(who.id),
        user_name=who.login,
        user_display_name=who.name,
        challenge=base64url_to_bytes(challenge),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(conn, who.id),
    )
    return _json(made)


def register(conn: Connection, here: Site, who: User, credential: str, name: str, bound: str, now: int) -> str:
    """Register the passkey that the browser made; returns its name. Raises BadPasskey."""
    sent, challenge = _take_challenge(conn, _REGISTRATION, credential, bound, now, who.id)
    try:
        registration = webauthn.verify_registration_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=here.host,
            expected_origin=here.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError) as error:
        raise BadPasskey(
            "The passkey could not be added: the browser's answer did not fit. Try again.", "passkey-unfit"
        ) from error
    called = " ".join(name.split())[:LONGEST_NAME] or "Passkey"
    if conn.execute(select(passkey.c.id).where(passkey.c.id == registration.credential_id)).first():
        raise BadPasskey("This passkey is registered already.", "passkey-known")
    row = {
        "id": registration.credential_id, "user": who.id, "name": called,
        "public_key": registration.credential_public_key, "count": registration.sign_count, "made": now,
    }  # fmt: skip
    conn.execute(insert(passkey).values(row))
    return called


def authentication_options(
    conn: Connection, here: Site, bound: str, now: int, user_id: str | None = None
) -> dict[str, Any]:
    """What the browser needs to show a passkey (PublicKeyCredentialRequestOptions as JSON): one of this person's, as a
    second factor, or any that it has for us, alone."""
    challenge = _new_challenge(conn, _AUTHENTICATION, bound, now, user_id)
    alone = user_id is None
    made = webauthn.generate_authentication_options(
        rp_id=here.host,
        challenge=base64url_to_bytes(challenge),
        allow_credentials=None if user_id is None else _descriptors(conn, user_id),
        user_verification=UserVerificationRequirement.REQUIRED if alone else UserVerificationRequirement.PREFERRED,
    )
    return _json(made)


def authenticate(
    conn: Connection, here: Site, credential: str, bound: str, now: int, user_id: str | None = None
) -> User:
    """Whose passkey this is, verified. `user_id`: it must be this person's, and comes as a second factor. Raises
    BadPasskey, also when the signature counter went back: then somebody has a copy (WebAuthn section 6.1.1)."""
    sent, challenge = _take_challenge(conn, _AUTHENTICATION, credential, bound, now, user_id)
    row = conn.execute(select(passkey).where(passkey.c.id == _bytes(sent.get("rawId")))).first()
    who = find_user(conn, row.user) if row else None
    if row is None or who is None or who.disabled or user_id not in (None, who.id) or not _is_handle(sent, who):
        raise BadPasskey(_WRONG, "passkey-wrong")
    try:
        authentication = webauthn.verify_authentication_response(
            credential=sent,
            expected_challenge=challenge,
            expected_rp_id=here.host,
            expected_origin=here.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row._mapping["count"],
            require_user_verification=user_id is None,
        )
    except (WebAuthnException, ValueError) as error:
        raise BadPasskey(_WRONG, "passkey-wrong") from error
    same = update(passkey).where(passkey.c.id == row.id, passkey.c["count"] == row._mapping["count"])
    if not conn.execute(same.values(count=authentication.new_sign_count, used=now)).rowcount:
        raise BadPasskey(_WRONG, "passkey-wrong")  # used elsewhere in the same moment: one of the two is a copy
    return who


def of_user(conn: Connection, user_id: str) -> list[Passkey]:
    """A person's passkeys, oldest first."""
    listed = select(passkey.c.id, passkey.c.name, passkey.c.made, passkey.c.used).where(passkey.c.user == user_id)
    return [Passkey(*row) for row in conn.execute(listed.order_by(passkey.c.made, passkey.c.id))]


def remove(conn: Connection, user_id: str, id: bytes) -> str | None:
    """Forget one passkey of a person; returns its name, or None when they have no such."""
    gone = delete(passkey).where(passkey.c.id == id, passkey.c.user == user_id).returning(passkey.c.name)
    return conn.execute(gone).scalar()


def _new_challenge(conn: Connection, purpose: str, bound: str, now: int, user_id: str | None) -> str:
    """A kept value is 32 random bytes in base64url, and so is a challenge: the one serves as the other."""
    return one_time.keep(conn, purpose, {"bound": _bound_hash(bound)}, now, LIFE, user_id)


def _take_challenge(
    conn: Connection, purpose: str, credential: str, bound: str, now: int, user_id: str | None
) -> tuple[dict[str, Any], bytes]:
    """The credential read, and the challenge that it answers, taken. Raises BadPasskey unless we asked for it."""
    try:
        sent = json.loads(credential[:_LONGEST_CREDENTIAL])
        said = json.loads(base64url_to_bytes(sent["response"]["clientDataJSON"]))
        challenge = str(said["challenge"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadPasskey(
            "The browser's answer could not be read. Reload the page and try again.", "passkey-unread"
        ) from error
    kept = one_time.take(conn, purpose, challenge, now)
    if kept is None or kept.user != user_id or kept.data["bound"] != _bound_hash(bound):
        raise BadPasskey("That took too long, or was asked for elsewhere. Try again.", "passkey-late")
    return sent, base64url_to_bytes(challenge)


def _descriptors(conn: Connection, user_id: str) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each.id) for each in of_user(conn, user_id)]


def _handle(user_id: str) -> bytes:
    """How the authenticator knows a person: nothing that tells anybody who they are (WebAuthn section 14.6.1)."""
    return hashlib.sha256(user_id.encode()).digest()


def _is_handle(sent: dict[str, Any], who: User) -> bool:
    """The user handle, where the authenticator sends one, is the person's own."""
    handle = sent["response"].get("userHandle")
    return not handle or _bytes(handle) == _handle(who.id)


def _bound_hash(bound: str) -> str:
    return hashlib.sha256(bound.encode("utf-8", "surrogatepass")).hexdigest()


def _bytes(text: object) -> bytes:
    try:
        return base64url_to_bytes(text) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _json(options: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return document


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
