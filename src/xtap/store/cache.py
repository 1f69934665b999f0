"""Which snapshot does a reader see? The newest durable one that this process knows, without waiting."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xtap.model.ids import TenantId
    from xtap.store.snapshot import Snapshot


class SnapshotCache:
    """The published snapshot of each tenant in use; read by the event loop, filled by the writer and by loaders.

    Attributes:
        get: returns the published snapshot of a tenant, or None when it was not loaded yet; the dict's own method,
            because every request asks several times.
    """

    def __init__(self) -> None:
        self._snapshots: dict[TenantId, Snapshot] = {}
        self._lock = Lock()
        self.get: Callable[[TenantId], Snapshot | None] = self._snapshots.get

    def snapshots(self) -> list[Snapshot]:
        """Return every published snapshot."""
        with self._lock:
            return list(self._snapshots.values())

    def publish(self, snapshots: Iterable[Snapshot]) -> None:
        """Show what was committed here, unless a load has seen a later commit of another process meanwhile."""
        with self._lock:
            for snapshot in snapshots:
                self._advance(snapshot)

    def replace(self, known: Snapshot | None, loaded: Snapshot) -> None:
        """Show what was loaded in the place of what was known when the load began, also if its version is lower.

        The database is right: it may have lost what was known. If something else was published meanwhile, nobody here
        can say which of the two is later. The higher version stays, and the next look asks the database again.

        Args:
            known: what ``get`` returned before the database was read.
            loaded: what the database had.
        """
        with self._lock:
            if self._snapshots.get(loaded.tenant) is known:
                self._snapshots[loaded.tenant] = loaded
            else:
                self._advance(loaded)

    def _advance(self, snapshot: Snapshot) -> None:
        known = self._snapshots.get(snapshot.tenant)
        if known is None or known.version < snapshot.version:
            self._snapshots[snapshot.tenant] = snapshot

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._snapshots.clear()
