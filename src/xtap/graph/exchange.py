"""What a handler is given and what it returns: a request that is authenticated and routed, and an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from xtap.service.context import Call, Service

JSON = b"application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
"""The content type of data, as captured from the service (wire.md section 8.2)."""

BARE_JSON = b"application/json;odata.metadata=none;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
"""The content type of data without control information, if the client asked for that."""


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
