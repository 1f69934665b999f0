"""How do reader threads work on PostgreSQL? Each with a session of its own, in transactions that see one moment."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from random import uniform
from time import sleep
from typing import TYPE_CHECKING, Final, TypeVar

from xtap.errors import Unavailable
from xtap.store.group_commit import ATTEMPTS, Contended
from xtap.store.postgres_database import Session
from xtap.store.postgres_dump import dump, load
from xtap.store.postgres_errors import storage_refusals
from xtap.store.postgres_rows import (
    append_log,
    prove_readable,
    put_sign_ins,
    read_audit,
    read_head,
    read_log,
    read_sign_in,
    read_sign_ins,
    read_snapshot,
    read_versions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import LiteralString

    from xtap.model.ids import TenantId
    from xtap.store.postgres_database import Connection, PostgresDatabase
    from xtap.store.protocol import AuditEntry, SignInEntry
    from xtap.store.rows import Row
    from xtap.store.snapshot import Snapshot

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
        """Return the durable state of a tenant, ``known`` itself if that is not older."""

        def read(connection: Connection) -> Snapshot:
            head = read_head(connection, tenant)
            if known is not None and known.version >= head[0]:
                return known
            return read_snapshot(connection, tenant, head)

        return self._in_transaction(_ONE_MOMENT, read)

    def versions(self) -> Mapping[TenantId, int]:
        """Return the version of every tenant."""
        return self._in_transaction(_ONE_MOMENT, read_versions)

    def audit(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records whose number is above ``after``, oldest first."""
        return self._in_transaction(_ONE_MOMENT, lambda connection: read_audit(connection, tenant, after, limit))

    def append(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants, in a transaction beside those of the writer."""
        counts = Counter(tenant for tenant, _ in entries)
        self._in_transaction("BEGIN", lambda connection: append_log(connection, entries, counts))

    def logged(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Read documents of a tenant's log whose number is above ``after``, oldest first."""
        return self._in_transaction(_ONE_MOMENT, lambda connection: read_log(connection, tenant, after, limit))

    def put_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, in a transaction beside those of the writer."""
        self._in_transaction("BEGIN", lambda connection: put_sign_ins(connection, tenant, entries))

    def sign_ins(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
    ) -> Sequence[SignInEntry]:
        """Read sign-ins behind a time and id."""
        return self._in_transaction(
            _ONE_MOMENT, lambda connection: read_sign_ins(connection, tenant, after, limit, descending=descending)
        )

    def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, or None."""
        return self._in_transaction(_ONE_MOMENT, lambda connection: read_sign_in(connection, tenant, key))

    def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` on every row of one moment."""
        return self._once(_ONE_MOMENT, lambda connection: take(dump(connection)))

    def load(self, rows: Iterable[Row], *, replace: bool) -> None:
        """Write the rows of a dump in one transaction."""
        self._once("BEGIN", lambda connection: load(connection, rows, replace=replace))

    def prove_readable(self) -> None:
        """Prove that the database can be read."""
        self._in_transaction(_ONE_MOMENT, prove_readable)

    def close(self) -> None:
        """Close the sessions; no reader may be at work."""
        while self._idle:
            self._idle.pop().close()

    def _in_transaction(self, begin: LiteralString, work: Callable[[Connection], Result]) -> Result:
        """Run a transaction, again if it lost against another one, each time after a longer pause."""
        for pauses in range(ATTEMPTS - 1):
            with suppress(Contended):
                return self._attempt(begin, work)
            sleep(uniform(0, PAUSE * 2**pauses))  # noqa: S311 - only so that two do not meet again
        return self._once(begin, work)

    def _once(self, begin: LiteralString, work: Callable[[Connection], Result]) -> Result:
        """Run a transaction that cannot be run again, such as one whose rows are used up."""
        try:
            return self._attempt(begin, work)
        except Contended as refusal:
            raise Unavailable(f"The database gave up the transaction for others. ({refusal.message})") from refusal

    def _attempt(self, begin: LiteralString, work: Callable[[Connection], Result]) -> Result:
        try:
            session = self._idle.pop()
        except IndexError:
            session = Session(self._database)
        try:
            with storage_refusals():
                connection = session.begin(begin)
                result = work(connection)
                connection.execute("COMMIT")
                return result
        finally:
            session.rollback()
            self._idle.append(session)
