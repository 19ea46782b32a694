"""Somebody in front of the sign-in, the account and the people pages, and a software authenticator in their pocket."""

import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pyotp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url as encoded
from werkzeug.test import TestResponse

from auth.people import totp
from auth.store import User
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import writing
from tests.auth.place import URL, Place
from tests.people import add_user_with_password

PASSWORD = "correct horse battery"
MINA = User("u1", "mina", "Mina Reyes", frozenset({"coordinator"}), "clinic", "Practitioner/mina")
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def let_in(place: Place, who: User = MINA) -> User:
    """Somebody who can sign in with PASSWORD."""
    with writing(place.world.engine) as conn:
        add_user_with_password(conn, who, PASSWORD, place.now())
    return who


def enrolled(place: Place, who: User = MINA) -> str:
    """Give them an authenticator app; returns its secret. The code of the moment before is used up."""
    with writing(place.world.engine) as conn:
        totp.offer_secret(conn, who.id, place.now())
        found = totp.find(conn, who.id)
        assert found
        assert totp.confirm(conn, who.id, code(found.secret, place.now() - totp.STEP), place.now())
    return found.secret


def code(secret: str, now: int) -> str:
    return pyotp.HOTP(secret).at(now // totp.STEP)


def token(web: FlaskClient, path: str = "/sign-in") -> str:
    page = web.get(path)
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def sign_in(web: FlaskClient, password: str = PASSWORD, login: str = "mina", **more: str) -> TestResponse:
    form = {"login": login, "password": password, "csrf": token(web, "/sign-in?again=1"), **more}
    return web.post("/sign-in", data=form)


def type_in(page: Any) -> None:
    """Sign in on the page that a real browser shows."""
    page.get_by_label("Login").fill("mina")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def is_in(web: FlaskClient) -> bool:
    """Whether this browser has the desk."""
    return web.get("/").status_code == 200


def told(place: Place) -> list[tuple[str, int, str | None, str | None]]:
    """What the trail says of accounts: interaction, status, subject, what was done."""
    place.world.journal.drain(place.world.engine)
    with writing(place.world.engine) as conn:
        rows = conn.execute(select(audit).order_by(audit.c.at, audit.c.n)).all()
    kinds = ("sign-in", "sign-out", "account-change")
    return [(row.interaction, row.status, row.subject, row.query) for row in rows if row.interaction in kinds]


@dataclass
class Device:
    """An authenticator with one passkey in it (WebAuthn level 2 section 6), whose answers a test can bend."""

    origin: str = URL
    host: str = "care.example"
    count: int = 0
    flags: int = PRESENT | VERIFIED
    id: bytes = b"a passkey's id, 32 bytes as it is"
    handle: str = ""
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any], **changes: Any) -> str:
        """The answer to navigator.credentials.create."""
        self.handle = options["user"]["id"]
        numbers = self.private.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(key)
        data = self._data(self.flags | ATTESTED) + attested
        sent = {
            "clientDataJSON": encoded(self._client("webauthn.create", options, changes)),
            "attestationObject": encoded(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(sent)

    def show(self, options: dict[str, Any], **changes: Any) -> str:
        """The answer to navigator.credentials.get."""
        self.count += 1
        client = self._client("webauthn.get", options, changes)
        data = self._data(self.flags)
        signed = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        sent = {
            "clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signed),
            "userHandle": self.handle,
        }  # fmt: skip
        return self._credential(sent)

    def _client(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _credential(self, sent: dict[str, Any]) -> str:
        return json.dumps({"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "response": sent})
