"""An EHR and us: two instances of the whole application, the EHR's part of the story in both, and a browser between.

Our copy has the EHR's resources under the ids that sync gives them; the EHR holds what its own desk needs to launch us.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from auth import store
from auth.people import sessions
from auth.store import Client, User
from auth.tables import key as key_table
from carecoord.actions.ehrs import sync
from carecoord.actions.fhir import load as fhir_load
from carecoord.actions.people import accounts
from carecoord.actions.worklist import project as worklist_project
from carecoord.app import wired
from carecoord.settings import Settings
from carecoord.store.audit.events import Journal
from carecoord.store.database.engine import open_engine, writing
from carecoord.world import World
from fhir_adapters.ehr import Ehr, Launch
from fhir_adapters.identity import local_id, localize

from .conftest import BUSY, Clock
from .place import Form, Forms

FIXTURES = Path(__file__).parents[2] / "fixtures"
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)  # the day that the story plays on
EHR, OURS = "https://ehr.test", "https://care.test"
SECRET = "Xb7-between-us-and-the-hospital_42"
DESK = ("Organization", "Practitioner", "PractitionerRole", "Patient", "Encounter", "ServiceRequest")
PATEL, SANTOS, OKAFOR = "arjun-patel", "maricel-santos", "ngozi-okafor"  # three referrals, three, two
CAST = (PATEL, SANTOS, OKAFOR)
PATELS = "order-24801"
SANTOSES = "order-24768"
_built: list[Path] = []

# What EHRs let a framed app do, as read in smart-launcher-v2 (design/desk.md section 7): no navigation of the top.
SANDBOX = (
    "allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts "
    "allow-downloads"
)


def ours(type: str, id: str) -> str:
    """Our id of the hospital's resource."""
    return local_id("hospital", type, id)


def world(folder: Path, url: str, clock: Clock, http: Callable[[], requests.Session] = requests.Session) -> World:
    """One instance, over folder/carecoord.db."""
    settings = Settings(var=str(folder), base_url=url, secure_cookies=url.startswith("https"), **BUSY)
    project = worklist_project.projector(worklist_project.policy(settings))
    engine = open_engine(f"sqlite:///{folder / 'carecoord.db'}")
    return World(engine, clock, lambda: str(uuid4()), http, settings, project, Journal(folder / "audit"))


def build(template: Path, folder: Path, signing_row: dict[str, Any]) -> Path:
    """The two databases, as ehr and ours in a folder, which it returns: to be copied for each test. Made once."""
    if _built:
        return _built[0]
    hospital = Ehr("hospital", f"{EHR}/fhir")
    for part in ("theirs", "localized"):
        (folder / part).mkdir()
    for file in sorted((FIXTURES / "ehr").glob("*.ndjson")):
        lines = [json.loads(line) for line in file.read_text().splitlines() if _told(file.stem, line)]
        copies = [localize(line, hospital, ("Binary",)) for line in lines]
        for part, held in (("theirs", lines), ("localized", copies)):
            (folder / part / file.name).write_text("\n".join(map(json.dumps, held)))
    for name, files in {
        "ehr": [folder / "theirs" / f"{type}.ndjson" for type in DESK],
        "ours": [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((folder / "localized").glob("*.ndjson"))],
    }.items():
        (folder / name).mkdir()
        shutil.copyfile(template, folder / name / "carecoord.db")
        made = world(folder / name, EHR if name == "ehr" else OURS, Clock(NOW))
        assert not fhir_load.load(made, files).refusals
        with writing(made.engine) as conn:
            conn.execute(insert(key_table).values(signing_row))
        with made.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        made.engine.dispose()
    _built.append(folder)
    return folder


def _told(type: str, line: str) -> bool:
    """Of the story, what is about nobody or about these three; free times are of no matter here."""
    if type in ("Slot", "Schedule"):
        return False
    if type == "Patient":
        return any(f'"id":"{each}"' in line for each in CAST)
    return '"Patient/' not in line or any(f'"Patient/{each}"' in line for each in CAST)


@dataclass
class Two:
    """The hospital and us."""

    ehr: World
    our: World
    clock: Clock
    folder: Path
    sites: dict[str, Flask] = field(default_factory=dict)

    def register(self, **changes: Any) -> Ehr:
        """Tell us of the hospital, and the hospital of us; the changes are of the launch, or of the EHR."""
        (self.folder / "secret").write_text(SECRET + "\n")
        about = {"client_id": "carecoord", "secret_file": str(self.folder / "secret"), "origins": (self.ehr_url,),
                 "roles": ("coordinator",), "organization": ours("Organization", "fairmont")}  # fmt: skip
        one = Ehr("hospital", f"{self.ehr_url}/fhir", launch=Launch(**about | changes))
        sync.add_ehr(self.our, one)
        return one

    def admit_app(self) -> None:
        """The hospital's side of it."""
        new = Client(
            "carecoord", "carecoord", "openid fhirUser launch", "client_secret_basic", ("authorization_code",),
            redirect_uris=(f"{self.our_url}/embed/callback/hospital",), launch_url=f"{self.our_url}/embed/launch",
        )  # fmt: skip
        with writing(self.ehr.engine) as conn:
            store.add_client(conn, new, self.now(), SECRET)

    def doctor(self, id: str = "farrow") -> User:
        """Somebody who works at the hospital's desk."""
        who = User(f"u-{id}", id, id.title(), frozenset({"coordinator"}), "fairmont", f"Practitioner/{id}")
        with writing(self.ehr.engine) as conn:
            store.add_user(conn, who, "", self.now())
        return who

    def at_desk(self, of: World, who: User) -> str:
        """A session cookie of the desk."""
        with writing(of.engine) as conn:
            return sessions.open_session(conn, who, "test", self.now(), amr="pwd")

    def colleague(self, *roles: str, organization: str = "office-fairmont") -> User:
        """Somebody who has an account here."""
        new = accounts.NewUser("reyes", "Reyes, Maria", frozenset(roles), organization)
        accounts.add_user(self.our, new, "five made-up words in a row")
        with writing(self.our.engine) as conn:
            return next(user for user in store.users(conn) if user.login == "reyes")

    @property
    def ehr_url(self) -> str:
        return self.ehr.settings.url

    @property
    def our_url(self) -> str:
        return self.our.settings.url

    def now(self) -> int:
        return self.clock.seconds()


@dataclass
class Browser:
    """A browser that has the hospital's desk open: one jar of cookies, and the headers that browsers add."""

    two: Two
    framed: bool = True
    jar: FlaskClient | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clients = {url: app.test_client() for url, app in self.two.sites.items()}

    @property
    def ours(self) -> FlaskClient:
        return self.clients[self.two.our_url]

    def get(self, url: str, **headers: str) -> TestResponse:
        """GET, as a browser does that goes there in its frame or tab."""
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}" if parts.netloc else self.two.our_url
        said = {"Sec-Fetch-Dest": "iframe" if self.framed else "document", "Sec-Fetch-Site": "cross-site"}
        path = f"{parts.path}{'?' + parts.query if parts.query else ''}"
        return self.clients[base].get(path, base_url=base, headers={**said, **headers})

    def post(self, url: str, fields: list[tuple[str, str]], **headers: str) -> TestResponse:
        """POST by a form of our own page."""
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}" if parts.netloc else self.two.our_url
        own = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
        said = {name: value for name, value in {**own, **headers}.items() if value}
        return self.clients[base].post(parts.path, base_url=base, data=MultiDict(fields), headers=said)

    def sign_in(self, who: User) -> None:
        """At the hospital's desk."""
        self.clients[self.two.ehr_url].set_cookie(
            "__Host-cc", self.two.at_desk(self.two.ehr, who), domain=urlsplit(self.two.ehr_url).hostname or "",
            secure=True,
        )  # fmt: skip

    def opened(self, referral: str) -> TestResponse:
        """Click on carecoord at a referral of the hospital's desk: our answer to the launch."""
        address = self.get(f"{self.two.ehr_url}/referrals/{referral}/apps/carecoord").location
        return self.get(address)

    def agreed(self, launched: TestResponse) -> str:
        """Let us in at the hospital: the address of our callback, with its code."""
        assert launched.status_code == 303, launched.text
        page = self.get(launched.location)
        assert page.status_code == 200, page.text
        form = next(form for form in Forms(page.text).found if ("decision", "allow") in form.buttons)
        done = self.post(self.two.ehr_url + form.action, [*form.fields, ("decision", "allow")])
        assert done.status_code == 303, done.text
        return done.location

    def launch(self, referral: str = PATELS) -> str:
        """All the way; the path of the launch here."""
        checked = self.get(self.agreed(self.opened(referral))).location
        settled = self.get(checked)
        assert settled.status_code == 303, settled.text
        assert settled.location.startswith("/embed/l/"), settled.location
        return settled.location

    def forms(self, page: TestResponse) -> dict[str, Form]:
        """The forms of a page, by where they go."""
        return {form.action: form for form in Forms(page.text).found}


def copied(built: Path, folder: Path, urls: tuple[str, str], http: Callable[[], requests.Session]) -> Two:
    """The hospital and us, from fresh copies."""
    clock = Clock(NOW)
    for name in ("ehr", "ours"):
        (folder / name).mkdir()
        shutil.copyfile(built / name / "carecoord.db", folder / name / "carecoord.db")
    two = Two(world(folder / "ehr", urls[0], clock), world(folder / "ours", urls[1], clock, http), clock, folder)
    two.admit_app()
    two.sites = {urls[0]: wired(two.ehr), urls[1]: wired(two.our)}
    return two
