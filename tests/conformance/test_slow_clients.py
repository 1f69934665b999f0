"""Clients that say little or nothing, on purpose: each is gone in bounded time, and the others are served meanwhile."""

from __future__ import annotations

import re
import resource
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.testing.local_server import free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.testing.local_server import LocalServer

REQUEST, IDLE = 2, 3
"""Seconds of --request-timeout and --idle-timeout."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
HALF_A_FRAME = bytes((0, 0x40, 0, 1, 4, 0, 0, 0, 1))
"""The head of a frame of 16 KiB of headers, whose content comes drop by drop."""

SLOW = {
    "nothing": ("http", b"", b"", REQUEST),
    "nothing before TLS": ("tcp", b"", b"", 10),
    "a TLS greeting by the byte": ("tcp", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"a", 10),
    "nothing after TLS": ("https", b"", b"", IDLE),
    "nothing after choosing HTTP/2": ("h2", b"", b"", IDLE),
    "nothing after the preface": ("h2", PREFACE, b"", 2 * REQUEST),
    "an HTTP/2 frame by the byte": ("h2", PREFACE + HALF_A_FRAME, b"a", 2 * REQUEST),
    "half a preface without TLS": ("http", b"PRI * HT", b"", REQUEST),
    "a header by the byte": ("http", b"GET /healthz HTTP/1.1\r\nX-A: ", b"a", REQUEST),
    "headers by the line": ("https", b"GET /healthz HTTP/1.1\r\n", b"A: b\r\n", REQUEST),
    "a body by the byte": (
        "http",
        b"POST {path} HTTP/1.1\r\nHost: x\r\n{token}Content-Length: 900\r\n\r\n",
        b" ",
        REQUEST,
    ),
    "a body of chunks": (
        *("http", b"POST {path} HTTP/1.1\r\nHost: x\r\n{token}Transfer-Encoding: chunked\r\n\r\n"),
        *(b"1\r\n \r\n", REQUEST),
    ),
    "a token request by the byte": (
        *("https", b"POST /contoso.example/oauth2/v2.0/token HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n"),
        *(b"a", REQUEST),
    ),
    "half a preface, to the metrics": ("metrics", b"PRI * HT", b"", REQUEST),
    "a header by the byte, to the metrics": ("metrics", b"GET /metrics HTTP/1.1\r\nX-A: ", b"a", REQUEST),
    "nothing, to the metrics": ("metrics", b"", b"", REQUEST),
    "nothing after an answer": ("http", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"", REQUEST),
}


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    flags = ("--request-timeout", str(REQUEST), "--idle-timeout", str(IDLE), "--metrics-port", str(free_ports(1)[0]))
    with running(tmp_path_factory.mktemp("hurried"), *flags) as started:
        yield started


def connect(server: LocalServer, kind: str) -> socket.socket:
    ports = {"http": server.port, "metrics": int(server.flags[-1])}
    plain = socket.create_connection(("127.0.0.1", ports.get(kind, server.tls_port)), timeout=5)
    if kind in {"http", "metrics", "tcp"}:
        return plain
    context = ssl.create_default_context(cafile=str(server.ca))
    context.set_alpn_protocols(["h2"] if kind == "h2" else ["http/1.1"])
    return context.wrap_socket(plain, server_hostname="localhost")


def lasts(connection: socket.socket, begin: bytes, drop: bytes, limit: float) -> tuple[float, bytes]:
    """Return for how many seconds the server bears a client, at most ``limit``, and what it answers."""
    start, answer = time.monotonic(), b""
    connection.settimeout(0.5)
    try:
        connection.sendall(begin)
        while time.monotonic() - start < limit:
            try:
                part = connection.recv(65_536)
            except TimeoutError:
                part = None
            if part == b"":
                break
            answer += part or b""
            connection.sendall(drop)
    except OSError:
        pass  # closed under our hands, as it should be
    return time.monotonic() - start, answer


@pytest.mark.wire
@pytest.mark.xdist_group("slow")
def test_every_slow_client_is_closed_in_time_and_the_others_are_served(hurried: LocalServer):
    path = b"/v1.0/policies/crossTenantAccessPolicy/partners"
    token = f"Authorization: Bearer {hurried.token()}\r\nContent-Type: application/json\r\n".encode()
    found: dict[str, tuple[float, bytes]] = {}

    def suffer(name: str, connection: socket.socket, begin: bytes, drop: bytes, seconds: float) -> None:
        sent = begin.replace(b"{path}", path).replace(b"{token}", token)
        found[name] = lasts(connection, sent, drop, seconds + 15)

    threads = []
    with ExitStack() as stack:
        for name, (kind, begin, drop, seconds) in SLOW.items():
            connection = stack.enter_context(connect(hurried, kind))
            threads.append(threading.Thread(target=suffer, args=(name, connection, begin, drop, seconds)))
        for thread in threads:
            thread.start()
        served = []
        while any(thread.is_alive() for thread in threads):
            began = time.monotonic()
            assert httpx.get(f"{hurried.graph}/default", headers=hurried.headers()).status_code == 200
            served.append(time.monotonic() - began)
            time.sleep(0.1)
    late = {name: took for name, (took, _) in found.items() if took > SLOW[name][3] + 6}
    assert late == {}
    assert sorted(found) == sorted(SLOW)
    assert sorted(served)[len(served) // 2] < 1
    for name in ("a body by the byte", "a body of chunks"):
        assert re.match(rb"HTTP/1\.1 408 .*RequestTimeout", found[name][1], re.DOTALL), found[name]
    assert b"HTTP/1.1 400" in found["a token request by the byte"][1]


@pytest.mark.wire
@pytest.mark.xdist_group("slow")
@pytest.mark.parametrize("kind", ["http", "metrics"])
def test_the_greeting_of_http2_by_the_byte_is_cut_off_where_there_is_no_tls(hurried: LocalServer, kind: str):
    sent = 0
    with connect(hurried, kind) as connection:
        connection.settimeout(REQUEST / 4)
        for sent in range(len(PREFACE)):
            try:
                connection.send(PREFACE[sent : sent + 1])
                if connection.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert sent < len(PREFACE) - 1


@pytest.mark.wire
@pytest.mark.xdist_group("slow")
def test_thousands_of_silent_connections_starve_nobody(hurried: LocalServer):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
    with ExitStack() as stack:
        for kind in ("http", "tcp"):
            for _ in range(1_200):
                stack.enter_context(connect(hurried, kind))
        for address in (hurried.http, f"https://localhost:{hurried.tls_port}"):
            answer = httpx.get(
                f"{address}/healthz", timeout=10, verify=ssl.create_default_context(cafile=str(hurried.ca))
            )
            assert answer.status_code == 200


@pytest.mark.wire
@pytest.mark.xdist_group("slow")
def test_a_busy_connection_is_not_closed(hurried: LocalServer):
    with httpx.Client(http2=True, verify=ssl.create_default_context(cafile=str(hurried.ca))) as client:
        end = time.monotonic() + 3 * IDLE
        connections = set()
        while time.monotonic() < end:
            answer = client.get(f"https://localhost:{hurried.tls_port}/healthz")
            assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
            connections.add(id(answer.extensions["network_stream"]))
            time.sleep(REQUEST / 2)
    assert len(connections) == 1


@pytest.mark.wire
@pytest.mark.xdist_group("slow")
def test_a_head_has_a_size_limit_in_both_protocols(hurried: LocalServer):
    context = ssl.create_default_context(cafile=str(hurried.ca))
    for http2 in (False, True):
        with httpx.Client(http2=http2, verify=context) as client:
            address = f"https://localhost:{hurried.tls_port}/healthz"
            assert client.get(address, headers={"x-large": "a" * 30_000}).status_code == 200
            try:
                refused = client.get(address, headers={"x-large": "a" * 200_000}).status_code
            except httpx.TransportError:
                refused = 431  # the connection is ended instead
            assert refused == 431
