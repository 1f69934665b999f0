"""Which part answers which address? The whole application, built from settings: Graph, embedded issuer, health."""

from __future__ import annotations

import hmac
import os
import re
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from msgspec import json

from xtap import __version__
from xtap.authzen.app import AuthzenApp
from xtap.authzen.evaluation import DecisionPoint
from xtap.authzen.metadata import Metadata
from xtap.authzen.search import Searches
from xtap.emulator.app import Emulator
from xtap.emulator.clock import Clock
from xtap.emulator.limits import RequestLimits
from xtap.emulator.repeating import standing
from xtap.errors import ConfigurationError, NotFound, Unavailable
from xtap.graph import failures
from xtap.graph.app import GraphApp
from xtap.http import NO_SNIFF
from xtap.http.bodies import within
from xtap.identity import keys
from xtap.identity.callers import Callers
from xtap.identity.embedded import EmbeddedIssuer
from xtap.identity.issuers import TrustedIssuer
from xtap.identity.throttle import GUESSES, GUESSES_PER_SECOND, Buckets, Throttle
from xtap.identity.tokens import Verifier
from xtap.model.versions import VERSIONS
from xtap.server import cloud_metadata, resource_manager
from xtap.server.directory import LocalDirectory
from xtap.server.settings import check, operator_of
from xtap.server.storage import open_store
from xtap.service.context import Service
from xtap.service.decision_log import DecisionLog, FileSink, StoreSink
from xtap.service.secrets import paging_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from xtap.identity.discovery import DiscoveredKeys
    from xtap.server.settings import Settings
    from xtap.store.protocol import Store

SIGNING_KEYS: Final = "issuer.jwks.json"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_ISSUER_PATH = re.compile(r"/[^/]+/(oauth2|v2\.0|discovery)/")


@dataclass(frozen=True, slots=True)
class Application:
    """One running server: the ASGI callable, and what it was built from."""

    settings: Settings
    store: Store
    callers: Callers
    issuer: EmbeddedIssuer | None
    discovered: DiscoveredKeys | None
    graph: GraphApp
    authzen: AuthzenApp
    decision_log: DecisionLog | None
    emulator: Emulator | None = None

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request; where tests may ask for faults, those come first."""
        if scope["type"] != "http":
            return
        if scope["method"] in _WITH_BODY:
            receive = within(receive, self.settings.request_timeout)
        if self.emulator is not None:
            await self.emulator(scope, receive, send, self._answer)
        else:
            await self._answer(scope, receive, send)

    async def _answer(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request, by its first path segment."""
        path: str = scope["path"]
        if path[1:5].lower() in VERSIONS and path[5:6] in {"/", ""}:
            await self.graph(scope, receive, send)
        elif self.authzen.answers(path):
            await self.authzen(scope, receive, send)
        elif path in {"/healthz", "/readyz"}:
            await _reply(send, *await self._health(path))
        elif path == cloud_metadata.PATH and scope["method"] == "GET":
            await _reply(send, *cloud_metadata.answer(self.settings, scope["query_string"]))
        elif path == resource_manager.PATH and scope["method"] == "GET":
            await _reply(send, *await resource_manager.answer(self.callers, dict(scope["headers"])))
        elif self.issuer is not None and _ISSUER_PATH.match(path):
            await _issuer_app(self.issuer)(scope, receive, send)
        else:
            await _reply(send, 404, _nothing_here(path))

    async def _health(self, path: str) -> tuple[int, dict[str, Any]]:
        """Say whether the process is alive (``/healthz``), and whether it can answer (``/readyz``)."""
        if path == "/readyz":
            try:
                await self.store.check()
            except Unavailable as error:
                return 503, {"status": "unavailable", "reason": error.message}
        return 200, {"status": "ok", "version": __version__}

    async def close(self) -> None:
        """Finish accepted changes, write noted decisions, and let go of the storage and of the issuer."""
        if self.decision_log is not None:
            await self.decision_log.close()
        await self.store.close()
        if self.discovered is not None:
            await self.discovered.close()


def _nothing_here(path: str) -> dict[str, Any]:
    now, request_id = datetime.now(UTC), str(uuid4())
    error = NotFound(f"Resource not found for the segment '{path.strip('/')[:128]}'. Graph is below /v1.0 and /beta.")
    body: dict[str, Any] = json.decode(failures.answer(error, request_id, request_id, now).body)
    return body


async def build(settings: Settings) -> Application:
    """Build the application of the settings, with its storage open.

    Raises:
        ConfigurationError: it cannot start like this.
    """
    check(settings)
    store = open_store(settings, exclusive=True)
    try:
        return await assemble(settings, service_of(settings, store))
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


async def assemble(settings: Settings, service: Service) -> Application:
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
        service = replace(service, now=clock.now)
    limits = RequestLimits(clock.now)
    issuer = embedded_issuer(settings, service.store) if settings.embedded_issuer else None
    discovered = _discovered(settings) if settings.issuer else None
    trusted = [] if issuer is None else [issuer.trusted()]
    if discovered is not None:
        audiences, algorithms = frozenset(settings.audience), frozenset(settings.algorithms)
        trusted.append(TrustedIssuer(settings.issuer, audiences, discovered, algorithms))
    callers = Callers(Verifier(trusted, time.time), service.store, _throttle(settings))
    paging = await paging_key(service.store, os.urandom)
    graph = GraphApp(service, callers, paging, limits.admit if settings.emulator else None)
    noted = _decision_log(settings, service, paging)
    point = DecisionPoint(service, noted)
    authzen = AuthzenApp(service, callers, point, Searches(point, paging), _metadata(settings))
    emulator = Emulator(service, callers, clock, limits) if settings.emulator else None
    return Application(settings, service.store, callers, issuer, discovered, graph, authzen, noted, emulator)


def _throttle(settings: Settings) -> Throttle | None:
    if not settings.rate_limit and not settings.tenant_rate_limit:
        return None
    return Throttle(settings.rate_limit, settings.tenant_rate_limit, time.monotonic)


def _decision_log(settings: Settings, service: Service, secret: bytes) -> DecisionLog | None:
    if not settings.decision_log:
        return None
    sink = StoreSink(service.store) if settings.decision_log.lower() == "store" else _file(settings.decision_log)
    mask = None if settings.decision_log_unmasked else hmac.digest(secret, b"xtap decision log 1", "sha256")
    return DecisionLog(sink, settings.decision_log_rate, mask, service.now)


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


def embedded_issuer(settings: Settings, store: Store) -> EmbeddedIssuer:
    """Build the embedded issuer of the settings.

    Raises:
        ConfigurationError: its keys cannot be used.
    """
    directory = LocalDirectory(store, demo_allowed=settings.is_local)
    signing = keys.load_or_create(settings.folder / SIGNING_KEYS)
    guesses = Buckets(GUESSES_PER_SECOND, GUESSES, time.monotonic)
    return EmbeddedIssuer(settings.https_url, signing, directory, time.time, guesses=guesses)


def _discovered(settings: Settings) -> DiscoveredKeys:
    from xtap.identity.discovery import DiscoveredKeys  # noqa: PLC0415 - only servers with an issuer of their own pay

    return DiscoveredKeys(
        settings.issuer, time.monotonic, ca_file=Path(settings.issuer_ca) if settings.issuer_ca else None
    )


@cache
def _issuer_app(issuer: EmbeddedIssuer) -> Any:
    """Build the issuer's pages when they are first asked for: the web framework costs 0.1 s to load."""
    from xtap.server.issuer import issuer_app  # noqa: PLC0415 - see the docstring

    return issuer_app(issuer)


async def _reply(send: Callable[[MutableMapping[str, Any]], Awaitable[None]], status: int, body: object) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache"), NO_SNIFF]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.encode(body)})
