"""A proxy on loopback between a client and the server, that answers some requests wrongly and remembers all of them."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from dataclasses import dataclass, field
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
    state = Proxy("")
    listener = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server, state))
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    state.url = f"https://localhost:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def _handler(server: LocalServer, state: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5  # seconds: a client that keeps its connection must not keep the test

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.seen.append(Seen(self.command, self.path, headers))
            fault = state.faults.pop(0) if state.faults else None
            if fault is None or fault.applied:
                status, sent, answer = self.forward(body, headers)
            if fault is not None:
                status, answer = fault.status, b'{"error":{"code":"TooManyRequests","message":"Please retry later."}}'
                sent = [("Content-Type", "application/json"), ("Retry-After", str(fault.retry_after))]
            self.send_response(status)
            for name, value in sent:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        def forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, list[tuple[str, str]], bytes]:
            trusted = ssl.create_default_context(cafile=str(server.ca))
            upstream = http.client.HTTPSConnection("localhost", server.tls_port, context=trusted, timeout=30)
            with contextlib.closing(upstream):
                passed = {name: value for name, value in headers.items() if name not in NOT_PASSED_ON}
                upstream.request(self.command, self.path, body or None, passed)
                response = upstream.getresponse()
                hidden = NOT_PASSED_ON | {"content-length"}
                sent = [(name, value) for name, value in response.getheaders() if name.lower() not in hidden]
                return response.status, sent, response.read()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Stay silent: what came in is in ``seen``."""

    return Handler
