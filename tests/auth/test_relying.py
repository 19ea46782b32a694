"""We as a client with a person in front, against a real OpenID provider over HTTP: our own authorization server as a
second instance where it behaves, and one that lies as each test likes where it must not be believed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import Engine
from werkzeug.serving import make_server

from auth import relying
from auth.jwks import KeySets
from auth.relying import Came, Party

from .conftest import Clock

BACK = "https://care.example/sign-in/came/hospital"


@dataclass
class Provider:
    """Somebody else's OpenID provider. What it answers at the token endpoint a test may replace."""

    clock: Clock
    key: RSAKey
    url: str = ""
    nonce: str | None = None
    answer: Callable[[], Any] | None = None
    keys: list[Any] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    authorization: list[str | None] = field(default_factory=list)
    fetched: int = 0

    def party(self, **changes: Any) -> Party:
        known = {
            "issuer": self.url, "authorize_url": f"{self.url}/authorize", "token_url": f"{self.url}/token",
            "client_id": "us", "scope": "openid profile", "jwks_url": f"{self.url}/jwks",
        }  # fmt: skip
        return Party(**known | changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = self.clock.seconds()
        good = {
            "iss": self.url, "sub": "mina-7", "aud": "us", "iat": now, "exp": now + 300, "nonce": self.nonce,
        } | changes  # fmt: skip
        return {name: value for name, value in good.items() if value is not None}

    def sign(self, key: Any = None, alg: str = "RS256", header: dict[str, Any] | None = None, **changes: Any) -> str:
        key = key or self.key
        told = {"alg": alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        told = {name: value for name, value in told.items() if value is not None}
        return jwt.encode(told, self.claims(**changes), key, algorithms=[alg])


@pytest.fixture
def provider(clock: Clock, rsa: RSAKey) -> Iterator[Provider]:
    told, app = Provider(clock, rsa, keys=[rsa]), Flask("provider")

    @app.get("/jwks")
    def jwks() -> Response:
        told.fetched += 1
        return jsonify(KeySet(told.keys).as_dict(private=False))

    @app.post("/token")
    def token() -> Any:
        told.asked.append(dict(request.form))
        told.authorization.append(request.headers.get("Authorization"))
        if told.answer:
            return told.answer()
        return jsonify({"access_token": "at", "token_type": "Bearer", "id_token": told.sign()})

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def went(engine: Engine, party: Party, clock: Clock, **extra: str) -> tuple[dict[str, str], Came]:
    """What the browser takes there, and what is found when it comes back."""
    with engine.begin() as conn:
        begun = relying.begin(conn, party, BACK, "provider", {"next": "/x"}, clock.seconds(), **extra)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    with engine.begin() as conn:
        back = relying.came(conn, "provider", asked["state"], clock.seconds())
    assert back is not None
    return asked, back


def test_a_code_becomes_a_proven_person(engine: Engine, provider: Provider, clock: Clock, keys: KeySets) -> None:
    party = provider.party()
    asked, back = went(engine, party, clock)
    provider.nonce = asked["nonce"]
    answer = relying.exchange(requests.Session(), party, back, "c-1", clock, lambda: "j")
    found = relying.verified(answer["id_token"], party, keys, back.nonce, clock.seconds(), answer["access_token"])
    assert found["sub"] == "mina-7"
    assert back.data == {"next": "/x"}
