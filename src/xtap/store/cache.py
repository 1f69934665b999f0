"""Which snapshot does a reader see? The newest durable one that this process knows, without waiting."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xtap.model.ids import TenantId
    from xtap.store.snapshot import Snapshot


class SnapshotCache:
    """The published snapshot of each tenant in use; read by the event loop, filled by the writer and by loaders."""

    def __init__(self) -> None:
        self._snapshots: dict[TenantId, Snapshot] = {}
        self._lock = Lock()

    def get(self, tenant: TenantId) -> Snapshot | None:
        """Return the published snapshot, or None when the tenant was not loaded yet."""
        return self._snapshots.get(tenant)

    def snapshots(self) -> list[Snapshot]:
        """Return every published snapshot."""
        with self._lock:
            return list(self._snapshots.values())

    def publish(self, snapshots: Iterable[Snapshot]) -> None:
        """Show durable snapshots to readers; an older one never replaces a newer one.

        A loader may finish after the writer has published a later version of the same tenant: versions only grow.
        """
        with self._lock:
            for snapshot in snapshots:
                known = self._snapshots.get(snapshot.tenant)
                if known is None or known.version < snapshot.version:
                    self._snapshots[snapshot.tenant] = snapshot

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._snapshots.clear()
