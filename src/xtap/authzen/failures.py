"""How does an error look to an enforcement point? One table from kinds of errors to status (AuthZEN 1.0, section 10.1).

The body is the message as a JSON string. A denied access is no error.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import json

from xtap import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.errors import XtapError

TABLE: Mapping[type[XtapError], int] = MappingProxyType(
    {
        errors.InvalidInput: 400,
        errors.MalformedRequest: 400,
        errors.TooLarge: 413,
        errors.TooSlow: 408,
        errors.UnsupportedMedia: 400,
        errors.Unauthenticated: 401,
        errors.Forbidden: 403,
        errors.NotFound: 404,
        errors.TooManyRequests: 429,
        errors.NotSupported: 405,
        errors.Unavailable: 503,
        errors.OutcomeUnknown: 503,
    }
)
"""What else may be raised is a fault of ours: 500."""


def answer(error: XtapError) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Return status, body and headers for an expected error."""
    status = next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), 500)
    needs = error.needs if isinstance(error, errors.Forbidden) else ()
    return status, json.encode(" ".join((error.message, *needs))), _headers(error)


def _headers(error: XtapError) -> list[tuple[bytes, bytes]]:
    match error:
        case errors.Unauthenticated():
            return [(b"www-authenticate", b'Bearer error="invalid_token"')]
        case errors.TooManyRequests():
            return [(b"retry-after", b"%d" % error.retry_after)]
        case errors.NotSupported():
            return [(b"allow", error.allowed.encode())]
        case errors.Unavailable():
            return [(b"retry-after", b"1")]
        case _:
            return []
