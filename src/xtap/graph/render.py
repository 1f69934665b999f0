"""How a stored document looks to a client: read through the type of the version, with its context in front."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Struct

    from xtap.model.schema import Document


REMEMBERED_SIZE = 16 * 1024
"""Bytes of the largest document whose answer is remembered, so that the memory for answers is bounded."""


def entity(document: bytes, shape: type[Struct], context: str = "") -> bytes:
    """Encode one stored document for a client.

    Answers are remembered: a stored document is the same object until it changes, so a repeated read costs one
    look-up (its hash is kept with it).

    Args:
        document: the stored JSON object.
        shape: the type that the API version shows; what it does not know is left out.
        context: the ``@odata.context``, empty for none.
    """
    return (
        _remembered(document, shape, context) if len(document) <= REMEMBERED_SIZE else _entity(document, shape, context)
    )


def _entity(document: bytes, shape: type[Struct], context: str) -> bytes:
    return with_context(json.encode(json.decode(document, type=shape)), context, shape)


_remembered = lru_cache(maxsize=16_384)(_entity)


def values(document: bytes, shape: type[Struct]) -> Document:
    """Decode one stored document as the version shows it."""
    shown: Document = json.decode(entity(document, shape))
    return shown


def with_context(body: bytes, context: str, shape: type[Struct] | None = None) -> bytes:
    """Put the context in front of the members of an encoded JSON object, and the type's name if it is a derived one."""
    if not context:
        return body
    derived: str | None = getattr(shape, "ODATA_TYPE", None)
    kind = b"" if derived is None else b'"@odata.type":%b,' % json.encode(derived)
    return b'{"@odata.context":%b,%b%b' % (json.encode(context), kind, body[1:])


def collection(items: Iterable[bytes], context: str, count: int | None, next_link: str | None) -> bytes:
    """Encode a page: context, count, the link to the next page, and the items, in this order."""
    members = []
    if context:
        members.append(b'"@odata.context":' + json.encode(context))
    if count is not None:
        members.append(b'"@odata.count":%d' % count)
    if next_link is not None:
        members.append(b'"@odata.nextLink":' + json.encode(next_link))
    members.append(b'"value":[%b]' % b",".join(items))
    return b"{%b}" % b",".join(members)
