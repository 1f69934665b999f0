"""What does the body of a request say? From bytes to a JSON object, or the reason why not.

Stricter than RFC 8259 asks: a duplicate member is refused, because two readers could take different ones.
"""

from __future__ import annotations

import json
import zlib
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import msgspec

from xtap.errors import MalformedRequest, TooLarge, UnsupportedMedia

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from xtap.model.schema import Document, Json

MAX_BODY = 1024 * 1024
"""Bytes of one request body, also after decompression."""

DROPPED_BODY = 16 * MAX_BODY
"""Bytes of a request body that are taken in before the connection is given up."""

MAX_DEPTH = 32
"""Nesting of arrays and objects; the deepest document of the API has 6 levels."""

UNREADABLE = (
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
)
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


Receive: TypeAlias = "Callable[[], Awaitable[MutableMapping[str, Any]]]"


async def read(receive: Receive) -> bytes:
    """Read the request body.

    Raises:
        TooLarge: it is longer than MAX_BODY. A few times as much is still taken in and dropped, because a client
            that is cut off while it sends would never read the answer.
        TooSlow: it did not come in time.
    """
    body, size = b"", 0
    while True:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            body += chunk
        if size > DROPPED_BODY or not message.get("more_body", False):
            break
    if size > MAX_BODY:
        raise too_large()
    return body


def decoded(body: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """Undo the content encoding of a body.

    Raises:
        UnsupportedMedia: an encoding other than gzip, deflate or identity.
        TooLarge: more than MAX_BODY bytes come out.
        MalformedRequest: the compressed data is broken.
    """
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding == b"identity":
        return body
    if encoding not in {b"gzip", b"x-gzip", b"deflate"}:
        raise UnsupportedMedia("Content-Encoding is not supported. Send gzip, deflate, or no Content-Encoding.")
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = inflate.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise MalformedRequest("The request body is not valid gzip data.") from None
    if len(plain) > MAX_BODY:
        raise too_large()
    if not inflate.eof:
        raise MalformedRequest("The gzip data of the request body ends too early.")
    if inflate.unused_data:
        raise MalformedRequest("The request body goes on behind its gzip data.")
    return plain


def too_large() -> TooLarge:
    """Build the error for a body over the limit."""
    return TooLarge(f"The request body is larger than {MAX_BODY} bytes. Send fewer targets in one request; use groups.")


def json_object(body: bytes, headers: Mapping[bytes, bytes]) -> Document:
    """Read a request body that must be a JSON object.

    Raises:
        UnsupportedMedia: the content type is another one than JSON.
        MalformedRequest: there is no content type, or the body is no JSON object in UTF-8, or nested too deep.
    """
    _require_json(headers)
    try:
        value = _plain(body) or _careful(body)
    except (ValueError, RecursionError, msgspec.DecodeError):
        raise MalformedRequest(UNREADABLE) from None
    if not isinstance(value, dict):
        raise MalformedRequest(f"{UNREADABLE} Expected a JSON object.")
    return value


def _plain(body: bytes) -> Json:
    """Read a body that hides nothing, ten times as fast; None for any other.

    Without a backslash there are no lone surrogates, and a member that was lost as a duplicate shows: writing the
    value again needs fewer quotation marks.
    """
    if b"\\" in body:
        return None
    try:
        value = _shallow.decode(body)
    except msgspec.ValidationError:
        return None
    again = msgspec.json.encode(value)
    return value if again == body or again.count(b'"') == body.count(b'"') else None


def _shallow_decoder(levels: int) -> msgspec.json.Decoder[Json]:
    """Return a decoder of objects in objects, so many levels, and lists of them: it reads as fast as one of anything.

    A list in a list is none: the API has none, and the type grows slowly without.
    """
    scalar = str | int | float | bool | None
    inner, outer = scalar, scalar
    for _ in range(levels):
        inner, outer = outer, scalar | dict[str, outer] | list[scalar | dict[str, inner]]  # type: ignore[valid-type]
    return msgspec.json.Decoder(outer)


_shallow: Final = _shallow_decoder(8)
"""Deepest in use: groups of a subject in AuthZEN evaluations, and authentication methods of its claims."""


def _careful(body: bytes) -> Json:
    value: Json = json.loads(body.decode(), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
    _check_tree(value, MAX_DEPTH)
    return value


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    given = headers.get(b"content-type", b"")
    if given == b"application/json":
        return
    content_type = given.split(b";", 1)
    media, parameters = content_type[0].strip().lower(), content_type[-1].lower()
    if not media:
        raise MalformedRequest(UNREADABLE)
    if media != b"application/json" or (b"charset=" in parameters and b"utf-8" not in parameters):
        raise UnsupportedMedia("The content type is not supported. Send Content-Type: application/json in UTF-8.")


def _unique(pairs: list[tuple[str, Json]]) -> Document:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("duplicate member")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_tree(value: Json, depth: int) -> None:
    """Refuse deep nesting, and text that UTF-8 cannot carry (lone surrogates from escapes)."""
    if depth < 0:
        raise MalformedRequest(f"The JSON request payload is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise MalformedRequest("The JSON request payload has text with unpaired surrogates.") from None
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_tree(name, 0)
            _check_tree(member, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_tree(item, depth - 1)
