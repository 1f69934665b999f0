"""How does the writer thread work on a SQLite file, and how does it notice what another process wrote to it?"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from xtap.store.sqlite_errors import committing, storage_refusals
from xtap.store.sqlite_rows import read_head, read_snapshot, write

if TYPE_CHECKING:
    from collections.abc import Collection

    from xtap.model.ids import TenantId
    from xtap.store.cache import SnapshotCache
    from xtap.store.group_commit import Work
    from xtap.store.snapshot import Snapshot
    from xtap.store.sqlite_database import Database


class SqliteWriter:
    """The connection that writes: a ``Backend`` of ``GroupCommit``."""

    def __init__(self, database: Database, cache: SnapshotCache) -> None:
        self._database = database
        self._cache = cache
        self._connection = database.connect()
        # SQLite notes the pages that a statement changes, to undo it alone: else in a file, one for each statement.
        self._connection.execute("PRAGMA temp_store = MEMORY")
        # INVARIANT: these equal the rows of ``tenants``, as long as data_version is the one remembered.
        self._heads: dict[TenantId, Snapshot] = {}
        self._data_version = -1

    def begin(self, tenants: Collection[TenantId]) -> Collection[TenantId]:
        """Take the write lock, the same for all tenants.

        What is known is forgotten when another process committed since the last time.
        """
        self._database.require_unmoved()
        with storage_refusals():
            self._connection.execute("BEGIN IMMEDIATE")
            # Source: https://www.sqlite.org/pragma.html#pragma_data_version; own commits do not count.
            found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if found != self._data_version:
            self._heads.clear()
            self._data_version = found
        return tenants

    def head(self, tenant: TenantId) -> Snapshot:
        """Return the durable state: the published snapshot if it is the latest, else load it."""
        known = self._heads.get(tenant)
        if known is not None:
            return known
        with storage_refusals():
            head = read_head(self._connection, tenant)
            snapshot = known = self._cache.get(tenant)
            if snapshot is None or snapshot.head != head:
                snapshot = read_snapshot(self._connection, tenant, head)
                self._cache.replace(known, snapshot)
        self._heads[tenant] = snapshot
        return snapshot

    def commit(self, work: Work) -> None:
        """Write a batch and flush it to the disk."""
        try:
            with storage_refusals():
                write(self._connection, work)
            with committing():
                self._connection.execute("COMMIT")
        except BaseException:
            self._heads.clear()  # a commit that failed half-way may yet stand in the file: ask again
            raise
        self._heads.update(work.heads)

    def rollback(self) -> None:
        """Undo an open transaction; SQLite has done so itself after some failures."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; the last one moves the write-ahead log into the database."""
        with suppress(sqlite3.Error):
            self._connection.close()
