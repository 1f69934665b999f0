"""How does everything get out of a PostgreSQL database, and into an empty one? In one transaction of the caller.

It is read in pages, each a statement of its own, so that none runs long. What the caller does between two statements
may take a while (a disk that is slow), so both transactions may be idle for longer than others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from psycopg import errors

from xtap.errors import Conflict
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.rows import NOT_EMPTY, AuditRow, DecisionRow, ObjectRow, Row, SignInRow, TenantRow
from xtap.store.snapshot import new_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import LiteralString

    from xtap.store.postgres_database import Connection

PAGE: Final = 1_000
"""Rows that are read at once."""

_MAY_BE_IDLE: Final = "SET LOCAL idle_in_transaction_session_timeout = '5min'"
_MAY_RUN_LONG: Final = "SET LOCAL statement_timeout = 0"

_HEADS: Final = (
    "INSERT INTO decision_log_heads (tenant, sequence) SELECT tenant, max(sequence) FROM decision_log GROUP BY tenant"
)
"""Where the logs go on; no part of a dump, because it follows from the logs."""


@dataclass(frozen=True, slots=True)
class _Table:
    """How one table becomes rows and back.

    Attributes:
        page: reads the next rows behind a key.
        before: a key, the first columns, that stands before all others.
        row: makes a row of the columns.
        put: takes in rows.
        values: makes the columns of a row.
    """

    page: LiteralString
    before: tuple[object, ...]
    row: Callable[..., Row]
    put: LiteralString
    values: Callable[..., tuple[object, ...]]


_TABLES: Final[dict[type[Row], _Table]] = {
    TenantRow: _Table(
        "SELECT tenant, version, sequence FROM tenants WHERE (tenant) > (%s) ORDER BY tenant LIMIT %s",
        ("",),
        lambda tenant, version, sequence: TenantRow(TenantId(tenant), version, sequence),
        "COPY tenants (tenant, version, sequence, mark) FROM STDIN",
        lambda row: (row.tenant, row.version, row.sequence, new_mark()),
    ),
    ObjectRow: _Table(
        "SELECT tenant, kind, key, document FROM objects"
        " WHERE (tenant, kind, key) > (%s, %s, %s) ORDER BY tenant, kind, key LIMIT %s",
        ("", "", b""),
        lambda tenant, kind, key, document: ObjectRow(TenantId(tenant), Kind(kind), key.decode(), document.decode()),
        "COPY objects (tenant, kind, key, document) FROM STDIN",
        lambda row: (row.tenant, row.kind.value, row.key.encode(), row.document.encode()),
    ),
    AuditRow: _Table(
        "SELECT tenant, sequence, id, document FROM audit"
        " WHERE (tenant, sequence) > (%s, %s) ORDER BY tenant, sequence LIMIT %s",
        ("", 0),
        lambda tenant, number, key, document: AuditRow(TenantId(tenant), number, key, document.decode()),
        "COPY audit (tenant, sequence, id, document) FROM STDIN",
        lambda row: (row.tenant, row.sequence, row.id, row.document.encode()),
    ),
    DecisionRow: _Table(
        "SELECT tenant, sequence, document FROM decision_log"
        " WHERE (tenant, sequence) > (%s, %s) ORDER BY tenant, sequence LIMIT %s",
        ("", 0),
        lambda tenant, number, document: DecisionRow(TenantId(tenant), number, document.decode()),
        "COPY decision_log (tenant, sequence, document) FROM STDIN",
        lambda row: (row.tenant, row.sequence, row.document.encode()),
    ),
    SignInRow: _Table(
        "SELECT tenant, time, id, document FROM sign_ins"
        " WHERE (tenant, time, id) > (%s, %s, %s) ORDER BY tenant, time, id LIMIT %s",
        ("", b"", b""),
        lambda tenant, time, key, document: SignInRow(TenantId(tenant), time.decode(), key.decode(), document.decode()),
        "COPY sign_ins (tenant, time, id, document) FROM STDIN",
        lambda row: (row.tenant, row.time.encode(), row.id.encode(), row.document.encode()),
    ),
}

TABLES: Final[tuple[LiteralString, ...]] = (
    "tenants",
    "objects",
    "audit",
    "decision_log",
    "decision_log_heads",
    "sign_ins",
)
"""Every table that holds data; the schema's own number is not part of a dump."""


def dump(connection: Connection) -> Iterator[Row]:
    """Yield every row, inside the transaction that is open; it must see one moment."""
    connection.execute(_MAY_BE_IDLE)
    for table in _TABLES.values():
        last = table.before
        while page := connection.execute(table.page, (*last, PAGE), binary=True).fetchall():
            yield from (table.row(*values) for values in page)
            last = page[-1][: len(last)]


def load(connection: Connection, rows: Iterable[Row], *, replace: bool) -> None:
    """Write every row, inside the transaction that is open.

    Args:
        connection: where to.
        rows: of a dump, in its order.
        replace: whether what is there goes first.

    Raises:
        Conflict: something is there and is not to be replaced, or others write meanwhile.
    """
    connection.execute(_MAY_BE_IDLE)
    connection.execute(_MAY_RUN_LONG)
    for table in TABLES:
        if replace:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        elif connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608 - likewise
            raise Conflict(NOT_EMPTY)
    try:
        for kind, group in groupby(rows, type):
            _put(connection, _TABLES[kind], group)
        connection.execute(_HEADS)
    except errors.UniqueViolation:
        raise Conflict("Something was written meanwhile, and nothing was loaded. Stop every node first.") from None


def _put(connection: Connection, table: _Table, rows: Iterator[Row]) -> None:
    with connection.cursor() as cursor, cursor.copy(table.put) as copy:
        for row in rows:
            copy.write_row(table.values(row))
