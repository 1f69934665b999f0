"""Which header fields has a request? By name; what is sent twice is one list, or refused where there may be one only.

Two readers of one request, such as a proxy and this server, must not take different values of a field for the one that
counts (RFC 9110 5.3 and 7.2, RFC 9112 3.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


def fields(scope: MutableMapping[str, Any]) -> dict[bytes, bytes]:
    """Return the fields of a request, names in lower case; the values of one that came several times as a list."""
    raw = scope["headers"]
    found: dict[bytes, bytes] = dict(raw)
    if len(found) == len(raw):
        return found
    found.clear()
    for name, value in raw:
        found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return found


def ambiguous(scope: Mapping[str, Any]) -> str:
    """Say why nobody can tell whom a request is for, or who sends it; empty if everybody can."""
    raw = scope["headers"]
    single = dict(raw)
    if len(single) == len(raw) and single.get(b"host"):
        return ""
    names = [name for name, _ in raw]
    if names.count(b"authorization") > 1:
        return "The request has several Authorization headers. Send one."
    # The listener fills in an empty host where there is none.
    if scope["http_version"] == "1.1" and (names.count(b"host") != 1 or (b"host", b"") in raw):
        return "The request has no Host header, or several. Send one."
    return ""
