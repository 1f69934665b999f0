"""What can go wrong, as one tree that knows nothing of HTTP.

Errors are raised where the cause is known; each surface maps them once, by one table
(``xtap.graph.errors`` for Graph, ``xtap.server.issuer`` for the token endpoint, ``xtap.cli.main`` for commands).
Messages are for the person who sent the input: what was found, what was expected, what to do.

    XtapError
    ├── InvalidInput          the input was read, and breaks rules: all violations at once
    │   ├── UnsupportedQuery  a query option that this resource cannot serve
    │   └── PolicyViolation   the setting is well-formed, but the state of other objects forbids it
    ├── MalformedRequest      the input could not be read at all
    │   ├── TooLarge          it is larger than the limit
    │   ├── TooSlow           it took longer than the limit to arrive
    │   ├── UnsupportedMedia  it is of a type that is not spoken here
    │   └── UnknownSegment    the path names something that does not exist in the API
    ├── Unauthenticated       no token, or one that is refused
    ├── Forbidden             the caller is known, and may not do this
    ├── NotFound              no such object for this tenant
    │   ├── NothingToUpdate   it was to be changed
    │   └── UnknownTenant     it is a tenant that is not in the register
    ├── Conflict              the state of the object forbids this
    │   └── AlreadyExists     an object with this key exists
    ├── DependencyFailed      what had to succeed before did not
    ├── TooManyRequests       the caller asks more often than it may; says when to try again
    ├── NotSupported          the object exists, the method does not
    ├── Unavailable           nothing was changed, try again later (storage full, read-only, locked)
    │   └── OutcomeUnknown    or it was: nobody knows, read before you try again
    └── ConfigurationError    the server or command cannot start like this
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule at one place of a document.

    Attributes:
        path: JSON path of the place, ``$`` for the whole document, such as ``$.inboundTrust.isMfaAccepted``.
        message: what was found, what was expected, and what to do.
        code: the kind of violation, one word for programs.
    """

    path: str
    message: str
    code: str = "InvalidValue"


class XtapError(Exception):
    """The root: every expected failure of xtap, with a message that may be shown to the person who caused it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(XtapError):
    """The input was read and breaks one or more rules; ``violations`` lists them all, in document order."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(violations[0].message)
        self.violations = tuple(violations)

    @classmethod
    def at(cls, path: str, message: str) -> Self:
        """Build the error for a single violation."""
        return cls((Violation(path, message),))


class UnsupportedQuery(InvalidInput):
    """A query option is unknown, malformed, or not served by this resource."""


class PolicyViolation(InvalidInput):
    """The document is well-formed, but the state of other objects of the tenant forbids it."""


class MalformedRequest(XtapError):
    """The request could not be read: not JSON, not UTF-8, nested too deep."""


class TooLarge(MalformedRequest):
    """The request is larger than the configured limit."""


class TooSlow(MalformedRequest):
    """The request took longer to arrive than the configured limit."""


class UnsupportedMedia(MalformedRequest):
    """The content type or encoding of the request is not understood."""


class UnknownSegment(MalformedRequest):
    """The path has a segment that the API does not know."""


class Unauthenticated(XtapError):
    """The request has no bearer token, or one that is refused; the message never repeats the token."""


class Forbidden(XtapError):
    """The caller is authenticated but lacks the permission or directory role; ``needs`` says which would do."""

    def __init__(self, message: str, needs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.needs = tuple(needs)


class NotFound(XtapError):
    """The object does not exist in the caller's tenant."""


class NothingToUpdate(NotFound):
    """The object that was to be changed does not exist in the caller's tenant."""


class UnknownTenant(NotFound):
    """No tenant of this id or domain is registered."""


class Conflict(XtapError):
    """The present state of the object forbids the change."""


class AlreadyExists(Conflict):
    """An object with this key exists already."""


class DependencyFailed(XtapError):
    """Something else had to be done before this, and it failed; this was not tried."""


class TooManyRequests(XtapError):
    """The caller asks more often than it may; nothing was done.

    ``retry_after`` is the whole seconds to wait, ``scope`` whose requests were counted, ``reason`` what was exceeded.
    """

    def __init__(self, message: str, retry_after: int = 1, scope: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.scope = scope
        self.reason = reason


class NotSupported(XtapError):
    """The resource exists, but not with this method; ``allowed`` lists those it has, separated by commas."""

    def __init__(self, message: str, allowed: str = "") -> None:
        super().__init__(message)
        self.allowed = allowed


class Unavailable(XtapError):
    """The change was not made and nothing was lost; the same request may succeed later.

    ``detail`` is for the log and the terminal of the operator only: it may name addresses, users and paths.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.message} ({self.detail})" if self.detail else self.message


class OutcomeUnknown(Unavailable):
    """The storage was lost while it made the change, which it may have made; who sends it again may make it twice."""


class ConfigurationError(XtapError):
    """The server or command cannot start with these settings."""
