"""An act of the desk, from the press of the button to the page that answers it, among 1,000 and 100,000 cases.

The office of the story is loaded, so that the referrals acted on are whole ones; the other cases are rows alone. A form
is fetched, sent once and answered: as a swap, whose answer is the page, and as a plain form, which is sent back to it.
One act at a time: it is what a coordinator waits for. The aim of issue 7: p95 under 100 ms. It holds on a machine that
does nothing else, so the load is told beside the times. By itself: `python -m tests.bench.acts 100000`.
"""

import os
import re
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from sqlalchemy import select

from auth.store import User
from carecoord.store.database import engine
from carecoord.store.database.tables import case
from tests.bench import cases
from tests.bench.alone import alone, databases
from tests.bench.servers import Server, carecoord, load_the_story
from tests.bench.worklist import PASSWORD, SIZES, row, sign_in
from tests.people import add_user_with_password

AIM = 100  # milliseconds
ACTS = 40
OFFICE = "office-fairmont"
BEHIND = 10_000_000  # row numbers that no resource of the story has


def main() -> None:
    """Measure acts alone, among as many cases as the arguments say; on one database where one says `sqlite` or
    `postgresql`."""
    console = Console()
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres, asked.numbers or SIZES, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None, sizes: Sequence[int] = SIZES, *, sqlite: bool = True
) -> dict[str, Any]:
    """{"database, size": {"swap" | "plain": {"p50": ms, "p95": ms, "cpu": ms of the server's processor, "load": of the
    machine}}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        with carecoord(folder / database, url) as server:
            base = engine.open_engine(url or f"sqlite:///{server.database}")
            _open_the_office(server, base)
            filled = 0
            for size in sizes:
                console.print(f"acts, {database}, {size:,} cases", style="dim")
                _fill(base, filled, size)
                filled = size
                ways = {how: _acts(server, _own(base), how == "swap") for how in ("swap", "plain")}
                found[f"{database}, {size:,}"] = ways
            base.dispose()
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for where, ways in found.items():
        for how, times in ways.items():
            kept = "kept" if times["p95"] < AIM else "MISSED"
            told = (
                f"p50 {times['p50']} ms, p95 {times['p95']} ms (aim {AIM}: {kept}), of the server's processor "
                f"{times['cpu']} ms, load {times['load']}"
            )
            yield f"act ({how}), {where} cases: {told}"


def _open_the_office(server: Server, base: Any) -> None:
    load_the_story(server)
    with engine.writing(base) as conn:
        who = User(id="bench", login="bench", name="Bench", roles=frozenset({"coordinator"}), organization=OFFICE)
        add_user_with_password(conn, who, PASSWORD, int(time.time()))


def _fill(base: Any, first: int, size: int) -> None:
    now = time.time_ns() // 1000
    cases.fill(base, (row(n, now) | {"rid": BEHIND + n, "placer": OFFICE} for n in range(first, size)))


def _own(base: Any) -> list[str]:
    """The open referrals of the office that are whole ones: each is acted on in its turn, as in a day's work."""
    with engine.reading(base) as conn:
        mine = (case.c.rid < BEHIND, case.c.open, case.c.placer.in_((OFFICE, OFFICE.removeprefix("office-"))))
        return list(conn.scalars(select(case.c.id).where(*mine).order_by(case.c.rid)))


def _acts(server: Server, ids: Sequence[str], swap: bool) -> dict[str, float]:
    root = server.base.removesuffix("/fhir")
    session = requests.Session()
    session.headers.update({"Origin": root, "Accept": "text/html"})
    session.cookies.update(dict(each.split("=", 1) for each in sign_in(root).split("; ")))
    asked = {"HX-Request": "true", "HX-Request-Type": "partial"} if swap else {}
    times, used = [], 0.0
    for n in range(ACTS + 5):  # the first few find the caches empty
        id = ids[n % len(ids)]
        page = session.get(f"{root}/?show={id}&act=note").text
        note = f"No answer, {datetime.now(UTC).isoformat()}, {n}"
        body = urllib.parse.urlencode({**_hidden(page), "note": note})
        before, began = server.cpu(), time.perf_counter()
        headers = {**asked, "Content-Type": "application/x-www-form-urlencoded"}
        answer = session.post(f"{root}/referrals/{id}/note", data=body, headers=headers)
        times.append((time.perf_counter() - began) * 1000)
        used += server.cpu() - before if n >= 5 else 0
        if answer.status_code != 200 or "done=" not in answer.headers.get("HX-Replace-Url", answer.url):
            raise RuntimeError(f"act: {answer.status_code} {answer.text[:600]!r}")
    ordered = sorted(times[5:])
    middle, slow = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
    found = {"p50": middle, "p95": slow, "cpu": used * 1000 / ACTS, "load": os.getloadavg()[0]}
    return {name: round(value, 1) for name, value in found.items()}


def _hidden(page: str) -> dict[str, str]:
    form = re.search(r'<form[^>]*id="act-form".*?</form>', page, re.S) or re.search(
        r'<form[^>]*action="/[^"]*/note".*?</form>', page, re.S
    )
    if form is None:
        raise RuntimeError(f"no form of a note: {page[:600]!r}")
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


if __name__ == "__main__":
    main()
