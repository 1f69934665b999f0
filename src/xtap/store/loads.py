"""When is a tenant read from the database? One load of each at a time; who asks meanwhile shares the one after it."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.model.ids import TenantId
    from xtap.store.readers import Readers
    from xtap.store.snapshot import Snapshot


class Loads:
    """Loads of tenants in reader threads; called from any thread.

    However often a tenant changes elsewhere, it takes one thread at most, and others get their turn between two loads.

    Args:
        readers: who runs the loads.
        read: reads a tenant and publishes what it found.
    """

    def __init__(self, readers: Readers, read: Callable[[TenantId], Snapshot]) -> None:
        self._readers = readers
        self._read = read
        self._lock = Lock()
        self._under_way: dict[TenantId, Future[Snapshot]] = {}
        self._next: dict[TenantId, Future[Snapshot]] = {}

    def begin(self, tenant: TenantId) -> Future[Snapshot]:
        """Return a load that begins after this call: it sees whatever was durable before.

        It ends with Unavailable if no thread can take it up.
        """
        with self._lock:
            waiting = self._next.get(tenant)
            if waiting is None:
                waiting = self._next[tenant] = Future()
                if tenant not in self._under_way:
                    self._start(tenant)
            return waiting

    def join(self, tenant: TenantId) -> Future[Snapshot]:
        """Return the load that is under way, or one that begins now."""
        return self._under_way.get(tenant) or self.begin(tenant)

    def _start(self, tenant: TenantId) -> None:
        """Queue a load; what is asked for before a thread takes it up still shares it."""
        try:
            self._readers.submit(lambda: self._load(tenant))
        except Unavailable as refusal:
            self._next.pop(tenant).set_exception(refusal)
        else:
            self._under_way[tenant] = self._next[tenant]  # no thread takes it up before: the lock is held

    def _load(self, tenant: TenantId) -> None:
        with self._lock:
            loading = self._next.pop(tenant)
        try:
            snapshot, failure = self._read(tenant), None
        except Exception as fault:  # noqa: BLE001 - it belongs to who waits
            snapshot, failure = None, fault
        with self._lock:
            del self._under_way[tenant]
            if tenant in self._next:
                self._start(tenant)
        if snapshot is not None:
            loading.set_result(snapshot)
        else:
            loading.set_exception(failure)
