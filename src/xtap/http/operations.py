"""Which operation is this request? Surfaces note it in the scope of the connection, for logs, metrics and traces.

An operation is a method and an address of the table of routes, such as ``GET /policies/.../partners/{key}``: there are
as many as there are lines in the table, and nothing that a client sent is in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from xtap.model.ids import is_guid

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_KEY: Final = "xtap.operation"

OTHER: Final = "other"
"""Requests that were refused before their operation was known, or that have none."""


def note(scope: MutableMapping[str, Any], operation: str) -> None:
    """Note which operation a request is."""
    scope[_KEY] = operation


def about(scope: MutableMapping[str, Any], request_id: str) -> dict[str, str]:
    """Return what a line of the log may say of a request; an id that a client made up is said only if it is a GUID."""
    return {"operation": noted(scope)} | ({"request_id": request_id} if is_guid(request_id) else {})


def noted(scope: MutableMapping[str, Any]) -> str:
    """Return which operation a request is, as far as that is known."""
    operation: str = scope.get(_KEY, OTHER)
    return operation
