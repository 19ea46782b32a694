"""`jobs list`, `jobs retry`, `jobs drop`: later work that failed too often and waits for a person."""

import argparse

from carecoord.actions.server import jobs
from carecoord.cli import about
from carecoord.cli.screen import Screen
from carecoord.cli.verbs import Verbs, for_programs, opened, verb, verbs_of
from carecoord.settings import Settings
from carecoord.store.database.jobs import Stuck


def install(verbs: Verbs) -> None:
    """Add the verbs."""
    added = verbs_of(verbs, "jobs", about("jobs"))
    for_programs(verb(added, "list", show, "the jobs that were given up after many tries, and why"))
    one = verb(added, "retry", retry, "try them again from now; what they stand on should be mended first")
    one.add_argument("number", nargs="?", type=int, help="of one, as `carecoord jobs list` shows it (default: all)")
    gone = verb(added, "drop", drop, "let one go for good: it is not done, and what waits behind it goes on")
    gone.add_argument("number", type=int, help="as `carecoord jobs list` shows it")


def show(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """The parked jobs."""
    with opened(settings) as world:
        found = jobs.later_work(world).stuck
    rows = [(str(job.n), job.kind, job.key, str(job.attempts), str(job.behind or ""), why(job)) for job in found]
    columns = ("number", "what", "of", "tries", "behind it", "why it failed")
    screen.table(columns, rows, ("of", "why it failed"), "No job was given up.")


def why(job: Stuck) -> str:
    """What went wrong."""
    return job.error if job.known else "no worker of this version knows this kind of work; drop it, or run that version"


def retry(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Try them again."""
    with opened(settings) as world:
        count = jobs.retry(world, args.number, world.new_id())
    screen.say(f"{count} will be tried again while carecoord serve runs.")


def drop(settings: Settings, screen: Screen, args: argparse.Namespace) -> None:
    """Let one go."""
    with opened(settings) as world:
        gone = jobs.drop(world, args.number, world.new_id())
    screen.say(f"Job {gone.n} ({gone.kind} {gone.key}) was let go; nobody will do it.")
