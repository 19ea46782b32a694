"""Programs of others, unchanged, run against us (issue 3, "What it must show", 3): PyPI fhirclient, fhirpy and
smart-fetch, npm jose, fhir-kit-client and @medplum/core, and the Java client of HAPI. npm
fhirclient has a browser to itself: tests/auth/browser/test_fhirclient.py."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from carecoord.store.database.engine import writing

from .conftest import Launch
from .practice import CALLBACK, RESOURCES, everything
from .serving import Site
from .visitor import App, Browser, consent, from_desk

NPM = Path(__file__).parents[2] / "var/npm"
PROGRAMS = Path(__file__).parent / "programs"
HAPI = Path(__file__).parents[2] / "var/hapi"


def of(patient: str, type: str) -> set[str]:
    """The ids of a patient's resources of a type, as they were put there."""
    mine = (one for one in RESOURCES if one["resourceType"] == type)
    return {one["id"] for one in mine if one["id"] == patient or one["id"].startswith(f"{patient}-")}


# -- PyPI fhirclient


@pytest.fixture
def fhirclient(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the library as an app makes it; it finds our addresses in /metadata only."""
    if site.secure:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(site.ca))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from fhirclient import client

    def make(**more: Any) -> Any:
        settings = {"app_id": "public", "api_base": site.fhir, "redirect_uri": CALLBACK, **more}
        made = client.FHIRClient(settings=settings)
        assert made.prepare() is False
        return made

    return make


def test_fhirclient_of_pypi_launches_standalone_reads_searches_and_refreshes(
    site: Site, mina: Browser, fhirclient: Any
) -> None:
    from fhirclient.models.observation import Observation

    smart = fhirclient(scope="openid fhirUser offline_access patient/Patient.read patient/Observation.read")
    assert smart.authorize_url.startswith(f"{site.url}/oauth/authorize?")
    mina.go(smart.authorize_url)
    consent(mina)
    smart.handle_callback(mina.page.headers["Location"])
    assert smart.ready
    assert smart.patient.id == "okafor"
    assert smart.human_name(smart.patient.name[0]) == "Ngozi Okafor"
    found = Observation.where(struct={"patient": "okafor"}).perform_resources_iter(smart.server)
    assert {one.id for one in found} == of("okafor", "Observation")
    before = smart.server.auth.access_token
    assert smart.reauthorize()
    assert smart.server.auth.access_token != before
    assert Observation.read("okafor-survey", smart.server).status == "final"


def test_fhirclient_of_pypi_is_launched_from_our_desk(site: Site, mina: Browser, fhirclient: Any) -> None:
    told = from_desk(App(site, "public"), mina)
    scope = "patient/*.read user/*.* openid profile"
    smart = fhirclient(api_base=told["iss"], launch_token=told["launch"], scope=scope)
    mina.go(smart.authorize_url)
    consent(mina, None)
    smart.handle_callback(mina.page.headers["Location"])
    assert smart.patient.id == "okafor"
    assert smart.launch_context["fhirContext"] == [{"reference": "ServiceRequest/okafor-referral"}]


# -- PyPI smart-fetch


def test_smart_fetch_crawls_exactly_the_records_it_asked_for(site: Site, tmp_path: Path) -> None:
    """It asks for version 1 scopes and Binary beside what it is registered for, and follows next links to the end."""
    keys, got = tmp_path / "keys.jwks", tmp_path / "got"
    key = {**site.keys.rsa.as_dict(private=True), "alg": "RS384", "key_ops": ["sign"]}
    keys.write_text(json.dumps({"keys": [key]}))
    types = ("Patient", "Encounter", "Condition", "Observation", "ServiceRequest")
    command = [str(Path(sys.executable).with_name("smart-fetch")), "crawl", str(got), "--fhir-url", site.fhir]
    command += ["--smart-client-id", "loader", "--smart-key", str(keys), "--type", ",".join(types)]
    command += ["--id-list", "okafor,lindqvist", "--no-default-filters"]
    environ = {**os.environ, "HOME": str(tmp_path), **({"SSL_CERT_FILE": str(site.ca)} if site.secure else {})}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for type in types:
        found = [one["id"] for path in got.glob(f"{type}*.ndjson*") for one in _lines(path)]
        assert sorted(found) == sorted(of("okafor", type) | of("lindqvist", type)), type


def _lines(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return [json.loads(line) for line in text.splitlines()]


# -- npm


def run(site: Site, program: str, package: str, **told: Any) -> dict[str, Any]:
    """What a program of ours around a package of npm says at its end, as JSON."""
    if not (NPM / "node_modules" / package).exists() or not shutil.which("node"):
        pytest.skip("npm's jose and fhir-kit-client are not here: see the line `npm install` of .ci/run")
    # the program stands beside what it imports: node looks for packages from there upward
    beside = NPM / f"{os.getpid()}-{program}"
    shutil.copyfile(PROGRAMS / program, beside)
    environ = {**os.environ, **({"NODE_EXTRA_CA_CERTS": str(site.ca)} if site.secure else {})}
    try:
        command = ["node", str(beside), json.dumps(told)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    finally:
        beside.unlink()
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_jose_of_npm_signs_in_with_both_algorithms_and_verifies_our_id_token(
    site: Site, standalone: dict[str, Launch]
) -> None:
    keys = {"RS384": site.keys.rsa.as_dict(private=True), "ES384": site.keys.ec.as_dict(private=True)}
    token = standalone["public"].told["id_token"]
    about = {"base": site.url, "fhir": site.fhir, "keys": keys, "idToken": token, "audience": "public"}
    said = run(site, "with_jose.mjs", "jose", **about)
    for alg in keys:
        assert said[alg] == {"scope": "system/Patient.rs", "patient": "okafor"}
    assert said["idToken"] == {"alg": "RS256", "fhirUser": f"{site.fhir}/Practitioner/mina"}
    assert said["forged"] == "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"


def test_fhir_kit_client_of_npm_reads_pages_creates_and_sends_transactions(site: Site) -> None:
    token = all_rights(site)
    said = run(site, "with_fhir_kit_client.mjs", "fhir-kit-client", fhir=site.fhir, token=token)
    assert said["smart"] == {"authorize": f"{site.url}/oauth/authorize", "token": f"{site.url}/oauth/token"}
    assert said["read"] == "okafor"
    assert said["found"] == sorted(of("lindqvist", "Observation"))
    assert said["pages"] == -(-len(said["found"]) // 7)
    assert (said["created"], said["version"]) == ("Kit", "2")
    assert said["transaction"] == ["201", "201"]
    assert said["refused"] == 401


def all_rights(site: Site) -> str:
    with writing(site.register) as conn:
        return everything(conn, int(site.world.clock().timestamp()))


def test_medplum_core_of_npm_does_its_whole_round(site: Site) -> None:
    said = run(site, "with_medplum.mjs", "@medplum/core", fhir=site.fhir, token=all_rights(site))
    assert said == {
        "read": "Med", "vread": "1", "found": [True], "updated": "2", "sameOne": True, "upserted": "3",
        "patched": "Med 4", "transaction": ["201", "201"], "history": 4, "validated": ["information"],
        "everything": ["Patient", "Observation"], "file": "text/plain", "fetched": "a file", "gone": "deleted",
    }  # fmt: skip


# -- PyPI fhirpy


def test_fhirpy_of_pypi_does_its_whole_round(site: Site) -> None:
    pytest.importorskip("fhirpy", reason="PyPI's fhirpy is not here: see the extra `test`")
    told = {"fhir": site.fhir, "token": all_rights(site), "ca": site.ca}
    command = [sys.executable, str(PROGRAMS / "with_fhirpy.py"), json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "read": "Py", "vread": "1", "found": [True], "updated": "2", "get_or_create": [True, False],
        "conditional_update": [True, "Py 3", False], "patched": "Py 4", "transaction": ["201", "201"], "history": 4,
        "validated": True, "everything": True, "conditional_delete": 204, "gone": True,
    }  # fmt: skip


# -- HAPI


def test_the_client_of_hapi_does_its_whole_round(site: Site, tmp_path: Path) -> None:
    if not shutil.which("java") or not any(HAPI.glob("hapi-fhir-client-*.jar")):
        pytest.skip("Java or HAPI's client is not here: see the lines about Maven in .ci/run")
    command = ["java", "-cp", f"{HAPI}/*"]
    if site.secure:
        store = tmp_path / "trusted.p12"
        subprocess.run(
            ["keytool", "-importcert", "-noprompt", "-alias", "site", "-file", str(site.ca), "-keystore", str(store),
             "-storetype", "PKCS12", "-storepass", "changeit"], capture_output=True, check=True,
        )  # fmt: skip
        command += [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    command += [str(PROGRAMS / "WithHapi.java"), site.fhir, all_rights(site)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line) == {
        "created": "true", "read": "Hapi", "vread": "Hapi", "found": "true", "updated": "2",
        "conditionalCreate": "true", "conditionalUpdate": "3", "jsonPatch": "4", "pathPatch": "5",
        "conditionalPatch": "6", "transaction": "201,201", "history": "6", "validated": "information",
        "everything": "true", "several": "2,true", "file": "a file", "gone": "true",
    }  # fmt: skip
