"""Where does this server keep its policies? In a SQLite file in its folder, or in the database of ``--database``."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xtap.errors import ConfigurationError
from xtap.store.file_guard import FileGuard
from xtap.store.sqlite import SqliteStore
from xtap.store.sqlite_database import Database, missing_migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.server.settings import Settings
    from xtap.store.cached_store import CachedStore
    from xtap.store.postgres_database import PostgresDatabase

DATABASE: Final = "xtap.db"


def open_store(settings: Settings, *, exclusive: bool) -> CachedStore:
    """Open the database of the settings.

    Args:
        settings: where it is.
        exclusive: True for a server, False for a command that may run beside one; PostgreSQL serves both at once.

    Raises:
        ConfigurationError: the folder, the file or the database cannot be used; says why.
    """
    _require_folder(settings)
    if not settings.database:
        return SqliteStore.open(settings.folder / DATABASE, exclusive=exclusive, stale_limit=settings.stale_limit)
    database = _postgres(settings)
    from xtap.store.postgres import PostgresStore  # noqa: PLC0415 - see _postgres

    return PostgresStore.open(database, stale_limit=settings.stale_limit)


def place_of(settings: Settings) -> str:
    """Say where the store is, without secrets: a command may change another one than its user believes."""
    return _postgres(settings).place if settings.database else str(settings.folder / DATABASE)


@contextmanager
def claimed(settings: Settings) -> Iterator[None]:
    """Hold the storage for one server while its workers use it; a SQLite file gets the shape of this version.

    Raises:
        ConfigurationError: as ``open_store``.
    """
    _require_folder(settings)
    if settings.database:
        _postgres(settings).require_current()
        yield
        return
    guard = FileGuard.acquire((settings.folder / DATABASE).absolute())
    try:
        Database.prepare(settings.folder / DATABASE, exclusive=True, busy_timeout=5.0, max_pages=None)
        yield
    finally:
        guard.release()


def pending(settings: Settings) -> int:
    """Return how many migrations the database of the settings has not seen; 0 when it is ready to be served.

    Raises:
        ConfigurationError: it cannot be used; says why.
    """
    if settings.database:
        return _postgres(settings).pending()
    _require_folder(settings)
    return missing_migrations(settings.folder / DATABASE)


async def migrate(settings: Settings) -> None:
    """Bring the database of the settings to the shape of this version.

    Raises:
        ConfigurationError: it cannot be used; says why.
    """
    if settings.database:
        _postgres(settings).migrate()
        return
    _require_folder(settings)
    await SqliteStore.open(settings.folder / DATABASE, exclusive=False).close()


def _require_folder(settings: Settings) -> None:
    if not settings.folder.is_dir():
        raise ConfigurationError(f"There is no data folder {settings.folder}. Run 'xtap init' first.")


def _postgres(settings: Settings) -> PostgresDatabase:
    """Return the address of the database; its client library is loaded by nobody else."""
    try:
        from xtap.store.postgres_database import PostgresDatabase  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise ConfigurationError(
            f"--database needs the client library of PostgreSQL ({error}). Install 'xtap[postgresql]'."
        ) from None
    return PostgresDatabase.at(settings.database, _password(settings))


def _password(settings: Settings) -> str:
    if not settings.database_password_file:
        return ""
    try:
        return Path(settings.database_password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"The file of --database-password-file, {settings.database_password_file}, cannot be read: {reason}."
        ) from None
