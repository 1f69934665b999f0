"""Where does the next page begin: a token that only this server can write, for this tenant and this query.

A token is ``base64url(mac ‖ position)`` without padding. The MAC covers the position *and* the fingerprint of tenant,
resource and query, which the token does not carry: a token that is sent with another one of these is refused just
like one that was changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.orderby import Position

if TYPE_CHECKING:
    from xtap.graph.odata.options import QueryOptions

MAX_LENGTH: Final = 8_192
"""Longest token, in characters."""

_MAC_SIZE: Final = 16
_DOMAIN: Final = b"xtap skiptoken 1\0"  # other uses of the same key can never yield a MAC of ours
_REFUSED: Final = "The $skiptoken is not valid for this request; repeat the request without it."
_decoder: Final = msgspec.json.Decoder(Position)


def fingerprint(tenant_id: str, resource: str, options: QueryOptions) -> bytes:
    """Return a digest of what a page belongs to.

    ``$top``, ``$skip``, ``$count`` and ``$format`` are left out: they change neither the objects nor their order, and
    a client may change the page size on its way.

    Args:
        tenant_id: the tenant of the caller.
        resource: the collection, such as its path below the version, and the version.
        options: the query options of the request.
    """
    query = (options.filter, options.orderby, options.search, options.apply, options.select, options.expand)
    return hashlib.sha256(msgspec.json.encode((tenant_id, resource, query))).digest()


def seal(key: bytes, position: Position, bound_to: bytes) -> str:
    """Write the token that continues after a position.

    Args:
        key: the secret of this installation, at least 32 random bytes, the same on every node.
        position: ``Ordering.position`` of the last object of this page.
        bound_to: the ``fingerprint`` of this request.

    Raises:
        UnsupportedQuery: the sort values are too long for a URL.
    """
    body = msgspec.json.encode(position)
    token = _encoded(_mac(key, body, bound_to) + body)
    if len(token) > MAX_LENGTH:
        raise UnsupportedQuery.at("$orderby", "The values of the properties to sort by are too long to page by.")
    return token


def unseal(key: bytes, token: str, bound_to: bytes) -> Position:
    """Return the position that a token continues after.

    Raises:
        UnsupportedQuery: the token was not written by ``seal`` with this key for this tenant, resource and query.
    """
    if len(token) > MAX_LENGTH:
        raise UnsupportedQuery.at("$skiptoken", _REFUSED)
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UnsupportedQuery.at("$skiptoken", _REFUSED) from None
    mac, body = raw[:_MAC_SIZE], raw[_MAC_SIZE:]
    # Bits that base64 does not use could be changed without changing the bytes: only one spelling is accepted.
    if _encoded(raw) != token or not hmac.compare_digest(mac, _mac(key, body, bound_to)):
        raise UnsupportedQuery.at("$skiptoken", _REFUSED)
    return _decoder.decode(body)


def _mac(key: bytes, body: bytes, bound_to: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + hashlib.sha256(bound_to).digest() + body, "sha256")[:_MAC_SIZE]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
