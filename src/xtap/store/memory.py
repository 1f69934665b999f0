"""What does a store do, without a disk? The reference that the contract is read from; nothing survives the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from xtap.errors import Conflict, Unavailable
from xtap.store.protocol import AuditEntry, SignInEntry
from xtap.store.rows import NOT_EMPTY, AuditRow, DecisionRow, ObjectRow, SignInRow, TenantRow
from xtap.store.snapshot import Snapshot
from xtap.store.sorted_map import EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.protocol import Change, Result, Tell
    from xtap.store.rows import Row


class MemoryStore:
    """Tenants in a dict: the semantics of ``xtap.store.protocol.Store`` without durability."""

    def __init__(self) -> None:
        self._snapshots: dict[TenantId, Snapshot] = {}
        self._audit: dict[TenantId, list[AuditEntry]] = {}
        self._logs: dict[TenantId, list[bytes]] = {}
        self._sign_ins: dict[TenantId, dict[str, SignInEntry]] = {}
        self._closed = False

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        """Return the latest state of a tenant."""
        self._require_open()
        return self._snapshots.get(tenant) or Snapshot(tenant)

    def at_hand(self, tenant: TenantId) -> Snapshot | None:
        """Return the latest state of a tenant, if it has one."""
        return None if self._closed else self._snapshots.get(tenant)

    async def refresh(self, tenant: TenantId) -> Snapshot:
        """Return the latest state of a tenant; no other process can write here."""
        return await self.snapshot(tenant)

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Run ``decide`` on the latest state, keep its result, and return the state after it."""
        before = await self.snapshot(tenant)
        change = decide(before)
        if not change.writes and not change.audit:
            return before
        after = before.apply(change)
        self._snapshots[tenant] = after
        self._audit.setdefault(tenant, []).extend(change.audit)
        return after

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records with their sequence numbers, which start at 1."""
        self._require_open()
        entries = self._audit.get(tenant, [])[after : after + limit]
        return tuple(enumerate(entries, start=after + 1))

    async def log(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants."""
        self._require_open()
        for tenant, document in entries:
            self._logs.setdefault(tenant, []).append(document)

    async def logged(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, bytes]]:
        """Read a tenant's log with sequence numbers, which start at 1."""
        self._require_open()
        return tuple(enumerate(self._logs.get(tenant, [])[after : after + limit], start=after + 1))

    async def add_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log."""
        self._require_open()
        self._sign_ins.setdefault(tenant, {}).update({entry.id: entry for entry in entries})

    async def sign_ins(
        self, tenant: TenantId, *, after: tuple[str, str] | None = None, descending: bool = True, limit: int = 100
    ) -> Sequence[SignInEntry]:
        """Read a tenant's sign-ins by time and id."""
        self._require_open()
        there = self._sign_ins.get(tenant, {}).values()
        ordered = sorted(there, key=lambda entry: (entry.time, entry.id), reverse=descending)
        if after is not None:
            ordered = [
                entry
                for entry in ordered
                if ((entry.time, entry.id) < after if descending else (entry.time, entry.id) > after)
            ]
        return tuple(ordered[:limit])

    async def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in."""
        self._require_open()
        entry = self._sign_ins.get(tenant, {}).get(key)
        return None if entry is None else entry.document

    async def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` on every row."""
        self._require_open()
        return take(iter([*self._rows()]))

    async def load(self, rows: Iterable[Row], *, replace: bool = False) -> None:
        """Become what a dump says."""
        self._require_open()
        if not replace and any(True for _ in self._rows()):
            raise Conflict(NOT_EMPTY)
        fresh = MemoryStore()
        for row in rows:
            fresh._take(row)
        self._snapshots, self._audit = fresh._snapshots, fresh._audit
        self._logs, self._sign_ins = fresh._logs, fresh._sign_ins

    async def check(self) -> None:
        """Prove that the store is open."""
        self._require_open()

    def age(self) -> float:
        """Return 0: there is nothing but memory."""
        return 0.0

    def observe(self, tell: Tell) -> None:
        """Tell nothing: this store does nothing by itself."""

    async def close(self) -> None:
        """Let go of everything."""
        self._closed = True
        self._snapshots.clear()
        self._audit.clear()
        self._logs.clear()
        self._sign_ins.clear()

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed.")

    def _rows(self) -> Iterator[Row]:
        snapshots = sorted(self._snapshots.items())
        yield from (TenantRow(tenant, each.version, each.sequence) for tenant, each in snapshots)
        for tenant, snapshot in snapshots:
            for kind in sorted(snapshot.objects):
                for key, document in snapshot.scan(kind):
                    yield ObjectRow(tenant, kind, key, document.decode())
        for tenant, records in sorted(self._audit.items()):
            for number, entry in enumerate(records, 1):
                yield AuditRow(tenant, number, entry.id, entry.document.decode())
        for tenant, documents in sorted(self._logs.items()):
            for number, document in enumerate(documents, 1):
                yield DecisionRow(tenant, number, document.decode())
        for tenant, sign_ins in sorted(self._sign_ins.items()):
            for each in sorted(sign_ins.values(), key=lambda entry: (entry.time, entry.id)):
                yield SignInRow(tenant, each.time, each.id, each.document.decode())

    def _take(self, row: Row) -> None:
        known = self._snapshots.get(row.tenant) or Snapshot(row.tenant)
        match row:
            case TenantRow():
                self._snapshots[row.tenant] = structs.replace(known, version=row.version, sequence=row.sequence)
            case ObjectRow():
                kept = known.objects.get(row.kind, EMPTY).with_(row.key, row.document.encode())
                self._snapshots[row.tenant] = structs.replace(known, objects={**known.objects, row.kind: kept})
            case AuditRow():
                self._audit.setdefault(row.tenant, []).append(AuditEntry(row.id, row.document.encode()))
            case DecisionRow():
                self._logs.setdefault(row.tenant, []).append(row.document.encode())
            case SignInRow():
                entry = SignInEntry(row.time, row.id, row.document.encode())
                self._sign_ins.setdefault(row.tenant, {})[row.id] = entry
