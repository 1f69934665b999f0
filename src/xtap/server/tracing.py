"""Which request called which, and where did the time go? Spans for OpenTelemetry, taken up from W3C trace context.

Loads the SDK, so it is imported only when ``--otlp-endpoint`` is set. The variables of the SDK (``OTEL_SERVICE_NAME``,
``OTEL_TRACES_SAMPLER``, ``OTEL_EXPORTER_OTLP_HEADERS``, ...) count as its documentation says. Spans name operations,
statuses and outcomes; nothing that a client sent is in them but its trace id.

Sources: https://www.w3.org/TR/trace-context/,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from xtap import __version__
from xtap.errors import ConfigurationError, Unavailable, XtapError

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span, use_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    message = f"--otlp-endpoint needs the SDK of OpenTelemetry ({error}). Install 'xtap[tracing]'."
    raise ConfigurationError(message) from None

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from opentelemetry.trace import Span as OtelSpan

FLUSH_SECONDS: Final = 3.0
"""How long the end of a server waits for a collector."""

_CONTEXT = TraceContextTextMapPropagator()
_TAKEN_UP = {b"traceparent": "traceparent", b"tracestate": "tracestate"}


class Span:
    """One span of ours."""

    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def answered(self, operation: str, status: int) -> None:
        """Say what the request was, and how it ended."""
        method, _, route = operation.partition(" ")
        self._span.update_name(operation)
        self._span.set_attribute("http.response.status_code", status)
        if route:
            self._span.set_attribute("http.request.method", method)
            self._span.set_attribute("http.route", route)
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))

    def decided(self, outcome: str, *, decision: bool) -> None:
        """Say how the question was answered."""
        self._span.set_attributes({"xtap.outcome": outcome, "xtap.decision": decision})


class Tracing:
    """Makes spans and sends them in the background.

    Args:
        endpoint: of the collector; ``/v1/traces`` is added if the address has no path.
    """

    def __init__(self, endpoint: str) -> None:
        url = endpoint if endpoint.count("/") > 2 else f"{endpoint}/v1/traces"
        resource = Resource.create({"service.version": __version__})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):  # the environment names none
            resource = resource.merge(Resource({SERVICE_NAME: "xtap"}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        self._tracer = self._provider.get_tracer("xtap", __version__)

    @contextmanager
    def request(self, scope: MutableMapping[str, Any]) -> Iterator[Span]:
        """Make the span of a request, in the trace that the client names."""
        carrier = {
            name: value.decode("latin-1") for raw, value in scope["headers"] if (name := _TAKEN_UP.get(raw)) is not None
        }
        context = _CONTEXT.extract(carrier)
        attributes = {"url.scheme": scope["scheme"]}
        span = self._tracer.start_span("request", context, SpanKind.SERVER, attributes)
        # An exception's message may repeat what a client sent: its type alone is told.
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield Span(span)

    @contextmanager
    def part(self, name: str) -> Iterator[Span]:
        """Make the span of a part of what is done now; it has failed if the storage did, or we."""
        # An exception's message is not told, as above.
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield Span(span)
            except Exception as error:
                if isinstance(error, Unavailable) or not isinstance(error, XtapError):
                    span.set_status(Status(StatusCode.ERROR))
                raise

    async def close(self) -> None:
        """Send the spans that wait; those that a collector does not take in time are lost."""
        # A daemon, because the SDK tries again for longer than anybody wants to wait for the end of a server.
        sender = Thread(target=self._provider.shutdown, name="xtap-tracing-end", daemon=True)
        sender.start()
        await asyncio.to_thread(sender.join, FLUSH_SECONDS)


def current_trace() -> str:
    """Return the id of the trace that this runs in, 32 hexadecimal digits; empty outside."""
    context = get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""
