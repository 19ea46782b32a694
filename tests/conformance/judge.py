"""A strict EHR as somebody else could have written it: it judges us as its client, and says of each request what is
wrong.

It holds authorization requests to the one registered redirect URI, to aud, scope, state and S256; assertions to every
claim of SMART's client-confidential-asymmetric, to a jti that was never seen, and to the signature of a key that stands
at our published address at that moment.
"""

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import requests
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT = "carecoord-at-the-judge"
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Judge:
    """`redirect_uri`, `jwks_url`: as we are registered. `faults`: what we did wrong. `seen`: what we did at all."""

    url: str = ""
    redirect_uri: str = ""
    jwks_url: str = ""
    ca: str | bool = True
    algorithms: tuple[str, ...] = ("RS384", "ES384")
    faults: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "judge", "use": "sig"}))

    def demand(self, good: bool, what: str) -> bool:
        if not good:
            self.faults.append(what)
        return good

    def authorize(self) -> Response:
        asked = request.args
        self.seen.append("authorize")
        self.demand(all(len(values) == 1 for _, values in asked.lists()), "a parameter sent twice")
        self.demand(asked.get("response_type") == "code", "response_type")
        self.demand(asked.get("client_id") == CLIENT, "client_id")
        self.demand(asked.get("redirect_uri") == self.redirect_uri, f"redirect_uri {asked.get('redirect_uri')}")
        self.demand(asked.get("aud") == f"{self.url}/fhir", "aud")
        self.demand({"openid", "launch"} <= set(asked.get("scope", "").split()), "scope")
        self.demand(len(asked.get("state", "")) >= 22, "state shorter than 128 bits")
        self.demand(asked.get("launch") == "from-the-judge", "launch not echoed")
        self.demand(asked.get("code_challenge_method") == "S256", "code_challenge_method")
        self.demand(len(asked.get("code_challenge", "")) == 43, "code_challenge")
        code = secrets.token_urlsafe(32)
        self.codes[code] = dict(asked.items())
        told = {"code": code, "state": asked.get("state", ""), "iss": self.url}
        return redirect(f"{self.redirect_uri}?{urlencode(told)}")  # type: ignore[return-value]

    def token(self) -> tuple[Response, int]:
        form = request.form
        self.seen.append(form.get("grant_type", "no grant_type"))
        good = self.demand(not request.args, "parameters in the address") & self._proven(form)
        answer: dict[str, Any] = {"token_type": "bearer", "expires_in": 300}
        if form.get("grant_type") == "authorization_code":
            kept = self.codes.pop(form.get("code", ""), {})
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
            good &= self.demand(bool(kept) and challenge == kept["code_challenge"], "code or code_verifier")
            good &= self.demand(form.get("redirect_uri") == self.redirect_uri, "redirect_uri at the token endpoint")
            answer |= {"scope": kept.get("scope", ""), "patient": "p1", "id_token": self._id_token(kept)}
        else:
            good &= self.demand(form.get("grant_type") == "client_credentials", "grant_type")
            good &= self.demand(bool(form.get("scope")), "no scope asked")
            answer["scope"] = form.get("scope", "")
        if not good:
            return jsonify({"error": "invalid_request", "error_description": self.faults[-1]}), 400
        answer["access_token"] = secrets.token_urlsafe(32)
        self.tokens.add(answer["access_token"])
        return jsonify(answer), 200

    def fhir(self, path: str) -> tuple[Response, int]:
        scheme, _, plain = request.headers.get("Authorization", "").partition(" ")
        known = scheme == "Bearer" and plain in self.tokens
        self.seen.append(f"read {path} {'with the token' if known else 'without a token'}")
        if not known:
            return jsonify({"resourceType": "OperationOutcome", "issue": []}), 401
        link = [{"relation": "self", "url": request.url}]
        return jsonify({"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [], "link": link}), 200

    def _proven(self, form: Any) -> bool:
        if not self.demand(form.get("client_assertion_type") == TYPE, "client_assertion_type"):
            return False
        with requests.Session() as session:
            session.trust_env = False
            published = session.get(self.jwks_url, verify=self.ca, timeout=10).json()
        try:
            token = jwt.decode(
                form["client_assertion"], KeySet.import_key_set(published), algorithms=list(self.algorithms)
            )
        except Exception as error:  # whatever is wrong with it, that is the fault
            return self.demand(False, f"assertion: {error}")
        said, now = token.claims, time.time()
        fresh = said.get("jti") not in self.jtis
        self.jtis.add(str(said.get("jti")))
        checks = {
            "typ": token.header.get("typ") == "JWT", "kid": bool(token.header.get("kid")),
            "iss": said.get("iss") == CLIENT, "sub": said.get("sub") == CLIENT,
            "aud": said.get("aud") == f"{self.url}/token", "jti": isinstance(said.get("jti"), str) and fresh,
            "exp": isinstance(said.get("exp"), int) and now < said["exp"] <= now + 300,
        }  # fmt: skip
        wrong = [name for name, good in checks.items() if not self.demand(good, f"assertion {name}")]
        return not wrong

    def _id_token(self, kept: dict[str, str]) -> str:
        now = int(time.time())
        said = {
            "iss": self.url, "aud": CLIENT, "sub": "doctor-1", "iat": now, "exp": now + 300,
            "nonce": kept.get("nonce"), "fhirUser": f"{self.url}/fhir/Practitioner/doctor-1",
        }  # fmt: skip
        return jwt.encode({"alg": "RS256", "kid": "judge", "typ": "JWT"}, said, self.key, algorithms=["RS256"])

    def configuration(self) -> Response:
        return jsonify({
            "issuer": self.url, "jwks_uri": f"{self.url}/jwks", "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "grant_types_supported": ["authorization_code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"], "capabilities": ["launch-ehr"],
            "token_endpoint_auth_signing_alg_values_supported": list(self.algorithms),
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True,
        })  # fmt: skip

    def statement(self) -> Response:
        patients = {"type": "Patient", "interaction": [{"code": "read"}, {"code": "search-type"}]}
        return jsonify({
            "resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
            "format": ["json"], "rest": [{"mode": "server", "resource": [patients]}],
        })  # fmt: skip


@contextmanager
def judging() -> Iterator[Judge]:
    """The judge on a socket of this machine."""
    judge, app = Judge(), Flask("judge")
    app.add_url_rule("/authorize", view_func=judge.authorize)
    app.add_url_rule("/token", view_func=judge.token, methods=["POST"])
    app.add_url_rule("/jwks", "jwks", lambda: Response(
        json.dumps({"keys": [judge.key.as_dict(private=False)]}), content_type="application/json"))  # fmt: skip
    app.add_url_rule("/fhir/.well-known/smart-configuration", view_func=judge.configuration)
    app.add_url_rule("/.well-known/openid-configuration", "openid", judge.configuration)
    app.add_url_rule("/fhir/metadata", view_func=judge.statement)
    app.add_url_rule("/fhir/<path:path>", view_func=judge.fhir)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    judge.url = f"http://127.0.0.1:{server.server_port}"
    yield judge
    server.shutdown()
    server.server_close()
    thread.join()
