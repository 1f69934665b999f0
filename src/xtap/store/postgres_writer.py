"""How does the writer thread of one node work on PostgreSQL, beside those of other nodes?

Who changes a tenant holds the lock on its row in ``tenants``, from before the state is read until the commit.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from psycopg import errors

from xtap.store.postgres_database import Session
from xtap.store.postgres_errors import committing, storage_refusals
from xtap.store.postgres_listener import tell
from xtap.store.postgres_message import Message
from xtap.store.postgres_rows import lock_free_heads, lock_heads, read_snapshot, write

if TYPE_CHECKING:
    from collections.abc import Collection

    from xtap.model.ids import TenantId
    from xtap.store.cache import SnapshotCache
    from xtap.store.group_commit import Work
    from xtap.store.postgres_database import Connection, PostgresDatabase
    from xtap.store.snapshot import Head, Snapshot


_BEGIN: Final = "BEGIN; SET LOCAL lock_timeout = '100ms'"
"""Long enough for the commit of another node, and PostgreSQL hands the lock on in turn; all changes wait meanwhile."""

_PATIENT: Final = "SET LOCAL lock_timeout = '8s'"
"""For what follows: nobody else has locks of these rows, but a migration may have those of whole tables."""


class PostgresWriter:
    """The connection that writes: a ``Backend`` of ``GroupCommit``."""

    def __init__(self, database: PostgresDatabase, cache: SnapshotCache, node: str) -> None:
        self._session = Session(database)
        self._cache = cache
        self._node = node
        self._connection: Connection
        # INVARIANT: within a transaction, these equal the rows that it has locked.
        self._heads: dict[TenantId, Head] = {}
        self._loaded: dict[TenantId, Snapshot] = {}

    def begin(self, tenants: Collection[TenantId]) -> Collection[TenantId]:
        """Begin a transaction that holds the locks of these tenants, or of those that nobody keeps for longer.

        A connection that was lost is made again.
        """
        self._loaded.clear()
        with storage_refusals():
            try:
                self._connection = self._session.begin(_BEGIN)
                self._heads = lock_heads(self._connection, tenants)
            except errors.LockNotAvailable:
                self._session.rollback()
                self._heads = self._free(tenants)
        return self._heads.keys()

    def _free(self, tenants: Collection[TenantId]) -> dict[TenantId, Head]:
        """Begin again, with the locks that are to be had at once; a single tenant has had its chance."""
        if len(tenants) == 1:
            return {}
        try:
            self._connection = self._session.begin(_BEGIN)
            return lock_free_heads(self._connection, tenants)
        except errors.LockNotAvailable:  # the whole table is locked
            self._session.rollback()
            return {}

    def head(self, tenant: TenantId) -> Snapshot:
        """Return the durable state: the published snapshot if it is the latest, else load it."""
        head = self._heads[tenant]
        known = self._cache.get(tenant)
        snapshot = self._loaded.get(tenant) or known
        if snapshot is None or snapshot.head != head:
            with storage_refusals():
                self._connection.execute(_PATIENT)
                snapshot = self._loaded[tenant] = read_snapshot(self._connection, tenant, head)
            self._cache.replace(known, snapshot)
        return snapshot

    def commit(self, work: Work) -> None:
        """Write a batch, flush it to the disk, and tell the other nodes."""
        message = Message(self._connection)
        message.add(_PATIENT)
        write(message, work)
        message.add("COMMIT")
        with committing(self._connection):
            message.send()
        with suppress(Exception):  # the change stands; whoever is not told looks by itself
            tell(self._connection, self._node, work.heads.values())

    def rollback(self) -> None:
        """Undo an open transaction."""
        self._session.rollback()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
