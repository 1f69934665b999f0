"""How does the application listen? One process, one event loop, plain http and https side by side."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import time
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from xtap.errors import ConfigurationError
from xtap.identity import authority
from xtap.server.connections import allowed, close_silent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xtap.server.asgi import Application
    from xtap.server.settings import Settings

MAX_HEAD: Final = 64 * 1024
"""Bytes of the longest head of a request."""

MAX_STREAMS: Final = 100
"""Requests that one HTTP/2 connection may have under way."""

_TLS: Final = {"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}

GRACE_SECONDS: Final = 3.0
"""How long requests may take to end after a stop; an idle HTTP/2 connection would keep the listener for ever."""


async def serve(application: Application, ready: Callable[[], Awaitable[None]]) -> None:
    """Listen until SIGTERM or SIGINT, then finish what was begun.

    Args:
        application: what answers.
        ready: run once both listeners answer, beside the first requests.

    Raises:
        ConfigurationError: a port is taken, or the certificate cannot be used.
    """
    # What start-up made lives until the end: the collector need not look at it again, so its pauses stay short.
    gc.collect()
    gc.freeze()
    servers = _servers(application)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    running = [asyncio.create_task(server.serve()) for server in servers]
    stop = asyncio.create_task(stopping.wait())
    closing = asyncio.create_task(close_silent(application.settings.ports, application.settings.idle_timeout))
    try:
        await _listening(application.settings)
        await ready()
        await asyncio.wait([stop, *running], return_when=asyncio.FIRST_COMPLETED)
    finally:
        closing.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait(running, timeout=GRACE_SECONDS)
        await application.close()


def _servers(application: Application) -> list[Server]:
    settings = application.settings
    if not settings.ports:
        raise ConfigurationError("Both ports are 0: set --port or --tls-port.")
    servers = []
    if settings.port:
        servers.append(_server(application, settings.port))
    if settings.tls_port:
        servers.append(_server(application, settings.tls_port, *_certificate(settings)))
    return servers


def _server(application: Application, port: int, certificate: Path | None = None, key: Path | None = None) -> Server:
    settings = application.settings
    _require_free(settings.host, port)
    limit = ceil(settings.request_timeout)
    return Server(
        application,
        address=settings.host,
        port=port,
        interface=Interfaces.ASGINL,
        backlog=1024,
        backpressure=allowed(len(settings.ports)),
        # Without TLS, HTTP/2 would be told apart by the first bytes of a client, for which there is no time limit.
        http=HTTPModes.auto if certificate else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=limit * 1000, max_buffer_size=MAX_HEAD),
        http2_settings=HTTP2Settings(
            keep_alive_interval=limit * 1000,
            keep_alive_timeout=limit,
            max_concurrent_streams=MAX_STREAMS,
            max_headers_size=MAX_HEAD,
        ),
        websockets=False,
        log_enabled=False,
        ssl_protocol_min=_TLS[settings.tls_min_version],
        ssl_cert=certificate,
        ssl_key=key,
    )


def _certificate(settings: Settings) -> tuple[Path, Path]:
    if settings.tls_cert:
        files = (Path(settings.tls_cert), Path(settings.tls_key))
        for file in files:
            if not file.is_file():
                raise ConfigurationError(f"There is no file {file} (--tls-cert, --tls-key).")
        return files
    hosts = authority.LOCAL_HOSTS if settings.is_local else (*authority.LOCAL_HOSTS, settings.host)
    made = authority.ensure(settings.folder, time.time(), hosts)
    return made.certificate, made.key


def _require_free(host: str, port: int) -> None:
    """Notice a taken port before the listener does: it would only log."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port or --tls-port."
            ) from None


async def _listening(settings: Settings) -> None:
    """Wait until each listener accepts a connection."""
    for port in settings.ports:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(settings.host, port)
                writer.close()
                break
            await asyncio.sleep(0.005)
