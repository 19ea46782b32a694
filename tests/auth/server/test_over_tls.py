"""The same, over real sockets with and without TLS: what a proxy, a cookie jar and a TLS stack make of it."""

import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec as curves
from flask import Flask
from joserfc.jwk import ECKey
from werkzeug.serving import make_server

from auth.store import User
from carecoord.app import wired
from carecoord.store.database.engine import writing
from tests.auth.conftest import ASSERTION, build_world, public, sign
from tests.auth.place import CALLBACK, Forms, Place
from tests.people import add_user_with_password

PASSWORD = "correct horse battery"
SCOPE = "openid fhirUser launch/patient patient/Patient.rs"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = curves.generate_private_key(curves.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return folder / "cert.pem", folder / "key.pem"


@dataclass
class Served:
    """The application at an address, and a client that keeps cookies and trusts the certificate."""

    url: str
    place: Place
    client: requests.Session

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.client.get(path if path.startswith("http") else self.url + path, allow_redirects=False, **kwargs)

    def post(self, path: str, **kwargs: Any) -> requests.Response:
        return self.client.post(self.url + path, allow_redirects=False, **kwargs)


@pytest.fixture(params=["http", "https"])
def served(
    request: pytest.FixtureRequest, practice: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> Iterator[Served]:
    shutil.copyfile(practice, tmp_path / "practice.db")
    secure = request.param == "https"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if secure else None
    if context:
        context.load_cert_chain(*certificate)
    server = make_server("127.0.0.1", 0, Flask("not yet"), threaded=True, ssl_context=context)
    made = build_world(tmp_path, "practice.db")
    url = f"{request.param}://127.0.0.1:{server.server_port}"
    world = replace(made, settings=replace(made.settings, base_url=url, secure_cookies=secure))
    server.app = wired(world)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = requests.Session()
    client.trust_env, client.verify = False, str(certificate[0])
    yield Served(url, Place(world, server.app.test_client()), client)
    client.close()
    server.shutdown()
    server.server_close()
    thread.join()
    world.engine.dispose()


def test_a_backend_service_reads_with_a_token(served: Served, ec: ECKey) -> None:
    backend = {"id": "loader", "method": "private_key_jwt", "grants": ("client_credentials",), "jwks": public(ec)}
    served.place.app("system/*.rs", **backend)
    told = served.get("/fhir/.well-known/smart-configuration").json()
    now = served.place.now()
    said = {"iss": "loader", "sub": "loader", "aud": told["token_endpoint"], "exp": now + 200, "jti": "1"}
    form = {
        "grant_type": "client_credentials", "scope": "system/*.read system/Binary.read made/up",
        "client_assertion_type": ASSERTION, "client_assertion": sign(ec, said),
    }  # fmt: skip
    got = served.client.post(told["token_endpoint"], data=form)
    assert got.status_code == 200, got.text
    assert got.json()["scope"] == "system/*.read system/Binary.read"
    headers = {"Authorization": f"Bearer {got.json()['access_token']}"}
    assert served.get("/fhir/Patient/okafor", headers=headers).status_code == 200
    assert served.get("/fhir/Patient/okafor").status_code == 401


def test_a_person_lets_an_app_in(served: Served) -> None:
    with writing(served.place.world.engine) as conn:
        mina = User("u1", "mina", "Mina Reyes", frozenset({"coordinator"}), "clinic", "Practitioner/mina")
        add_user_with_password(conn, mina, PASSWORD, served.place.now())
    app = served.place.app(SCOPE)
    asked = served.get(app.address(aud=f"{served.url}/fhir"))
    (form,) = Forms(served.get(asked.headers["Location"]).text).found
    entered = served.post(form.action, data={**dict(form.fields), "login": "mina", "password": PASSWORD})
    assert entered.status_code == 303
    picker = Forms(served.get(entered.headers["Location"]).text).found[1]
    consent = Forms(served.post(picker.action, data=[*picker.fields, ("patient", "okafor")]).text).found[0]
    done = served.post(consent.action, data=[*consent.fields, ("decision", "allow")])
    came = {name: values[0] for name, values in parse_qs(urlsplit(done.headers["Location"]).query).items()}
    exchanged = served.post(
        "/oauth/token",
        data={
            "grant_type": "authorization_code", "code": came["code"], "redirect_uri": CALLBACK, "client_id": "app",
            "code_verifier": app.verifier,
        },
    )  # fmt: skip
    assert exchanged.status_code == 200, exchanged.text
    assert came["iss"] == served.url
    assert exchanged.json()["patient"] == "okafor"


def test_the_cookie_is_bound_to_host_and_tls_where_there_is_tls(served: Served) -> None:
    served.get("/sign-in")
    names = [cookie.name for cookie in served.client.cookies]
    assert names == (["__Host-cc-form"] if served.url.startswith("https") else ["cc-form"])
    (cookie,) = served.client.cookies
    assert cookie.secure == served.url.startswith("https")
