"""Where does this server keep its policies? In a SQLite file in its folder, or in the database of ``--database``.

Once a SQLite file has been made in a folder, a mark beside it says so. From then on a file that is missing or empty is
a loss, which a new, empty file would hide. The mark is written after the tables are, so that a start that was killed
before can be tried again.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xtap.errors import ConfigurationError, Unavailable
from xtap.identity import private_file
from xtap.store.file_guard import FileGuard
from xtap.store.sqlite import SqliteStore
from xtap.store.sqlite_database import Database, missing_migrations, require_there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.server.settings import Settings
    from xtap.store.cached_store import CachedStore
    from xtap.store.postgres_database import PostgresDatabase

DATABASE: Final = "xtap.db"

MARK: Final = "had-database"
"""The file that says that its folder had a database; its name is not like that of the database's own files."""

_MARK_TEXT: Final = b"A database was made here. Without it, xtap does not start: a new one would hide the loss.\n"


def open_store(settings: Settings, *, exclusive: bool, anew: bool = False) -> CachedStore:
    """Open the database of the settings.

    Args:
        settings: where it is.
        exclusive: True for a server, False for a command that may run beside one; PostgreSQL serves both at once.
        anew: whether a SQLite file that is lost may be replaced by an empty one.

    Raises:
        ConfigurationError: the folder, the file or the database cannot be used; says why.
    """
    _require_place(settings)
    if not settings.database:
        fresh = anew or not had_database(settings)
        limit = settings.stale_limit
        store = SqliteStore.open(settings.folder / DATABASE, exclusive=exclusive, fresh=fresh, stale_limit=limit)
        _mark(settings)
        return store
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
    _require_place(settings)
    if settings.database:
        _postgres(settings).require_current()
        yield
        return
    guard = FileGuard.acquire((settings.folder / DATABASE).absolute())
    try:
        fresh = not had_database(settings)
        Database.prepare(settings.folder / DATABASE, exclusive=True, busy_timeout=5.0, max_pages=None, fresh=fresh)
        _mark(settings)
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
    _require_place(settings)
    if had_database(settings):
        require_there(settings.folder / DATABASE)
    return missing_migrations(settings.folder / DATABASE)


async def migrate(settings: Settings) -> None:
    """Bring the database of the settings to the shape of this version.

    Raises:
        ConfigurationError: it cannot be used; says why.
    """
    if settings.database:
        _postgres(settings).migrate()
        return
    await open_store(settings, exclusive=False).close()


def had_database(settings: Settings) -> bool:
    """Whether a SQLite file was made in the folder before, by this version or a later one."""
    return (settings.folder / MARK).exists()


def is_lost(settings: Settings) -> bool:
    """Whether the folder had a SQLite file that is missing or empty now."""
    if settings.database or not had_database(settings):
        return False
    try:
        require_there(settings.folder / DATABASE)
    except ConfigurationError:
        return True
    return False


def _mark(settings: Settings) -> None:
    if not had_database(settings):
        private_file.write(settings.folder / MARK, _MARK_TEXT)


def _require_place(settings: Settings) -> None:
    if settings.database_password_file and not settings.database:
        raise ConfigurationError(
            f"--database-password-file {settings.database_password_file} is the password of no database: set "
            f"--database (XTAP_DATABASE) too, or leave this out to use the SQLite file {settings.folder / DATABASE}."
        )
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
    file = settings.database_password_file
    return PostgresDatabase.at(settings.database, partial(_password, file) if file else "")


def _password(file: str) -> str:
    """Read the password, for each new session: it may change while the server runs."""
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise Unavailable(
            "The password of the database cannot be read.", f"--database-password-file {file}: {reason}"
        ) from None
