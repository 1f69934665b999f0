"""Where does the next page begin: a token that only this server can write, for this tenant and this query.

It is sealed (``xtap.http.sealed``) together with a fingerprint of tenant, resource and query.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from xtap.errors import UnsupportedQuery
from xtap.graph.odata.orderby import Position
from xtap.http import sealed

if TYPE_CHECKING:
    from xtap.graph.odata.options import QueryOptions

MAX_LENGTH: Final = 8_192
"""Longest token, in characters."""

_PURPOSE: Final = b"xtap skiptoken 1"
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
    token = sealed.seal(key, _PURPOSE, msgspec.json.encode(position), bound_to)
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
    body = sealed.unseal(key, _PURPOSE, token, bound_to)
    if body is None:
        raise UnsupportedQuery.at("$skiptoken", _REFUSED)
    return _decoder.decode(body)
