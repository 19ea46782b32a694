"""A clinic's worker that a test kills: each line on standard input starts one in a forked child, which does what is due
and, where the line says so, kills itself with kill -9 before or after the payer is called somewhere.

Usage: python -m tests.api.pas.victim DATABASE_URL FOLDER BASE_URL; a line is `before PATH`, `after PATH` or `live`. It
prints how each child ended: 0 well, 9 killed."""

import os
import signal
import sys
from dataclasses import replace
from typing import Any

import requests

from carecoord import app
from carecoord.settings import Settings
from carecoord.worker import loop
from carecoord.world import World


def deadly(world: World, line: str) -> World:
    """The world with a session that kills."""
    when, _, where = line.partition(" ")

    def session() -> requests.Session:
        made = world.http()
        ask = made.request

        def request(method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
            hit = bool(where) and url.endswith(where)
            if hit and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = ask(method, url, *args, **kwargs)
            if hit and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        made.request = request  # type: ignore[assignment, method-assign]
        return made

    return replace(world, http=session)


def main() -> None:
    database_url, folder, base_url = sys.argv[1:]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                settings = Settings(var=folder, database_url=database_url, base_url=base_url, private_hosts="127.0.0.1")
                world = app.world(settings)
                loop.once(deadly(world, line.strip()))
                world.engine.dispose()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
