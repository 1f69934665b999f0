"""How an error looks to a Graph client: one table from kinds of errors to status and code (wire.md section 9)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import json

from xtap import errors
from xtap.graph.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from xtap.errors import XtapError

TABLE: Mapping[type[XtapError], tuple[int, str]] = MappingProxyType(
    {
        errors.InvalidInput: (400, "Request_BadRequest"),
        errors.UnsupportedQuery: (400, "BadRequest"),
        errors.PolicyViolation: (400, "Request_BadRequest"),
        errors.MalformedRequest: (400, "BadRequest"),
        errors.TooLarge: (413, "RequestEntityTooLarge"),
        errors.TooSlow: (408, "RequestTimeout"),
        errors.UnsupportedMedia: (415, "UnsupportedMediaType"),
        errors.UnknownSegment: (400, "BadRequest"),
        errors.Unauthenticated: (401, "InvalidAuthenticationToken"),
        errors.Forbidden: (403, "Authorization_RequestDenied"),
        errors.NotFound: (404, "Request_ResourceNotFound"),
        errors.NothingToUpdate: (404, "Directory_ObjectNotFound"),
        errors.UnknownTenant: (404, "Directory_ObjectNotFound"),
        errors.Conflict: (409, "Request_Conflict"),
        errors.AlreadyExists: (409, "Request_MultipleObjectsWithSameKeyValue"),
        errors.DependencyFailed: (424, "FailedDependency"),
        errors.TooManyRequests: (429, "TooManyRequests"),
        errors.NotSupported: (405, "Request_BadRequest"),
        errors.Unavailable: (503, "ServiceUnavailable"),
        errors.OutcomeUnknown: (503, "ServiceUnavailable"),
        errors.ConfigurationError: (500, "InternalServerError"),
        errors.XtapError: (500, "InternalServerError"),
    }
)

ERROR_JSON = b"application/json"
EXPAND_NOT_SUPPORTED = "ExpandNotSupported"
"""The one kind of bad query for which the service has a code of its own."""
_RETRY = ((b"retry-after", b"1"),)
_THROTTLED = {"code": "429", "message": "Please retry after", "status": "429"}
"""What the inner error has besides, as in the concept page on throttling."""


def answer(error: XtapError, request_id: str, client_request_id: str, now: datetime) -> Answer:
    """Build the answer for an expected error.

    Args:
        error: what went wrong.
        request_id: our id of the request.
        client_request_id: the client's id of it.
        now: the time in UTC; it travels without zone and fraction.
    """
    status, code = next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)
    if isinstance(error, errors.UnsupportedQuery) and error.violations[0].code == EXPAND_NOT_SUPPORTED:
        code = EXPAND_NOT_SUPPORTED
    problem: dict[str, object] = {"code": code, "message": error.message}
    details = _details(error)
    if details:
        problem["details"] = details
    inner = {
        "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": request_id,
        "client-request-id": client_request_id,
    }
    problem["innerError"] = inner | (_THROTTLED if isinstance(error, errors.TooManyRequests) else {})
    return Answer(status, json.encode({"error": problem}), ERROR_JSON, _headers(error))


def not_allowed(methods: Iterable[str]) -> errors.NotSupported:
    """Build the error for a method that an address does not have; these are the ones it has."""
    return errors.NotSupported(
        "Specified HTTP method is not allowed for the request target.", ", ".join(sorted(methods))
    )


def unexpected() -> XtapError:
    """Build the error for a fault of ours: what happened stands in the log, under the request id."""
    return errors.XtapError("An internal error occurred. The log of the server has it under this request-id.")


def _details(error: XtapError) -> list[dict[str, str]]:
    match error:
        case errors.InvalidInput():
            return [{"code": v.code, "message": v.message, "target": v.path} for v in error.violations]
        case errors.Forbidden():
            return [{"code": "MissingPrivilege", "message": need} for need in error.needs]
        case _:
            return []


def _headers(error: XtapError) -> tuple[tuple[bytes, bytes], ...]:
    match error:
        case errors.Unauthenticated():
            return ((b"www-authenticate", b'Bearer realm="", error="invalid_token"'),)
        case errors.Unavailable():
            return _RETRY
        case errors.TooManyRequests():
            return _throttled(error)
        case errors.NotSupported():
            return ((b"allow", error.allowed.encode()),)
        case _:
            return ()


def _throttled(error: errors.TooManyRequests) -> tuple[tuple[bytes, bytes], ...]:
    told = {b"x-ms-throttle-scope": error.scope, b"x-ms-throttle-information": error.reason}
    named = tuple((name, value.encode()) for name, value in told.items() if value)
    return ((b"retry-after", b"%d" % error.retry_after), *named)
