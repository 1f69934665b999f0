"""How do policies live in one SQLite file? The store for a single server: reads from memory, durable group commits."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeVar

from xtap.errors import Unavailable
from xtap.store.cache import SnapshotCache
from xtap.store.file_guard import FileGuard
from xtap.store.group_commit import GroupCommit, Waiting
from xtap.store.sqlite_database import Database
from xtap.store.sqlite_errors import storage_refusals
from xtap.store.sqlite_rows import (
    append_log,
    prove_readable,
    put_sign_ins,
    read_audit,
    read_log,
    read_sign_in,
    read_sign_ins,
    read_snapshot,
    read_version,
    read_versions,
)
from xtap.store.sqlite_writer import SqliteWriter

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.protocol import AuditEntry, Change, SignInEntry
    from xtap.store.snapshot import Snapshot

Result = TypeVar("Result")

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds for which a snapshot is answered without looking whether another process changed the file."""

READERS: Final = 4
"""Threads, and so connections, that load tenants and read audit records."""


class SqliteStore:
    """A ``Store`` in one file; made by :meth:`open`."""

    def __init__(self, database: Database, guard: FileGuard | None) -> None:
        self._database = database
        self._guard = guard
        self._cache = SnapshotCache()
        self._idle: deque[sqlite3.Connection] = deque()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="xtap-store-reader")
        self._loading: dict[TenantId, Future[Snapshot]] = {}
        self._writer = GroupCommit(SqliteWriter(database, self._cache), self._cache.publish)
        self._look_at = 0.0
        self._true_at = monotonic()
        self._looking: Future[None] | None = None
        self._closed = False

    @classmethod
    def open(
        cls, path: Path | str, *, exclusive: bool = True, busy_timeout: float = 5.0, max_pages: int | None = None
    ) -> SqliteStore:
        """Open a database file, making or migrating it as needed.

        Args:
            path: where the file is or shall be; its directory must exist.
            exclusive: True for a server, of which a file has at most one; False for a command that writes a little
                and ends, which may run beside a server.
            busy_timeout: seconds to wait for the lock of another process before a change is refused.
            max_pages: the most pages of 4096 bytes that the file may grow to; None for no limit.

        Raises:
            ConfigurationError: another server uses the file, a newer xtap wrote it, it is no database of xtap, or it
                cannot be written.
        """
        path = Path(path).absolute()
        guard = FileGuard.acquire(path) if exclusive else None
        try:
            return cls(
                Database.prepare(path, exclusive=exclusive, busy_timeout=busy_timeout, max_pages=max_pages), guard
            )
        except BaseException:
            if guard is not None:
                guard.release()
            raise

    @property
    def commits(self) -> int:
        """How many transactions were committed since the store was opened."""
        return self._writer.commits

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state of a tenant, from memory; the first use of a tenant loads it.

        What another process wrote to the file is seen after ``LOOK_EVERY`` seconds, for as long as it can be read.

        Raises:
            Unavailable: the store is closed, or the tenant cannot be loaded.
        """
        if monotonic() >= self._look_at:
            await self._look()
        return self._cache.get(tenant) or await self._load(tenant)

    async def refresh(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state as the file has it now.

        Raises:
            Unavailable: the store is closed, or the file cannot be read.
        """
        # Never joined to a load that began before: that one may have read before the other process wrote.
        return await asyncio.wrap_future(self._read(lambda connection: self._latest(connection, tenant)))

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Run ``decide`` in the writer thread, and return the state after it once that is durable.

        Raises:
            Unavailable: the storage refused or the store is closed; nothing was changed.
            Exception: whatever ``decide`` raised; nothing was changed.
        """
        await self.snapshot(tenant)  # loaded by a reader, so that the writer holds its lock for microseconds
        self._require_open()
        waiting = Waiting(tenant, decide, asyncio.get_running_loop().create_future())
        self._writer.submit(waiting)
        return await waiting.future

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records with their sequence numbers, oldest first, from the file.

        Raises:
            Unavailable: the store is closed, or the file cannot be read.
        """
        return await asyncio.wrap_future(self._read(lambda connection: read_audit(connection, tenant, after, limit)))

    async def log(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants, in a transaction beside those of the writer.

        Raises:
            Unavailable: the store is closed, or the file cannot be written; nothing was kept.
        """
        self._require_open()
        append = partial(append_log, entries=entries)
        await asyncio.wrap_future(self._readers.submit(self._in_transaction, append))

    async def logged(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, bytes]]:
        """Read a tenant's log with sequence numbers, oldest first, from the file.

        Raises:
            Unavailable: the store is closed, or the file cannot be read.
        """
        return await asyncio.wrap_future(self._read(lambda connection: read_log(connection, tenant, after, limit)))

    async def add_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, in a transaction beside those of the writer.

        Raises:
            Unavailable: the store is closed, or the file cannot be written; nothing was kept.
        """
        self._require_open()
        put = partial(put_sign_ins, tenant=tenant, entries=entries)
        await asyncio.wrap_future(self._readers.submit(self._in_transaction, put))

    async def sign_ins(
        self, tenant: TenantId, *, after: tuple[str, str] | None = None, descending: bool = True, limit: int = 100
    ) -> Sequence[SignInEntry]:
        """Read a tenant's sign-ins by time and id, from the file.

        Raises:
            Unavailable: the store is closed, or the file cannot be read.
        """
        read = partial(read_sign_ins, tenant=tenant, after=after, limit=limit, descending=descending)
        return await asyncio.wrap_future(self._read(read))

    async def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, from the file.

        Raises:
            Unavailable: the store is closed, or the file cannot be read.
        """
        return await asyncio.wrap_future(self._read(partial(read_sign_in, tenant=tenant, key=key)))

    async def check(self) -> None:
        """Prove that the file is in its place and can be read.

        Raises:
            Unavailable: it is not, or the store is closed.
        """
        await asyncio.wrap_future(self._read(prove_readable))

    def age(self) -> float:
        """Return how many seconds ago memory was last known to hold what the file holds."""
        return monotonic() - self._true_at

    async def close(self) -> None:
        """Finish the changes that were accepted, close the file, and let another server have it."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._readers.shutdown()
        while self._idle:
            self._idle.pop().close()
        self._writer.stop()
        self._cache.clear()
        if self._guard is not None:
            self._guard.release()

    async def _look(self) -> None:
        """Take in what other processes wrote; while the file cannot be read, what is in memory is still answered."""
        looking = self._looking
        if looking is None:
            begun = monotonic()
            looking = self._looking = self._read(self._catch_up)
            looking.add_done_callback(lambda done: self._looked(done, begun))
        with suppress(Unavailable):
            await asyncio.shield(asyncio.wrap_future(looking))

    def _looked(self, looking: Future[None], begun: float) -> None:
        self._looking = None
        self._look_at = monotonic() + LOOK_EVERY
        failure = looking.exception()
        if failure is None:
            self._true_at = begun
        else:
            log.error("changes by other processes cannot be seen: %s", failure)

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        versions = read_versions(connection)
        for snapshot in self._cache.snapshots():
            if versions.get(snapshot.tenant, 0) > snapshot.version:
                self._latest(connection, snapshot.tenant)

    async def _load(self, tenant: TenantId) -> Snapshot:
        """Load a tenant for the first time; callers that come meanwhile wait for the same load."""
        loading = self._loading.get(tenant)
        if loading is None:
            loading = self._read(lambda connection: self._latest(connection, tenant))
            self._loading[tenant] = loading
            loading.add_done_callback(lambda _: self._loading.pop(tenant, None))
        # Shielded: a caller that gives up must not take the load away from the others.
        return await asyncio.shield(asyncio.wrap_future(loading))

    def _latest(self, connection: sqlite3.Connection, tenant: TenantId) -> Snapshot:
        connection.execute("BEGIN")  # one read transaction: the version belongs to the objects
        try:
            version, sequence = read_version(connection, tenant)
            known = self._cache.get(tenant)
            if known is not None and known.version >= version:
                return known
            snapshot = read_snapshot(connection, tenant, version, sequence)
        finally:
            if connection.in_transaction:  # SQLite ends it itself after some failures
                connection.execute("ROLLBACK")
        self._cache.publish((snapshot,))
        return snapshot

    def _read(self, read: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        """Run a function in a reader thread with a connection of its own."""
        self._require_open()
        return self._readers.submit(self._with_connection, read)

    def _with_connection(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        with storage_refusals():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._database.connect(read_only=True)
            try:
                self._database.require_unmoved()
                return read(connection)
            finally:
                self._idle.append(connection)

    def _in_transaction(self, write: Callable[[sqlite3.Connection], None]) -> None:
        with storage_refusals(), closing(self._database.connect()) as connection:
            self._database.require_unmoved()
            connection.execute("BEGIN IMMEDIATE")
            write(connection)
            connection.execute("COMMIT")

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed.")
