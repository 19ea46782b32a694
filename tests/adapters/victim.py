"""A program that does its work when told to, each time in a forked child, so that a test can kill it anywhere and soon
again.

Usage: python -m tests.adapters.victim WORK DATABASE_URL FOLDER EHR_NAME; each line on standard input starts a run, and
the line itself is given to the work. It prints the child's process id, then how the child ended.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from auth.grant import Grant
from carecoord import app
from carecoord.actions.acts import contacts, referrals, visits
from carecoord.actions.acts.act import Submission
from carecoord.actions.acts.contacts import Logged
from carecoord.actions.ehrs.sync import run
from carecoord.actions.fhir import interactions
from carecoord.actions.fhir.load import LOADER
from carecoord.errors import Stale
from carecoord.settings import Settings
from carecoord.store.database import jobs
from carecoord.store.database.engine import reading
from carecoord.store.resources.write import Written
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.identity import local_id

WRITERS = 8
MARKED = "https://killed.example/marks"
ACTS = ("send", "book", "move", "contact")  # in this order on each referral; a form's id is the act and the referral


def sync(world: World, name: str, line: str) -> None:
    """One run over the EHR."""
    summary = run(world, name)
    if summary.error:
        raise SystemExit(summary.error)


def act(world: World, name: str, line: str) -> None:
    """The acts on the referrals that the line names, while what they change is told the EHR and the EHR is read; then
    what is left to be told, and a last run."""
    over = threading.Event()
    beside = threading.Thread(target=_telling, args=(world, over))
    beside.start()
    try:
        for order in line.split():
            for verb in ACTS:
                _acted(world, name, order, verb)
            sync(world, name, "")
    finally:
        over.set()
        beside.join()
    loop.once(world)
    sync(world, name, "")
    with reading(world.engine) as conn:
        if left := jobs.waiting(conn, "deliver"):
            raise SystemExit(f"not told: {sorted(left)}")


def maria(name: str) -> Grant:
    """Who acts: the coordinator of the office that refers."""
    office = local_id(name, "Organization", "o1")
    return Grant("maria", roles=frozenset({"coordinator"}), organization=office, name="Reyes, Maria")


def moment(order: str, hour: int) -> datetime:
    """When the visit of a referral is, on a day of its own."""
    return datetime.fromisoformat("2027-03-01T00:00:00-05:00") + timedelta(days=int(order[1:]), hours=hour)


def form(order: str, verb: str) -> str:
    """The id of the form by which an act is asked for: the same each time."""
    return f"{verb}-{order}"


def _telling(world: World, over: threading.Event) -> None:
    while not over.is_set():
        loop.once(world)
        over.wait(0.01)


def _acted(world: World, name: str, order: str, verb: str) -> None:
    said = Submission(local_id(name, "ServiceRequest", order), form(order, verb))
    asked = (world, maria(name), "test", said)
    match verb:
        case "send":
            referrals.send(*asked, None)
        case "book":
            visits.book(*asked, moment(order, 9))
        case "move":
            visits.move(*asked, moment(order, 14))
        case "contact":
            contacts.contact(*asked, Logged("patient", "call", "reached", note="The new hour suits."))


def write(world: World, name: str, line: str) -> None:
    """Eight threads write until they are killed: patients with a referral each, changed again. What was answered stands
    in the file `answered` of the folder, a line each: what it is found by, its id and its version."""
    answered = os.open(Path(world.settings.var) / "answered", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    writers = [threading.Thread(target=_writing, args=(world, answered, f"{line.strip()}-{n}")) for n in range(WRITERS)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()


def _writing(world: World, answered: int, writer: str) -> None:
    for n in count():
        mark = {"system": MARKED, "value": f"{writer}-{n}"}
        patient: dict[str, Any] = {
            "resourceType": "Patient", "identifier": [mark], "name": [{"family": f"Writer{writer}", "given": ["Ada"]}]
        }  # fmt: skip
        made = interactions.create(world, LOADER, "Patient", patient)
        _note(answered, mark, made)
        order = {
            "resourceType": "ServiceRequest", "status": "active", "intent": "order", "identifier": [mark],
            "subject": {"reference": f"Patient/{made.id}"},
            "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "3457005"}]}],
        }  # fmt: skip
        _note(answered, mark, interactions.create(world, LOADER, "ServiceRequest", order))
        changed = patient | {"id": made.id, "gender": "female"}
        with suppress(Stale):
            written = interactions.update(world, LOADER, "Patient", made.id, changed, expected=made.version)
            _note(answered, mark, written)


def _note(answered: int, mark: dict[str, str], made: Written) -> None:
    os.write(answered, f"{made.type} {mark['value']} {made.id} {made.version}\n".encode())


WORK: dict[str, Callable[[World, str, str], None]] = {"sync": sync, "act": act, "write": write}


def main() -> None:
    work, database_url, folder, name = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                world = app.world(Settings(var=folder, database_url=database_url, private_hosts="127.0.0.1"))
                WORK[work](world, name, line)
                world.engine.dispose()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
