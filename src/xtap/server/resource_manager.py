"""What does a resource manager say that manages nothing? The Azure CLI asks for subscriptions when somebody signs in.

    GET /subscriptions?api-version=2022-12-01           none

A tenant here has no subscriptions: sign in with ``az login --allow-no-subscriptions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.identity.callers import Callers

PATH: Final = "/subscriptions"


async def answer(callers: Callers, headers: Mapping[bytes, bytes]) -> tuple[int, object]:
    """Return status and body of the answer to a request with these headers, names in lower case."""
    try:
        await callers.of(headers)
    except Unauthenticated as error:
        return 401, {"error": {"code": "AuthenticationFailed", "message": error.message}}
    return 200, {"value": []}
