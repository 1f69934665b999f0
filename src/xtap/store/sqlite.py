"""How do policies live in one SQLite file? The store for a single server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xtap.store.cache import SnapshotCache
from xtap.store.cached_store import STALE_LIMIT, CachedStore
from xtap.store.file_guard import FileGuard
from xtap.store.sqlite_database import Database
from xtap.store.sqlite_reader import SqliteReader
from xtap.store.sqlite_writer import SqliteWriter

if TYPE_CHECKING:
    from typing import Self


class SqliteStore(CachedStore):
    """A ``Store`` in one file; made by :meth:`open`."""

    def __init__(self, database: Database, guard: FileGuard | None, stale_limit: float) -> None:
        cache = SnapshotCache()
        super().__init__(SqliteReader(database), SqliteWriter(database, cache), cache, stale_limit=stale_limit)
        self._guard = guard

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        exclusive: bool = True,
        busy_timeout: float = 5.0,
        max_pages: int | None = None,
        stale_limit: float = STALE_LIMIT,
        fresh: bool = True,
    ) -> Self:
        """Open a database file, making or migrating it as needed.

        Args:
            path: where the file is or shall be; its directory must exist.
            exclusive: True for a server, of which a file has at most one; False for a command that writes a little
                and ends, which may run beside a server.
            busy_timeout: seconds to wait for the lock of another process before a change is refused.
            max_pages: the most pages of 4096 bytes that the file may grow to; None for no limit.
            stale_limit: seconds for which a snapshot is answered from memory while the file cannot be read.
            fresh: whether a new database may be made; False where one was before.

        Raises:
            ConfigurationError: another server uses the file, a newer xtap wrote it, it is no database of xtap, it
                cannot be written, or it is gone and may not be made.
        """
        path = Path(path).absolute()
        guard = FileGuard.acquire(path) if exclusive else None
        try:
            database = Database.prepare(
                path, exclusive=exclusive, busy_timeout=busy_timeout, max_pages=max_pages, fresh=fresh
            )
            return cls(database, guard, stale_limit)
        except BaseException:
            if guard is not None:
                guard.release()
            raise

    def _shut(self) -> None:
        super()._shut()
        if self._guard is not None:
            self._guard.release()
