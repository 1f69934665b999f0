"""Has the PostgreSQL database the tables and columns that this version needs? Asked before anything is read from them.

More tables and columns may be there: those of others, or of a newer xtap that is rolled out. The question is of
``information_schema``, which engines that speak like PostgreSQL have too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg
    from psycopg.rows import TupleRow

SHAPE: Final[Mapping[str, Mapping[str, str]]] = {
    "audit": {"tenant": "text", "sequence": "bigint", "id": "text", "document": "bytea"},
    "decision_log": {"tenant": "text", "sequence": "bigint", "document": "bytea"},
    "decision_log_heads": {"tenant": "text", "sequence": "bigint"},
    "objects": {"tenant": "text", "kind": "text", "key": "bytea", "document": "bytea"},
    "sign_ins": {"tenant": "text", "id": "bytea", "time": "bytea", "document": "bytea"},
    "tenants": {"tenant": "text", "version": "bigint", "sequence": "bigint", "mark": "bytea"},
}
"""Type of each column of each table that all migrations together make."""

# A name without a schema is looked up along the search path; the first schema that has the table is the one.
_COLUMNS: Final = """
SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = ANY (current_schemas(false)) AND table_name = ANY (%s)
ORDER BY array_position(current_schemas(false), table_schema::name)
"""


def require_shape(connection: psycopg.Connection[TupleRow], place: str) -> None:
    """Compare tables with those that this version needs.

    Args:
        connection: a session on the database, all of whose migrations were run.
        place: the database, without secrets, for the message.

    Raises:
        ConfigurationError: a table or column is missing or another; says which.
        psycopg.Error: PostgreSQL refused, or cannot be reached.
    """
    found = _found(connection)
    for table, needed in SHAPE.items():
        columns = found.get(table, {})
        for column, kind in needed.items():
            if columns.get(column) != kind:
                what = _difference(column, kind, columns.get(column), table) if columns else f"table {table} {_MISSING}"
                raise ConfigurationError(
                    f"The database {place} was changed by another program: the {what}. Put it back as it "
                    "was, or load a backup into an empty database ('xtap migrate', 'xtap restore')."
                )


_MISSING: Final = "is missing, or hidden from this user"


def _difference(column: str, needed: str, found: str | None, table: str) -> str:
    state = f"has the type {found}, not {needed}" if found else _MISSING
    return f"column {column} of the table {table} {state}"


def _found(connection: psycopg.Connection[TupleRow]) -> dict[str, dict[str, str]]:
    """Return the types of the columns of our tables that are there."""
    places: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in connection.execute(_COLUMNS, (list(SHAPE),)):
        if places.setdefault(table, schema) == schema:
            found.setdefault(table, {})[column] = kind
    return found
