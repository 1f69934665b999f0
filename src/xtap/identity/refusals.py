"""Why was no token issued? The token endpoint's errors as Entra writes them and MSAL reads them.

Codes and texts: https://learn.microsoft.com/entra/identity-platform/reference-error-codes, shape: the sample there;
``error`` is that of RFC 6749 5.2.
"""

from __future__ import annotations

import time
from typing import Final

from msgspec import Struct

from xtap.errors import XtapError

SHOWN: Final = 128
"""Characters of a client's own input that a message repeats."""


class Refusal(Struct, frozen=True):
    """One row: AADSTS number, OAuth error, HTTP status, and text in which ``{0}`` and ``{1}`` stand for input."""

    number: int
    error: str
    status: int
    text: str


UNKNOWN_TENANT: Final = Refusal(
    90002,
    "invalid_request",
    400,
    "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. "
    "Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
)
NO_TENANT: Final = Refusal(
    50059,
    "invalid_request",
    400,
    "No tenant-identifying information found in either the request or implied by any provided credentials.",
)
UNKNOWN_APPLICATION: Final = Refusal(
    700016,
    "unauthorized_client",
    400,
    "Application with identifier '{0}' was not found in the directory '{1}'. This can happen if the application has "
    "not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have "
    "sent your authentication request to the wrong tenant.",
)
WRONG_SECRET: Final = Refusal(
    7000215,
    "invalid_client",
    401,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the "
    "client secret ID, for a secret added to app '{0}'.",
)
NO_SECRET: Final = Refusal(
    7000216,
    "invalid_client",
    401,
    "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type. "
    "This issuer knows 'client_secret' only.",
)
MISSING_PARAMETER: Final = Refusal(
    900144, "invalid_request", 400, "The request body must contain the following parameter: '{0}'."
)
DUPLICATE_PARAMETER: Final = Refusal(
    9000411, "invalid_request", 400, "The request is not properly formatted. The parameter '{0}' is duplicated."
)
MALFORMED: Final = Refusal(90023, "invalid_request", 400, "The authentication service request isn't valid. {0}")
TRANSIENT: Final = Refusal(90033, "temporarily_unavailable", 503, "A transient error has occurred. Please try again.")
TOO_MANY_GUESSES: Final = Refusal(
    90055,
    "temporarily_unavailable",
    429,
    "There are too many incoming requests: too many wrong client secrets for app '{0}' came from this address.",
)
UNSUPPORTED_GRANT: Final = Refusal(
    70003, "unsupported_grant_type", 400, "The app requested an unsupported grant type '{0}'."
)
INVALID_SCOPE: Final = Refusal(
    70011,
    "invalid_scope",
    400,
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' "
    "is not valid. The scope {0} is not valid.",
)
NO_DEFAULT_SCOPE: Final = Refusal(
    1002012,
    "invalid_scope",
    400,
    "The provided value for scope {0} is not valid. Client credential flows must have a scope value with /.default "
    "suffixed to the resource identifier (application ID URI).",
)
UNKNOWN_RESOURCE: Final = Refusal(
    500011,
    "invalid_resource",
    400,
    "The resource principal named {0} was not found in the tenant named {1}. This can happen if the application has "
    "not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have "
    "sent your authentication request to the wrong tenant.",
)


class TokenRefused(XtapError):
    """The token endpoint issues no token; ``refusal`` says which row of the table, the message is its text.

    ``retry_after`` is the seconds after which asking again makes sense, where that is known.
    """

    def __init__(self, refusal: Refusal, *values: str, retry_after: int | None = None) -> None:
        super().__init__(refusal.text.format(*(_shown(value) for value in values)))
        self.refusal = refusal
        self.retry_after = retry_after

    def body(self, *, now: float, trace_id: str, correlation_id: str, base_url: str) -> dict[str, object]:
        """Return the error document.

        Args:
            now: seconds since 1970.
            trace_id: a GUID for this answer.
            correlation_id: the GUID that the client sent, or the trace id.
            base_url: of the issuer, for ``error_uri``.
        """
        number = self.refusal.number
        timestamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
        return {
            "error": self.refusal.error,
            "error_description": f"AADSTS{number}: {self.message}\r\nTrace ID: {trace_id}\r\n"
            f"Correlation ID: {correlation_id}\r\nTimestamp: {timestamp}",
            "error_codes": [number],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"{base_url}/error?code={number}",
        }


def _shown(value: str) -> str:
    # Control characters could forge lines in a log or a terminal.
    return "".join(c if c.isprintable() else "?" for c in value[:SHOWN])
