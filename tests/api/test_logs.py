"""Issue 3, logs: lines of JSON with the id of their request, and not one word about a patient."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.test import Client

from carecoord import app, logs
from carecoord.actions.fhir import interactions
from carecoord.errors import Unavailable
from carecoord.store.database import outbox
from carecoord.store.database.engine import writing
from carecoord.worker import lanes, loop
from carecoord.world import World

from .conftest import Api, patient

MARK = "Quillfeather"  # the name of a patient who is nowhere else
BIRTH, NUMBER, SECRET = "1961-07-23", "MRN-7764123", "s3cr3t-horse-battery"
MARKS = (MARK, MARK.lower(), BIRTH, NUMBER, "7764123", SECRET)


@pytest.fixture(autouse=True)
def said(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the process says, as a served one would: each line of the standard error, which must be JSON."""
    before = structlog.get_config()
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.take_over("INFO")
    capfd.readouterr()
    yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    structlog.configure(**before)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


Said = Callable[[], list[dict[str, Any]]]


def clean(lines: list[dict[str, Any]]) -> None:
    """None of the marks is anywhere in them."""
    text = json.dumps(lines)
    assert lines
    assert [mark for mark in MARKS if mark in text] == []


class Written(io.StringIO):
    """A stream that keeps what each write was given."""

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each.append(text)
        return len(text)


def test_a_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two writes, the line of another thread came between: neither was JSON, and an empty one followed."""
    stream = Written()
    monkeypatch.setattr(sys, "stderr", stream)
    structlog.get_logger().info("first", n=1)
    logs.access("GET", "/healthz", 200, 0.001, "127.0.0.1", "r1")
    assert [(json.loads(each)["event"], each[-1]) for each in stream.each] == [("first", "\n"), ("asked", "\n")]


def test_each_request_leaves_one_line_with_its_template_and_its_id(api: Api, said: Said) -> None:
    sent = {"Authorization": f"Bearer {api.token}", "X-Request-Id": "trace-7"}
    answer = api.http.get(f"/fhir/Patient/{MARK}", headers=sent, environ_base={"REMOTE_ADDR": "203.0.113.5"})
    assert answer.headers["X-Request-Id"] == "trace-7"
    (line,) = said()
    assert (line["event"], line["level"], line["method"], line["status"]) == ("asked", "info", "GET", 404)
    assert (line["route"], line["request"], line["client"]) == ("/fhir/<type>/<id>", "trace-7", "203.0.113.5")
    assert line["ms"] > 0
    assert line["timestamp"].startswith("20")


def test_what_is_asked_by_a_patients_name_is_in_no_log(api: Api, said: Said) -> None:
    """Names, numbers and secrets in every place where a caller can put them: query, path, body, header, method."""
    known = api.post("/Patient", patient(name=[{"family": MARK}], birthDate=BIRTH, identifier=[{"value": NUMBER}]))
    assert known.status_code == 201
    id = json.loads(known.get_data())["id"]
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    api.get(f"/Patient?name={MARK}&birthdate={BIRTH}&identifier={NUMBER}")
    api.post("/Patient/_search", f"name={MARK}&birthdate={BIRTH}", **form)
    api.get(f"/Patient/{MARK}")
    api.get(f"/Patient/{id}/_history/{NUMBER}")
    api.get(f"/Patient?{MARK}={NUMBER}")
    api.get(f"/Patient?_sort={MARK}")
    api.get(f"/{MARK}?birthdate={BIRTH}")
    api.get(f"/Patient/{id}", If_None_Match=MARK, User_Agent=MARK, Accept=f"text/{MARK}", Prefer=f"return={MARK}")
    api.post("/Patient", {"resourceType": "Patient", "birthDate": MARK, MARK: NUMBER})
    api.post("/Patient", f"{{{MARK}")
    api.post("/Patient", patient(name=[{"family": MARK}]), If_None_Exist=f"identifier={NUMBER}")
    api.put(f"/Patient/{id}", patient(id=MARK))
    api("DELETE", f"/Patient?identifier={NUMBER}")
    api(MARK.upper(), f"/Patient/{id}")
    entry = {"request": {"method": "GET", "url": f"Patient?name={MARK}"}}
    api.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry, {"request": {"method": MARK}}]})
    for token in (SECRET, f"{MARK}.{MARK}", ""):
        Api(api.http, token).get(f"/Patient?name={MARK}")
    api.http.get(f"/{MARK}?q={NUMBER}", headers={"X-Forwarded-For": MARK, "X-Request-Id": f"{MARK} {BIRTH}"})
    api.http.get(f"/referrals/{MARK}?q={MARK}", headers={"Cookie": f"cc={SECRET}", "Referer": f"http://x/{MARK}"})
    api.http.post("/sign-in", data={"login": MARK, "password": SECRET, "csrf": SECRET})
    api.http.post("/oauth/token", data={"client_id": MARK, "client_secret": SECRET, "grant_type": MARK})
    api.http.get(f"/oauth/authorize?client_id={MARK}&state={SECRET}&redirect_uri=https://{MARK}.example/")
    api.http.get(f"/invitation/{SECRET}")
    lines = said()
    assert len(lines) >= 25
    clean(lines)
    assert id not in json.dumps(lines)
    assert all(line["event"] == "asked" for line in lines)


def test_an_error_that_quotes_a_patient_is_logged_by_kind_and_place_only(
    api: Api, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object, **more: object) -> None:
        raise ValueError(f"{MARK} born {BIRTH} has {NUMBER}") from KeyError(SECRET)

    monkeypatch.setattr(interactions, "read", fail)
    answer = api.get(f"/Patient/{MARK}", X_Request_Id="trace-8")
    assert answer.status_code == 500
    assert MARK not in answer.get_data(as_text=True)
    failed, asked = said()
    clean([failed, asked])
    assert (failed["event"], failed["error"], failed["request"]) == ("failed", "ValueError", "trace-8")
    assert any("test_logs.py" in place for place in failed["at"])
    assert asked["status"] == 500


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("SELECT 1", {"name": MARK}, Exception(f"no such table, near {MARK}")), 500),
        (NoConnection(f"QueuePool limit reached by {MARK}"), 503),
        (Unavailable(f"The EHR said: {MARK} {BIRTH}"), 503),
    ],
)
def test_a_database_or_an_ehr_that_quotes_a_patient_is_not_quoted(
    api: Api, said: Said, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*given: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(interactions, "search", fail)
    answer = api.get("/Patient")
    assert answer.status_code == status
    assert ("busy" in answer.get_data(as_text=True)) == isinstance(error, NoConnection)
    clean(said())


def test_a_job_that_fails_with_a_patients_words_is_logged_without_them(
    world: World, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise Unavailable(f"{MARK} {BIRTH}")

    with writing(world.engine) as conn:
        outbox.add(conn, "sync", f"{NUMBER}", b"{}", world.clock())
    monkeypatch.setattr(lanes, "HANDLERS", {"sync": fail})
    assert loop.once(world) == 1
    (line,) = said()
    clean([line])
    assert (line["event"], line["kind"], line["error"], line["attempt"]) == ("job_failed", "sync", "Unavailable", 1)


def test_what_a_library_logs_or_warns_of_is_told_by_place_only(said: Said) -> None:
    log = logging.getLogger("some.library")
    log.warning("could not store %s", MARK)
    log.error(f"lost {BIRTH}")
    try:
        raise RuntimeError(NUMBER)
    except RuntimeError:
        log.exception("dropped %s", NUMBER)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{MARK} is odd", stacklevel=1)
    lines = said()
    clean(lines)
    assert [line["level"] for line in lines] == ["warning", "error", "error", "warning"]
    assert {line["logger"] for line in lines} == {"some.library", "py.warnings"}
    assert lines[2]["error"] == "RuntimeError"


def test_an_error_that_ends_a_thread_or_the_process_is_told_by_kind(said: Said) -> None:
    def fail() -> None:
        raise ValueError(MARK)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    lines = said()
    clean(lines)
    assert [(line["event"], line["error"]) for line in lines] == [("ended", "ValueError")] * 2


class Odd:
    """A value that nobody thought of; it prints as what it holds."""

    def __repr__(self) -> str:
        return f"Odd({MARK})"


@pytest.mark.parametrize("name", ["patient", "query", "birth_date", "authorization", "token", "text", "status"])
@pytest.mark.parametrize("value", [MARK, {MARK: NUMBER}, [MARK], (BIRTH,), {MARK}, MARK.encode(), Odd()])
def test_a_value_that_is_not_on_the_list_leaves_only_its_name(said: Said, name: str, value: object) -> None:
    structlog.get_logger().warning("something", **{name: value})
    (line,) = said()
    clean([line])
    assert line[name] == logs.HIDDEN


@pytest.mark.parametrize("event", [f"no room for {MARK}", f"{BIRTH}"])
def test_an_event_is_a_fixed_word_and_no_sentence(said: Said, event: str) -> None:
    structlog.get_logger().warning(event, error=MARK + " " + NUMBER, kind=f"{BIRTH}", request=f"{MARK}!")
    clean(said())


def test_exc_info_leaves_kind_and_place(said: Said) -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        structlog.get_logger().error("failed", exc_info=True)
    (line,) = said()
    clean([line])
    assert line["error"] == "KeyError"


def test_below_info_there_is_no_line_for_each_request(world: World, said: Said) -> None:
    quiet = Client(app.wired(replace(world, settings=replace(world.settings, log_level="WARNING"))))
    assert quiet.get("/healthz").status_code == 200
    assert said() == []
