"""Two web machines, two that do later work, PostgreSQL, Redis and nginx with TLS on loopback, brought up by commands
of docs/operations (scale-out.md, tls.md); under load one of each kind is killed. What was acknowledged is there, what
failed was in flight at the killed machine, people stay signed in, and all later work is done."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from tests import postgres
from tests.adapters.little_ehr import LittleEhr, serving
from tests.brokers import NO_REDIS, Redis, missing
from tests.operations.pages import ROOT, commands, placed
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900)]

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
PAGE, TLS = commands("operations/scale-out.md"), commands("operations/tls.md")
EHRS = 6
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Answer:
    """One request: when it was sent and answered, and with what (0: with nothing)."""

    kind: str
    sent: float
    done: float
    status: int


@dataclass
class Place:
    """The whole of it. words: what each name of the pages is called here. running: by the name of the machine."""

    folder: Path
    url: str
    words: dict[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def machine(self, name: str, port: int | None = None) -> dict[str, str]:
        """The names of one machine: its folders, its port."""
        own = {"/etc/carecoord": f"{self.folder}/{name}/etc", "/var/lib/carecoord": f"{self.folder}/{name}/var"}
        listens = f'host = "127.0.0.1"\nport = {port or free_port()}\nprivate_hosts = "127.0.0.1"'
        return self.words | own | {'host = "0.0.0.0"': listens}

    def environment(self) -> dict[str, str]:
        ours = ("CARECOORD_", "PYTHON", "PROMETHEUS")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        clean["PATH"] = f"{Path(sys.executable).parent}:/usr/sbin:{postgres.programs()}:{clean['PATH']}"
        return clean | {"CURL_CA_BUNDLE": f"{self.folder}/tls/ca.crt"}

    def run(self, shell: str, names: dict[str, str], cwd: Path = ROOT) -> str:
        """Run commands of a page; they must go well."""
        done = subprocess.run(
            ["bash", "-euc", placed(shell, names)], cwd=cwd, env=self.environment(), capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, shell: str, names: dict[str, str]) -> None:
        """Run commands of a page that go on until they are ended."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                ["bash", "-euc", placed(shell, names)], cwd=self.folder, env=self.environment(), stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def kill(self, name: str) -> float:
        """kill -9 of a machine: all its processes at once. Returns when."""
        process = self.running.pop(name)
        at = time.monotonic()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
        return at

    def end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All of it, up and asked once."""
    assert NGINX, "nginx is not installed (Debian: nginx-light)"
    assert not missing("redis"), NO_REDIS
    folder = tmp_path_factory.mktemp("several")
    with ExitStack() as stack:
        database = urlsplit(stack.enter_context(postgres.cluster()))
        administrator(database.port or 0)
        (folder / "redis").mkdir()
        redis = Redis(folder / "redis")
        stack.callback(redis.close)
        https, plain, web1, web2 = (free_port() for _ in range(4))
        words = {
            "psql -h db.internal": f"psql -h 127.0.0.1 -p {database.port}",
            "db.internal/carecoord?sslmode=require": f"127.0.0.1:{database.port}/carecoord",
            "redis.internal:6379": f"127.0.0.1:{redis.port}",
            "https://care.example": f"https://localhost:{https}", "care.example": "localhost",
            "web1.internal:8000": f"127.0.0.1:{web1}", "web2.internal:8000": f"127.0.0.1:{web2}",
            "carecoord.crt carecoord.key": f"{folder}/tls/carecoord.crt {folder}/tls/carecoord.key",
            "deploy/nginx/carecoord.conf": f"{folder}/carecoord.conf",
            "/etc/nginx": f"{folder}/nginx", "nginx -t": f"nginx -t -c {folder}/nginx/nginx.conf",
            "systemctl reload nginx": f"nginx -c {folder}/nginx/nginx.conf",
        }  # fmt: skip
        here = Place(folder, f"https://localhost:{https}", words)
        stack.callback(here.end)
        bring_up(here, {"web1": web1, "web2": web2})
        front(here, {"443": https, "80": plain})
        stack.callback(here.run, f"nginx -s stop -c {folder}/nginx/nginx.conf", {})
        ready(here)
        yield here


def administrator(port: int) -> None:
    """The cluster's superuser is called carecoord; on a clinic's server it is postgres."""
    with psycopg.connect(f"postgresql://carecoord@127.0.0.1:{port}/postgres", autocommit=True) as conn:
        conn.execute("CREATE ROLE postgres SUPERUSER LOGIN")
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True) as conn:
        conn.execute("ALTER ROLE carecoord RENAME TO builder")


def bring_up(here: Place, ports: dict[str, int]) -> None:
    """Sections 1 to 5 of the page."""
    sections = {heading[0]: shell for heading, shell in PAGE.items() if heading[0].isdigit()}
    here.run(sections["1"], here.words)
    machines = {name: here.machine(name, ports.get(name)) for name in ("web1", "web2", "work1", "work2")}
    for names in machines.values():
        assert "https://localhost" in here.run(sections["2"], names)
    here.run(sections["3"], machines["web1"])
    for name, names in machines.items():
        here.start(name, sections["4" if name in ports else "5"], names)


def front(here: Place, ports: dict[str, int]) -> None:
    """A certificate of our own, and section 6. Debian's nginx.conf reads conf.d/ likewise."""
    (here.folder / "tls").mkdir()
    here.run(TLS["A certificate"], here.words, here.folder / "tls")
    nginx = here.folder / "nginx"
    (nginx / "conf.d").mkdir(parents=True)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {nginx}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (nginx / "nginx.conf").write_text(
        f"pid {nginx}/pid;\n{user}error_log {nginx}/own.log;\n"
        f"events {{}}\nhttp {{\n{temporary}include {nginx}/conf.d/*.conf;\n}}\n"
    )
    moved = {"/etc/nginx": str(nginx), "/var/log/nginx": str(nginx)}
    moved |= {f"listen {port}": f"listen 127.0.0.1:{own}" for port, own in ports.items()}
    (here.folder / "carecoord.conf").write_text(placed((ROOT / "deploy/nginx/carecoord.conf").read_text(), moved))
    (section,) = (shell for heading, shell in PAGE.items() if heading.startswith("6"))
    here.run(section, here.words)


def ready(here: Place) -> None:
    """Section 7, once all are up."""
    (section,) = (shell for heading, shell in PAGE.items() if heading.startswith("7"))
    end = time.monotonic() + 120
    ask = session(here)
    while ask.get(f"{here.url}/readyz", timeout=10).status_code != 200:
        assert time.monotonic() < end, "".join(log.read_text()[-800:] for log in here.folder.glob("*.log"))
        time.sleep(0.5)
    assert "good" in here.run(section, here.machine("web1"))


def session(here: Place) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.verify = f"{here.folder}/tls/ca.crt"
    return made


def verb(here: Place, *words: str) -> str:
    names = here.machine("work2")
    quoted = " ".join(f"'{word}'" for word in words)
    return here.run(f"export CARECOORD_CONFIG=/etc/carecoord/carecoord.toml\ncarecoord {quoted}", names)


def api(here: Place) -> requests.Session:
    """A session with a token for everything."""
    key_file = here.folder / f"{uuid4()}.pem"
    said = verb(here, "client", "add", "load", "--scope", "system/*.cruds", "--key-file", str(key_file))
    (client,) = re.findall(r"client_id: (\S+)", said)
    key = ECKey.import_key(key_file.read_bytes())
    key.ensure_kid()
    now, endpoint = int(time.time()), f"{here.url}/oauth/token"
    claims = {"iss": client, "sub": client, "aud": endpoint, "jti": str(uuid4()), "exp": now + 200}
    made = session(here)
    answer = made.post(endpoint, timeout=30, data={
        "grant_type": "client_credentials", "scope": "system/*.cruds", "client_assertion_type": ASSERTION,
        "client_assertion": jwt.encode({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"]),
    })  # fmt: skip
    assert answer.status_code == 200, answer.text
    bearer = f"Bearer {answer.json()['access_token']}"
    made.headers.update({"Authorization": bearer, "Content-Type": "application/fhir+json"})
    return made


def coordinator(here: Place) -> requests.Session:
    """A session of somebody who signed in at the desk."""
    said = verb(here, "user", "add", "maria", "--name", "Reyes, Maria", "--role", "coordinator", "--organization", "o")
    (password,) = re.findall(r"^password: (.+)$", said, re.MULTILINE)
    made = session(here)
    form = made.get(f"{here.url}/sign-in", timeout=30)
    (token,) = set(re.findall(r'name="csrf" value="([^"]+)"', form.text))
    sent = {"csrf": token, "login": "maria", "password": password}
    answer = made.post(f"{here.url}/sign-in", sent, allow_redirects=False, timeout=30)
    assert answer.status_code == 303, answer.text
    assert all(cookie.secure for cookie in made.cookies)
    return made


def load(here: Place, stop: threading.Event) -> tuple[list[threading.Thread], list[Answer], list[str]]:
    """Reads, writes and desk pages until `stop`, each asker as fast as it is answered. Returns the threads, the answers
    and the ids that were acknowledged."""
    answers: list[Answer] = []
    kept: list[str] = []
    asked, desk = api(here), coordinator(here)

    def note(kind: str, send: Callable[[], requests.Response]) -> requests.Response | None:
        sent, status, found = time.monotonic(), 0, None
        try:
            found = send()
            status = found.status_code
        except requests.RequestException:
            pass
        answers.append(Answer(kind, sent, time.monotonic(), status))
        return found

    def write() -> None:
        family = uuid4().hex
        person: dict[str, Any] = {"resourceType": "Patient", "name": [{"family": family}]}
        found = note("write", lambda: asked.post(f"{here.url}/fhir/Patient", json=person, timeout=60))
        if found is not None and found.status_code == 201:
            kept.append(found.json()["id"])

    def read() -> None:
        where = f"{here.url}/fhir/Patient" + (f"/{kept[-1]}" if kept else "?_count=5")
        note("read", lambda: asked.get(where, timeout=60))

    def look() -> None:
        note("desk", lambda: desk.get(f"{here.url}/", allow_redirects=False, timeout=60))
        time.sleep(0.2)

    def again(one: Callable[[], None]) -> None:
        while not stop.is_set():
            one()
            time.sleep(0.02)

    threads = [threading.Thread(target=again, args=(one,)) for one in (write, write, read, read, look)]
    for thread in threads:
        thread.start()
    return threads, answers, kept


def wait(done: Callable[[], bool], seconds: float, why: Callable[[], object]) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, why()
        time.sleep(0.5)


def synced(here: Place) -> dict[str, int]:
    """How many syncs of each EHR went through."""
    (url,) = {(here.folder / "work2/etc/database_url").read_text()}
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT ehr, count(*) FROM ehr_run WHERE finished IS NOT NULL AND error IS NULL GROUP BY ehr"
        )
        return {str(ehr): int(count) for ehr, count in rows}


def test_a_web_machine_and_a_worker_killed_under_load_lose_nothing_but_what_was_in_flight(place: Place) -> None:
    verb(place, "load", str(organization(place)))
    with serving(LittleEhr()) as hospital:
        hospital.put({"resourceType": "Patient", "id": "p", "name": [{"family": "Okafor"}]})
        names = [f"city{n}" for n in range(EHRS)]
        for name in names:
            verb(place, "ehr", "add", name, hospital.base, "--every", "1")
        stop = threading.Event()
        threads, answers, kept = load(place, stop)
        try:
            wait(lambda: len(synced(place)) == EHRS and len(answers) > 100, 200, lambda: synced(place))
            killed = place.kill("web1")
            time.sleep(3)
            place.kill("work1")
            before = synced(place)
            done = lambda: all(synced(place).get(name, 0) > before[name] for name in names)  # noqa: E731
            wait(done, 240, lambda: (before, synced(place)))
        finally:
            stop.set()
            for thread in threads:
                thread.join(90)
    report(place, answers, kept, killed)


def organization(place: Place) -> Path:
    file = place.folder / "office.ndjson"
    file.write_text('{"resourceType": "Organization", "id": "o", "active": true, "name": "Fairmont Medical Group"}\n')
    return file


def report(place: Place, answers: list[Answer], kept: list[str], killed: float) -> None:
    """What became of the requests."""
    good = {"write": 201, "read": 200, "desk": 200}
    failed = [each for each in answers if each.status != good[each.kind]]
    in_flight = [each for each in failed if each.sent <= killed + 0.5 and each.done >= killed]
    assert failed == in_flight, [each for each in failed if each not in in_flight][:10]
    assert len(failed) <= 2, "two writers; what only reads is sent to the other machine"
    assert {each.kind for each in failed} <= {"write"}
    after = [each for each in answers if each.sent > killed + 1]
    assert {each.kind for each in after} == set(good), "all went on, the desk with the session that it had"
    assert min(sum(each.kind == kind for each in after) for kind in good) > 20
    ours = api(place)
    assert len(kept) > 50
    assert [id for id in kept if ours.get(f"{place.url}/fhir/Patient/{id}", timeout=60).status_code != 200] == []
    assert ours.get(f"{place.url}/readyz", timeout=30).text == "ready\n"
    written = "".join((place.folder / "nginx" / name).read_text() for name in ("access.log", "error.log"))
    assert written.count(" GET 200 ") > 100
    assert "/fhir" not in written, "addresses hold searches and ids"
    assert not any(id in written for id in kept)
