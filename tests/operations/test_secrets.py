"""What others of the machine could find: nothing under CARECOORD_VAR is read as another user, and no secret and no
patient stands in the log, in an error, in a list of processes or in an environment. A server on PostgreSQL is run as it
is in earnest: secrets by file, people and apps that sign in, an EHR that fails, wrong guesses, a backup."""

import base64
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import make_url

from tests import postgres
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]

NOBODY = 65534
FAMILY, RECORD = "Quillfeather", "MRN-7734-Q"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Scene:
    """What was run, and what of it others could see. secrets: name -> value. said: all that was printed, logged and
    answered as an error."""

    folder: Path
    url: str
    environ: dict[str, str]
    log: Path
    secrets: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def var(self) -> Path:
        return self.folder / "var"

    def verb(self, *words: object, ok: bool = True) -> str:
        command = [Path(sys.executable).with_name("carecoord"), *map(str, words)]
        done = subprocess.run(command, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False)
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        self.said.append(done.stderr)
        return done.stdout

    def asked(self, answer: requests.Response) -> requests.Response:
        """An answer; one that is an error is kept."""
        if answer.status_code >= 400:
            self.said.append(f"{answer.headers}\n{answer.text}")
        return answer


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A server that has been used for a while, and is still up. Its folder's parents let everybody in."""
    folder = Path(tempfile.mkdtemp(prefix="carecoord-seen-"))
    folder.chmod(0o755)
    try:
        with postgres.cluster() as database:
            made = prepared(folder, database)
            with made.log.open("wb") as log:
                command = [Path(sys.executable).with_name("carecoord"), "serve"]
                process = subprocess.Popen(command, env=made.environ, cwd=folder, stdout=log, stderr=log)
            try:
                use(made)
                yield made
            finally:
                process.terminate()
                process.wait(40)
    finally:
        shutil.rmtree(folder)


def prepared(folder: Path, database: str) -> Scene:
    """The settings, each secret in a file; and programs of PostgreSQL that write down how they were started."""
    port, seen = free_port(), folder / "seen"
    secrets = {"database password": "p4ss-of-the-database", "metrics token": "t0ken-of-the-metrics",
               "mail password": "p4ss-of-the-mail"}  # fmt: skip
    url = make_url(database).set(drivername="postgresql", password=secrets["database password"])
    values = {
        "database_url": url.render_as_string(hide_password=False), "metrics_token": secrets["metrics token"],
        "mail_url": f"smtp://care:{secrets['mail password']}@127.0.0.1:{free_port()}",
    }  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CARECOORD_", "PYTHON", "PROM"))}
    environ = clean | {
        "CARECOORD_VAR": str(folder / "var"), "CARECOORD_PORT": str(port), "CARECOORD_WORKERS": "1",
        "CARECOORD_LOG_LEVEL": "DEBUG", "CARECOORD_MAIL_FROM": "care@h.example", "CARECOORD_PRIVATE_HOSTS": "127.0.0.1",
        "PATH": f"{folder / 'bin'}:{clean['PATH']}",
    }  # fmt: skip
    for name, value in values.items():
        file = folder / name
        file.write_text(value)
        file.chmod(0o600)
        environ[f"CARECOORD_{name.upper()}_FILE"] = str(file)
    (folder / "bin").mkdir()
    spy = folder / "bin" / "pg_dump"
    spy.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {seen}; env >> {seen}\nexec {program("pg_dump")} "$@"\n'
    )
    spy.chmod(0o755)
    return Scene(folder, f"http://127.0.0.1:{port}", environ, folder / "log", secrets)


def program(name: str) -> str:
    """One of PostgreSQL's, where this machine has it: Debian's wrappers lie elsewhere than its server."""
    found = shutil.which(name) or f"{postgres.programs()}/{name}"
    assert Path(found).exists(), postgres.MISSING
    return found


def use(scene: Scene) -> None:
    """Sign in, write, read, search and guess; let a sync, a letter and a backup happen."""
    end = time.monotonic() + 120
    while not answers(f"{scene.url}/readyz"):
        assert time.monotonic() < end, scene.log.read_text()[-3000:]
        time.sleep(0.3)
    scene.secrets["password"] = re.findall(
        r"^password: (.+)$", scene.verb("user", "add", "sam", "--name", "Whitlock, Sam", "--role", "admin"), re.M
    )[0]
    invited = scene.verb("user", "invite", "ada", "--name", "Osborne, Ada", "--role", "auditor")
    scene.secrets["invitation"] = re.findall(r"https?://\S+", invited)[0].rpartition("/")[2]
    token = app(scene)
    person(scene, token)
    desk(scene)
    scene.verb("keys", "rotate")
    scene.verb("ehr", "add", "city", f"http://127.0.0.1:{free_port()}/fhir", "--limit", "attempts=1")
    scene.verb("sync", "city", ok=False)
    scene.verb("backup", scene.folder / "backups")
    scene.verb("load", scene.folder / "missing.ndjson", ok=False)
    broken = scene.folder / "broken.ndjson"
    broken.write_text(f'{{"resourceType": "Patient", "name": [{{"family": "{FAMILY}", "wrong": 1}}]}}\n')
    scene.verb("load", broken, ok=False)
    time.sleep(2)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def app(scene: Scene) -> str:
    """The access token of a service, and what it proves itself by."""
    file = scene.folder / "app.pem"
    said = scene.verb("client", "add", "load", "--scope", "system/*.cruds", "--key-file", file)
    (client,) = re.findall(r"client_id: (\S+)", said)
    key = ECKey.import_key(file.read_bytes())
    key.ensure_kid()
    endpoint = f"{scene.url}/oauth/token"
    claims = {"iss": client, "sub": client, "aud": endpoint, "jti": str(uuid4()), "exp": int(time.time()) + 200}
    proof = jwt.encode({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"])
    form = {"grant_type": "client_credentials", "scope": "system/*.cruds", "client_assertion_type": ASSERTION}
    scene.asked(requests.post(endpoint, {**form, "client_assertion": proof[:-4] + "AAAA"}, timeout=20))
    token = str(requests.post(endpoint, {**form, "client_assertion": proof}, timeout=20).json()["access_token"])
    scene.secrets |= {"assertion": proof, "access token": token, "app's key": str(key.as_dict(private=True)["d"])}
    return token


def person(scene: Scene, token: str) -> None:
    """A patient, written, read, searched for and misspelt."""
    base, own = f"{scene.url}/fhir", {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    number = {"system": "u", "value": RECORD}
    patient = {"resourceType": "Patient", "name": [{"family": FAMILY}], "identifier": [number]}
    id = requests.post(f"{base}/Patient", json=patient, headers=own, timeout=20).json()["id"]
    for path in (f"/{id}", f"?name={FAMILY}", f"?identifier=u|{RECORD}", f"/{id}/$everything"):
        assert requests.get(f"{base}/Patient{path}", headers=own, timeout=20).status_code == 200
    wrong = {"Authorization": f"Bearer {token}x"}
    changed = {**patient, "id": id}
    for answer in (
        requests.get(f"{base}/Patient?nme={FAMILY}", headers=own | {"Prefer": "handling=strict"}, timeout=20),
        requests.get(f"{base}/Patient?name={FAMILY}", headers=wrong, timeout=20),
        requests.get(f"{base}/Patient/{id}?access_token={token}", timeout=20),
        requests.put(f"{base}/Patient/{id}", json=changed, headers=own | {"If-Match": 'W/"9"'}, timeout=20),
        requests.get(f"{scene.url}/metrics", headers={"Authorization": "Bearer guess"}, timeout=20),
    ):
        assert scene.asked(answer).status_code >= 400


def desk(scene: Scene) -> None:
    """Sam signs in; somebody else guesses his password."""
    with requests.Session() as sam:
        form = sam.get(f"{scene.url}/sign-in", timeout=20).text
        (csrf,) = set(re.findall(r'name="csrf" value="([^"]+)"', form))
        sent = {"csrf": csrf, "login": "sam", "password": "a guess at his password"}
        scene.asked(sam.post(f"{scene.url}/sign-in", sent, timeout=20))
        sent["password"] = scene.secrets["password"]
        answer = sam.post(f"{scene.url}/sign-in", sent, allow_redirects=False, timeout=20)
        assert answer.status_code == 303
        scene.secrets["session"] = str(sam.cookies["cc"])
        for path in ("/", "/people", f"/patients?q={FAMILY}", "/no/such/page", "/audit", f"/referrals/{FAMILY}"):
            scene.asked(sam.get(scene.url + path, timeout=30))


def processes(scene: Scene) -> list[Path]:
    """In /proc, those that were started with this scene's settings."""
    mark, found = f"CARECOORD_VAR={scene.var}".encode(), []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (each / "environ").read_bytes():
                found.append(each)
        except OSError:
            continue
    return found


def signing_keys(scene: Scene) -> dict[str, str]:
    """Our own private keys, as they stand in the database."""
    done = subprocess.run(
        [program("psql"), (scene.folder / "database_url").read_text(), "-Atc", "SELECT * FROM auth_key"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {f"signing key {n}": d for n, d in enumerate(re.findall(r'"d": ?"([^"]+)"', done.stdout))}


def shapes(secret: str) -> set[bytes]:
    """A secret as it is, and as it looks in base64 and in an address."""
    plain = secret.encode()
    return {plain, base64.b64encode(plain).rstrip(b"="), requests.utils.quote(secret).encode()}


def test_no_secret_and_no_patient_is_in_log_errors_processes_and_environments(scene: Scene) -> None:
    secrets = {**scene.secrets, **signing_keys(scene)}
    assert len(secrets) >= 10, secrets.keys()
    assert min(map(len, secrets.values())) >= 12
    ours = processes(scene)
    assert len(ours) >= 3, "the server, a process that it serves with, its worker"
    seen = {
        "log": scene.log.read_bytes(), "errors": "\n".join(scene.said).encode(),
        "pg_dump": (scene.folder / "seen").read_bytes(),
        "processes": b"\n".join((each / "cmdline").read_bytes() for each in ours),
        "environments": b"\n".join((each / "environ").read_bytes() for each in ours),
    }  # fmt: skip
    assert all(len(text) > 100 for text in seen.values()), {name: len(text) for name, text in seen.items()}
    assert seen["log"].count(b'"event":"asked"') > 15
    found = {(place, name) for place, text in seen.items() for name, secret in secrets.items()
             for shape in shapes(secret) if shape in text}  # fmt: skip
    assert found == set()
    named = {(place, word) for place in seen.keys() - {"errors"} for word in (FAMILY, RECORD)
             if word.lower().encode() in seen[place].lower()}  # fmt: skip
    assert named == set(), "errors may quote to who asked what they asked for themselves"


def test_nothing_under_var_can_be_read_as_another_user(scene: Scene) -> None:
    """F6. Also where somebody lets everybody into the folder itself, its files stay shut."""
    files = [path for path in (*scene.var.rglob("*"), *(scene.folder / "backups").rglob("*")) if path.is_file()]
    assert len(files) >= 4, files
    assert {path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()
    assert stat.S_IMODE(scene.var.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert readable(scene.var) == ""
        scene.var.chmod(0o755)
        assert readable(scene.var) == ""
        scene.var.chmod(0o700)


def readable(folder: Path) -> str:
    """The files below it that nobody in particular can read."""
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = subprocess.run(
        [*other, "find", folder, "-type", "f", "-readable"], capture_output=True, text=True, check=False
    )
    assert "setpriv" not in done.stderr
    return done.stdout


def test_the_same_holds_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the umask is: the database itself lies in the folder."""
    folder = Path(tempfile.mkdtemp(prefix="carecoord-seen-"))
    folder.chmod(0o755)
    try:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("CARECOORD_", "PYTHON"))}
        environ["CARECOORD_VAR"] = str(folder / "var")
        command = f"umask 000; exec {Path(sys.executable).with_name('carecoord')} init"
        subprocess.run(["sh", "-c", command], env=environ, cwd=folder, check=True, capture_output=True)
        (folder / "var").chmod(0o755)
        assert (folder / "var" / "carecoord.db").stat().st_size > 100_000
        files = [path for path in (folder / "var").rglob("*") if path.is_file()]
        assert {path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()
        if os.geteuid() == 0:
            assert readable(folder / "var") == ""
    finally:
        shutil.rmtree(folder)
