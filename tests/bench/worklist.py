"""The worklist page at 1,000 and at 100,000 cases of one organization: what a coordinator waits for, signed in.

The rows are written straight to the worklist's table: it is reading them that is measured, and a load of 100,000
referrals would be a benchmark of its own (see the row "create").
"""

import http.cookiejar
import random
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Boolean, Integer

from auth.store import User
from carecoord.fhir.search.collation import fold
from carecoord.fhir.service_base import Base
from carecoord.store.database import engine
from carecoord.store.database.tables import Big, case
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.words.sentence import dumps, sentence
from tests.bench import cases
from tests.bench.client import hammer, request
from tests.bench.servers import Server, carecoord
from tests.bench.story import FAMILIES, GIVEN
from tests.people import add_user_with_password

SIZES = (1_000, 100_000)
PATHS = ("/", "/?tab=overdue", "/?tab=payer", "/?payer=bench%7C2", "/?q=okafor", "/?sort=patient")
BOOK, DUE = dumps(sentence("appointment.none")), dumps(sentence("due.book"))
PASSWORD = "a bench is no place for a secret"
DAY = 86_400_000_000
STAGES = ("sent", "in-triage", "awaiting-authorization", "accepted", "scheduled", "visit-done")
STATES = ("met", "met", "met", "open", "pending", "blocked", "unknown")


def measure(console: Console, folder: Path) -> dict[str, Any]:
    """{size: {path: {"rate": a second, "p50": ms, "p95": ms}}}."""
    pages: dict[str, Any] = {}
    for size in SIZES:
        console.print(f"worklist of {size:,} cases", style="dim")
        with carecoord(folder / str(size)) as server:
            fill(server, size)
            pages[str(size)] = {path: _page(server, path) for path in PATHS}
    return pages


def lines(pages: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    few, many = (pages[str(size)] for size in SIZES)
    for path in PATHS:
        ratio = many[path]["p95"] / max(few[path]["p95"], 0.01)
        yield (
            f"worklist {path}: p95 {few[path]['p95']:.1f} ms at {SIZES[0]:,} cases, "
            f"{many[path]['p95']:.1f} ms at {SIZES[1]:,}: {ratio:.2f} x"
        )


def fill(server: Server, size: int) -> None:
    """A coordinator of one organization, and that many cases that it sent."""
    base = engine.open_engine(f"sqlite:///{server.database}")
    now = time.time_ns() // 1000
    with engine.writing(base) as conn:
        who = User(id="bench", login="bench", name="Bench", roles=frozenset({"coordinator"}), organization="placer")
        add_user_with_password(conn, who, PASSWORD, now // 1_000_000)
        # whose cases they are is read from our own Organization: without it the page would be an empty one
        place: dict[str, Any] = {"resourceType": "Organization", "id": "placer", "name": "Fairmont Medical Group"}
        actor = Actor("bench", None, None, "bench")
        put_all(
            conn,
            [Change("Organization", "placer", place, None)],
            now=datetime.now(UTC),
            actor=actor,
            base=Base(server.base, UTC),
            project=lambda *_: None,
        )
    cases.fill(base, (row(n, now) for n in range(size)))
    base.dispose()


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
    return {column.name: known.get(column.name, _empty(column)) for column in case.columns}


_GATES = ("coverage", "authorization", "agreement", "information", "appointment", "loop")


def _empty(column: Any) -> Any:
    if column.nullable:
        return None
    return False if isinstance(column.type, Boolean) else 0 if isinstance(column.type, Integer | type(Big)) else ""


def _page(server: Server, path: str) -> dict[str, float]:
    root = server.base.removesuffix("/fhir")
    cookie = sign_in(root)
    result = hammer(root, [request(root + path, Cookie=cookie, Accept="text/html")], connections=1, seconds=3)
    if result.bad:
        raise RuntimeError(f"worklist {path}: {result.sample[:600]!r}")
    return {"rate": round(result.rate, 1), "p50": round(result.at(0.5), 2), "p95": round(result.at(0.95), 2)}


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
