"""How does a request look that came through a proxy? As its client wrote it: with the public scheme and host.

A proxy that ends TLS speaks plain http to xtap, so links in answers would have the wrong scheme, and clients refuse to
send tokens there. Headers such as ``X-Forwarded-Proto`` are not believed: anybody can send them. Only the last address
of ``X-Forwarded-For``, which the proxy itself put there, is taken as the client's: wrong secrets are counted by it.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def behind_proxy(scope: MutableMapping[str, Any], public_url: str) -> MutableMapping[str, Any]:
    """Return the scope of a request as if it had come to this address."""
    scheme, host = _parts(public_url)
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "scheme": scheme, "client": _client(scope), "headers": [(b"host", host), *headers]}


def _client(scope: MutableMapping[str, Any]) -> Any:
    """Return address and port (0) of who the proxy says it was, or of the proxy where it says nothing."""
    said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last = said[-1].rpartition(b",")[2].strip() if said else b""
    try:
        return str(ip_address(last.decode("latin-1"))), 0
    except ValueError:
        return scope.get("client")


@lru_cache(maxsize=8)
def _parts(public_url: str) -> tuple[str, bytes]:
    parts = urlsplit(public_url)
    return parts.scheme, parts.netloc.encode()
