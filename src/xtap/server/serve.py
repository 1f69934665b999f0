"""How does one process listen? One event loop; plain http, https and the metrics side by side."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import logging
import os
import socket
import ssl
import time
from ipaddress import ip_address
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from xtap.errors import ConfigurationError
from xtap.identity import authority
from xtap.server.connections import allowed, close_silent
from xtap.server.expiry import Expiry
from xtap.server.metrics import metrics_app
from xtap.server.reloading import reload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from xtap.server.asgi import Application
    from xtap.server.lifetime import Lifetime
    from xtap.server.metrics import Metrics
    from xtap.server.settings import Settings

log = logging.getLogger(__name__)

MAX_HEAD: Final = 64 * 1024
"""Bytes of the longest head of a request."""

MAX_STREAMS: Final = 100
"""Requests that one HTTP/2 connection may have under way."""

SHOWN_SECONDS: Final = 5.0
"""How long a listener may take to show a new certificate, before the old one goes all the same."""

_TLS: Final = {"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


async def serve(
    application: Application, ready: Callable[[], Awaitable[None]], lifetime: Lifetime, gather: Callable[[], Settings]
) -> None:
    """Listen until the lifetime ends, then finish what was begun.

    Args:
        application: what answers.
        ready: run once all listeners answer, beside the first requests.
        lifetime: when to reload, and when to stop.
        gather: reads the settings again, for a reload.

    Raises:
        ConfigurationError: a port is taken, or the certificate cannot be used.
    """
    # What start-up made lives until the end: the collector need not look at it, neither now nor later.
    gc.freeze()
    gc.enable()
    settings = application.settings
    listeners = Listeners(application)
    closing = asyncio.create_task(close_silent({*settings.ports, settings.metrics_port}, settings.idle_timeout))
    warning = asyncio.create_task(listeners.expiry.watch())
    try:
        listeners.open(settings)
        await _listening(settings, listeners.ended)
        if not listeners.ended.is_set():
            addresses = {"http": settings.port and settings.http_url, "https": settings.tls_port and settings.https_url}
            _tell("started", {name: url for name, url in addresses.items() if url})
            await ready()
        async for _ in lifetime.reloads(listeners.ended):
            await reload(application, listeners, lifetime, gather)
        if listeners.ended.is_set():
            raise ConfigurationError("A listener ended by itself; the log says why.")
        _tell("stopping")
    finally:
        closing.cancel()
        warning.cancel()
        await listeners.close(settings.stop_timeout)
        await application.close()
    _tell("stopped")


def _tell(event: str, more: Mapping[str, object] = MappingProxyType({})) -> None:
    """Log what became of this process."""
    log.info("%s", event, extra={"xtap": {"pid": os.getpid(), **more}})


class Listeners:
    """The ports of one process.

    Attributes:
        ended: set when a listener ended by itself.
        expiry: tells when the certificate ends that they show.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._running: dict[Server, asyncio.Task[None]] = {}
        self._https: Server | None = None
        self._shown = b""
        self.ended = asyncio.Event()
        self.expiry = Expiry()

    def open(self, settings: Settings) -> None:
        """Listen on every port of the settings.

        Raises:
            ConfigurationError: there is none, or the certificate cannot be used.
        """
        if not settings.ports:
            raise ConfigurationError("Both ports are 0: set --port or --tls-port.")
        pair = certificate_of(settings) if settings.tls_port else None  # before anything listens
        if settings.port:
            self._start(_server(self._application, settings.port))
        if pair is not None:
            self._https = self._start(_server(self._application, settings.tls_port, *pair))
            self._show(pair[0], pair[0].read_bytes(), own=not settings.tls_cert)
        if self._application.metrics is not None:
            self._start(_metrics_server(settings, self._application.metrics))

    async def change_certificate(self, certificate: Path, key: Path, *, own: bool) -> None:
        """Show another certificate to clients that connect from now on; requests under way end as they began.

        Args:
            certificate: chain in PEM, the server's own first.
            key: its private key in PEM.
            own: whether xtap made them.
        """
        before, content = self._https, certificate.read_bytes()  # noqa: ASYNC240 - a small local file, on a reload
        if before is None or content == self._shown:
            return
        # Both listen at the same time (SO_REUSEPORT), so nobody meets a closed port; what still waits in the queue of
        # the one that closes is reset by the kernel, and a second try reaches the other.
        settings = self._application.settings
        self._https = self._start(_server(self._application, settings.tls_port, certificate, key))
        self._show(certificate, content, own=own)
        await _until_shown(settings.host, settings.tls_port, ssl.PEM_cert_to_DER_cert(_first(content)))
        before.stop()  # type: ignore[no-untyped-call]

    async def close(self, seconds: float) -> None:
        """Accept nothing more, and wait so long for requests under way."""
        tasks = list(self._running.values())
        for server in self._running:
            server.stop()  # type: ignore[no-untyped-call]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _show(self, certificate: Path, content: bytes, *, own: bool) -> None:
        self._shown = content
        self.expiry.begin(certificate, content, own=own)

    def _start(self, server: Server) -> Server:
        task = asyncio.create_task(server.serve())
        self._running[server] = task
        task.add_done_callback(lambda ended: self._end(server, ended))
        return server

    def _end(self, server: Server, task: asyncio.Task[None]) -> None:
        del self._running[server]
        if not server.interrupt_signal:  # nobody told it to stop
            log.error("a listener ended", exc_info=None if task.cancelled() else task.exception())
            self.ended.set()


def _server(application: Application, port: int, certificate: Path | None = None, key: Path | None = None) -> Server:
    settings = application.settings
    return _limited(application, settings, (settings.host, port), certificate, key)


def _metrics_server(settings: Settings, metrics: Metrics) -> Server:
    return _limited(metrics_app(metrics), settings, (settings.metrics_host, settings.metrics_port))


def _limited(
    application: object,
    settings: Settings,
    place: tuple[str, int],
    certificate: Path | None = None,
    key: Path | None = None,
) -> Server:
    """Build a listener with the limits that every port has."""
    limit = ceil(settings.request_timeout)
    return Server(
        application,
        address=_address(place[0]),
        port=place[1],
        interface=Interfaces.ASGINL,
        backlog=1024,
        backpressure=allowed(len(settings.ports) + bool(settings.metrics_port)),
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


def _address(host: str) -> str:
    """Return the address of a name: Granian takes no names."""
    try:
        return str(ip_address(host))
    except ValueError:
        return socket.gethostbyname(host)


def certificate_of(settings: Settings) -> tuple[Path, Path]:
    """Return certificate and key of the settings, which are good now.

    Raises:
        ConfigurationError: they are not there, are no pair, or are not valid now.
    """
    if settings.tls_cert:
        certificate, key = Path(settings.tls_cert), Path(settings.tls_key)
        for file in (certificate, key):
            if not file.is_file():
                found = "is no file" if file.exists() else "is not there"
                raise ConfigurationError(f"{file} {found}. Expected a file in PEM (--tls-cert, --tls-key).")
        from xtap.identity.certificates import require_good  # noqa: PLC0415 - loads cryptography

        require_good(certificate, key, time.time())
        return certificate, key
    hosts = authority.LOCAL_HOSTS if settings.is_loopback else (*authority.LOCAL_HOSTS, settings.host)
    made = authority.ensure(settings.folder, time.time(), hosts)
    return made.certificate, made.key


def require_free(settings: Settings) -> None:
    """Notice a port that is taken before the listeners do: they would only log, or share it.

    Raises:
        ConfigurationError: another program has one, or it cannot be had.
    """
    places = ((settings.host, settings.port, "--port"), (settings.host, settings.tls_port, "--tls-port"))
    for host, port, flag in (*places, (settings.metrics_host, settings.metrics_port, "--metrics-port")):
        if port:
            _require_free(host, port, flag)


def _require_free(host: str, port: int, flag: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            other = "an address of this machine" if error.errno == errno.EADDRNOTAVAIL else f"another {flag}"
            raise ConfigurationError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose {other}.") from None


def _first(chain: bytes) -> str:
    """Return the first certificate of a chain in PEM."""
    text = chain.decode("ascii", "ignore")
    return f"{text[text.index(_BEGIN) : text.index(_END)]}{_END}"


async def _until_shown(host: str, port: int, certificate: bytes) -> None:
    """Wait until a listener of the port shows this certificate (DER)."""
    unverified = ssl._create_unverified_context()  # noqa: S323, SLF001 - looks at the certificate, sends nothing
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SHOWN_SECONDS):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(host, port, ssl=unverified)
                    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                    writer.close()
                    if found == certificate:
                        return
                await asyncio.sleep(0.01)


async def _listening(settings: Settings, ended: asyncio.Event) -> None:
    """Wait until each listener accepts a connection, or one has ended."""
    for port in settings.ports:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(settings.host, port)
                writer.close()
                break
            await asyncio.sleep(0.005)
