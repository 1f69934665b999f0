"""Which SQL does the store speak? All of it, as functions from rows to snapshots and back.

Only the common part of SQLite and PostgreSQL is used. One statement writes many rows, because Python's ``sqlite3``
gives up the interpreter lock at each statement and may wait for it afterwards while the event loop is busy.
"""

from __future__ import annotations

from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from xtap.model.objects import Kind
from xtap.store.migrations import MIGRATIONS
from xtap.store.protocol import AuditEntry, SignInEntry
from xtap.store.snapshot import NO_HEAD, Snapshot
from xtap.store.sorted_map import SortedMap
from xtap.store.sqlite_shape import tables
from xtap.store.unreadable import rows_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from xtap.model.ids import TenantId
    from xtap.store.group_commit import Work
    from xtap.store.snapshot import Head

ROWS_AT_ONCE: Final = 64
"""The most rows of one statement; smaller numbers are powers of two, so that few statements are ever prepared."""


def prove_readable(connection: sqlite3.Connection) -> None:
    """Read a row of every table."""
    for table in ("xtap_schema", *tables(MIGRATIONS)):
        connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608 - no input in the text


def read_head(connection: sqlite3.Connection, tenant: TenantId) -> Head:
    """Return which state a tenant is in."""
    row: Head | None = connection.execute(
        "SELECT version, sequence, mark FROM tenants WHERE tenant = ?", (tenant,)
    ).fetchone()
    return row or NO_HEAD


def read_heads(connection: sqlite3.Connection) -> dict[TenantId, Head]:
    """Return which state every tenant is in."""
    rows = connection.execute("SELECT tenant, version, sequence, mark FROM tenants")
    return {tenant: (version, sequence, mark) for tenant, version, sequence, mark in rows}


def read_snapshot(connection: sqlite3.Connection, tenant: TenantId, head: Head) -> Snapshot:
    """Load every object of a tenant; the head must have been read in the same transaction.

    Raises:
        Unreadable: this version does not know what they are.
    """
    version, sequence, mark = head
    query = "SELECT kind, key, document FROM objects WHERE tenant = ? ORDER BY kind, key"
    # Closed here: a cursor that a failure leaves open would keep its connection in this moment for ever.
    with closing(connection.execute(query, (tenant,))) as rows, rows_of(tenant):
        objects = {
            Kind(kind): SortedMap.from_sorted((key, document) for _, key, document in group)
            for kind, group in groupby(rows, itemgetter(0))
        }
    return Snapshot(tenant, version, sequence, objects, mark)


def read_audit(
    connection: sqlite3.Connection, tenant: TenantId, after: int, limit: int
) -> Sequence[tuple[int, AuditEntry]]:
    """Read up to ``limit`` audit records whose number is above ``after``, oldest first."""
    rows = connection.execute(
        "SELECT sequence, id, document FROM audit WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        (tenant, after, limit),
    )
    return tuple((sequence, AuditEntry(key, document)) for sequence, key, document in rows)


def read_log(connection: sqlite3.Connection, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
    """Read up to ``limit`` documents of a tenant's log whose number is above ``after``, oldest first."""
    rows = connection.execute(
        "SELECT sequence, document FROM decision_log WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        (tenant, after, limit),
    )
    return tuple(rows)


def append_log(connection: sqlite3.Connection, entries: Sequence[tuple[TenantId, bytes]]) -> None:
    """Append documents to tenants' logs, inside the transaction that is open."""
    numbers: dict[TenantId, int] = {}
    rows = []
    for tenant, document in entries:
        if tenant not in numbers:
            last = connection.execute("SELECT max(sequence) FROM decision_log WHERE tenant = ?", (tenant,)).fetchone()
            numbers[tenant] = last[0] or 0
        numbers[tenant] += 1
        rows.append((tenant, numbers[tenant], document))
    _many(connection, "INSERT INTO decision_log (tenant, sequence, document) VALUES", "(?, ?, ?)", "", rows)


def read_sign_ins(
    connection: sqlite3.Connection, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
) -> Sequence[SignInEntry]:
    """Read up to ``limit`` sign-ins behind a time and id."""
    order, behind = ("DESC", "<") if descending else ("ASC", ">")
    bound = "" if after is None else f" AND (time, id) {behind} (?, ?)"
    rows = connection.execute(
        f"SELECT time, id, document FROM sign_ins WHERE tenant = ?{bound} "  # noqa: S608 - no input in the text
        f"ORDER BY time {order}, id {order} LIMIT ?",
        (tenant, *(after or ()), limit),
    )
    return tuple(SignInEntry(*row) for row in rows)


def read_sign_in(connection: sqlite3.Connection, tenant: TenantId, key: str) -> bytes | None:
    """Return the document of one sign-in, or None."""
    row: tuple[bytes] | None = connection.execute(
        "SELECT document FROM sign_ins WHERE tenant = ? AND id = ?", (tenant, key)
    ).fetchone()
    return None if row is None else row[0]


def put_sign_ins(connection: sqlite3.Connection, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
    """Put sign-ins into a tenant's log, inside the transaction that is open."""
    latest = {entry.id: (tenant, entry.id, entry.time, entry.document) for entry in entries}
    _many(
        connection,
        "INSERT INTO sign_ins (tenant, id, time, document) VALUES",
        "(?, ?, ?, ?)",
        " ON CONFLICT (tenant, id) DO UPDATE SET time = excluded.time, document = excluded.document",
        latest.values(),
    )


def write(connection: sqlite3.Connection, work: Work) -> None:
    """Write what a batch of changes left behind, inside the transaction that is open."""
    _many(
        connection,
        "INSERT INTO objects (tenant, kind, key, document) VALUES",
        "(?, ?, ?, ?)",
        " ON CONFLICT (tenant, kind, key) DO UPDATE SET document = excluded.document",
        ((*name, document) for name, document in work.objects.items() if document is not None),
    )
    _many(
        connection,
        "DELETE FROM objects WHERE (tenant, kind, key) IN (VALUES",
        "(?, ?, ?)",
        ")",
        (name for name, document in work.objects.items() if document is None),
    )
    _many(
        connection,
        "INSERT INTO audit (tenant, sequence, id, document) VALUES",
        "(?, ?, ?, ?)",
        "",
        ((tenant, sequence, entry.id, entry.document) for tenant, sequence, entry in work.audit),
    )
    _many(
        connection,
        "INSERT INTO tenants (tenant, version, sequence, mark) VALUES",
        "(?, ?, ?, ?)",
        " ON CONFLICT (tenant) DO UPDATE SET version = excluded.version, sequence = excluded.sequence,"
        " mark = excluded.mark",
        ((tenant, *snapshot.head) for tenant, snapshot in work.heads.items()),
    )


def _many(
    connection: sqlite3.Connection, before: str, row: str, behind: str, rows: Iterable[tuple[object, ...]]
) -> None:
    """Execute one statement for all rows, cut only where there are very many.

    Each call gives up the interpreter lock and has to wait for it afterwards, so their number counts; SQLite keeps the
    prepared statements of the sizes that come back.
    """
    waiting = list(rows)
    for start in range(0, len(waiting), ROWS_AT_ONCE):
        cut = waiting[start : start + ROWS_AT_ONCE]
        values = [value for each in cut for value in each]
        connection.execute(f"{before} {', '.join([row] * len(cut))}{behind}", values)
