"""The worklist page at 1,000 and at 100,000 cases of one organization: what a coordinator waits for, signed in. Every
tab, filter, sort and search that it offers. By itself: `python -m tests.bench.worklist postgresql 1000 1000000`.

The rows are written straight to the worklist's table: it is reading them that is measured, and a load of 100,000
referrals would be a benchmark of its own (see the row "create").
"""

import contextlib
import http.cookiejar
import random
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import create_engine, make_url

from auth.store import User
from carecoord.fhir.search.collation import fold
from carecoord.fhir.service_base import Base
from carecoord.store.database import engine
from carecoord.store.database.tables import case
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.words.sentence import dumps, sentence
from tests.bench import cases
from tests.bench.alone import alone, databases
from tests.bench.client import hammer, request
from tests.bench.servers import Server, carecoord
from tests.bench.story import FAMILIES, GIVEN
from tests.people import add_user_with_password

SIZES = (1_000, 100_000)
AIM, GROWTH = 50, 1.5  # ms; how much slower than among few
COPIED = 30_000  # rows that a process reads into memory in a second, at least
TOGETHER = (
    "/?payer=bench%7C2&priority=urgent", "/?payer=bench%7C2&authorization=denied&priority=urgent",
    "/?owner=owner-3&referral=sent&contract=expiring", "/?sort=patient&q=okafor", "/?payer=bench%7C1&q=okafor",
)  # fmt: skip
TYPED = ("okafor", "okafor+ngozi", "ok", "0000412", "r-777", "1965-03-04", "nobody")
BOOK, DUE = dumps(sentence("appointment.none")), dumps(sentence("due.book"))
PASSWORD = "a bench is no place for a secret"
DAY = 86_400_000_000
STAGES = ("sent", "in-triage", "awaiting-authorization", "accepted", "scheduled", "visit-done")
STATES = ("met", "met", "met", "open", "pending", "blocked", "unknown")


def main() -> None:
    """Measure by itself, on one database where one is named, among as many cases as the arguments say."""
    console = Console(width=140)
    with alone() as asked:
        for line in lines(measure(console, asked.folder, asked.postgres, asked.numbers or SIZES, sqlite=asked.sqlite)):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None = None, sizes: Sequence[int] = SIZES, *, sqlite: bool = True
) -> dict[str, Any]:
    """{database: {size: {path: {"fast": ms, "p50": ms, "p95": ms, "cpu": ms of the server's processor}}}}, of every
    tab, filter, sort and search that the page offers, and of some together. The same paths at each size."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        found[database] = {str(size): {} for size in sizes}
        with contextlib.ExitStack() as stack:
            servers = {size: _filled(console, folder / database, url, size, stack) for size in sizes}
            time.sleep(1 + max(sizes) / COPIED)
            cookies = {size: sign_in(server.base.removesuffix("/fhir")) for size, server in servers.items()}
            few = min(sizes)
            for path in _offered(servers[few], cookies[few]):
                turns = [_turn(servers, cookies, path)]
                if _misses(turns[0]):  # once more, and again: the middle one is told
                    turns += [_turn(servers, cookies, path) for _ in range(2)]
                for size, times in sorted(turns, key=_ratio)[len(turns) // 2].items():
                    found[database][size][path] = times
    return found


def _turn(servers: dict[int, Server], cookies: dict[int, str], path: str) -> dict[str, dict[str, float]]:
    """One path among few and among many, one behind the other, so that what else the machine does slows both alike."""
    return {str(size): page(server, cookies[size], path) for size, server in servers.items()}


def _misses(turn: dict[str, dict[str, float]]) -> bool:
    return turn[max(turn, key=int)]["p95"] > AIM or _ratio(turn) > GROWTH


def _ratio(turn: dict[str, dict[str, float]]) -> float:
    """How much slower among many than among few, without what disturbed both."""
    return turn[max(turn, key=int)]["fast"] / max(turn[min(turn, key=int)]["fast"], 0.01)


def _filled(console: Console, folder: Path, url: str, size: int, stack: contextlib.ExitStack) -> Server:
    """A server that finds so many cases in a database of its own, as after any start."""
    console.print(f"worklist of {size:,} cases, {folder.name}", style="dim")
    own = _own_database(url, f"worklist_{size}") if url else ""
    with carecoord(folder / str(size), own) as server:
        _fill(server, own, size)
    return stack.enter_context(carecoord(folder / str(size), own))


def _own_database(url: str, name: str) -> str:
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _fill(server: Server, url: str, size: int) -> None:
    base = engine.open_engine(url or f"sqlite:///{server.database}")
    open_office(server, base)
    now = time.time_ns() // 1000
    cases.fill(base, (row(n, now) for n in range(size)))
    base.dispose()


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it: of each database how many paths keep the aims, and those that do not."""
    for database, sizes in found.items():
        few, many = min(sizes, key=int), max(sizes, key=int)
        missed = []
        for path, times in sizes[many].items():
            turn = {size: each[path] for size, each in sizes.items()}
            if _misses(turn):
                missed.append(
                    f"  {path}: p95 {times['p95']:.1f} ms, {_ratio(turn):.2f} x of {int(few):,} "
                    f"({turn[few]['fast']:.1f} to {times['fast']:.1f} ms), processor {times['cpu']:.1f} ms"
                )
        slowest = max(times["p95"] for times in sizes[many].values())
        of = len(sizes[many])
        yield (
            f"worklist, {database}, {int(many):,} cases: {of - len(missed)} of {of} tabs, filters, sorts and searches "
            f"keep p95 {AIM} ms and {GROWTH} x of {int(few):,}; the slowest p95 {slowest:.1f} ms"
        )
        yield from missed


def open_office(server: Server, base: Any) -> None:
    """A coordinator of one organization."""
    with engine.writing(base) as conn:
        who = User(id="bench", login="bench", name="Bench", roles=frozenset({"coordinator"}), organization="placer")
        add_user_with_password(conn, who, PASSWORD, int(time.time()))
        # whose cases they are is read from our own Organization: without it the page would be an empty one
        place: dict[str, Any] = {"resourceType": "Organization", "id": "placer", "name": "Fairmont Medical Group"}
        put_all(
            conn, [Change("Organization", "placer", place, None)], now=datetime.now(UTC),
            actor=Actor("bench", None, None, "bench"), base=Base(server.base, UTC), project=lambda *_: None,
        )  # fmt: skip


def _offered(server: Server, cookie: str) -> list[str]:
    """The addresses that the page leads to and that list cases, in the order of the page; then some of its filters
    together, and what may be typed into its search."""
    request = urllib.request.Request(server.base.removesuffix("/fhir") + "/", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        html = answer.read().decode()
    found = [unescape(each) for each in re.findall(r'href="(/?\?[^"#]+)"', html)]
    listed = [each if each.startswith("/") else f"/{each}" for each in found]
    own = [each for each in listed if not re.search(r"[?&](show|act|page|after|columns?)=", each)]
    return list(dict.fromkeys(["/", *own, *TOGETHER, *(f"/?q={each}" for each in TYPED)]))


def row(n: int, now: int) -> dict[str, Any]:
    """Case number n, as its row."""
    chance = random.Random(n)
    name = f"{chance.choice(FAMILIES)}, {chance.choice(GIVEN)}"
    due = now + int(chance.uniform(-2, 60) * DAY) if n % 7 else None
    gates = {f"{gate}_gate": chance.choice(STATES) for gate in _GATES}
    unmet = next((gate for gate in _GATES if gates[f"{gate}_gate"] not in ("met", "not-needed")), None)
    known: dict[str, Any] = {
        **gates, "rid": n + 1, "id": f"bench-{n}", "number": f"R-{n}", "open": n % 20 != 0, "patient": f"p{n}",
        "patient_name": name, "birth_date": f"{1940 + n % 70}-03-04", "gender": "female", "mrn": f"{n:07d}",
        "specialty": "Cardiology", "reason": "New LBBB, EF 38%", "priority": chance.choice(("routine", "urgent")),
        "placer": "placer", "placer_name": "Fairmont Medical Group", "performer": f"org-{n % 12}",
        "performer_name": f"Clinic {n % 12}", "payer": f"payer-{n % 3}", "payer_key": f"bench|{n % 3}",
        "payer_moves": False, "payer_due": None, "payer_due_label": None, "payer_clock_start": None,
        "payer_sort": 2**62,
        "payer_name": f"Payer {n % 3}", "plan_name": "PPO", "stage": chance.choice(STAGES), "headline_gate": unmet,
        "authorization_state": chance.choice(("approved", "pended", "not-required", "denied")),
        "payer_authorization": chance.choice(("approved", "pended", "denied", None)), "payer_agreement": "in-network",
        "agreement_state": chance.choice(("in-network", "in-network", "in-network", "expiring")),
        "cleared": unmet in (None, "appointment", "loop"), "conflict": False, "headline": BOOK,
        "role": chance.choice(("coordinator", "payer", "performer")), "due_at": due,
        "due_label": DUE if due else None,
        "clock_start": now - DAY, "owner": f"owner-{n % 5}", "owner_name": f"Owner {n % 5}", "changes_at": None,
        "searched": f"{name} {n:07d} R-{n} Clinic", "payer_searched": f"{name} R-{n} Clinic", "updated": now,
        "patient_sort": fold(name), "specialty_sort": "cardiology", "sort_due": due or 2**62,
    }  # fmt: skip
    return {column.name: known.get(column.name, cases.empty(column)) for column in case.columns}


_GATES = ("coverage", "authorization", "agreement", "information", "appointment", "loop")


def page(server: Server, cookie: str, path: str) -> dict[str, float]:
    """What a page takes, asked for over and over."""
    root = server.base.removesuffix("/fhir")
    asked = request(root + path, Cookie=cookie, Accept="text/html")
    hammer(root, [asked], connections=1, seconds=0.1)  # the first finds caches and plans empty
    before = server.cpu()
    result = hammer(root, [asked], connections=1, seconds=0.6)
    if result.bad:
        raise RuntimeError(f"worklist {path}: {result.sample[:600]!r}")
    cpu = (server.cpu() - before) * 1000 / len(result.times)
    found = {"fast": result.at(0.1), "p50": result.at(0.5), "p95": result.at(0.95), "cpu": cpu}
    return {name: round(value, 2) for name, value in found.items()}


def sign_in(root: str) -> str:
    """The Cookie header of a fresh session, by the sign-in form as a browser sends it."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"{root}/sign-in") as answer:
        page = answer.read().decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    form = urllib.parse.urlencode({**hidden, "login": "bench", "password": PASSWORD}).encode()
    headers = {"Origin": root, "Referer": f"{root}/sign-in"}
    with opener.open(urllib.request.Request(f"{root}/sign-in", form, headers)) as answer:
        answer.read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


if __name__ == "__main__":
    main()
