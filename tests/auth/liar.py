"""An OpenID provider over real HTTP that says whatever a test has it say: what an honest one never would."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.serving import make_server

from auth.client.openid import OpenIDProvider

from .conftest import Clock, Key


@dataclass
class Liar:
    """What it says. configuration: what differs in its metadata; told, answer: what it says in place of its metadata
    and of a token response; keys: what it publishes, whatever it signs with, after a pause; nonce: of its id_tokens.
    forms and authorizations: what its token endpoint was sent; fetched, looked: how often its keys and metadata were.
    """

    clock: Clock
    key: Key
    url: str = ""
    nonce: str | None = None
    configuration: dict[str, Any] = field(default_factory=dict)
    answer: Callable[[], Any] | None = None
    told: Callable[[], Any] | None = None
    keys: list[Key] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    pause: float = 0.0
    fetched: int = 0
    looked: int = 0

    def party(self, **changes: Any) -> OpenIDProvider:
        known = {
            "issuer": self.url, "authorize_url": f"{self.url}/authorize", "token_url": f"{self.url}/token",
            "client_id": "us", "scope": "openid profile", "jwks_url": f"{self.url}/jwks",
        }  # fmt: skip
        return OpenIDProvider(**known | changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Good claims but for the changes; a change to None takes the claim away."""
        now = self.clock.seconds()
        good = {"iss": self.url, "sub": "mina-7", "aud": "us", "iat": now, "exp": now + 300, "nonce": self.nonce}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def sign(self, key: Any = None, alg: str = "RS256", header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An id_token, good but for the changes."""
        key = key or self.key
        said = {"alg": alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, self.claims(**changes), key, algorithms=[alg], default_type=None)


@contextmanager
def serving(liar: Liar) -> Iterator[Liar]:
    """Let it speak, at `liar.url`."""
    app = Flask("liar")

    @app.get("/.well-known/openid-configuration")
    def configuration() -> Any:
        liar.looked += 1
        if liar.told:
            return liar.told()
        good = {
            "issuer": liar.url, "authorization_endpoint": f"{liar.url}/authorize",
            "token_endpoint": f"{liar.url}/token", "jwks_uri": f"{liar.url}/jwks",
            "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }  # fmt: skip
        return jsonify({name: value for name, value in (good | liar.configuration).items() if value is not None})

    @app.get("/jwks")
    def jwks() -> Response:
        liar.fetched += 1
        time.sleep(liar.pause)
        found = jsonify(KeySet(list(liar.keys)).as_dict(private=False))
        found.headers.update(liar.headers)
        return found

    @app.post("/token")
    def token() -> Any:
        liar.forms.append(dict(request.form))
        liar.authorizations.append(request.headers.get("Authorization"))
        if liar.answer:
            return liar.answer()
        return jsonify({"access_token": "at", "token_type": "Bearer", "id_token": liar.sign()})

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    liar.url = f"http://127.0.0.1:{server.server_port}"
    yield liar
    server.shutdown()
    server.server_close()
    thread.join()
