"""The server as an attacker meets it: granian with two processes on a socket of this machine, the story in it, and
whoever comes by HTTP. `world` is the administrator's door, beside HTTP."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from auth import store
from auth.store import Token, User
from carecoord import app, settings
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.store.database.engine import migrate, reading, writing
from carecoord.world import World
from tests.desk.conftest import FIXTURES, HIRED, PASSWORD, PEOPLE
from tests.ports import free_port

FHIR_JSON = "application/fhir+json"
UNHINDERED = "1000000/minute"  # the attackers are one caller; limits have tests of their own
ORGANIZATIONS = {who: organization for who, (_, _, organization) in PEOPLE.items()}
ROLES = {who: {"outsider": "coordinator", "rival": "contracts"}.get(who, who) for who in PEOPLE}


@dataclass(frozen=True)
class Fort:
    """A running server. log: what its processes say."""

    url: str
    world: World
    log: Path
    process: subprocess.Popen[bytes]
    environ: dict[str, str]

    @property
    def sqlite(self) -> bool:
        return self.world.engine.dialect.name == "sqlite"

    @property
    def fhir(self) -> str:
        return f"{self.url}/fhir"

    def session(self) -> requests.Session:
        """A visitor without cookies, and without what this machine's environment says of proxies."""
        made = requests.Session()
        made.trust_env = False
        return made

    def ask(self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str) -> Any:
        """A request of the FHIR API, on a connection of its own, hence at any of the processes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None:
            sent.setdefault("Content-Type", FHIR_JSON)
        given = {"data": body} if isinstance(body, bytes | str) else {"json": body} if body is not None else {}
        with self.session() as visitor:
            return visitor.request(
                method, f"{self.url}/fhir/{path}".rstrip("/"), headers=sent, timeout=60, allow_redirects=False, **given
            )

    def get(self, path: str, **more: Any) -> requests.Response:
        """A page, without a session; redirects are not followed."""
        with self.session() as visitor:
            return visitor.get(self.url + path, timeout=60, allow_redirects=False, **more)

    def post(self, path: str, **more: Any) -> requests.Response:
        with self.session() as visitor:
            return visitor.post(self.url + path, timeout=60, allow_redirects=False, **more)

    def enter(self, who: str, password: str = PASSWORD) -> requests.Session:
        """A browser in which this person has signed in: one of PEOPLE, or another by their login."""
        browser = self.session()
        page = browser.get(f"{self.url}/sign-in", timeout=60).text
        form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        login = PEOPLE[who][0] if who in PEOPLE else who
        sent = {**form, "login": login, "password": password}
        answer = browser.post(f"{self.url}/sign-in", sent, timeout=60, allow_redirects=False)
        assert answer.status_code == 303, answer.text[:2000]
        return browser

    def token(self, scope: str = "system/*.cruds", life: int = 3600, client: str = "tester", **held: Any) -> str:
        """An access token, as the token endpoint would have issued it. held: further fields of auth.store.Token."""
        return issued(self.world, scope, life, client, **held)

    def of(self, who: str, scope: str = "user/*.cruds") -> str:
        """The token of an app that this person let in: with their role and organization."""
        return self.token(scope, roles={ROLES[who]}, organization=ORGANIZATIONS[who], subject=PEOPLE[who][0])

    def add(self, login: str, role: str, organization: str | None = "office-fairmont") -> User:
        """A person of a test's own."""
        accounts.add_user(self.world, NewUser(login, login.title(), frozenset({role}), organization), PASSWORD)
        with reading(self.world.engine) as conn:
            user = store.find_login(conn, login)
        assert user
        return user

    def put(self, *resources: dict[str, Any]) -> None:
        """Write these in one transaction, as a service that may do everything."""
        entry = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
        answer = self.ask("POST", "", self.token(), bundle)
        assert answer.status_code == 200, answer.text[:3000]


def issued(world: World, scope: str = "system/*.cruds", life: int = 3600, client: str = "tester", **held: Any) -> str:
    """An access token, as the token endpoint would have issued it. held: further fields of auth.store.Token."""
    held["roles"] = frozenset(held.get("roles", ()))
    now = world.seconds()
    with writing(world.engine) as conn:
        new = Token("access", client, held.pop("subject", "tester"), scope, now, now + life, **held)
        return store.issue(conn, new)


@contextmanager
def standing(
    folder: Path, database_url: str, *, through: Sequence[str] = (), application: str = "carecoord.app:create",
    beside: Mapping[str, str] | None = None, **changes: str,
) -> Iterator[Fort]:  # fmt: skip
    """A server over a migrated database. through: a command that starts the command it is given. beside: more of the
    environment. changes: further settings, without their prefix."""
    port = free_port()
    given = {
        "VAR": str(folder), "DATABASE_URL": database_url, "PORT": str(port), "SECOND_FACTOR_DAYS": "0",
        "SIGN_IN_RATE": UNHINDERED, "OAUTH_RATE": UNHINDERED, "SEARCH_RATE": UNHINDERED,
        "REGISTRATION": "true", **changes,
    }  # fmt: skip
    environ = {f"CARECOORD_{name}": value for name, value in given.items()}
    world = app.world(settings.load(environ))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CARECOORD_")}
    command = [*through, str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--factory"]
    command += ["--no-access-log"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "4"]
    command += ["--workers-kill-timeout", "2", "--backpressure", "64", application]
    log = folder / "log"
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=clean | environ | dict(beside or {}), stdout=file, stderr=file)
    fort = Fort(f"http://127.0.0.1:{port}", world, log, process, environ)
    try:
        wait(fort)
        yield fort
    finally:
        world.engine.dispose()
        process.terminate()
        process.wait(20)


def wait(fort: Fort) -> None:
    """Until it answers."""
    for _ in range(600):
        if fort.process.poll() is not None:
            break
        try:
            if requests.get(f"{fort.url}/healthz", timeout=10).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError(fort.log.read_text()[-5000:])


def furnish(world: World) -> None:
    """Put the story and its people into an empty, migrated database."""
    files = [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]
    assert not fhir_load.load(world, files).refusals
    for who, (login, name, organization) in HIRED:
        accounts.add_user(world, NewUser(login, name, frozenset({ROLES[who]}), organization), PASSWORD)


@contextmanager
def built(kind: str, folder: Path, database_url: str, story: Path, **changes: str) -> Iterator[Fort]:
    """A server with the story in it: on SQLite a copy of what the desk's tests have loaded, on PostgreSQL loaded anew.
    database_url: an empty, migrated database, used on PostgreSQL alone."""
    if kind == "sqlite":
        for each in story.iterdir():
            if each.is_file():
                shutil.copy2(each, folder / each.name)
        database_url = f"sqlite:///{folder / 'carecoord.db'}"
    else:
        world = app.world(settings.load({"CARECOORD_VAR": str(folder), "CARECOORD_DATABASE_URL": database_url}))
        migrate(world.engine)
        furnish(world)
        world.engine.dispose()
    with standing(folder, database_url, **changes) as fort:
        yield fort
