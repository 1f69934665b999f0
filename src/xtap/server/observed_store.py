"""How long does the storage take? A store around another one, whose operations are observed; reads from memory pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from xtap.model.ids import TenantId
    from xtap.store.protocol import AuditEntry, Change, Result, SignInEntry, Store
    from xtap.store.rows import Row
    from xtap.store.snapshot import Snapshot


class ObservedStore:
    """A ``Store``; what each method means stands in the protocol.

    Args:
        store: who does the work.
        observe: makes what surrounds an operation of this name.
    """

    def __init__(self, store: Store, observe: Callable[[str], AbstractContextManager[None]]) -> None:
        self._store = store
        self._observe = observe
        self.snapshot = store.snapshot  # the very method: it runs several times for each request
        self.at_hand = store.at_hand
        self.age = store.age
        self.observe = store.observe
        self.close = store.close

    async def refresh(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state."""
        with self._observe("refresh"):
            return await self._store.refresh(tenant)

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Change a tenant."""
        with self._observe("change"):
            return await self._store.change(tenant, decide)

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records."""
        with self._observe("audit"):
            return await self._store.audit(tenant, after=after, limit=limit)

    async def log(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append to logs."""
        with self._observe("log"):
            await self._store.log(entries)

    async def logged(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, bytes]]:
        """Read a log."""
        with self._observe("logged"):
            return await self._store.logged(tenant, after=after, limit=limit)

    async def add_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a log."""
        with self._observe("add_sign_ins"):
            await self._store.add_sign_ins(tenant, entries)

    async def sign_ins(
        self, tenant: TenantId, *, after: tuple[str, str] | None = None, descending: bool = True, limit: int = 100
    ) -> Sequence[SignInEntry]:
        """Read sign-ins."""
        with self._observe("sign_ins"):
            return await self._store.sign_ins(tenant, after=after, descending=descending, limit=limit)

    async def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Read one sign-in."""
        with self._observe("sign_in"):
            return await self._store.sign_in(tenant, key)

    async def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Read everything."""
        with self._observe("dump"):
            return await self._store.dump(take)

    async def load(self, rows: Iterable[Row], *, replace: bool = False) -> None:
        """Become what a dump says."""
        with self._observe("load"):
            await self._store.load(rows, replace=replace)

    async def check(self) -> None:
        """Prove that the storage can be read."""
        with self._observe("check"):
            await self._store.check()
