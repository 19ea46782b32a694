"""`jobs list`, `jobs retry`: later work that failed too often and waits for a person."""

import argparse

from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.errors import NotFound
from carecoord.settings import Settings
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    about = "later work that failed too often"
    jobs = verbs.add_parser("jobs", help=about).add_subparsers(metavar="VERB", required=True)
    verb(jobs, "list", show, "the jobs that were given up after many tries, and why")
    one = verb(jobs, "retry", retry, "try them again from now; what they stand on should be mended first")
    one.add_argument("number", nargs="?", type=int, help="of one, as `carecoord jobs list` shows it (default: all)")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """The parked jobs."""
    with opened(settings) as world, reading(world.engine) as conn:
        found = outbox.parked(conn)
    if not found:
        screen.say("No job was given up.")
        return
    rows = [(str(job.n), job.kind, job.key, job.error or "") for job in found]
    screen.table(("number", "what", "of", "why it failed"), rows, elastic=("of", "why it failed"))


def retry(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Try them again."""
    with opened(settings) as world, writing(world.engine) as conn:
        count = outbox.revive(conn, world.clock(), n=args.number)
    if args.number is not None and not count:
        raise NotFound(f"No job {args.number} was given up; carecoord jobs list shows those that were.")
    screen.say(f"{count} will be tried again while carecoord serve runs.")
