"""Traces reach a receiver of OTLP over HTTP, and no name, path, query, statement or value of a patient is in them."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from carecoord import app, effects, traces
from carecoord.actions.server import outgoing
from carecoord.settings import Settings
from carecoord.store.database import outbox
from carecoord.store.database.engine import migrate, writing
from carecoord.store.database.outbox import Job
from carecoord.worker import lanes, loop
from carecoord.world import World
from tests import later
from tests.adapters.little_ehr import LittleEhr, serving

PERSON = "Quillfeather"


class Collector:
    """Takes in what is sent to /v1/traces."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        taken = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                if good:
                    taken.append(body)
                self.send_response(200 if good else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[tuple[str, Span]]:
        """Each span with the name of the service that it is of."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                of = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
                found += [(of, span) for scope in resource.scope_spans for span in scope.spans]
        return found


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    monkeypatch.setattr(traces, "_tracers", {})
    yield made
    made.close()


def sent(collector: Collector) -> list[tuple[str, Span]]:
    """All that waits is sent at once, as when a process ends."""
    from opentelemetry.sdk.trace import Tracer

    tracer = traces._tracers["own"]
    assert isinstance(tracer, Tracer)
    tracer.span_processor.force_flush(10_000)
    return collector.spans()


def told(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@pytest.fixture
def settings(tmp_path: Path, collector: Collector) -> Settings:
    return Settings(var=str(tmp_path), otlp_url=collector.url, private_hosts="127.0.0.1")


def test_a_request_is_a_span_with_its_statements_in_it(settings: Settings, collector: Collector) -> None:
    traces.begin(settings.otlp_url, "web")
    world = effects.world(settings)
    migrate(world.engine)
    client = app.wired(world).test_client()
    above = f"00-{'ab' * 16}-{'cd' * 8}-00"  # not sampled by the caller, who does not decide that
    answer = client.get(f"/sign-in?next=/{PERSON}", headers={"traceparent": above, "User-Agent": PERSON})
    client.get("/healthz")
    client.get(f"/fhir/Patient/{PERSON}?name={PERSON}")
    assert answer.status_code == 200
    spans = sent(collector)
    requests = [span for of, span in spans if span.kind == Span.SPAN_KIND_SERVER and of == "carecoord-web"]
    assert [span.name for span in requests] == ["GET /sign-in", "GET /fhir/<type>/<id>"]
    assert told(requests[0]) == {
        "http.request.method": "GET", "http.route": "/sign-in", "http.response.status_code": 200,
        "carecoord.request": answer.headers["X-Request-Id"],
    }  # fmt: skip
    assert (requests[0].trace_id.hex(), requests[0].parent_span_id.hex()) == ("ab" * 16, "cd" * 8)
    inside = [span for _, span in spans if span.parent_span_id in {each.span_id for each in requests}]
    assert inside, "statements"
    assert {told(span)["db.system.name"] for span in inside} == {"sqlite"}
    assert {told(span)["db.operation.name"] for span in inside} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    world.engine.dispose()
    assert PERSON.encode() not in b"".join(collector.bodies)


def test_a_call_to_others_says_whom_and_how_but_not_what_for(settings: Settings, collector: Collector) -> None:
    traces.begin(settings.otlp_url, "work")
    with serving(LittleEhr()) as hospital, outgoing.session(settings) as session:
        hospital.put({"resourceType": "Patient", "id": PERSON})
        session.get(f"{hospital.base}/Patient/{PERSON}", timeout=10)
        session.get(f"{hospital.base}/Patient/nobody?name={PERSON}", timeout=10)
        assert not any("traceparent" in asked.headers for asked in hospital.asked), "it is not told of our trace"
    spans = [span for _, span in sent(collector)]
    assert [(span.name, told(span)["http.response.status_code"]) for span in spans] == [("GET", 200), ("GET", 404)]
    assert [span.status.code for span in spans] == [Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR]
    assert {told(span)["server.address"] for span in spans} == {"127.0.0.1"}
    assert PERSON.encode() not in b"".join(collector.bodies)


def test_a_job_is_a_span_that_says_of_its_failure_only_the_kind(
    settings: Settings, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(world: World, job: Job) -> None:
        raise ValueError(f"of the patient {PERSON}")

    later.install(monkeypatch)
    monkeypatch.setattr(lanes, "HANDLERS", MappingProxyType({**lanes.HANDLERS, "chime": fail}))
    world = effects.world(settings)
    migrate(world.engine)
    traces.begin(settings.otlp_url, "work")
    with writing(world.engine) as conn:
        outbox.add(conn, "chime", PERSON, PERSON.encode(), world.clock())
    assert loop.once(world) == 1
    world.engine.dispose()
    (job,) = [span for _, span in sent(collector) if span.kind == Span.SPAN_KIND_CONSUMER]
    assert (job.name, job.status.code, list(job.events)) == ("job chime", Status.STATUS_CODE_ERROR, [])
    assert told(job) == {"carecoord.job": "chime", "error.type": "ValueError"}
    assert PERSON.encode() not in b"".join(collector.bodies)


def test_nothing_is_made_where_no_collector_is_named(settings: Settings, collector: Collector) -> None:
    bare = replace(settings, otlp_url="")
    traces.begin(bare.otlp_url, "web")
    with outgoing.session(bare) as session:
        assert {type(each).__name__ for each in session.adapters.values()} == {"GuardedAdapter"}
    with traces.span("GET", "SERVER", {}) as opened:
        assert opened is None
    assert collector.spans() == []


@pytest.mark.parametrize("lacking", ["opentelemetry", "opentelemetry.exporter.otlp.proto.http"])
def test_where_it_is_not_installed_one_line_says_what_to_do(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = traces.find_spec
    monkeypatch.setattr(traces, "find_spec", lambda name: None if name == lacking else there(name))
    assert not traces.are_possible()
    assert "pip install 'carecoord[otel]'" in traces.LACKING
