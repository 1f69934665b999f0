"""How do reader threads work on PostgreSQL? Each with a session of its own, in transactions that see one moment."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import contextmanager
from random import uniform
from time import sleep
from typing import TYPE_CHECKING, Final, TypeVar

from xtap.errors import Unavailable
from xtap.store.group_commit import ATTEMPTS, Contended
from xtap.store.postgres_database import Session
from xtap.store.postgres_dump import dump, load
from xtap.store.postgres_errors import committing, storage_refusals
from xtap.store.postgres_rows import (
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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.postgres_database import Connection, PostgresDatabase
    from xtap.store.protocol import AuditEntry, SignInEntry
    from xtap.store.rows import Row
    from xtap.store.snapshot import Head, Snapshot

Result = TypeVar("Result")

PAUSE: Final = 0.002
"""Seconds of the longest first pause before a transaction is run again; each later one is up to twice as long."""

_ONE_MOMENT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresReader:
    """The sessions that read: a ``Source`` of ``CachedStore``."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._idle: deque[Session] = deque()

    def latest(self, tenant: TenantId, known: Snapshot | None) -> Snapshot:
        """Return the durable state of a tenant: ``known`` itself if it is that very state."""

        def read(connection: Connection) -> Snapshot:
            head = read_head(connection, tenant)
            if known is not None and known.head == head:
                return known
            return read_snapshot(connection, tenant, head)

        return self._read(read)

    def heads(self) -> Mapping[TenantId, Head]:
        """Return which state every tenant is in."""
        return self._read(read_heads)

    def audit(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records whose number is above ``after``, oldest first."""
        return self._read(lambda connection: read_audit(connection, tenant, after, limit))

    def append(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants, in a transaction beside those of the writer."""
        counts = Counter(tenant for tenant, _ in entries)
        self._write(lambda connection: append_log(connection, entries, counts))

    def logged(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Read documents of a tenant's log whose number is above ``after``, oldest first."""
        return self._read(lambda connection: read_log(connection, tenant, after, limit))

    def put_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, in a transaction beside those of the writer."""
        self._write(lambda connection: put_sign_ins(connection, tenant, entries))

    def sign_ins(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
    ) -> Sequence[SignInEntry]:
        """Read sign-ins behind a time and id."""
        return self._read(lambda connection: read_sign_ins(connection, tenant, after, limit, descending=descending))

    def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, or None."""
        return self._read(lambda connection: read_sign_in(connection, tenant, key))

    def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` on every row of one moment."""
        return self._read(lambda connection: take(dump(connection)), again=False)

    def load(self, rows: Iterable[Row], *, replace: bool) -> None:
        """Write the rows of a dump in one transaction."""
        self._write(lambda connection: load(connection, rows, replace=replace), again=False)

    def prove_readable(self) -> None:
        """Prove that the database can be read."""
        self._read(prove_readable)

    def close(self) -> None:
        """Close the sessions; no reader may be at work."""
        while self._idle:
            self._idle.pop().close()

    def _read(self, work: Callable[[Connection], Result], *, again: bool = True) -> Result:
        def attempt() -> Result:
            with self._session() as session, storage_refusals():
                connection = session.begin(_ONE_MOMENT)
                result = work(connection)
                connection.execute("COMMIT")
                return result

        return _run(attempt, again=again)

    def _write(self, work: Callable[[Connection], None], *, again: bool = True) -> None:
        def attempt() -> None:
            with self._session() as session:
                with storage_refusals():
                    connection = session.begin("BEGIN")
                    work(connection)
                with committing(connection):
                    connection.execute("COMMIT")

        _run(attempt, again=again)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """Lend a session that is idle; whatever was begun on it ends with the block."""
        try:
            session = self._idle.pop()
        except IndexError:
            session = Session(self._database)
        try:
            yield session
        finally:
            session.rollback()
            self._idle.append(session)


def _run(attempt: Callable[[], Result], *, again: bool) -> Result:
    """Run a transaction, and run it again while it loses against others, each time after a longer pause.

    Args:
        attempt: the transaction.
        again: whether it can be run again; it cannot once it has used up rows, or handed them out.

    Raises:
        Unavailable: it failed, or lost every time.
    """
    pauses = 0
    while True:
        try:
            return attempt()
        except Contended as lost:
            pauses += 1
            if not again or pauses == ATTEMPTS:
                raise Unavailable(lost.message, lost.detail) from lost
        sleep(uniform(0, PAUSE * 2**pauses))  # noqa: S311 - only so that two do not meet again
