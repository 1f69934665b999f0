"""How is a SQLite file opened so that it is safe to write: made, checked, migrated, and connected to."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from xtap.errors import ConfigurationError, Unavailable
from xtap.store.file_guard import FileGuard
from xtap.store.migrations import MIGRATIONS, Migrations
from xtap.store.sqlite_errors import advice
from xtap.store.sqlite_shape import require_shape

KEPT_WAL: Final = 64 * 1024 * 1024
"""Bytes of write-ahead log that stay on the disk after a checkpoint; a log that grew larger is cut."""


class Database(Struct, frozen=True):
    """One database file and how connections to it behave.

    Attributes:
        path: the absolute path of the file.
        identity: device and inode of the file that was opened.
        busy_timeout: seconds to wait for a lock that another process holds.
        max_pages: the most pages (of 4096 bytes) that the file may grow to; None for no limit.
    """

    path: Path
    identity: tuple[int, int]
    busy_timeout: float
    max_pages: int | None

    @classmethod
    def prepare(
        cls,
        path: Path,
        *,
        exclusive: bool,
        busy_timeout: float,
        max_pages: int | None,
        fresh: bool = True,
        migrations: Migrations = MIGRATIONS,
    ) -> Database:
        """Make the file if there is none, and bring it to the shape of this version.

        Args:
            path: where the file is or shall be.
            exclusive: whether the caller holds the file's guard already.
            busy_timeout: seconds to wait for another process.
            max_pages: the size limit in pages.
            fresh: whether a new database may be made; False where one was before.
            migrations: the scripts that make the newest shape.

        Raises:
            ConfigurationError: the file cannot be used; the message says why and what to do.
        """
        path = path.absolute()
        if not fresh:
            require_there(path)
        try:
            # The file holds hashes of application secrets: for its owner only.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            status = path.stat()
        except OSError as error:
            raise ConfigurationError(
                f"The database {path} cannot be opened for writing ({error.strerror}). "
                "Make its directory exist and the file writable for the user that runs xtap."
            ) from error
        database = cls(path, (status.st_dev, status.st_ino), busy_timeout, max_pages)
        try:
            with closing(database.connect()) as connection:
                if not fresh and _schema_version(connection, path, migrations) == 0:
                    raise _gone(path, "holds nothing")
                _migrate(connection, path, migrations, exclusive=exclusive)
                require_shape(connection, path, migrations)
        except sqlite3.Error as error:
            raise ConfigurationError(f"The database {path} cannot be used. {_reason(error)}") from error
        return database

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        """Open one connection, to be used by one thread at a time.

        Raises:
            sqlite3.Error: SQLite refused.
        """
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode=rw",  # else SQLite would put an empty file where a file is missing
            uri=True,
            timeout=self.busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )
        # FULL: in WAL mode each commit is flushed to the disk before it returns; NORMAL would not.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {KEPT_WAL}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        if self.max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(self.max_pages)}")
        return connection

    def require_unmoved(self) -> None:
        """Prove that the path still leads to the file that was opened: writes to another one would be lost.

        Raises:
            Unavailable: the file was moved, removed or replaced.
        """
        try:
            status = os.stat(self.path)  # noqa: PTH116 - once per transaction, and Path.stat takes thrice as long
        except OSError as error:
            raise Unavailable("The database cannot be found. Put it back.", f"{self.path}: {error.strerror}") from error
        if (status.st_dev, status.st_ino) != self.identity:
            raise Unavailable("The database was replaced while it was in use. Restart the server.", f"{self.path}")


def require_there(path: Path) -> None:
    """Refuse a database file that is missing or empty, before SQLite sees it: it would remove a log that is left.

    Raises:
        ConfigurationError: it is.
    """
    try:
        empty = path.stat().st_size == 0
    except FileNotFoundError:
        raise _gone(path, "is missing") from None
    if empty:
        raise _gone(path, "is empty")


def _gone(path: Path, how: str) -> ConfigurationError:
    return ConfigurationError(
        f"The database {path} {how}, and there was one before. Put it back, or load a backup with 'xtap restore'; "
        "'xtap init' makes a new, empty one."
    )


def missing_migrations(path: Path) -> int:
    """Return how many migrations a database file has not seen; the file is neither made nor changed.

    Raises:
        ConfigurationError: it cannot be read, a newer xtap wrote it, it belongs to another program, or its tables are
            not those that its migrations made.
    """
    if not path.exists():
        return len(MIGRATIONS)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = _schema_version(connection, path, MIGRATIONS)
            if found == len(MIGRATIONS):
                require_shape(connection, path, MIGRATIONS)
            return len(MIGRATIONS) - found
    except sqlite3.Error as error:
        raise ConfigurationError(f"The database {path} cannot be read. {_reason(error)}") from error


def _reason(error: sqlite3.Error) -> str:
    return f"{text} (SQLite: {error})" if (text := advice(error)) else str(error)


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Migrations, *, exclusive: bool) -> None:
    """Bring the database to the newest shape, in one transaction."""
    found = _schema_version(connection, path, migrations)
    if found == len(migrations):
        return
    # Under a running server of the older version nobody may change the shape of its tables.
    guard = FileGuard.acquire(path) if found and not exclusive else None
    try:
        mode: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise ConfigurationError(
                f"The disk of the database {path} cannot keep a write-ahead log (journal mode {mode}). "
                "Put the database on a local disk."
            )
        connection.execute("BEGIN IMMEDIATE")
        found = _schema_version(connection, path, migrations)  # another process may have been faster
        connection.execute("CREATE TABLE IF NOT EXISTS xtap_schema (version INTEGER NOT NULL PRIMARY KEY)")
        for version, script in enumerate(migrations[found:], start=found + 1):
            for statement in script:
                connection.execute(statement)
            connection.execute("INSERT INTO xtap_schema (version) VALUES (?)", (version,))
        connection.execute("COMMIT")
    finally:
        if guard is not None:
            guard.release()


def _schema_version(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> int:
    """Return how many migrations the database has seen: 0 for an empty file."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    if "xtap_schema" not in tables:
        raise ConfigurationError(f"The database {path} belongs to another program. Choose another file.")
    version: int = connection.execute("SELECT max(version) FROM xtap_schema").fetchone()[0] or 0
    if version > len(migrations):
        raise ConfigurationError(
            f"The database {path} was written by a newer xtap (schema {version}, this one knows {len(migrations)}). "
            "Use that version or a later one; there is no way back."
        )
    return version
