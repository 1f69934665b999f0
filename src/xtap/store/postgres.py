"""How do policies live in one PostgreSQL database that several nodes share? The store of each node."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from xtap.store.cache import SnapshotCache
from xtap.store.cached_store import CachedStore
from xtap.store.postgres_listener import Listener
from xtap.store.postgres_reader import PostgresReader
from xtap.store.postgres_writer import PostgresWriter

if TYPE_CHECKING:
    from typing import Self

    from xtap.model.ids import TenantId
    from xtap.store.cached_store import Threads
    from xtap.store.postgres_database import PostgresDatabase


class PostgresStore(CachedStore):
    """A ``Store`` in a PostgreSQL database; made by :meth:`open`."""

    def __init__(self, database: PostgresDatabase, stale_limit: float) -> None:
        cache = SnapshotCache()
        node = uuid4().hex
        writer = PostgresWriter(database, cache, node)
        super().__init__(PostgresReader(database), writer, cache, stale_limit=stale_limit)
        self._listener = Listener(database, node, self._notice)

    @classmethod
    def open(cls, database: PostgresDatabase, *, stale_limit: float) -> Self:
        """Open a database that has the shape of this version ('xtap migrate' gives it).

        Args:
            database: where it is.
            stale_limit: seconds for which a snapshot is answered from memory while the database cannot be asked.

        Raises:
            ConfigurationError: the database cannot be used, or it has another shape.
        """
        database.require_current()
        return cls(database, stale_limit)

    def _notice(self, tenant: TenantId, version: int) -> None:
        """Load a tenant that another node changed, if it is in use here."""
        known = self._cache.get(tenant)
        if known is not None and known.version < version:
            self._loads.begin(tenant)

    def _threads(self) -> list[Threads]:
        return [self._listener, *super()._threads()]
