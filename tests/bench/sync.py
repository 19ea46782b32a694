"""A sync from an EHR that answers at once: 20,000 resources the first time, then with one of them changed, among 1,000
and among 100,000: its processor time, and what it asks for, requests of the EHR and statements of the database. By
itself: `python -m tests.bench.sync sqlite 20000 1000 100000`; the first number is of the first sync, the others are
among how many one is changed.

The EHR is a process of its own, whose pages of 100 are made before they are asked for.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from rich.console import Console
from sqlalchemy import Engine, event

from carecoord import effects, settings
from carecoord.actions.ehrs import sync as ehrs_sync
from tests.bench.alone import alone, databases
from tests.bench.servers import BIN
from tests.ports import free_port

FIRST, AMONG = 20_000, (1_000, 100_000)
AIM, GROWTH, MEMORY = 1_500, 1.5, 1.25  # resources a second; how much dearer among many; how much more memory
PAGE: Final = 100
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure by itself; or, told `ehr PORT SIZE`, be the EHR."""
    if sys.argv[1:2] == ["ehr"]:
        serve(int(sys.argv[2]), int(sys.argv[3]))
        return
    console = Console()
    with alone() as asked:
        first, *among = [int(each) for each in sys.argv[1:] if each.isdecimal()] or [FIRST, *AMONG]
        found = measure(console, asked.folder, asked.postgres, first, among, sqlite=asked.sqlite)
        for line in lines(found):
            console.print(line)


def measure(
    console: Console, folder: Path, postgres: str | None = None, first: int = FIRST, among: Sequence[int] = AMONG,
    *, sqlite: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """{database: {"first": {"size", "seconds", "cpu", "peak": MB}, "changed": {size: {"seconds", "cpu", "peak",
    "requests", "statements"}}}}."""
    found: dict[str, Any] = {}
    for database, url in databases(postgres, sqlite).items():
        console.print(f"sync from an instant EHR, {database}", style="dim")
        told: dict[str, Any] = {"first": {}, "changed": {}}
        for size in dict.fromkeys([first, *among]):
            place = folder / f"{database}-{size}"
            environ = {"CARECOORD_VAR": str(place), "CARECOORD_PRIVATE_HOSTS": "127.0.0.1"}
            if url:
                _emptied(environ, url, size)
            with ehr(size) as base:
                _run(environ, "init")
                _run(environ, "ehr", "add", "instant", base)
                whole = _run(environ, "sync", "instant")
                _run(environ, "sync", "instant")  # nothing is new
                _change(base)
                one = _run(environ, "sync", "instant")
                _change(base)
                told["changed"][str(size)] = one | _asked(environ, base)
            if size == first:
                told["first"] = whole | {"size": size}
            told["changed"][str(size)]["whole"] = whole["peak"]
        found[database] = told | {"load": round(os.getloadavg()[0], 1)}
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What `make bench` prints of it."""
    for database, told in found.items():
        first, changed = told["first"], told["changed"]
        rate, lean = first["size"] / first["seconds"], first["size"] / first["cpu"]
        yield (
            f"sync of {first['size']:,} resources from an instant EHR, {database}: {rate:,.0f}/s (aim {AIM:,}: "
            f"{'kept' if rate >= AIM else 'MISSED'}), {lean:,.0f} a second of its processor, peak {first['peak']} MB, "
            f"load {told['load']}"
        )
        few, many = min(changed, key=int), max(changed, key=int)
        dearer = changed[many]["cpu"] / changed[few]["cpu"]
        more = changed[many]["whole"] / changed[few]["whole"]
        yield (
            f"  one changed among {int(few):,} and {int(many):,}: {changed[few]['cpu']:.2f} and "
            f"{changed[many]['cpu']:.2f} s of the processor ({'kept' if dearer <= GROWTH else 'MISSED'}), "
            f"{changed[few]['requests']} and {changed[many]['requests']} requests, {changed[few]['statements']} and "
            f"{changed[many]['statements']} statements ({'the same' if _same(changed) else 'NOT THE SAME'}); peak of "
            f"the whole sync {changed[few]['whole']} and {changed[many]['whole']} MB "
            f"({'flat' if more <= MEMORY else 'NOT FLAT'})"
        )


def _same(changed: dict[str, Any]) -> bool:
    """Whether one change is asked for by as much, among however many."""
    return len({(each["requests"], each["statements"]) for each in changed.values()}) == 1


def _change(base: str) -> None:
    urllib.request.urlopen(f"{base}/change", data=b"").close()


def _asked(environ: dict[str, str], base: str) -> dict[str, int]:
    """Sync in this process; how much of the EHR and of the database that asks for."""
    world = effects.world(settings.load(environ))
    before = _requests(base)
    with contextlib.closing(Statements(world.engine)) as statements:
        summary = ehrs_sync.run(world, "instant")
    world.engine.dispose()
    if summary.error:
        raise RuntimeError(f"sync: {summary.error}")
    return {"requests": _requests(base) - before - 1, "statements": statements.count}


def _requests(base: str) -> int:
    with urllib.request.urlopen(f"{base}/requests") as answer:
        return int(json.load(answer)["count"])


class Statements:
    """Every statement that the connections of an engine send, counted by the driver itself: many of ours go past
    SQLAlchemy."""

    def __init__(self, engine: Engine) -> None:
        self.count, self._engine = 0, engine
        event.listen(engine, "checkout", self._listen)

    def close(self) -> None:
        """Count no more."""
        event.remove(self._engine, "checkout", self._listen)

    def _listen(self, raw: Any, *_: object) -> None:
        if isinstance(raw, sqlite3.Connection):
            raw.set_trace_callback(self._one)
            return
        own = raw.cursor_factory

        class Counting(own):  # type: ignore[misc, valid-type]
            def execute(cursor, *given: Any, **named: Any) -> Any:
                self.count += 1
                return super().execute(*given, **named)

            def executemany(cursor, *given: Any, **named: Any) -> Any:
                self.count += 1
                return super().executemany(*given, **named)

        if own.__name__ != "Counting":
            raw.cursor_factory = Counting

    def _one(self, statement: str) -> None:
        self.count += 1


def _emptied(environ: dict[str, str], url: str, size: int) -> None:
    """A database of its own on the PostgreSQL of a URL."""
    import psycopg

    name = f"sync{size}"
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE IF EXISTS "{name}"')  # type: ignore[arg-type]
        conn.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    parts = urlsplit(url)
    environ["CARECOORD_DATABASE_URL"] = parts._replace(path=f"/{name}").geturl()


def _run(environ: dict[str, str], *words: str) -> dict[str, float]:
    began, peak, ended = time.perf_counter(), 0.0, 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(BIN / "carecoord"), *words], env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=said
        )
        while not ended:
            peak = max(peak, _own_memory(process.pid))
            time.sleep(0.02)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode:
            raise RuntimeError(f"carecoord {' '.join(words)} failed:\n{said.read().decode()[-2000:]}")
    took = {"seconds": time.perf_counter() - began, "cpu": used.ru_utime + used.ru_stime, "peak": peak}
    return {name: round(value, 2 if name != "peak" else 0) for name, value in took.items()}


def _own_memory(pid: int) -> float:
    """MB of a process that are its own: of SQLite's file, which is mapped into memory, the system keeps what fits."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def ehr(size: int) -> Iterator[str]:
    """An EHR with so many resources; its base."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.sync", "ehr", str(port), str(size)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()  # it says so when it listens
    try:
        yield f"http://127.0.0.1:{port}/r4"
    finally:
        process.terminate()
        process.wait()


class Instant:
    """What the EHR holds: a fifth patients, the rest observations of theirs, in the order of their last change."""

    def __init__(self, size: int, base: str) -> None:
        self.base, self.size, self.clock, self.asked = base, size, _BEGAN, 0
        self.held: dict[str, list[dict[str, Any]]] = {"Patient": [], "Observation": []}
        for n in range(size):
            self.put(n)

    def put(self, n: int, **more: Any) -> None:
        """Resource number n, changed last of all."""
        self.clock += timedelta(seconds=1)
        one = _resource(n) | more
        one["meta"] = {"lastUpdated": self.clock.isoformat().replace("+00:00", "Z")}
        rows = self.held[one["resourceType"]]
        rows[:] = [row for row in rows if row["id"] != one["id"]] if more else rows
        rows.append(one)

    def page(self, type: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """A page of a search."""
        rows = self.held[type]
        for value in query.get("_lastUpdated", []):
            at = value[2:]
            if value[:2] == "ge":  # the rows stand in this order, and few are asked for
                first = len(rows)
                while first and rows[first - 1]["meta"]["lastUpdated"] >= at:
                    first -= 1
                rows = rows[first:]
        start = int(query.get("page", ["0"])[0])
        link = []
        if start + PAGE < len(rows):
            asked = urlencode({**query, "page": start + PAGE}, doseq=True)
            link = [{"relation": "next", "url": f"{self.base}/{type}?{asked}"}]
        entry = [{"fullUrl": f"{self.base}/{type}/{row['id']}", "resource": row} for row in rows[start : start + PAGE]]
        return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}


def _resource(n: int) -> dict[str, Any]:
    patient = n // 5
    if n % 5 == 0:
        name = [{"family": f"Family{patient}", "given": ["Ada", "Mae"]}]
        return {"resourceType": "Patient", "id": f"p{patient}", "name": name, "gender": "female",
                "birthDate": "1965-03-04", "identifier": [{"system": "http://ehr.example/mrn", "value": f"{patient}"}]
                }  # fmt: skip
    coding = {"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}
    return {"resourceType": "Observation", "id": f"o{n}", "status": "final", "code": {"coding": [coding]},
            "subject": {"reference": f"Patient/p{patient}"}, "effectiveDateTime": "2025-11-02T09:30:00Z",
            "valueQuantity": {"value": 70 + n % 9, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}
            }  # fmt: skip


def serve(port: int, size: int) -> None:
    """Be the EHR, until ended."""
    base = f"http://127.0.0.1:{port}/r4"
    instant = Instant(size, base)
    search = [{"name": name, "type": kind} for name, kind in (("_lastUpdated", "date"), ("patient", "reference"))]
    rows = [{"type": type, "interaction": [{"code": "read"}, {"code": "search-type"}], "searchParam": search}
            for type in instant.held]  # fmt: skip
    metadata = {"resourceType": "CapabilityStatement", "status": "active", "kind": "instance", "fhirVersion": "4.0.1",
                "rest": [{"mode": "server", "resource": rows}]}  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            path = url.path.removeprefix("/r4/")
            instant.asked += 1
            if path == "requests":
                self._tell({"count": instant.asked})
            elif path == "metadata":
                self._tell(metadata)
            elif path in instant.held:
                self._tell(instant.page(path, parse_qs(url.query)))
            else:
                self._tell({"resourceType": "OperationOutcome"}, 404)

        def do_POST(self) -> None:
            instant.put(1, status="amended", note=[{"text": f"Weighed again, {instant.asked}"}])
            self._tell({})

        def _tell(self, document: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
