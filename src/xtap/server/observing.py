"""What happened while a request was answered? Counted, traced and logged, around the surfaces and the storage.

Nothing here is built when nobody asked for metrics, traces or request logs. What a client sent is never told, but for
the identifiers of requests, and those only if they are GUIDs.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from xtap.authzen.evaluation import DecisionPoint
from xtap.errors import Unavailable
from xtap.http.operations import noted
from xtap.model.ids import is_guid
from xtap.server.observed_store import ObservedStore
from xtap.store import clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from xtap.authzen.answers import Told
    from xtap.authzen.evaluation import Enquiry
    from xtap.authzen.messages import Asked
    from xtap.server.metrics import Counts
    from xtap.server.settings import Settings
    from xtap.server.tracing import Span, Tracing
    from xtap.service.context import Service
    from xtap.service.decision_log import DecisionLog
    from xtap.store.protocol import Store

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

log = logging.getLogger("xtap.requests")

_IDS: Final = {b"request-id": "request_id", b"x-request-id": "request_id", b"client-request-id": "client_request_id"}


class Observer:
    """Sees requests, decisions and operations of the storage.

    Args:
        store: what the storage of the server is.
        counts: where to count; None for nowhere.
        tracing: where spans are made; None for none.
        logs_requests: whether each request is a line of the log.

    Attributes:
        store: the same storage, observed.
    """

    def __init__(self, store: Store, counts: Counts | None, tracing: Tracing | None, *, logs_requests: bool) -> None:
        self._counts = counts
        self._tracing = tracing
        self._logs_requests = logs_requests
        self.store = ObservedStore(store, self._storing)
        if counts is not None:
            store.observe(self._did)

    def point(self, service: Service, notes: DecisionLog | None) -> DecisionPoint:
        """Build the decision point, observed."""
        return _ObservedPoint(service, notes, self)

    async def request(self, scope: Message, receive: Receive, send: Send, inner: App) -> None:
        """Let a request be answered, and tell of it."""
        if self._tracing is None:
            await self._counted(scope, receive, send, inner)
        else:
            with self._tracing.request(scope) as span:
                status = await self._counted(scope, receive, send, inner)
                span.answered(noted(scope), status)

    async def _counted(self, scope: Message, receive: Receive, send: Send, inner: App) -> int:
        """Let a request be answered, count and log it, and return its status."""
        answer: dict[str, Any] = {"status": 500}

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.update(message)
            await send(message)

        counts, begun = self._counts, monotonic()
        if counts is not None:
            counts.begun()
        try:
            await inner(scope, receive, watched)
        finally:
            status, seconds = answer["status"], monotonic() - begun
            if counts is not None:
                counts.request(noted(scope), status, seconds)
            if self._logs_requests:
                _log(noted(scope), answer, seconds)
        return int(status)

    def part_answered(self, operation: str, status: int, seconds: float) -> None:
        """Count a part of a batch, as if it had come alone."""
        if self._counts is not None:
            self._counts.begun()
            self._counts.request(operation, status, seconds)

    def decided(self, told: Told) -> None:
        """Count a decision."""
        if self._counts is not None:
            self._counts.decision(told.summary.outcome or "unknown", told.decision)

    def span(self, name: str) -> AbstractContextManager[Span | None]:
        """Make a span of a part of the work."""
        return nullcontext() if self._tracing is None else self._tracing.part(name)

    async def close(self) -> None:
        """Send the spans that wait."""
        if self._tracing is not None:
            await self._tracing.close()

    def _did(self, operation: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - the store tells it
        """Count what the storage did by itself; in its threads, one at a time."""
        if self._counts is None:
            return
        self._counts.store(operation, seconds, failed=failed)
        if operation == "look" and not failed:
            self._counts.looked(clock.since_boot() - seconds)

    @contextmanager
    def _storing(self, operation: str) -> Iterator[None]:
        begun, failed = monotonic(), False
        try:
            with self.span(f"store {operation}"):
                yield
        except Unavailable:
            failed = True
            raise
        finally:
            if self._counts is not None:
                self._counts.store(operation, monotonic() - begun, failed=failed)


class _ObservedPoint(DecisionPoint):
    """The decision point, whose answers are counted and traced; what searches try is not."""

    def __init__(self, service: Service, notes: DecisionLog | None, observer: Observer) -> None:
        super().__init__(service, notes)
        self._observer = observer

    async def evaluate(self, enquiry: Enquiry, request: Asked, *, noted: bool = True) -> Told:
        if not noted:
            return await super().evaluate(enquiry, request, noted=False)
        with self._observer.span("decision") as span:
            told = await super().evaluate(enquiry, request)
            if span is not None:
                span.decided(told.summary.outcome or "unknown", decision=told.decision)
        self._observer.decided(told)
        return told


def observer_of(settings: Settings, store: Store, counts: Counts | None) -> Observer | None:
    """Build what the settings ask to observe; None for nothing.

    Raises:
        ConfigurationError: traces are asked for, and cannot be made.
    """
    tracing = None
    if settings.otlp_endpoint:
        from xtap.server.tracing import Tracing  # noqa: PLC0415 - an optional dependency, 0.3 s to load

        tracing = Tracing(settings.otlp_endpoint)
    if counts is None and tracing is None and not settings.log_requests:
        return None
    return Observer(store, counts, tracing, logs_requests=settings.log_requests)


def _log(operation: str, answer: Mapping[str, Any], seconds: float) -> None:
    about: dict[str, object] = {"operation": operation, "status": answer["status"], "seconds": round(seconds, 6)}
    for name, value in answer.get("headers", ()):
        field = _IDS.get(name)
        if field is not None and is_guid(text := value.decode("latin-1")) and text not in about.values():
            about[field] = text
    log.info("%s %d", operation, answer["status"], extra={"xtap": about})
