"""Must-show 6 of issue 12: requests without sense, by several clients at once, at a server of their own. None is
answered with a 5xx, none hangs, no connection is reset; and afterwards the server is as well as before."""

import http.client
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from auth import store
from auth.people import sessions
from carecoord import app
from carecoord.store.database.engine import writing
from tests.attacks.conftest import KINDS
from tests.attacks.fort import Fort, built
from tests.attacks.fuzzing import Corpus, Fields, Request, requests_of
from tests.desk.conftest import PEOPLE

SHORT = 1_000  # on each database
SOAK = int(os.environ.get("FUZZED", "5000"))
PATIENCE = 30  # seconds for one answer
PAGES = (
    "/", "/?show=order-24792&act=note", "/referrals/order-24792", "/referrals/order-24791", "/waiting", "/load",
    "/people",
    "/apps", "/contracts", "/contracts/new", "/policies", "/letters", "/filing", "/import", "/setup", "/account",
    "/ehrs",
    "/jobs", "/authorizations", "/decisions", "/patients/leila-ahmadi", "/break-glass", "/referrals/new", "/load/rules",
    "/waiting/away", "/audit/emergencies", "/referrals/order-24792/messages", "/referrals/order-24792/links",
    "/referrals/order-24792?act=book", "/setup/copies", "/contracts/agr-0107-v3",
)  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def fort(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str],
        story: Path
) -> Iterator[Fort]:
    """A server of this module's own: requests without sense may do what their sender may."""
    folder = tmp_path_factory.mktemp(f"fuzz-{request.param}")
    with built(request.param, folder, new_database(request.param), story, MAX_BODY="200000",
        REGISTRATION="true") as made:
        yield made


def cookies(fort: Fort) -> dict[str, str]:
    """A session of each person, as if they had just signed in: who was disabled on the way is let in again."""
    now, found = fort.world.seconds(), {}
    with writing(fort.world.engine) as conn:
        for who, (login, _, _) in PEOPLE.items():
            user = store.find_login(conn, login)
            assert user
            if user.disabled:
                user = store.User(user.id, user.login, user.name, user.roles, user.organization, user.fhir_user)
                store.change_user(conn, user)
            found[who] = sessions.open_session(conn, user, "fuzz", now, amr="pwd")
    return found


def learn(fort: Fort, corpus: Corpus, who: str, cookie: str) -> None:
    """The forms that this person is shown."""
    with fort.session() as browser:
        browser.headers["Cookie"] = f"cc={cookie}"
        pages = {path: browser.get(fort.url + path, timeout=60) for path in PAGES}
    found = {
        (urlsplit(urljoin(path, address)).path, tuple(fields)): (urlsplit(urljoin(path, address)).path, fields)
        for path, page in pages.items() for address, fields in Fields(page.text).found
    }  # fmt: skip
    corpus.forms[who] = [each for each in found.values() if not each[0].startswith(("/sign-out", "/account/password"))]


def send(fort: Fort, request: Request) -> tuple[int, bytes]:
    """The status and the body; raises OSError or HTTPException, with a seed to make it again from."""
    line = http.client.HTTPConnection("127.0.0.1", int(fort.url.rpartition(":")[2]), timeout=PATIENCE)
    try:
        line.putrequest(request.method, request.path.encode("ascii", "replace").decode().replace(" ", "%20"),
            skip_accept_encoding=True)
        for name, value in request.headers.items():
            line.putheader(name, value.encode("latin-1"))
        if request.body is not None:
            line.putheader("Content-Length", str(len(request.body)))
        line.endheaders(request.body)
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


def client(fort: Fort, corpus: Corpus, who: str, seed: int, count: int) -> tuple[Counter[int], list[str]]:
    """How often each status came, and what must not have been."""
    seen: Counter[int] = Counter()
    faults: list[str] = []
    made = None
    for n in range(count):
        if n % 500 == 0:
            if who == "service":
                credentials = {"Authorization": f"Bearer {fort.token(life=36_000)}"}
            elif who == "nobody":
                credentials = {}
            else:
                cookie = cookies(fort)[who]
                learn(fort, corpus, who, cookie)
                credentials = {"Cookie": f"cc={cookie}"}
                if n % 1000:
                    credentials["Authorization"] = f"Bearer {fort.of(who)}"
            made = requests_of(corpus, who, credentials, seed * 100_000 + n)
        assert made is not None
        request = next(made)
        begun = time.monotonic()
        try:
            status, body = send(fort, request)
        except (OSError, http.client.HTTPException) as fault:
            faults.append(f"{who} {seed}+{n} {request}: {type(fault).__name__} after {time.monotonic() - begun:.1f} s")
            continue
        seen[status] += 1
        ready = request.path.startswith("/readyz")  # without a worker it says 503, which is its answer
        if (status >= 500 and status != 501 and not ready) or b"Traceback (most recent" in body:
            faults.append(f"{who} {seed}+{n} {status} {request} {body[:300]!r}")
    return seen, faults


def fuzz(fort: Fort, count: int, seed: int) -> Counter[int]:
    corpus = Corpus.of(app.wired(fort.world).url_map)
    everybody = ["service", "nobody", *PEOPLE]
    each = -(-count // len(everybody))
    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(client, fort, corpus, who, seed + n, each) for n, who in enumerate(everybody)]
        results = [job.result() for job in jobs]
    faults = [fault for _, found in results for fault in found]
    total = sum((seen for seen, _ in results), Counter[int]())
    said = [line for line in fort.log.read_text().splitlines() if '"level":"error"' in line]
    assert not faults, "\n".join([f"{len(faults)} faults, {sorted(total.items())}", *faults[:15], *said[-15:]])
    assert total.total() >= count
    assert fort.process.poll() is None
    assert fort.ask("GET", "Patient/leila-ahmadi", fort.token()).status_code in (200, 410)
    return total


def test_a_thousand_requests_without_sense_are_each_answered_in_good_order(fort: Fort) -> None:
    total = fuzz(fort, SHORT, seed=1)
    assert total[200] + total[303] > SHORT / 20, "what is let through is what goes furthest"
    assert {200, 400, 401, 403, 404, 405} <= total.keys()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_thousand_requests_without_sense_are_each_answered_in_good_order(fort: Fort) -> None:
    """FUZZED=50000 makes it a hundred thousand on both databases: about ten minutes."""
    fuzz(fort, SOAK, seed=1000)
