"""Which SQL does the PostgreSQL store speak? All of it, as functions from rows to snapshots and back.

Only what PostgreSQL, Citus, CockroachDB and YugabyteDB all accept: every statement that writes or locks names the
tenant by equality or by value, locks are row locks, and nothing depends on a collation, a sequence or an advisory lock.
"""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.postgres_message import Message
from xtap.store.protocol import AuditEntry, SignInEntry
from xtap.store.snapshot import NO_HEAD, Snapshot
from xtap.store.sorted_map import SortedMap
from xtap.store.unreadable import rows_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import LiteralString

    from xtap.store.group_commit import Work
    from xtap.store.postgres_database import Connection
    from xtap.store.snapshot import Head

ROWS_AT_ONCE: Final = 64
"""The most rows of one statement."""

_HEAD: Final = "SELECT version, sequence, mark FROM tenants WHERE tenant = %s"
_LOCKED: Final = f"{_HEAD} FOR UPDATE"
_LOCKED_IF_FREE: Final = f"{_HEAD} FOR UPDATE SKIP LOCKED"


def prove_readable(connection: Connection) -> None:
    """Read one row that every database of xtap has."""
    connection.execute("SELECT max(version) FROM xtap_schema").fetchone()


def lock_heads(connection: Connection, tenants: Collection[TenantId]) -> dict[TenantId, Head]:
    """Lock the rows of tenants until the transaction ends, always in the same order, and return what they say."""
    heads = _lock(connection, sorted(tenants), _LOCKED)
    missing = sorted(set(tenants) - heads.keys())
    if missing:
        message = Message(connection)
        _many(
            message,
            "INSERT INTO tenants (tenant, version, sequence) VALUES",
            "(%s, 0, 0)",
            " ON CONFLICT (tenant) DO NOTHING",
            ((tenant,) for tenant in missing),
        )
        message.send()
        heads |= _lock(connection, missing, _LOCKED)
    return heads


def lock_free_heads(connection: Connection, tenants: Collection[TenantId]) -> dict[TenantId, Head]:
    """Lock the rows that are there and that no other session has locked, without waiting; return what they say."""
    return _lock(connection, sorted(tenants), _LOCKED_IF_FREE)


def _lock(connection: Connection, tenants: Sequence[TenantId], locking: LiteralString) -> dict[TenantId, Head]:
    """Lock the rows that are there."""
    message = Message(connection)
    for tenant in tenants:
        message.add(locking, (tenant,))
    rows = zip(tenants, message.first_rows(), strict=True)
    return {tenant: (row[0], row[1], row[2]) for tenant, row in rows if row is not None}


def read_head(connection: Connection, tenant: TenantId) -> Head:
    """Return which state a tenant is in."""
    row = connection.execute(_HEAD, (tenant,)).fetchone()
    return NO_HEAD if row is None else (row[0], row[1], row[2])


def read_heads(connection: Connection) -> Mapping[TenantId, Head]:
    """Return which state every tenant is in."""
    rows = connection.execute("SELECT tenant, version, sequence, mark FROM tenants", binary=True)
    return {TenantId(tenant): (version, sequence, mark) for tenant, version, sequence, mark in rows}


def read_snapshot(connection: Connection, tenant: TenantId, head: Head) -> Snapshot:
    """Load every object of a tenant; the head must have been read in the same transaction.

    Raises:
        Unreadable: this version does not know what they are.
    """
    rows = connection.execute(
        "SELECT kind, key, document FROM objects WHERE tenant = %s ORDER BY kind, key", (tenant,), binary=True
    )
    version, sequence, mark = head
    with rows_of(tenant):
        objects = {
            Kind(kind): SortedMap.from_sorted((key.decode(), document) for _, key, document in group)
            for kind, group in groupby(rows, itemgetter(0))
        }
    return Snapshot(tenant, version, sequence, objects, mark)


def read_audit(connection: Connection, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, AuditEntry]]:
    """Read up to ``limit`` audit records whose number is above ``after``, oldest first."""
    rows = connection.execute(
        "SELECT sequence, id, document FROM audit WHERE tenant = %s AND sequence > %s ORDER BY sequence LIMIT %s",
        (tenant, after, limit),
        binary=True,
    )
    return tuple((sequence, AuditEntry(key, document)) for sequence, key, document in rows)


def read_log(connection: Connection, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
    """Read up to ``limit`` documents of a tenant's log whose number is above ``after``, oldest first."""
    rows = connection.execute(
        "SELECT sequence, document FROM decision_log WHERE tenant = %s AND sequence > %s ORDER BY sequence LIMIT %s",
        (tenant, after, limit),
        binary=True,
    )
    return tuple((sequence, document) for sequence, document in rows)


def append_log(connection: Connection, entries: Sequence[tuple[TenantId, bytes]], counts: Counter[TenantId]) -> None:
    """Append documents to tenants' logs, inside the transaction that is open.

    The heads are raised first, in the same order by everybody: their locks make the numbers ascend as commits do.
    """
    message, tenants = Message(connection), sorted(counts)
    for tenant in tenants:
        message.add(
            "INSERT INTO decision_log_heads AS head (tenant, sequence) VALUES (%s, %s)"
            " ON CONFLICT (tenant) DO UPDATE SET sequence = head.sequence + excluded.sequence RETURNING sequence",
            (tenant, counts[tenant]),
        )
    raised = zip(tenants, message.first_rows(), strict=True)
    last = {tenant: (row[0] if row else 0) - counts[tenant] for tenant, row in raised}
    rows = []
    for tenant, document in entries:
        last[tenant] += 1
        rows.append((tenant, last[tenant], document))
    _many(message, "INSERT INTO decision_log (tenant, sequence, document) VALUES", "(%s, %s, %s)", "", rows)
    message.send()


def read_sign_ins(
    connection: Connection, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
) -> Sequence[SignInEntry]:
    """Read up to ``limit`` sign-ins behind a time and id."""
    bound: LiteralString = ""
    if after is not None:
        bound = " AND (time, id) < (%s, %s)" if descending else " AND (time, id) > (%s, %s)"
    order: LiteralString = "time DESC, id DESC" if descending else "time, id"
    rows = connection.execute(
        f"SELECT time, id, document FROM sign_ins WHERE tenant = %s{bound} ORDER BY {order} LIMIT %s",  # noqa: S608 - no input in the text
        (tenant, *(text.encode() for text in after or ()), limit),
        binary=True,
    )
    return tuple(SignInEntry(time.decode(), key.decode(), document) for time, key, document in rows)


def read_sign_in(connection: Connection, tenant: TenantId, key: str) -> bytes | None:
    """Return the document of one sign-in, or None."""
    row = connection.execute(
        "SELECT document FROM sign_ins WHERE tenant = %s AND id = %s", (tenant, key.encode()), binary=True
    ).fetchone()
    return None if row is None else row[0]


def put_sign_ins(connection: Connection, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
    """Put sign-ins into a tenant's log, inside the transaction that is open; in one order, so that two do not cross."""
    latest = {entry.id: (tenant, entry.id.encode(), entry.time.encode(), entry.document) for entry in entries}
    message = Message(connection)
    _many(
        message,
        "INSERT INTO sign_ins (tenant, id, time, document) VALUES",
        "(%s, %s, %s, %s)",
        " ON CONFLICT (tenant, id) DO UPDATE SET time = excluded.time, document = excluded.document",
        (latest[key] for key in sorted(latest)),
    )
    message.send()


def write(message: Message, work: Work) -> None:
    """Add to a message what writes down what a batch of changes left behind."""
    objects = [(tenant, kind, key.encode(), document) for (tenant, kind, key), document in work.objects.items()]
    _many(
        message,
        "INSERT INTO objects (tenant, kind, key, document) VALUES",
        "(%s, %s, %s, %s)",
        " ON CONFLICT (tenant, kind, key) DO UPDATE SET document = excluded.document",
        (row for row in objects if row[3] is not None),
    )
    _many(
        message,
        "DELETE FROM objects WHERE (tenant, kind, key) IN (",
        "(%s, %s, %s)",
        ")",
        (row[:3] for row in objects if row[3] is None),
    )
    _many(
        message,
        "INSERT INTO audit (tenant, sequence, id, document) VALUES",
        "(%s, %s, %s, %s)",
        "",
        ((tenant, sequence, entry.id, entry.document) for tenant, sequence, entry in work.audit),
    )
    _many(
        message,
        "INSERT INTO tenants (tenant, version, sequence, mark) VALUES",
        "(%s, %s, %s, %s)",
        " ON CONFLICT (tenant) DO UPDATE SET version = excluded.version, sequence = excluded.sequence,"
        " mark = excluded.mark",
        ((tenant, *snapshot.head) for tenant, snapshot in work.heads.items()),
    )


def _many(
    message: Message,
    before: LiteralString,
    row: LiteralString,
    behind: LiteralString,
    rows: Iterable[tuple[object, ...]],
) -> None:
    """Add one statement for all rows, cut only where there are very many."""
    waiting = list(rows)
    for start in range(0, len(waiting), ROWS_AT_ONCE):
        cut = waiting[start : start + ROWS_AT_ONCE]
        values = [value for each in cut for value in each]
        places: list[LiteralString] = [row] * len(cut)
        message.add(f"{before} {', '.join(places)}{behind}", values)
