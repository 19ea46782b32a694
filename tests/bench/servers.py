"""Starts the servers under test on loopback, each in its own folder, and ends just those that it started."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

from tests.ports import free_port

BIN = Path(sys.executable).parent
WORKERS = "2"
FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass
class Server:
    """A running server: `base` its FHIR base, `database` the SQLite file if that is what it stands on."""

    name: str
    base: str
    database: Path | None = None
    client: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    environ: Mapping[str, str] = field(default_factory=dict)
    process: int = 0

    def cpu(self) -> float:
        """The seconds of processor time that it and its workers have used so far; of Linux alone."""
        return sum(int(fields[11]) + int(fields[12]) for _, fields in self._processes()) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> int:
        """The most memory (MB) that any one process of it has held so far; of Linux alone."""
        held = [0]
        for process, _ in self._processes():
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{process}/status").read_text().partition("VmHWM:")[2].split()
                held += [int(kilobytes) // 1024 for kilobytes in told[:1]]
        return max(held)

    def _processes(self) -> Iterator[tuple[int, list[str]]]:
        """It and its workers, each with what /proc tells of it behind its name."""
        known = {self.process}
        for stat in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parent.name)):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(stat.parent.name) in known or int(fields[1]) in known:
                    known.add(int(stat.parent.name))
                    yield int(stat.parent.name), fields

    def token(self) -> str | None:
        """A fresh access token (they live 300 s), or nothing where the server asks for none."""
        if not self.client:
            return None
        root = self.base.removesuffix("/fhir")
        with urllib.request.urlopen(f"{self.base}/.well-known/smart-configuration") as answer:
            endpoint = json.load(answer)["token_endpoint"]
        assert endpoint.startswith(root)
        key = ECKey.import_key(Path(self.client["key"]).read_text())
        me, header = self.client["id"], {"alg": "ES384", "typ": "JWT", "kid": key.thumbprint()}
        claims = {"iss": me, "sub": me, "aud": endpoint, "jti": str(uuid.uuid4()), "exp": int(time.time()) + 240}
        assertion = jwt.encode(header, claims, key, algorithms=["ES384"])
        form = {
            "grant_type": "client_credentials",
            "scope": self.client["scope"],
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        with urllib.request.urlopen(endpoint, urllib.parse.urlencode(form).encode()) as answer:
            return str(json.load(answer)["access_token"])


@contextlib.contextmanager
def _running(command: list[str], url: str, folder: Path, environ: Mapping[str, str]) -> Iterator[int]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log)
    try:
        _wait(url, process, folder)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{url} did not come up:\n{(folder / 'server.log').read_text()[-3000:]}")


@contextlib.contextmanager
def carecoord(folder: Path, database_url: str = "") -> Iterator[Server]:
    """Our server as anybody runs it: two workers, auth and audit on; with a backend client that may do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environ = {
        "CARECOORD_VAR": str(folder),
        "CARECOORD_PORT": str(port),
        "CARECOORD_WORKERS": WORKERS,
        "CARECOORD_DATABASE_URL": database_url,
        "CARECOORD_SEARCH_RATE": "10000000/minute",  # counted all the same
    }
    _carecoord(environ, "init")
    said = _carecoord(environ, "client", "add", "bench", "--scope", "system/*.cruds")
    added = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    client = {"id": added["client_id"], "key": added["private key"], "scope": added["scope"]}
    name = "carecoord, PostgreSQL" if database_url else "carecoord, SQLite"
    base = f"http://127.0.0.1:{port}/fhir"
    with _running([str(BIN / "carecoord"), "serve"], f"{base}/metadata", folder, environ) as process:
        database = None if database_url else folder / "carecoord.db"
        yield Server(name, base, database, client, folder, environ, process)


def command(server: Server, *words: str) -> str:
    """Run `carecoord` with the settings of a server of ours; what it printed."""
    return _carecoord(server.environ, *words)


def _carecoord(environ: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(
        [str(BIN / "carecoord"), *words], env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"carecoord {' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def load_the_story(server: Server) -> None:
    """Load the office and the EHR of the demo into a server of ours."""
    files = (file for part in ("office", "ehr") for file in sorted((FIXTURES / part).glob("*.ndjson")))
    command(server, "load", *map(str, files))


@contextlib.contextmanager
def bare(folder: Path, database: Path) -> Iterator[Server]:
    """The bare Flask route, served as we serve."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", WORKERS, "--blocking-threads", "4", "--no-access-log", "tests.bench.bare:app"]
    environ = {"BARE_DATABASE": str(database), "PYTHONPATH": str(Path(__file__).parents[2])}
    base = f"http://127.0.0.1:{port}/fhir"
    with _running(command, f"http://127.0.0.1:{port}/", folder, environ):
        yield Server("bare Flask route", base)


@contextlib.contextmanager
def sekmet(folder: Path) -> Iterator[Server]:
    """sekmet-fhir as its own documentation starts it for load runs: no auth, no traffic log, no simulators."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    settings = f"host: 127.0.0.1\nport: {port}\nbase_url: {base}\nlog_inbound: false\nsimulator:\n  enabled: false\n"
    (folder / "settings.yaml").write_text(settings)
    with _running([str(BIN / "sekmet"), "serve"], f"{base}/metadata", folder, {}):
        yield Server("sekmet-fhir", base)
