"""Which requests does a batch hold? From the JSON payload to its parts, or why it is no batch at all (wire.md 9.1).

A payload that breaks a rule is refused as a whole, before anything is done. What is wrong with one request only, such
as an address that does not exist, is the answer to that request.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, json

from xtap.errors import MalformedRequest

if TYPE_CHECKING:
    from collections.abc import Collection

    from xtap.model.schema import Document, Json

MAX_PARTS: Final = 20
"""Requests in one batch, as documented."""

_INVALID: Final = "Invalid batch payload format."
_TOO_MANY: Final = "Number of requests inside batch exceeds the limit."
_CONTENT_TYPE: Final = b"content-type"
_MEMBERS: Final = frozenset({"id", "method", "url", "headers", "body", "dependsOn", "depends_on"})
"""``depends_on`` is how msgraph-core for Python spells ``dependsOn``."""


class Part(Struct, frozen=True):
    """One request of a batch.

    Attributes:
        id: the client's name for it; equal to no other but for case.
        method: in capitals.
        url: as the client wrote it.
        headers: lower-case names.
        body: empty for none.
        after: ids of earlier requests that must succeed first, in lower case.
    """

    id: str
    method: str
    url: str
    headers: Mapping[bytes, bytes]
    body: bytes
    after: tuple[str, ...]


def parts(payload: Document) -> list[Part]:
    """Read the payload of a batch.

    Raises:
        MalformedRequest: it is no batch.
    """
    _only(payload, {"requests"}, "$")
    items = payload.get("requests")
    if not isinstance(items, list) or not items:
        raise _invalid("$.requests", "Expected a list with at least one request.")
    if len(items) > MAX_PARTS:
        raise MalformedRequest(f"{_TOO_MANY} Send at most {MAX_PARTS} requests in one batch, not {len(items)}.")
    found: dict[str, Part] = {}
    for number, item in enumerate(items):
        part = _part(item, f"$.requests[{number}]", found)
        found[part.id.lower()] = part
    return list(found.values())


def _part(item: Json, path: str, earlier: Mapping[str, Part]) -> Part:
    if not isinstance(item, dict):
        raise _invalid(path, "Expected an object.")
    _only(item, _MEMBERS, path)
    name = _text(item, "id", path)
    if name.lower() in earlier:
        raise MalformedRequest(f"Request Id {name[:64]} has to be unique in a batch.")
    headers, body = _headers(item, path), item.get("body")
    content = _content(body, f"{path}.body")
    if _CONTENT_TYPE not in headers and isinstance(body, str):
        headers[_CONTENT_TYPE] = b"application/json"  # kiota for TypeScript drops the headers of what it encodes
    if body is not None and _CONTENT_TYPE not in headers:
        raise MalformedRequest(f"Write request id : {name[:64]} does not contain Content-Type header or body.")
    after = _after(item, path)
    if missing := [each for each in after if each.lower() not in earlier]:
        raise MalformedRequest(
            f"Invalid dependency for request Id {name[:64]}. "
            f"No request before it in the batch has the id '{missing[0][:64]}'."
        )
    method, url = _text(item, "method", path).upper(), _text(item, "url", path)
    return Part(name, method, url, headers, content, tuple(each.lower() for each in after))


def _only(found: Document, known: Collection[str], path: str) -> None:
    """Refuse members that mean nothing here: one that is misspelt would silently be left undone."""
    for name in found:
        if name not in known and not name.startswith("@"):
            raise _invalid(f"{path}.{name[:64]}", f"Expected one of {', '.join(sorted(known))}.")


def _text(item: Document, name: str, path: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise _invalid(f"{path}.{name}", "Expected a text that is not empty.")
    return value


def _headers(item: Document, path: str) -> dict[bytes, bytes]:
    given = item.get("headers")
    headers: dict[bytes, bytes] = {}
    if given is None:
        return headers
    if not isinstance(given, dict):
        raise _invalid(f"{path}.headers", "Expected an object.")
    for name, value in given.items():
        if not isinstance(value, str):
            raise _invalid(f"{path}.headers.{name[:64]}", "Expected a text.")
        if name.lower().encode() in headers:
            raise _invalid(f"{path}.headers.{name[:64]}", "Expected each header once, in whatever case.")
        headers[name.lower().encode()] = value.encode()
    return headers


def _content(body: Json, path: str) -> bytes:
    """Return the bytes of a body: JSON as it stands there, anything else in base64."""
    if body is None:
        return b""
    if isinstance(body, (dict, list)):
        return json.encode(body)
    if isinstance(body, str):
        plain = body.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise _invalid(path, "A text must be base64.") from None
    raise _invalid(path, "Expected an object, or a text in base64.")


def _after(item: Document, path: str) -> list[str]:
    name = "dependsOn" if "dependsOn" in item else "depends_on"
    given = item.get(name)
    names = [] if given is None else given
    if not isinstance(names, list):
        raise _invalid(f"{path}.{name}", "Expected a list of ids.")
    texts = [each for each in names if isinstance(each, str)]
    if len(texts) < len(names):
        raise _invalid(f"{path}.{name}", "Expected a list of ids.")
    return texts


def _invalid(path: str, expected: str) -> MalformedRequest:
    return MalformedRequest(f"{_INVALID} {path}: {expected}")
