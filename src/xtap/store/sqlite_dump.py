"""How does everything get out of a SQLite file, and into an empty one? Both inside one transaction of the caller."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from xtap.errors import Conflict
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.rows import NOT_EMPTY, AuditRow, DecisionRow, ObjectRow, SignInRow, TenantRow
from xtap.store.snapshot import new_mark

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from xtap.store.rows import Row

TABLES: Final = ("tenants", "objects", "audit", "decision_log", "sign_ins")
"""Every table that holds data; the schema's own number is not part of a dump."""

_AT_ONCE: Final = 1_000

_READ: Final[tuple[tuple[str, Callable[..., Row]], ...]] = (
    (
        "SELECT tenant, version, sequence FROM tenants ORDER BY tenant",
        lambda tenant, version, sequence: TenantRow(TenantId(tenant), version, sequence),
    ),
    (
        "SELECT tenant, kind, key, document FROM objects ORDER BY tenant, kind, key",
        lambda tenant, kind, key, document: ObjectRow(TenantId(tenant), Kind(kind), key, document.decode()),
    ),
    (
        "SELECT tenant, sequence, id, document FROM audit ORDER BY tenant, sequence",
        lambda tenant, number, key, document: AuditRow(TenantId(tenant), number, key, document.decode()),
    ),
    (
        "SELECT tenant, sequence, document FROM decision_log ORDER BY tenant, sequence",
        lambda tenant, number, document: DecisionRow(TenantId(tenant), number, document.decode()),
    ),
    (
        "SELECT tenant, time, id, document FROM sign_ins ORDER BY tenant, time, id",
        lambda tenant, time, key, document: SignInRow(TenantId(tenant), time, key, document.decode()),
    ),
)

_WRITE: Final[dict[type[Row], tuple[str, Callable[..., tuple[object, ...]]]]] = {
    TenantRow: (
        "INSERT INTO tenants (tenant, version, sequence, mark) VALUES (?, ?, ?, ?)",
        lambda row: (row.tenant, row.version, row.sequence, new_mark()),
    ),
    ObjectRow: (
        "INSERT INTO objects (tenant, kind, key, document) VALUES (?, ?, ?, ?)",
        lambda row: (row.tenant, row.kind, row.key, row.document.encode()),
    ),
    AuditRow: (
        "INSERT INTO audit (tenant, sequence, id, document) VALUES (?, ?, ?, ?)",
        lambda row: (row.tenant, row.sequence, row.id, row.document.encode()),
    ),
    DecisionRow: (
        "INSERT INTO decision_log (tenant, sequence, document) VALUES (?, ?, ?)",
        lambda row: (row.tenant, row.sequence, row.document.encode()),
    ),
    SignInRow: (
        "INSERT INTO sign_ins (tenant, time, id, document) VALUES (?, ?, ?, ?)",
        lambda row: (row.tenant, row.time, row.id, row.document.encode()),
    ),
}


def dump(connection: sqlite3.Connection) -> Iterator[Row]:
    """Yield every row, inside the transaction that is open."""
    for statement, row in _READ:
        for values in connection.execute(statement):
            yield row(*values)


def load(connection: sqlite3.Connection, rows: Iterable[Row], *, replace: bool) -> None:
    """Write every row, inside the transaction that is open.

    Args:
        connection: where to.
        rows: of a dump, in its order.
        replace: whether what is there goes first.

    Raises:
        Conflict: something is there, and it is not to be replaced.
    """
    for table in TABLES:
        if replace:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        elif connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():  # noqa: S608 - likewise
            raise Conflict(NOT_EMPTY)
    for kind, group in groupby(rows, type):
        statement, values = _WRITE[kind]
        while part := [values(row) for row in islice(group, _AT_ONCE)]:
            connection.executemany(statement, part)
