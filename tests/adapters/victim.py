"""A program that syncs when told to, each time in a forked child, so that a test can kill it anywhere and soon again.

Usage: python -m tests.adapters.victim DATABASE_URL FOLDER EHR_NAME; each line on standard input starts a run. It prints
the child's process id, then how the child ended.
"""

import os
import sys

from carecoord import app
from carecoord.actions.ehrs.sync import run
from carecoord.settings import Settings


def sync(database_url: str, folder: str, name: str) -> None:
    world = app.world(Settings(var=folder, database_url=database_url, private_hosts="127.0.0.1"))
    summary = run(world, name)
    world.engine.dispose()
    if summary.error:
        raise SystemExit(summary.error)


def main() -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                sync(*sys.argv[1:])
                status = 0
            finally:
                os._exit(status)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
