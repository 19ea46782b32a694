"""A program that does its work when told to, each time in a forked child, so that a test can kill it anywhere and soon
again.

Usage: python -m tests.adapters.victim WORK DATABASE_URL FOLDER EHR_NAME; each line on standard input starts a run, and
the line itself is given to the work. It prints the child's process id, then how the child ended.
"""

import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from auth.grant import Grant
from carecoord import app
from carecoord.actions.acts import contacts, referrals, visits
from carecoord.actions.acts.act import Submission
from carecoord.actions.acts.contacts import Logged
from carecoord.actions.ehrs.sync import run
from carecoord.settings import Settings
from carecoord.store.database import jobs
from carecoord.store.database.engine import reading
from carecoord.worker import loop
from carecoord.world import World
from fhir_adapters.identity import local_id

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


WORK: dict[str, Callable[[World, str, str], None]] = {"sync": sync, "act": act}


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
