"""`jobs list`, `jobs retry`, `jobs drop`: later work that failed too often and waits for a person."""

import argparse

from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, opened, verb
from carecoord.errors import NotFound
from carecoord.settings import Settings
from carecoord.store.database import jobs, outbox
from carecoord.store.database.engine import reading, writing


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    about = "later work that failed too often"
    added = verbs.add_parser("jobs", help=about).add_subparsers(metavar="VERB", required=True)
    verb(added, "list", show, "the jobs that were given up after many tries, and why")
    one = verb(added, "retry", retry, "try them again from now; what they stand on should be mended first")
    one.add_argument("number", nargs="?", type=int, help="of one, as `carecoord jobs list` shows it (default: all)")
    gone = verb(added, "drop", drop, "let one go for good: it is not done, and what waits behind it goes on")
    gone.add_argument("number", type=int, help="as `carecoord jobs list` shows it")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """The parked jobs."""
    with opened(settings) as world, reading(world.engine) as conn:
        found = jobs.parked(conn)
    if not found:
        screen.say("No job was given up.")
        return
    rows = [(str(job.n), job.kind, job.key, str(job.attempts), str(job.behind or ""), job.error) for job in found]
    columns = ("number", "what", "of", "tries", "behind it", "why it failed")
    screen.table(columns, rows, elastic=("of", "why it failed"))


def retry(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Try them again."""
    with opened(settings) as world, writing(world.engine) as conn:
        count = outbox.revive(conn, world.clock(), n=args.number)
    if args.number is not None and not count:
        raise _none(args.number)
    screen.say(f"{count} will be tried again while carecoord serve runs.")


def drop(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let one go."""
    with opened(settings) as world, writing(world.engine) as conn:
        if not jobs.drop(conn, args.number):
            raise _none(args.number)
    screen.say(f"Job {args.number} was let go; nobody will do it.")


def _none(number: int) -> NotFound:
    return NotFound(f"No job {number} was given up; carecoord jobs list shows those that were.")
