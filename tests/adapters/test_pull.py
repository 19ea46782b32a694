"""Whatever happens between and during syncs, a sync that goes through leaves here what the EHR holds."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.handlers import format_date_time

import msgspec
import requests
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from requests.adapters import BaseAdapter

from fhir_adapters.connection import connect
from fhir_adapters.cursor import Cursor
from fhir_adapters.ehr import Ehr
from fhir_adapters.identity import localize
from fhir_adapters.plan import make
from fhir_adapters.sync import Page, Pulled, Source, pull
from tests.adapters.little_ehr import Asked, LittleEhr, Reply

ROOT = "https://ehr.example"
TYPES = ["Patient", "Condition", "Appointment", "Flag"]
ids = st.sampled_from([f"x{n}" for n in range(9)])
types = st.sampled_from(TYPES)


class Killed(Exception):
    """Power off, just before or just after a page was kept."""


class Direct(BaseAdapter):
    """The EHR without a socket, for thousands of requests a second. It tells its own time in a Date header."""

    def __init__(self, ehr: LittleEhr) -> None:
        super().__init__()
        self.ehr = ehr

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = self.ehr.answer(Asked("GET", url.path, parse_qs(url.query), headers, {}))
        response = requests.Response()
        response.status_code, response.url, response.request = reply.status, str(request.url), request
        response.headers.update({"Date": format_date_time(self.ehr.now()), **reply.headers})
        response.raw = BytesIO(reply.body())
        return response

    def close(self) -> None:
        """Nothing is held open."""


class Books:
    """What carecoord keeps, in memory: each page and its cursor together or not at all."""

    def __init__(self) -> None:
        self.states: dict[str, bytes] = {}
        self.seen: dict[tuple[str, str], tuple[int, datetime | None]] = {}
        self.held: dict[tuple[str, str], dict[str, Any]] = {}
        self.deleted: set[tuple[str, str]] = set()
        self.changes = 0
        self.until_killed: int | None = None
        self.after = False

    def accept(self, page: Page, cursor: Cursor) -> None:
        if self.until_killed == 0 and not self.after:
            raise Killed
        for item in page.items:
            key = (page.type, item.id)
            round, updated = self.seen.get(key, (0, None))
            if round == page.round and updated and item.updated and item.updated < updated:
                continue
            self.seen[key] = (page.round, item.updated)
            self.changes += plain(self.held.get(key)) != plain(item.resource)
            self.held[key] = item.resource
        for id in page.gone:
            del self.seen[page.type, id], self.held[page.type, id]
            self.changes += 1
        self.states[page.type] = cursor.dumps()
        if self.until_killed == 0:
            raise Killed
        if self.until_killed is not None:
            self.until_killed -= 1

    def known(self, type: str, after: str, unseen: int | None) -> Sequence[str]:
        found = sorted(id for kind, id in self.seen if kind == type and id > after)
        return [id for id in found if unseen is None or self.seen[type, id][0] != unseen][:2]


def plain(resource: dict[str, Any] | None) -> Any:
    return {name: value for name, value in (resource or {}).items() if name != "meta"}


class Syncing(RuleBasedStateMachine):
    """An EHR that lives on while we sync, get killed, meet errors, and come back hours later."""

    @initialize(
        skew=st.integers(-7200, 7200),
        page=st.integers(1, 4),
        windowed=st.sets(types),
        demanding=st.booleans(),
        confirm=st.sampled_from(["read", "_id"]),
    )
    def begin(self, skew: int, page: int, windowed: set[str], demanding: bool, confirm: str) -> None:
        self.time = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        self.little = LittleEhr()
        self.little.root, self.little.page = ROOT, page
        self.little.now = lambda: (self.time + timedelta(seconds=skew)).timestamp()
        self.little.held = {type: {} for type in TYPES}
        self.little.params = {type: {"_id", *(["_lastUpdated"] if type in windowed else [])} for type in TYPES}
        self.little.params["Flag"].add("patient")
        self.little.demands = {"Flag"} if demanding else set()
        self.little.interactions = ["search-type", *(["read"] if confirm == "read" else [])]
        self.ehr = Ehr("little", self.little.base, limits={"attempts": 3, "backoff_seconds": 0})
        self.books = Books()
        self.fresh = True
        # A round that was broken off goes on, and where there is no window what was added meanwhile waits for the next.
        # Flags of patients that are new wait too: they are read patient by patient.
        self.windowed = windowed - (set() if "Patient" in windowed or not demanding else {"Flag"})

    @rule(type=types, id=ids, name=st.integers(0, 2))
    def change(self, type: str, id: str, name: int) -> None:
        subject = {"subject": {"reference": f"Patient/{id}"}} if type == "Flag" else {}
        if type == "Flag" and id not in self.little.held["Patient"]:
            self.little.put({"resourceType": "Patient", "id": id})
        self.little.put({"resourceType": type, "id": id, "language": f"l{name}", **subject})
        self.fresh = False

    @rule(type=st.sampled_from(["Condition", "Appointment", "Flag"]), id=ids)
    def delete(self, type: str, id: str) -> None:
        if self.little.held[type].pop(id, None):
            self.fresh = False

    @rule(minutes=st.sampled_from([1, 30, 90, 60 * 25]))
    def wait(self, minutes: int) -> None:
        self.time += timedelta(minutes=minutes)

    @rule(at=st.integers(0, 12), after=st.booleans())
    def sync_and_be_killed(self, at: int, after: bool) -> None:
        self.books.until_killed, self.books.after = at, after
        try:
            self.sync()
        except Killed:
            pass
        finally:
            self.books.until_killed = None

    @rule(at=st.integers(1, 12), status=st.sampled_from([403, 404, 410, 429, 500, 503]), times=st.integers(1, 4))
    def sync_through_errors(self, at: int, status: int, times: int) -> None:
        count = [0]

        def fault(asked: Asked) -> Reply | None:
            count[0] += not asked.path.endswith("metadata")
            search = "/" not in asked.path.removeprefix("/r4/") and "_id" not in asked.query
            return Reply(status, {}) if search and at <= count[0] < at + times else None

        self.little.faults = [fault]
        self.sync()
        self.little.faults = []

    @rule(type=types, id=ids)
    def sync_while_it_changes(self, type: str, id: str) -> None:
        once: list[None] = []

        def meanwhile(*_: Any) -> None:
            if not once:
                once.append(None)
                self.change(type, id, 7)

        self.sync(meanwhile)

    @rule()
    def sync_and_compare(self) -> None:
        assert not any(outcome.error for outcome in self.sync().outcomes)
        self.everything_that_is_there_is_here(self.windowed)
        self.sync()
        self.everything_that_is_there_is_here(TYPES)

    @rule()
    @precondition(lambda self: not self.fresh)
    def sweep_and_compare(self) -> None:
        self.time += timedelta(hours=25)
        self.sync()
        self.everything_that_is_there_is_here(TYPES)
        assert set(self.books.held) == {(type, id) for type in TYPES for id in self.little.held[type]}
        before = self.books.changes
        self.sync()
        assert self.books.changes == before
        self.fresh = True

    @invariant()
    def what_is_kept_is_what_was_seen(self) -> None:
        if hasattr(self, "books"):
            assert set(self.books.held) == set(self.books.seen)

    def everything_that_is_there_is_here(self, types: Iterable[str]) -> None:
        for type in types:
            for id, resource in self.little.held[type].items():
                assert plain(self.books.held[type, id]) == plain(localize(resource, self.ehr))

    def sync(self, report: Callable[..., None] = lambda *_: None) -> Pulled:
        with requests.Session() as session:
            session.mount(ROOT, Direct(self.little))
            connection = connect(self.ehr, session, (), clock=lambda: self.time, new_id=str)
            connection.http.sleep = lambda seconds: None
            source = Source(
                ehr=self.ehr,
                dialect=connection.dialect,
                http=connection.http,
                accept=self.books.accept,
                known=self.books.known,
                read=msgspec.json.Decoder(dict[str, Any]).decode,
                clock=lambda: self.time,
                report=report,
            )
            return pull(source, make(connection.dialect, connection.statement, TYPES), self.books.states)


TestSyncing = Syncing.TestCase
TestSyncing.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
