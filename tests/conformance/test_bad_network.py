"""Broken HTTP and bad requests over the network: refused or dropped, and the server goes on."""

from __future__ import annotations

import contextlib
import gzip
import re
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.conformance.direct import ID, POLICY
from xtap.http.bodies import MAX_BODY
from xtap.testing.transcripts import always

if TYPE_CHECKING:
    from tests.conformance.conftest import FreshTenants, Tokens

DEEP = 100_000


@pytest.fixture(scope="module")
def tokens(tenants: FreshTenants) -> Tokens:
    return tenants.take("bad input")


def _raw(port: int, request: bytes) -> bytes:
    """Send bytes and return what comes back until the server closes, or is silent for a while."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.settimeout(1.5)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65_536):
                found += part
        return found


LINE = f"{POLICY}/default".encode()
BROKEN = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00" + bytes(60),
    "a line of letters": b"hello\r\n\r\n",
    "no version": b"GET " + LINE + b"\r\n\r\n",
    "an unknown version": b"GET " + LINE + b" HTTP/9.9\r\nHost: x\r\n\r\n",
    "a header without colon": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nnonsense\r\nConnection: close\r\n\r\n",
    "a header with a NUL": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nA: \x00\r\nConnection: close\r\n\r\n",
    "two lengths": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
    "a negative length": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    "a length of words": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}",
    "broken chunks": b"PATCH "
    + LINE
    + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "a very long header": b"GET " + LINE + b" HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a very long line": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a thousand headers": b"GET " + LINE + b" HTTP/1.1\r\n" + b"A: b\r\n" * 1_000 + b"Connection: close\r\n\r\n",
    "a blank in the method": b"G ET " + LINE + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a body that ends early": b"PATCH " + LINE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    "nothing": b"",
}


@pytest.mark.wire
@pytest.mark.xdist_group("raw")
@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN.keys())
def test_broken_http_is_refused_or_dropped(tenants: FreshTenants, tokens: Tokens, request_: bytes) -> None:
    server = tenants.server
    answer = _raw(server.port, request_)
    status = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    assert answer == b"" or status is not None
    if status is not None:
        assert 400 <= int(status[1]) < 500
    alive = httpx.get(f"{server.graph}/default", headers={"Authorization": tokens(None)})
    assert (alive.status_code, alive.json()["isServiceDefault"]) == (200, True)


NETWORK = {
    "a huge body": ("PATCH", "/default", {"Content-Type": "application/json"}, b" " * (4 * MAX_BODY), 413),
    "a huge body in chunks": (
        "PATCH",
        "/default",
        {"Content-Type": "application/json"},
        iter([b" " * MAX_BODY] * 4),
        413,
    ),
    "a bomb": (
        *("PATCH", "/default", {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        *(gzip.compress(b" " * (200 * MAX_BODY)), 413),
    ),
    "deep nesting": ("PATCH", "/default", {"Content-Type": "application/json"}, b"[" * DEEP, 400),
    "deep objects": ("PATCH", "/default", {"Content-Type": "application/json"}, b'{"a":' * DEEP, 400),
    "invalid UTF-8": ("PATCH", "/default", {"Content-Type": "application/json"}, b'{"x": "\xff"}', 400),
    "no content type": ("PATCH", "/default", {}, b"{}", 400),
    "text": ("PATCH", "/default", {"Content-Type": "text/plain"}, b"{}", 415),
    "broken gzip": ("PATCH", "/default", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 400),
    "a body on DELETE": ("DELETE", f"/partners/{ID}", {"Content-Type": "application/json"}, b"{" * 1000, 404),
    "an encoded slash": ("GET", f"/partners%2F{ID}", {}, b"", 404),
    "an encoded NUL": ("GET", "/default%00", {}, b"", 400),
    "a broken escape": ("GET", "/default%", {}, b"", 400),
    "an escape of two levels": ("GET", "/default%2500", {}, b"", 400),
    "an encoded line feed": ("GET", "/partners/%0d%0aSet-Cookie:x", {}, b"", 400),
    "a path that is no UTF-8": ("GET", "/partners/%ff", {}, b"", 400),
    "dots": ("GET", "/default/%2e%2e/%2e%2e", {}, b"", 400),
    "a long path": ("GET", "/" + "a" * 20_000, {}, b"", 400),
    "a query that is no UTF-8": ("GET", "/partners?$filter=%ff", {}, b"", 400),
    "a query with NUL": ("GET", "/partners?$select=%00", {}, b"", 400),
    "TRACE": ("TRACE", "/default", {}, b"", 405),
    "OPTIONS": ("OPTIONS", "/default", {}, b"", 405),
    "an unknown method": ("PROPFIND", "/default", {}, b"", 405),
}


@pytest.mark.wire
@pytest.mark.parametrize("bad", NETWORK.values(), ids=NETWORK.keys())
def test_bad_requests_over_the_network(tenants: FreshTenants, tokens: Tokens, bad: tuple[Any, ...]) -> None:
    method, path, headers, body, status = bad
    server = tenants.server
    own = {"Authorization": tokens(None)}
    with httpx.Client() as client:
        try:
            answer = client.request(method, f"{server.graph}{path}", headers=headers | own, content=body)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            assert status == 413  # the server hangs up while the rest is still on its way
        else:
            assert answer.status_code == status
            assert [*always(answer)] == []
    after = httpx.get(f"{server.graph}/default", headers=own)
    assert (after.status_code, after.json()["isServiceDefault"]) == (200, True)


@pytest.mark.wire
def test_head_has_no_body_and_the_connection_goes_on(tenants: FreshTenants, tokens: Tokens) -> None:
    headers = f"Host: x\r\nAuthorization: {tokens(None)}\r\n"
    line = f"{POLICY}/default HTTP/1.1\r\n{headers}"
    answer = _raw(tenants.server.port, f"HEAD {line}\r\nGET {line}Connection: close\r\n\r\n".encode())
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 405")
    assert rest.startswith(b"HTTP/1.1 200")


@pytest.mark.wire
def test_a_request_that_two_readers_could_take_for_two_is_refused(tenants: FreshTenants, tokens: Tokens) -> None:
    own, other = (f"Authorization: {each}\r\n" for each in (tokens(None), "Bearer bad"))
    host, version = "Host: x\r\n", "HTTP/1.1"
    asked = {
        "no host": (version, own, 400),
        "an empty host": (version, own + "Host:\r\n", 400),
        "two hosts": (version, own + host + host, 400),
        "no host in HTTP/1.0": ("HTTP/1.0", own, 200),
        "one of each": (version, own + host, 200),
        "a bad token before a good one": (version, host + other + own, 400),
        "a good token before a bad one": (version, host + own + other, 400),
        "an empty token before a good one": (version, host + "Authorization:\r\n" + own, 400),
    }
    found = {}
    for name, (spoken, head, _) in asked.items():
        answer = _raw(tenants.server.port, f"GET {POLICY}/default {spoken}\r\n{head}Connection: close\r\n\r\n".encode())
        found[name] = int(answer.split()[1])
    assert found == {name: status for name, (_, _, status) in asked.items()}


@pytest.mark.wire
@pytest.mark.parametrize("numbers", [(99, 0), (0, 99), (99,)])
def test_versions_that_are_demanded_in_several_fields_are_all_demanded(
    tenants: FreshTenants, tokens: Tokens, numbers: tuple[int, ...]
) -> None:
    with httpx.Client() as client:
        request = client.build_request(
            "GET", f"{tenants.server.graph}/default", headers={"Authorization": tokens(None)}
        )
        fields = [("XTAP-At-Least", f"{tokens.tenant}={number}") for number in numbers]
        request.headers = httpx.Headers([*request.headers.items(), *fields])
        assert client.send(request).status_code == 503
