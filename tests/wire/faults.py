"""A proxy on loopback between a client and the server, that answers some requests wrongly and remembers all of them.

A test in this process uses the lists of :class:`Proxy`; one in another process (JavaScript) posts faults to
``/control/faults`` and reads requests from ``/control/seen``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong answer.

    Attributes:
        status: of the wrong answer.
        retry_after: seconds that the client shall wait.
        applied: whether the server got the request all the same, so that only its answer was lost.
    """

    status: int
    retry_after: int = 1
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came to the proxy."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Proxy:
    """What the test sees of the proxy: put faults in, read requests out."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)


@contextlib.contextmanager
def proxy(server: LocalServer) -> Iterator[Proxy]:
    """Listen with the certificate of the server until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.ca.with_name("server.pem"), server.ca.with_name("server.key"))
    listener = _Listener(server)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield listener.state
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    def __init__(self, upstream: LocalServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.state = Proxy(f"https://localhost:{self.server_address[1]}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # seconds: a client that keeps its connection must not keep the test
    server: _Listener

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        state = self.server.state
        if self.path == "/control/faults":
            state.faults.extend(Fault(**fault) for fault in json.loads(body))
            self.reply(204, [], b"")
        elif self.path == "/control/seen":
            seen = json.dumps([asdict(request) for request in state.seen]).encode()
            self.reply(200, [("Content-Type", "application/json")], seen)
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.seen.append(Seen(self.command, self.path, headers, body.decode()))
            self.pass_on(state.faults.pop(0) if state.faults else None, headers, body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 - the base class asks for these names

    def pass_on(self, fault: Fault | None, headers: dict[str, str], body: bytes) -> None:
        if fault is None:
            self.reply(*self.forward(body, headers))
            return
        if fault.applied:
            self.forward(body, headers)
        wrong = [("Content-Type", "application/json"), ("Retry-After", str(fault.retry_after))]
        self.reply(fault.status, wrong, b'{"error":{"code":"TooManyRequests","message":"Please retry later."}}')

    def forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
        server = self.server.upstream
        trusted = ssl.create_default_context(cafile=str(server.ca))
        upstream = http.client.HTTPSConnection("localhost", server.tls_port, context=trusted, timeout=30)
        with contextlib.closing(upstream):
            passed = {name: value for name, value in headers.items() if name not in NOT_PASSED_ON}
            upstream.request(self.command, self.path, body or None, passed)
            response = upstream.getresponse()
            hidden = NOT_PASSED_ON | {"content-length"}
            sent = [(name, value) for name, value in response.getheaders() if name.lower() not in hidden]
            return response.status, sent, response.read()

    def reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Stay silent: what came in is in ``seen``."""
