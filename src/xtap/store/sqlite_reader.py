"""How do reader threads work on a SQLite file? Each with a connection of its own, from those that are idle."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from xtap.store.sqlite_dump import dump, load
from xtap.store.sqlite_errors import committing, storage_refusals
from xtap.store.sqlite_rows import (
    append_log,
    prove_readable,
    put_sign_ins,
    read_audit,
    read_head,
    read_heads,
    read_log,
    read_sign_in,
    read_sign_ins,
    read_snapshot,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.protocol import AuditEntry, SignInEntry
    from xtap.store.rows import Row
    from xtap.store.snapshot import Head, Snapshot
    from xtap.store.sqlite_database import Database

Result = TypeVar("Result")


class SqliteReader:
    """The connections that read: a ``Source`` of ``CachedStore``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[sqlite3.Connection] = deque()

    def latest(self, tenant: TenantId, known: Snapshot | None) -> Snapshot:
        """Return the durable state of a tenant: ``known`` itself if it is that very state."""

        def read(connection: sqlite3.Connection) -> Snapshot:
            connection.execute("BEGIN")  # one read transaction: the head belongs to the objects
            try:
                head = read_head(connection, tenant)
                if known is not None and known.head == head:
                    return known
                return read_snapshot(connection, tenant, head)
            finally:
                if connection.in_transaction:  # SQLite ends it itself after some failures
                    connection.execute("ROLLBACK")

        return self._with_connection(read)

    def heads(self) -> Mapping[TenantId, Head]:
        """Return which state every tenant is in."""
        return self._with_connection(read_heads)

    def audit(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records whose number is above ``after``, oldest first."""
        return self._with_connection(lambda connection: read_audit(connection, tenant, after, limit))

    def append(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants, in a transaction beside those of the writer."""
        self._in_transaction(lambda connection: append_log(connection, entries))

    def logged(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Read documents of a tenant's log whose number is above ``after``, oldest first."""
        return self._with_connection(lambda connection: read_log(connection, tenant, after, limit))

    def put_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, in a transaction beside those of the writer."""
        self._in_transaction(lambda connection: put_sign_ins(connection, tenant, entries))

    def sign_ins(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
    ) -> Sequence[SignInEntry]:
        """Read sign-ins behind a time and id."""
        return self._with_connection(
            lambda connection: read_sign_ins(connection, tenant, after, limit, descending=descending)
        )

    def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, or None."""
        return self._with_connection(lambda connection: read_sign_in(connection, tenant, key))

    def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` on every row of one moment."""
        with storage_refusals(), closing(self._database.connect(read_only=True)) as connection:
            self._database.require_unmoved()
            connection.execute("BEGIN")
            return take(dump(connection))

    def load(self, rows: Iterable[Row], *, replace: bool) -> None:
        """Write the rows of a dump in one transaction; a server is alone with its file (``FileGuard``)."""
        self._in_transaction(lambda connection: load(connection, rows, replace=replace))

    def prove_readable(self) -> None:
        """Prove that the file is in its place and can be read."""
        self._with_connection(prove_readable)

    def close(self) -> None:
        """Close the connections; no reader may be at work."""
        while self._idle:
            self._idle.pop().close()

    def _in_transaction(self, write: Callable[[sqlite3.Connection], None]) -> None:
        with storage_refusals(), closing(self._database.connect()) as connection:
            self._database.require_unmoved()
            connection.execute("BEGIN IMMEDIATE")
            write(connection)
            with committing():
                connection.execute("COMMIT")

    def _with_connection(self, read: Callable[[sqlite3.Connection], Result]) -> Result:
        with storage_refusals():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connected()
            try:
                self._database.require_unmoved()
                return read(connection)
            finally:
                self._idle.append(connection)

    def _connected(self) -> sqlite3.Connection:
        """Return a new connection to the file that was opened first: one to another file must not be kept."""
        self._database.require_unmoved()
        connection = self._database.connect(read_only=True)
        try:
            self._database.require_unmoved()
        except BaseException:
            connection.close()
            raise
        return connection
