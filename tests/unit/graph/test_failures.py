"""Every error has one row, and every row looks like Graph's."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from xtap import errors
from xtap.authzen import failures as authzen
from xtap.errors import Violation, XtapError
from xtap.graph.failures import EXPAND_NOT_SUPPORTED, TABLE, answer, unexpected
from xtap.store.group_commit import Contended
from xtap.store.unreadable import Unreadable

NOW = datetime(2026, 11, 21, 13, 14, 15, 999_999, tzinfo=UTC)
CLASSES = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, XtapError)]

WANTED = {
    "InvalidInput": (400, "Request_BadRequest"),
    "UnsupportedQuery": (400, "BadRequest"),
    "PolicyViolation": (400, "Request_BadRequest"),
    "MalformedRequest": (400, "BadRequest"),
    "TooLarge": (413, "RequestEntityTooLarge"),
    "TooSlow": (408, "RequestTimeout"),
    "UnsupportedMedia": (415, "UnsupportedMediaType"),
    "UnknownSegment": (400, "BadRequest"),
    "Unauthenticated": (401, "InvalidAuthenticationToken"),
    "Forbidden": (403, "Authorization_RequestDenied"),
    "NotFound": (404, "Request_ResourceNotFound"),
    "NothingToUpdate": (404, "Directory_ObjectNotFound"),
    "UnknownTenant": (404, "Directory_ObjectNotFound"),
    "Conflict": (409, "Request_Conflict"),
    "AlreadyExists": (409, "Request_MultipleObjectsWithSameKeyValue"),
    "DependencyFailed": (424, "FailedDependency"),
    "TooManyRequests": (429, "TooManyRequests"),
    "NotSupported": (405, "Request_BadRequest"),
    "Unavailable": (503, "ServiceUnavailable"),
    "OutcomeUnknown": (503, "ServiceUnavailable"),
    "ConfigurationError": (500, "InternalServerError"),
    "XtapError": (500, "InternalServerError"),
}


def _made(kind: type[XtapError]) -> XtapError:
    if issubclass(kind, errors.InvalidInput):
        return kind((Violation("$.a", "first"), Violation("$.b", "second", "Other")))
    return kind("what happened")


def _answered(error: XtapError) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    found = answer(error, "our-id", "their-id", NOW)
    return found.status, json.loads(found.body), dict(found.headers)


def test_every_error_has_a_row():
    assert set(TABLE) == set(CLASSES)
    assert {each.__name__ for each in CLASSES} == set(WANTED)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_looks_like_one_of_graph(kind: type[XtapError]) -> None:
    status, body, headers = _answered(_made(kind))
    assert (status, body["error"]["code"]) == WANTED[kind.__name__]
    assert body["error"]["message"] == ("first" if issubclass(kind, errors.InvalidInput) else "what happened")
    assert body["error"]["innerError"] == {
        "date": "2026-11-21T13:14:15",
        "request-id": "our-id",
        "client-request-id": "their-id",
    } | ({"code": "429", "status": "429", "message": "Please retry after"} if status == 429 else {})
    assert list(body) == ["error"]
    extra = {401: {b"www-authenticate"}, 405: {b"allow"}, 429: {b"retry-after"}, 503: {b"retry-after"}}
    assert set(headers) == extra.get(status, set())


def test_violations_are_details():
    _, body, _ = _answered(_made(errors.InvalidInput))
    assert body["error"]["details"] == [
        {"code": "InvalidValue", "message": "first", "target": "$.a"},
        {"code": "Other", "message": "second", "target": "$.b"},
    ]


def test_missing_privileges_are_details():
    _, body, _ = _answered(errors.Forbidden("no", ("this", "or that")))
    assert body["error"]["details"] == [
        {"code": "MissingPrivilege", "message": "this"},
        {"code": "MissingPrivilege", "message": "or that"},
    ]
    assert "details" not in _answered(errors.Forbidden("no"))[1]["error"]


def test_expand_has_a_code_of_its_own():
    error = errors.UnsupportedQuery((Violation("$expand", "no", EXPAND_NOT_SUPPORTED),))
    assert _answered(error)[1]["error"]["code"] == "ExpandNotSupported"


def test_clients_are_told_what_to_do_next():
    assert _answered(errors.Unauthenticated("no"))[2][b"www-authenticate"].startswith(b"Bearer ")
    assert _answered(errors.NotSupported("no", "GET, PATCH"))[2] == {b"allow": b"GET, PATCH"}
    assert _answered(errors.Unavailable("later"))[2][b"retry-after"].isdigit()
    assert _answered(errors.TooManyRequests("no", 7))[2] == {b"retry-after": b"7"}
    assert _answered(errors.TooManyRequests("no", 7, "Tenant/Write/a/b", "Why"))[2] == {
        b"retry-after": b"7",
        b"x-ms-throttle-scope": b"Tenant/Write/a/b",
        b"x-ms-throttle-information": b"Why",
    }


def test_a_fault_of_ours_tells_nothing_but_where_to_look():
    status, body, _ = _answered(unexpected())
    assert status == 500
    assert "request-id" in body["error"]["message"]


def test_a_kind_of_error_that_has_no_row_is_answered_as_what_it_is():
    for kind in (Contended, Unreadable):
        made = answer(kind("lost"), "ours", "theirs", NOW)
        assert (made.status, json.loads(made.body)["error"]["code"]) == (503, "ServiceUnavailable")
        assert (b"retry-after", b"1") in made.headers
        assert authzen.answer(kind("lost")) == (503, b'"lost"', [(b"retry-after", b"1")])
