"""Which state does a read see that lags behind a write? The tenant's before it, for this one request only."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from xtap.model.ids import DIRECTORY, TenantId
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.store.protocol import Store

_shown: Final[ContextVar[Mapping[TenantId, Snapshot] | None]] = ContextVar("xtap_past", default=None)


class Lag(Struct):
    """Reads of one address that will be answered from the past.

    Attributes:
        states: of the tenant and of the register, as they were.
        left: how many reads.
    """

    states: Mapping[TenantId, Snapshot]
    left: int


class PastStore:
    """A store that answers requests inside :func:`seen_as` from what was; all else, and every change, is of now.

    Args:
        store: the real one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        """Return the state of a tenant that this request sees."""
        past = _shown.get() or {}
        return past[tenant] if tenant in past else await self._store.snapshot(tenant)

    def at_hand(self, tenant: TenantId) -> Snapshot | None:
        """Return the state of a tenant that this request sees, if nobody has to wait for it."""
        past = _shown.get() or {}
        return past[tenant] if tenant in past else self._store.at_hand(tenant)

    def __getattr__(self, name: str) -> Any:
        """Return what the real store has."""
        return getattr(self._store, name)


async def now(store: Store, tenant: TenantId) -> Mapping[TenantId, Snapshot]:
    """Return what a request of a tenant sees now, to be seen again later."""
    return {each: await store.snapshot(each) for each in (tenant, DIRECTORY)}


@contextmanager
def seen_as(states: Mapping[TenantId, Snapshot]) -> Iterator[None]:
    """Let the request that is handled within see these states."""
    token = _shown.set(states)
    try:
        yield
    finally:
        _shown.reset(token)
