"""How much may be asked in a while? The limits that the service documents for these resources, counted as it counts.

Source: page "Microsoft Graph service-specific throttling limits" (throttling-limits; 2023 to 2025): identity and
access, identity and access reports, and the global limit. Usage is counted in windows that move with the emulator's
clock; a refused request counts too, until a window holds 1.8 times its limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta, Struct, ValidationError, convert

from xtap.errors import InvalidInput, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from xtap.graph.exchange import Request
    from xtap.model.ids import TenantId
    from xtap.model.schema import Document
    from xtap.service.caller import Caller

READS: Final = frozenset({"GET", "HEAD"})
NOTICED: Final = 0.8
"""From which share of a limit on answers tell how much of it is used."""

FULLEST: Final = 1.8
"""How far above its limit a window is counted."""

GRAIN: Final = 0.1
"""Seconds within which requests are counted as one, so that the memory for a window is bounded."""

Size = Literal["S", "M", "L"]


class Scope(StrEnum):
    """Whose requests are counted together; the values are those of ``x-ms-throttle-scope``."""

    PAIR = "Tenant_Application"
    APPLICATION = "Application"
    TENANT = "Tenant"


class Quota(Struct, frozen=True, eq=False):
    """One limit.

    Attributes:
        scope: whose requests count together.
        amount: how much may be used, by the size of the tenant.
        seconds: in how long a time.
        reason: what an answer says was exceeded.
    """

    scope: Scope
    amount: Mapping[str, int]
    seconds: int
    reason: str

    @property
    def writes(self) -> bool:
        """Whether only writes count, one each, instead of resource units."""
        return self.reason == _WRITES


def _same(amount: int) -> Mapping[str, int]:
    return MappingProxyType(dict.fromkeys(("S", "M", "L"), amount))


_UNITS, _WRITES = "ResourceUnitLimitExceeded", "WriteLimitExceeded"
_EVERYTHING: Final = Quota(Scope.APPLICATION, _same(130_000), 10, _UNITS)
IDENTITY: Final = (
    Quota(Scope.PAIR, MappingProxyType({"S": 3_500, "M": 5_000, "L": 8_000}), 10, _UNITS),
    Quota(Scope.PAIR, _same(3_000), 150, _WRITES),
    Quota(Scope.APPLICATION, _same(150_000), 20, _UNITS),
    Quota(Scope.APPLICATION, _same(70_000), 300, _WRITES),
    Quota(Scope.TENANT, _same(18_000), 300, _WRITES),
    _EVERYTHING,
)
REPORTS: Final = (Quota(Scope.PAIR, _same(5), 10, "RequestLimitExceeded"), _EVERYTHING)
"""The limits of ``auditLogs``; they count requests, which cost one unit each."""

_COSTS: Final = MappingProxyType({"users": 2, "policies/crosstenantaccesspolicy/default": 4})
"""Resource units of a GET that are not 1: documented for users, captured for the default policy."""


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant is held to.

    Attributes:
        size: of the tenant: S below 50 users, M to 500, L above.
        share: of the documented limits, so that tests reach them with few requests.
    """

    size: Size = "S"
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0


class Window:
    """What was used in the last seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, int]] = deque()
        self.used = 0

    def forget(self, now: float) -> None:
        """Leave out what is older than the window."""
        while self._entries and self._entries[0][0] <= now - self._seconds:
            self.used -= self._entries.popleft()[1]

    def add(self, now: float, cost: int) -> None:
        """Count a request."""
        self.used += cost
        if self._entries and now - self._entries[-1][0] < GRAIN:
            first, before = self._entries.pop()
            self._entries.append((first, before + cost))
        else:
            self._entries.append((now, cost))

    def wait(self, now: float, excess: int) -> float:
        """Return the seconds until that much has left the window."""
        for moment, cost in self._entries:
            excess -= cost
            if excess <= 0:
                return moment + self._seconds - now
        return float(self._seconds)


class RequestLimits:
    """The limits of a server's tenants: none, until a tenant is given some.

    Args:
        now: the time in UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._limits: dict[TenantId, Limits] = {}
        self._windows: dict[tuple[Quota, str], Window] = {}

    def set(self, tenant: TenantId, document: Document) -> None:
        """Hold a tenant to limits; what it used before is forgotten.

        Raises:
            InvalidInput: they are not understood.
        """
        try:
            limits = convert(document, Limits)
        except ValidationError as error:
            message, _, where = str(error).partition(" - at `")
            raise InvalidInput.at(where.rstrip("`") or "$", f"{message}.") from None
        self.clear(tenant)
        self._limits[tenant] = limits

    def clear(self, tenant: TenantId) -> None:
        """Hold a tenant to no limits any more."""
        self._limits.pop(tenant, None)
        self._windows = {name: each for name, each in self._windows.items() if tenant not in name[1].split("/")}

    def of(self, tenant: TenantId) -> Limits | None:
        """Return the limits of a tenant, None without any."""
        return self._limits.get(tenant)

    def admit(self, caller: Caller, request: Request) -> tuple[tuple[bytes, bytes], ...]:
        """Count a request, and return the headers that tell of it.

        Raises:
            TooManyRequests: it is above a limit.
        """
        limits = self._limits.get(caller.tenant)
        path = request.path.strip("/").lower()
        if limits is None or path == "$batch":  # each of its parts is counted
            return ()
        now = self._now().timestamp()
        units = cost(request.method, path, request.query.decode("latin-1"))
        refusals, fullest = [], 0.0
        for quota in REPORTS if path.startswith("auditlogs") else IDENTITY:
            if quota.writes and request.method in READS:
                continue
            amount = max(1, int(quota.amount[limits.size] * limits.share))
            used, waiting = self._count(quota, caller, now, min(1 if quota.writes else units, amount), amount)
            fullest = max(fullest, used / amount)
            if waiting:
                refusals.append((waiting, quota))
        if refusals:
            raise _refusal(max(ceil(waiting) for waiting, _ in refusals), refusals[0][1], caller)
        told = [(b"x-ms-resource-unit", b"%d" % units)]
        if fullest > NOTICED:
            told.append((b"x-ms-throttle-limit-percentage", b"%.2f" % min(fullest, FULLEST)))
        return tuple(told)

    def _count(self, quota: Quota, caller: Caller, now: float, costs: int, amount: int) -> tuple[int, float]:
        """Count a request by one limit; return how much is used then, and the seconds to wait if that is too much."""
        window = self._windows.setdefault((quota, _whose(quota.scope, caller)), Window(quota.seconds))
        window.forget(now)
        fits = window.used + costs <= amount
        if window.used + costs <= amount * FULLEST:
            window.add(now, costs)
        return window.used, 0.0 if fits else window.wait(now, window.used + costs - amount)


def cost(method: str, path: str, query: str) -> int:
    """Return the resource units of a request, at least 1.

    Args:
        method: the HTTP method.
        path: below the version, in lower case, without slashes around it.
        query: the raw query string.
    """
    options = {name.lower().removeprefix("%24").lstrip("$"): value for name, _, value in map(_split, query.split("&"))}
    units = _COSTS.get(path, 1) if method in READS else 1
    units += ("expand" in options) - ("select" in options)
    few = options.get("top", "")
    return max(1, units - (few.isdecimal() and int(few) < 20))


def _split(option: str) -> tuple[str, str, str]:
    return option.partition("=")


def _whose(scope: Scope, caller: Caller) -> str:
    match scope:
        case Scope.PAIR:
            return f"{caller.client_id}/{caller.tenant}"
        case Scope.APPLICATION:
            return caller.client_id
        case Scope.TENANT:
            return caller.tenant


def _refusal(seconds: int, quota: Quota, caller: Caller) -> TooManyRequests:
    counted = "Write" if quota.writes else "ReadWrite"
    scope = f"{quota.scope}/{counted}/{caller.client_id}/{caller.tenant}"
    return TooManyRequests("Please retry again later.", max(1, seconds), scope, quota.reason)
