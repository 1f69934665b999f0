"""Which part answers which address? The whole application, built from settings: Graph, embedded issuer, health."""

from __future__ import annotations

import hmac
import os
import re
import time
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from msgspec import Struct, json
from msgspec.structs import replace

from xtap.authzen.app import AuthzenApp
from xtap.authzen.app import operations as authzen_operations
from xtap.authzen.evaluation import DecisionPoint
from xtap.authzen.metadata import Metadata
from xtap.authzen.search import Searches
from xtap.emulator.app import Emulator
from xtap.emulator.clock import Clock
from xtap.emulator.limits import RequestLimits
from xtap.emulator.past import PastStore
from xtap.emulator.repeating import standing
from xtap.errors import ConfigurationError, MalformedRequest, NotFound
from xtap.graph import failures
from xtap.graph.app import GraphApp, deliver
from xtap.graph.app import operations as graph_operations
from xtap.http import NO_SNIFF
from xtap.http.fields import ambiguous, fields
from xtap.http.operations import OTHER, note
from xtap.http.patience import Patience
from xtap.identity import keys
from xtap.model.versions import VERSIONS
from xtap.server import cloud_metadata, health, resource_manager
from xtap.server.health import Health
from xtap.server.metrics import Metrics
from xtap.server.observing import Observer, observer_of
from xtap.server.proxied import behind_proxy
from xtap.server.settings import Settings, check, operator_of
from xtap.server.storage import open_store
from xtap.server.trust import SIGNING_KEYS, Trust
from xtap.server.workers import Worker
from xtap.service.context import Service
from xtap.service.decision_log import DecisionLog, FileSink, StoreSink
from xtap.service.secrets import paging_key
from xtap.service.settling import Settler
from xtap.store.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import TypeAlias

    from xtap.errors import XtapError
    from xtap.identity.embedded import EmbeddedIssuer
    from xtap.server.metrics import Counts

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ISSUER_PATH = re.compile(r"/[^/]+/(oauth2|v2\.0|discovery)/")
_ISSUER, _EMULATOR, _HEALTH = "issuer", "emulator", "health"
_CLOUD, _SUBSCRIPTIONS = f"GET {cloud_metadata.PATH}", f"GET {resource_manager.PATH}"


def operations() -> list[str]:
    """Return every operation of a server, as requests are noted with."""
    return [*graph_operations(), *authzen_operations(), _CLOUD, _SUBSCRIPTIONS, _ISSUER, _EMULATOR, _HEALTH, OTHER]


class Application(Struct, frozen=True):
    """One running server: the ASGI callable, and what it was built from."""

    settings: Settings
    store: Store
    trust: Trust
    settler: Settler
    graph: GraphApp
    authzen: AuthzenApp
    health: Health
    patience: Patience
    decision_log: DecisionLog | None
    metrics: Metrics | None = None
    observer: Observer | None = None
    emulator: Emulator | None = None

    @property
    def issuer(self) -> EmbeddedIssuer | None:
        """The embedded issuer, None if there is none."""
        return self.trust.issuer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and see to it that what is observed of it is told."""
        if scope["type"] != "http":
            return
        if scope["method"] in _WITH_BODY:
            receive = self.patience.within(receive)
        refusal = ambiguous(scope)
        answer = partial(_refuse, MalformedRequest(refusal)) if refusal else self._answer
        if self.settings.public_url:
            scope = behind_proxy(scope, self.settings.public_url)
        if self.observer is None:
            await answer(scope, receive, send)
        else:
            await self.observer.request(scope, receive, send, answer)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; where tests may ask for faults, those come first."""
        if self.emulator is None:
            await self._routed(scope, receive, send)
        else:
            note(scope, _EMULATOR)
            await self.emulator(scope, receive, send, self._routed)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by its first path segment."""
        path: str = scope["path"]
        if path[1:5].lower() in VERSIONS and path[5:6] in {"/", ""}:
            await self.graph(scope, receive, send)
        elif self.authzen.answers(path):
            await self.authzen(scope, receive, send)
        elif path in health.PATHS:
            note(scope, _HEALTH)
            await _reply(send, *await self.health.answer(path))
        elif path == cloud_metadata.PATH and scope["method"] == "GET":
            note(scope, _CLOUD)
            await _reply(send, *cloud_metadata.answer(self.settings, scope["query_string"]))
        elif path == resource_manager.PATH and scope["method"] == "GET":
            note(scope, _SUBSCRIPTIONS)
            await _reply(send, *await resource_manager.answer(self.trust.callers, fields(scope)))
        elif self.issuer is not None and _ISSUER_PATH.match(path):
            note(scope, _ISSUER)
            await _issuer_app(self.issuer)(scope, receive, send)
        else:
            segment = path.strip("/")[:128]
            message = f"Resource not found for the segment '{segment}'. Graph is below /v1.0 and /beta."
            await _refuse(NotFound(message), scope, receive, send)

    async def close(self) -> None:
        """Finish accepted changes, write noted decisions and spans, and let go of the storage and of the issuer."""
        await self.settler.close()
        if self.decision_log is not None:
            await self.decision_log.close()
        await self.store.close()
        await self.trust.close()
        if self.observer is not None:
            await self.observer.close()


async def _refuse(error: XtapError, _scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer what belongs to no surface, in the form of Graph."""
    request_id = str(uuid4())
    answer = failures.answer(error, request_id, request_id, datetime.now(UTC))
    await deliver(answer, send, request_id, request_id)


async def build(settings: Settings, worker: Worker | None = None) -> Application:
    """Build the application of the settings, with its storage open.

    Args:
        settings: all of it.
        worker: which of several processes this is; None if it is the only one.

    Raises:
        ConfigurationError: it cannot start like this.
    """
    check(settings)
    store = open_store(settings, exclusive=worker is None)
    try:
        return await assemble(settings, service_of(settings, store), worker)
    except BaseException:
        await store.close()
        raise


def service_of(settings: Settings, store: Store) -> Service:
    """Build what every surface asks, from the settings."""
    delay = timedelta(seconds=settings.join_delay)
    return Service(
        store,
        strength=settings.validation,
        operator=operator_of(settings),
        join_delay=delay,
        undocumented_keys=settings.undocumented_keys,
    )


async def assemble(settings: Settings, service: Service, worker: Worker | None = None) -> Application:
    """Build the application around a service that exists: another store, another clock.

    Raises:
        ConfigurationError: it cannot start like this.
    """
    check(settings)
    clock = Clock(service.now)
    if settings.emulator_start:
        start, new_id = await standing(service.store, datetime.fromisoformat(settings.emulator_start))
        clock, service = Clock(lambda: start), replace(service, new_id=new_id)
    if settings.emulator:
        service = replace(service, now=clock.now, store=cast("Store", PastStore(service.store)))
    limits = RequestLimits(clock.now)
    worker = worker or Worker(0, metrics_of(settings))
    counts = worker.counts()
    observer = observer_of(settings, service.store, counts)
    if observer is not None:
        service = replace(service, store=observer.store)
    trust = Trust(settings, service.store)
    paging = await paging_key(service.store, os.urandom)
    settler = Settler(service)
    part_answered = None if observer is None else observer.part_answered
    graph = GraphApp(
        service, trust.callers, settler, paging, limits.admit if settings.emulator else None, part_answered
    )
    noted = _decision_log(settings, service, paging, counts)
    point = DecisionPoint(service, noted) if observer is None else observer.point(service, noted)
    authzen = AuthzenApp(service, trust.callers, settler, point, Searches(point, paging), _metadata(settings))
    emulator = Emulator(service, trust.callers, settler, clock, limits) if settings.emulator else None
    probed, patience = Health(service.store, settings.stale_limit), Patience(settings.request_timeout)
    surfaces = (trust, settler, graph, authzen, probed, patience)
    return Application(settings, service.store, *surfaces, noted, worker.metrics, observer, emulator)


def metrics_of(settings: Settings) -> Metrics | None:
    """Make the place where the server counts, for all its workers; None if nobody can ask for it."""
    return Metrics(operations(), settings.workers) if settings.metrics_port else None


def _decision_log(settings: Settings, service: Service, secret: bytes, counts: Counts | None) -> DecisionLog | None:
    if not settings.decision_log:
        return None
    sink = StoreSink(service.store) if settings.decision_log.lower() == "store" else _file(settings.decision_log)
    mask = None if settings.decision_log_unmasked else hmac.digest(secret, b"xtap decision log 1", "sha256")
    told = () if counts is None else (counts.dropped,)
    return DecisionLog(sink, settings.decision_log_rate, mask, service.now, *told)


def _file(name: str) -> FileSink:
    sink = FileSink(Path(name))
    try:
        sink.check()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"--decision-log: '{name}' cannot be written: {reason}. Name a file in a folder that exists, or 'store'."
        ) from None
    return sink


def _metadata(settings: Settings) -> Metadata:
    signing = keys.load_or_create(settings.folder / SIGNING_KEYS)
    return Metadata(signing, frozenset({settings.http_url, settings.https_url}), time.time)


@cache
def _issuer_app(issuer: EmbeddedIssuer) -> Any:
    """Build the issuer's pages when they are first asked for: the web framework costs 0.1 s to load."""
    from xtap.server.issuer import issuer_app  # noqa: PLC0415 - see the docstring

    return issuer_app(issuer)


async def _reply(send: Send, status: int, body: object) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache"), NO_SNIFF]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.encode(body)})
