"""What a handler is given and what it returns: a request as it came, authenticated and routed, and an answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from msgspec import Struct, field

from xtap.model.versions import Version
from xtap.service.context import Call, Service

JSON = b"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
"""The content type of data, as captured from the service (wire.md section 8.2)."""

BARE_JSON = b"application/json;odata.metadata=none;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
"""The content type of data without control information, if the client asked for that."""

_CLIENT_ID = re.compile(rb"[A-Za-z0-9-]{1,64}")


class Request(Struct, frozen=True):
    """One request as it came: over HTTP, or as a part of a batch.

    Attributes:
        method: the HTTP method.
        base: scheme and host, such as ``https://localhost:8443``.
        version: the API version of its address.
        path: the path below the version, as the client wrote it.
        query: the raw query string.
        headers: request headers, lower-case names.
        body: reads the body; it is not asked for methods without one.
        scope: of the connection, in which the operation is noted (``xtap.http.operations``).
    """

    method: str
    base: str
    version: Version
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: Callable[[], Awaitable[bytes]]
    scope: MutableMapping[str, Any] = field(default_factory=dict)


def client_request_id(headers: Mapping[bytes, bytes], otherwise: str) -> str:
    """Return the client's own id of a request, or another if it has none that can be repeated."""
    given = headers.get(b"client-request-id")
    return otherwise if given is None or not _CLIENT_ID.fullmatch(given) else given.decode()


class Exchange(Struct, frozen=True):
    """One request on its way to its handler.

    Attributes:
        service: what the server was built with.
        call: who asks, through which version.
        root: scheme, host and version, such as ``https://localhost:8443/v1.0``.
        path: the path below the version, as the client wrote it.
        key: the key segments, separated by a slash; empty if the address has none.
        query: the raw query string.
        headers: request headers, lower-case names.
        body: the decoded request body, empty for methods without one.
        paging_key: the secret that seals continuation tokens.
        ask: answers a request that is a part of this one; errors are answers too.
    """

    service: Service
    call: Call
    root: str
    path: str
    key: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    paging_key: bytes
    ask: Callable[[Request], Awaitable[Answer]]

    @property
    def bare(self) -> bool:
        """Whether the client wants no control information (``odata.metadata=none``)."""
        return b"metadata=none" in self.headers.get(b"accept", b"")

    def context(self, path: str) -> str:
        """Return the ``@odata.context`` of an answer, empty if the client wants none."""
        return "" if self.bare else f"{self.root}/$metadata#{path}"


class Answer(Struct, frozen=True):
    """One response: status, body, and what differs from the usual headers."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


NO_CONTENT = Answer(204)
"""The documented answer to every PATCH, PUT, DELETE and action: 204, no body."""

Handler: TypeAlias = Callable[[Exchange], Awaitable[Answer]]
