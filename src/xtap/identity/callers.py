"""Who sends this request? From its Authorization header to a caller of a tenant that this server knows."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from xtap.errors import Unauthenticated
from xtap.service import tenants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xtap.identity.throttle import Throttle
    from xtap.model.ids import TenantId
    from xtap.service.caller import Caller
    from xtap.store.protocol import Store


UNKNOWN_SECONDS: Final = 1.0
"""Seconds for which a tenant that the database did not know is unknown, without a read for each of its requests."""

UNKNOWN: Final = 10_000
"""Tenants that are remembered as unknown; all are forgotten when there are more."""


class Tokens(Protocol):
    """Who turns bearer tokens into callers."""

    def cached(self, token: str) -> Caller | None:
        """Return the caller of a token that was verified before and is still good."""
        ...

    async def caller(self, token: str) -> Caller:
        """Verify a token.

        Raises:
            Unauthenticated: it is refused.
        """
        ...


class Callers:
    """The callers of one server; every surface asks here.

    Args:
        tokens: who verifies bearer tokens.
        store: where the register of tenants is.
        throttle: how often they may ask; None for no limit.
    """

    def __init__(self, tokens: Tokens, store: Store, throttle: Throttle | None = None) -> None:
        self._tokens = tokens
        self._throttle = throttle
        self._store = store
        self._registered: set[TenantId] = set()
        self._ask_at: dict[TenantId, float] = {}

    def judge_by(self, tokens: Tokens) -> None:
        """Let somebody else verify bearer tokens from now on; those that were verified are verified again."""
        self._tokens = tokens

    async def of(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return the caller of a request.

        Args:
            headers: of the request, names in lower case.

        Raises:
            Unauthenticated: no bearer token, one that is refused, or one of a tenant that is not registered here.
            TooManyRequests: this caller asks too often.
        """
        authorization = headers.get(b"authorization", b"")
        if authorization[:7].lower() != b"bearer ":
            raise Unauthenticated("Access token is empty.")
        token = authorization[7:].strip().decode("latin-1")
        caller = self._tokens.cached(token) or await self._tokens.caller(token)
        if caller.tenant not in self._registered:
            await self._require_registered(caller.tenant)
        if self._throttle is not None:
            self._throttle.admit(caller)
        return caller

    def count(self, caller: Caller, more: int) -> None:
        """Count what a request asks for beyond one thing, as that many requests."""
        if self._throttle is not None and more > 0:
            self._throttle.count(caller, more)

    async def _require_registered(self, tenant: TenantId) -> None:
        """Refuse a tenant that is not registered; one that another process has just registered is."""
        registered = await tenants.find(self._store, tenant) is not None
        if not registered and monotonic() >= self._ask_at.get(tenant, 0.0):
            registered = await tenants.is_registered(self._store, tenant)
            if len(self._ask_at) >= UNKNOWN:
                self._ask_at.clear()
            self._ask_at[tenant] = monotonic() + UNKNOWN_SECONDS
        if not registered:
            raise Unauthenticated("The tenant of the access token is not known to this server.")
        self._registered.add(tenant)
