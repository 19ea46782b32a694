"""What this process does, as spans of OpenTelemetry, sent to a collector by OTLP over HTTP. Off unless
CARECOORD_OTLP_URL is set, and then the extra `otel` has to be there.

What may be said of a span is a list, as in the log: templates of addresses, names of tables, kinds of jobs, hosts. No
path, query, statement, value or text of an error: those may be a patient's.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing.util import Finalize
from typing import Any, Final, Literal

Kind = Literal["SERVER", "CLIENT", "CONSUMER"]
SAID: Final = frozenset({
    "http.request.method", "http.route", "http.response.status_code", "server.address", "server.port",
    "db.system.name", "db.operation.name", "db.collection.name", "error.type", "carecoord.job", "carecoord.request",
})  # fmt: skip
LACKING: Final = (
    "CARECOORD_OTLP_URL is set, but OpenTelemetry is not installed: pip install 'carecoord[otel]', or take the "
    "setting away."
)
_tracers: dict[str, Any] = {}  # of this process: one, or none


def are_possible() -> bool:
    """Whether what sends them is installed."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter.otlp.proto.http") is not None


def begin(url: str, part: str) -> None:
    """Send the spans of this process from now on to the collector at `url` (below which /v1/traces is); nothing where
    it is empty. part: what this process is, such as web. Headers for the collector are OTEL_EXPORTER_OTLP_HEADERS."""
    if not url or _tracers:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    of = {"service.name": f"carecoord-{part}", "service.version": version("carecoord")}
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.create(of))  # a caller does not decide what is kept
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces")))
    _tracers["own"] = provider.get_tracer("carecoord")
    Finalize(None, provider.shutdown, exitpriority=0)  # what waits is sent; atexit does not run in a server's processes


def are_inside() -> bool:
    """Whether a span of ours is open here: what belongs to none is not worth one of its own."""
    if not _tracers:
        return False
    from opentelemetry.trace import get_current_span

    return bool(get_current_span().is_recording())


@contextmanager
def span(name: str, kind: Kind, said: Mapping[str, Any], parent: str = "") -> Iterator[Any]:
    """A span for as long as the block lasts, or None where nothing is sent. said: what is known of it at once; more by
    `tell`. parent: the `traceparent` that a caller sent (W3C Trace Context)."""
    if not _tracers:
        yield None
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    above = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
    with _tracers["own"].start_as_current_span(
        name, above, SpanKind[kind], _allowed(said), record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(Status(StatusCode.ERROR))
            raise


def tell(opened: Any, name: str, said: Mapping[str, Any], *, failed: bool = False) -> None:
    """What a span was about, known only at its end."""
    if opened is None:
        return
    from opentelemetry.trace import Status, StatusCode

    opened.update_name(name)
    opened.set_attributes(_allowed(said))
    if failed:
        opened.set_status(Status(StatusCode.ERROR))


def _allowed(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name in SAID and value is not None}
