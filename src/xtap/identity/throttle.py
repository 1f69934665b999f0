"""How often may somebody ask? Token buckets, one number each, for callers of the API and for guesses at secrets.

A bucket is kept as the moment at which it will be full again (the generic cell rate algorithm of ITU-T I.371): a
request moves that moment on by ``1 / rate`` seconds, and is refused when it would lie further ahead than a full bucket
lasts.
Buckets of those who have not asked for a while are full, and are forgotten.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil
from typing import TYPE_CHECKING, Final

from xtap.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from xtap.service.caller import Caller

BURST_SECONDS: Final = 10.0
"""How much a full bucket holds: what its rate gives in so many seconds, and at least one request."""

GUESSES: Final = 100
"""Wrong secrets that one machine may send for one application at once, or within the time that so many need."""

GUESSES_PER_SECOND: Final = 0.1
"""Wrong secrets that it may go on to send."""

REMEMBERED: Final = 100_000
"""Buckets that are kept; beyond that the one that was used longest ago is forgotten."""


class Buckets:
    """Token buckets of one rate, by whatever names who asks.

    Args:
        rate: requests per second that flow into each bucket, above 0.
        burst: requests that a full bucket holds.
        clock: seconds that only go forward.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._interval = 1 / rate
        self._tolerance = self._interval * (max(burst, 1.0) - 1)
        self._clock = clock
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, name: Hashable) -> float:
        """Return the seconds until this bucket has a request to give, 0 if it has one now; takes none."""
        now = self._clock()
        return max(0.0, self._full_at.get(name, now) - now - self._tolerance)

    def take(self, name: Hashable) -> float:
        """Take one request, if there is one; return 0, or else the seconds to wait."""
        now = self._clock()
        full_at = max(now, self._full_at.get(name, now))
        waiting = full_at - now - self._tolerance
        if waiting > 0:
            return waiting
        self._full_at[name] = full_at + self._interval
        self._full_at.move_to_end(name)
        if len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)
        return 0.0

    def owe(self, name: Hashable, count: int) -> None:
        """Take requests whether they are there or not; the bucket gives nothing until it has made up for them."""
        now = self._clock()
        self._full_at[name] = max(now, self._full_at.get(name, now)) + count * self._interval

    def give_back(self, name: Hashable) -> None:
        """Put back one request that was taken."""
        if name in self._full_at:
            self._full_at[name] -= self._interval


class Throttle:
    """The limits of one server for callers whose token was verified.

    Args:
        client_rate: requests per second of one client of a tenant; 0 for no limit.
        tenant_rate: requests per second of all clients of a tenant together; 0 for no limit.
        clock: seconds that only go forward.
    """

    def __init__(self, client_rate: float, tenant_rate: float, clock: Callable[[], float]) -> None:
        self._clients = Buckets(client_rate, client_rate * BURST_SECONDS, clock) if client_rate else None
        self._tenants = Buckets(tenant_rate, tenant_rate * BURST_SECONDS, clock) if tenant_rate else None

    def admit(self, caller: Caller) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the client, or its tenant, asked too often; a refused request is not counted.
        """
        if self._tenants is not None and (seconds := self._tenants.wait(caller.tenant)):
            raise _refusal("The applications of this tenant", seconds)
        # What its own bucket refuses takes nothing from the tenant's: one loud client does not silence the others.
        if self._clients is not None and (seconds := self._clients.take((caller.tenant, caller.client_id))):
            raise _refusal("This application", seconds)
        if self._tenants is not None:
            self._tenants.take(caller.tenant)

    def count(self, caller: Caller, more: int) -> None:
        """Count what an admitted request asks for beyond one thing; it is answered, and the next ones wait for it."""
        if self._clients is not None:
            self._clients.owe((caller.tenant, caller.client_id), more)
        if self._tenants is not None:
            self._tenants.owe(caller.tenant, more)


def _refusal(who: str, seconds: float) -> TooManyRequests:
    wait = ceil(seconds)
    return TooManyRequests(f"{who} sent too many requests. Please retry after {wait} seconds.", wait)
