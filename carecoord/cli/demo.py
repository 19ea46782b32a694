"""`demo`: an EHR with a story in it, synced into carecoord, every case in a table, and the desk to look around in."""

import argparse
import signal
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import carecoord
from auth.store import Client
from carecoord.actions import demo
from carecoord.actions.ehrs import sync
from carecoord.actions.ehrs.sync_health import list_ehrs
from carecoord.actions.people.accounts import NewUser
from carecoord.cli import about, cases, notes
from carecoord.cli.children import Child, running
from carecoord.cli.screen import Screen
from carecoord.cli.serve import free
from carecoord.cli.verbs import Verbs, made, verb
from carecoord.errors import NotFound
from carecoord.settings import Settings
from carecoord.store.database.engine import reading
from carecoord.world import World
from fhir_adapters.ehr import BackendServices, Ehr

EHR = "demo-ehr"  # never changed: the ids of its resources derive from it
FIXTURES = (  # in a source tree; where a wheel was installed
    Path(carecoord.__file__).resolve().parents[1] / "fixtures",
    Path(sysconfig.get_path("data")) / "share" / "carecoord" / "fixtures",
)
AGAIN = timedelta(minutes=15)  # from one sync to the next, while the demo is looked at
# what we are to it: we read all, and tell it what is changed here
PARTNER = "system/*.rs system/Task.cu system/ServiceRequest.cu system/Appointment.cu system/Communication.cu " \
    "system/DocumentReference.cu"
SCRIPT_SCOPE = "system/*.cruds"

CAST = (  # login, name, role, organization
    ("maria.reyes", "Reyes, Maria", "coordinator", "office-fairmont"),
    ("amelia.farrow", "Farrow, Amelia", "clinician", "office-fairmont"),
    ("paul.okonkwo", "Okonkwo, Paul", "payer", "office-blue-horizon"),
    ("ruth.amadi", "Amadi, Ruth", "medical-director", "office-blue-horizon"),
    ("carla.nilsson", "Nilsson, Carla", "contracts", "office-fairmont"),
    ("ada.osborne", "Osborne, Ada", "auditor", "office-fairmont"),
    ("sam.whitlock", "Whitlock, Sam", "admin", "office-fairmont"),
)
BESIDE = {"medical-director": "payer"}  # a denial takes two people of a payer: who proposes it and who agrees
OUTSIDER = ("olga.harper", "Harper, Olga", "coordinator", "office-harborview")

# who somebody at work is: a clinician's patients are found by that, and a coordinator's own referrals
PRACTITIONERS = {"maria.reyes": "office-reyes", "amelia.farrow": "office-farrow"}

MORE = """\
Everything lands in CARECOORD_VAR (./var): the database, the demo EHR's own, and demo.json with addresses, logins and
passwords, and a client for scripts. A second run uses all of it again and changes nothing; `make clean` forgets it."""


def install(verbs: Verbs) -> None:
    """Add the verb."""
    one = verb(verbs, "demo", run, about("demo"), MORE)
    one.add_argument("--once", action="store_true", help="show the table and end")


def run(settings: Settings, screen: Screen, args: argparse.Namespace) -> int:
    """The whole demo."""
    theirs = ehr_settings(settings)
    story = next((each for each in FIXTURES if (each / "anchor.json").is_file()), None)
    if story is None:
        places = " nor at ".join(map(str, FIXTURES))
        raise NotFound(f"The story is neither at {places}: install the wheel into a virtual environment, or make demo.")
    free(theirs.host, theirs.port, "CARECOORD_DEMO_EHR_PORT")
    if not args.once:
        free(settings.host, settings.port, "CARECOORD_PORT")
    settings = replace(settings, private_hosts=f"{settings.private_hosts},{theirs.host}".strip(","))  # where it listens
    with interruptible(), made(settings) as ours, made(theirs) as hospital, ExitStack() as children:
        known = notes.read(settings)
        today = play_day(ours, known)
        notes.write(settings, known | {"today": today.isoformat()})
        # no later work of its own: an EHR that asks payers by itself would write into the story while we read it
        log = Path(theirs.var) / "server.log"
        server = children.enter_context(running("The demo EHR", "serve", theirs, log, ("--no-worker",)))
        with screen.progress("Telling the story") as report:
            demo.tell(hospital, story, "ehr", today, report)
            demo.tell(ours, story, "office", today, report)
        people(ours, settings, known | {"today": today.isoformat()})
        meet(ours, hospital)
        server.wait()
        with screen.progress("Syncing the demo EHR") as report:
            summary = sync.run(ours, EHR, report)
        if not summary.error:  # claims are matched to patients who are here
            with screen.progress("Taking in a payer's claims") as report:
                demo.bill(ours, story, today, report)
        cases.table(ours, screen)
        if summary.error:
            screen.complain(summary.error)
            return 1
        screen.say(f"Synced {summary.received} resources of the demo EHR, {summary.changed} of them new or changed.")
        if not args.once:
            sync.repeat(ours, EHR, AGAIN)
            stay(settings, screen, server, children)
    return 0


def ehr_settings(settings: Settings) -> Settings:
    """The demo EHR: the same server with a database of its own, beside ours."""
    var = str(Path(settings.var) / "demo-ehr")
    return Settings(var=var, host="127.0.0.1", port=settings.demo_ehr_port, workers=1, timezone=settings.timezone)


def play_day(world: World, known: dict[str, Any]) -> date:
    """The day on which the story plays: that of the first run, so that a later one changes nothing."""
    with reading(world.engine) as conn:
        told = demo.told(conn)
    if told:
        return told.today
    if "today" in known:
        return date.fromisoformat(known["today"])
    return world.clock().astimezone(ZoneInfo(world.settings.timezone)).date()


def people(world: World, settings: Settings, known: dict[str, Any]) -> None:
    """Let the cast and a client for scripts in, and write down how they get in."""
    cast = [
        NewUser(login, name, frozenset({role, BESIDE.get(role, role)}), group, PRACTITIONERS.get(login))
        for login, name, role, group in (*CAST, OUTSIDER)
    ]
    said = [*known.get("users", ()), *([known["outsider"]] if "outsider" in known else ())]
    passwords = demo.admit(world, cast, {user["login"]: user["password"] for user in said})
    *users, outsider = (notes.person(*row, passwords[row[0]]) for row in (*CAST, OUTSIDER))
    key = Path(settings.var).absolute() / "keys" / "demo-script.pem"
    demo.register(world, Client("demo-script", "A script of yours", SCRIPT_SCOPE), key)
    notes.write(settings, {
        "base_url": settings.url,
        "fhir_url": settings.fhir_url,
        "ehr_url": ehr_settings(settings).fhir_url,
        "today": known["today"],
        "users": users,
        "outsider": outsider,
        "client": {
            "client_id": "demo-script", "private_key_file": str(key), "scope": SCRIPT_SCOPE,
            "token_url": f"{settings.url}/oauth/token",
        },
    })


def meet(ours: World, hospital: World) -> None:
    """Make us a SMART Backend Services client of the demo EHR, and the demo EHR one of those that we sync."""
    key = Path(ours.settings.var).absolute() / "keys" / f"{EHR}.pem"
    demo.register(hospital, Client("carecoord", "carecoord", PARTNER), key)
    one = Ehr(EHR, hospital.settings.fhir_url, auth=BackendServices("carecoord", str(key), PARTNER))
    before = next((each.ehr for each in list_ehrs(ours) if each.ehr.name == EHR), None)
    if before:  # on another port than last time it is the same EHR: what came from there stays its own
        one = replace(one, aliases=tuple(url for url in before.bases if url != one.base_url))
    if before != one:
        sync.add_ehr(ours, one)


def stay(settings: Settings, screen: Screen, ehr: Child, children: ExitStack) -> None:
    """Serve the desk until somebody ends it. The cast is advised to set up second factors, but never made to."""
    easy = replace(settings, second_factor_days=0)
    desk = children.enter_context(running("The desk", "serve", easy, Path(settings.var) / "server.log"))
    desk.wait()
    screen.say(f"The desk: {settings.url}/  (logins and passwords: {notes.path(settings)})")
    screen.say(f"FHIR API: {settings.fhir_url}  Demo EHR: {ehr.settings.fhir_url}  Ctrl-C ends both.")
    try:
        while True:
            desk.look()
            ehr.look()
            time.sleep(0.5)
    except KeyboardInterrupt:
        screen.say("Ending.")


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a SIGTERM end us as Ctrl-C does, children first; and a SIGINT too where a shell that started us in its
    background had it ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
