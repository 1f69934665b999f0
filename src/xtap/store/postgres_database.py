"""How is a PostgreSQL database reached so that it is safe to write: its address, its sessions, its schema."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo, TransactionStatus

from xtap.errors import ConfigurationError, Unavailable
from xtap.store.group_commit import Contended
from xtap.store.postgres_errors import storage_refusals
from xtap.store.postgres_migrations import MIGRATIONS
from xtap.store.postgres_shape import require_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import LiteralString

    from psycopg.rows import TupleRow

    from xtap.store.postgres_migrations import Migrations

    Connection = psycopg.Connection[TupleRow]

_DEFAULTS: Final = {
    "connect_timeout": "5",
    "fallback_application_name": "xtap",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",
}
"""What the URL may leave out: a dead peer is noticed within some seconds, and a standby is passed over."""

# A node that stops in the middle of a transaction must not keep the others out: the database ends its session, well
# before the others give up waiting for the lock. A commit counts when it is on the disk, also on that of a synchronous
# standby, whatever the role or the configuration says now or later; warnings must be heard (``committing``).
_PREPARE: Final = """
SET lock_timeout = '8s';
SET idle_in_transaction_session_timeout = '4s';
SET statement_timeout = '60s';
SET client_min_messages = 'warning';
SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
    WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)
"""

# A script may run as long as it needs. Whoever needs a table that it waits for waits behind it, so it waits shortly.
_PREPARE_MIGRATION: Final = "SET statement_timeout = 0; SET lock_timeout = '3s'"

SCHEMES: Final = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """One database and how sessions on it behave.

    Attributes:
        place: its hosts and name, without secrets, for messages.
        migrations: the scripts that make the newest shape.
    """

    place: str
    _conninfo: str = field(repr=False)
    migrations: Migrations = MIGRATIONS
    _password: Callable[[], str] = field(default=str, repr=False)

    @classmethod
    def at(cls, url: str, password: str | Callable[[], str] = "") -> PostgresDatabase:
        """Read the address of a database; nothing is connected yet.

        Args:
            url: ``postgresql://user@host:port/database?option=value``.
            password: instead of one in the URL, or what reads it for each new session; without both, the client
                library looks into its own places.

        Raises:
            ConfigurationError: it is no such URL. The message repeats none of it: it may hold a password.
        """
        if not url.startswith(SCHEMES):
            raise ConfigurationError("The database is given as postgresql://user@host/database.")
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        except psycopg.ProgrammingError:
            _refuse_unknown_parameters(url)
            given = {}
        if not given or not given.get("port", "0").replace(",", "").isdigit():
            raise ConfigurationError(
                "The URL of the database cannot be read. Expected postgresql://user@host:port/database; special "
                "characters in a name or password are written as %XX."
            )
        place = f"{given.get('host', 'the local socket')}/{given.get('dbname', '')}"
        secret = password if callable(password) else partial(str, password)
        return cls(place, make_conninfo("", **(_DEFAULTS | given)), _password=secret)

    def connect(self) -> Connection:
        """Return a new session.

        Raises:
            psycopg.Error: PostgreSQL refused, or cannot be reached.
            Unavailable: the password cannot be read.
        """
        conninfo, secret = self._conninfo, self._password()
        if secret:
            conninfo = make_conninfo(conninfo, password=secret)
        # Nothing is prepared: what a pipeline prepared before it failed would be missed by the next one.
        connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        try:
            connection.execute(_PREPARE)
        except BaseException:
            connection.close()
            raise
        return connection

    def pending(self) -> int:
        """Return how many migrations the database has not seen: 0 when it has the shape of this version.

        Raises:
            ConfigurationError: it cannot be read, belongs to a newer xtap, or has seen all and lacks what they made.
        """
        with self._usable(), self.connect() as connection:
            found = _schema(connection)
            if found == len(self.migrations):
                require_shape(connection, self.place)
        if found > len(self.migrations):
            raise ConfigurationError(
                f"The database {self.place} was written by a newer xtap (schema {found}, this one knows "
                f"{len(self.migrations)}). Use that version or a later one; there is no way back."
            )
        return len(self.migrations) - found

    def require_current(self) -> None:
        """Refuse a database that has not the shape of this version.

        Raises:
            ConfigurationError: it has another, or cannot be read.
        """
        missing = self.pending()
        if missing:
            found = len(self.migrations) - missing
            raise ConfigurationError(
                f"The database {self.place} is older than this xtap (schema {found}, needed is "
                f"{len(self.migrations)}). Run 'xtap migrate' first."
            )

    def migrate(self) -> None:
        """Bring the database to the shape of this version.

        Each script is one transaction that begins by claiming its number, so that of two commands at once one waits.

        Raises:
            ConfigurationError: the database cannot be used or belongs to another program; says why.
        """
        while self.pending():
            with self._usable(), suppress(Contended), self._migrating(), self.connect() as connection:
                _migrate_once(connection, self.migrations)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Say that the database cannot be used, where it would later be Unavailable."""
        try:
            with storage_refusals():
                yield
        except Unavailable as error:
            raise ConfigurationError(f"The database {self.place} cannot be used. {error}") from error

    @contextmanager
    def _migrating(self) -> Iterator[None]:
        """Say what stands in the way of a migration, where it is something else than for changes of rows."""
        try:
            yield
        except (errors.DuplicateTable, errors.DuplicateColumn, errors.DuplicateObject) as error:
            raise ConfigurationError(
                f"The database {self.place} has already what a migration makes ({error.diag.message_primary}). Either "
                "it belongs to another program: choose another database, or another schema of it "
                "('?options=-csearch_path%3Dxtap'). Or the record of migrations, its table xtap_schema, was changed: "
                "put that back, or load a backup into an empty database ('xtap migrate', 'xtap restore')."
            ) from error
        except errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"The user may not migrate the database {self.place} ({error.diag.message_primary}). Grant it CREATE "
                "on the schema if it has no tables yet; else run the command as the user that owns the tables."
            ) from error
        except errors.LockNotAvailable as error:
            raise ConfigurationError(
                f"Somebody uses the tables of the database {self.place} for long, such as a backup, and the migration "
                "does not keep the nodes waiting. Run the command again when that is done."
            ) from error


class Session:
    """A connection that is made when it is first needed, and made again when it was lost; for one thread at a time."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._connection: Connection | None = None

    def begin(self, statement: LiteralString) -> Connection:
        """Begin a transaction, on a new connection if the one before was lost while it was idle.

        Raises:
            psycopg.Error: PostgreSQL refused, or cannot be reached.
        """
        if self._connection is not None:
            try:
                self._connection.execute(statement)
            except psycopg.Error:
                self.close()
            else:
                return self._connection
        self._connection = self._database.connect()
        self._connection.execute(statement)
        return self._connection

    def rollback(self) -> None:
        """End the transaction, if one is open, without a trace; never raises."""
        connection = self._connection
        if connection is None or connection.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def close(self) -> None:
        """Let go of the connection; never raises."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _refuse_unknown_parameters(url: str) -> None:
    """Name a parameter that the client library does not know; the rest of the URL may hold a password."""
    query = url.partition("?")[2]
    if "@" in query or "password" in query:  # what looks like a name may be a piece of a password that is not escaped
        return
    known = {"ssl"} | {option.keyword.decode() for option in Conninfo.get_defaults()}
    for parameter in query.split("&"):
        name, separator, _ = parameter.partition("=")
        if separator and unquote(name) not in known:
            raise ConfigurationError(
                f"The URL of the database has the parameter {name!r}, which the client library of PostgreSQL does not "
                "know. Correct its name, or leave it out: postgresql://user@host:port/database?parameter=value."
            )


def _schema(connection: Connection) -> int:
    try:
        row = connection.execute("SELECT max(version) FROM xtap_schema").fetchone()
    except errors.UndefinedTable:
        return 0
    return 0 if row is None or row[0] is None else int(row[0])


def _migrate_once(connection: Connection, migrations: Migrations) -> None:
    """Run the next script, if no other command is faster."""
    connection.execute(_PREPARE_MIGRATION)
    # Two commands that make one table at once collide in PostgreSQL's catalog, in one of these ways.
    with suppress(errors.UniqueViolation, errors.DuplicateObject, errors.DuplicateTable):
        connection.execute("CREATE TABLE IF NOT EXISTS xtap_schema (version BIGINT NOT NULL PRIMARY KEY)")
    found = _schema(connection)
    if found >= len(migrations):
        return
    with suppress(errors.UniqueViolation), connection.transaction():  # the number was claimed by another command
        connection.execute("INSERT INTO xtap_schema (version) VALUES (%s)", (found + 1,))
        for statement in migrations[found]:
            connection.execute(statement)
