"""Are the tables of a SQLite file those that its migrations made? Compared before anything is read from them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from xtap.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from xtap.store.migrations import Migrations

_COLUMNS = 'SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid'


def require_shape(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> None:
    """Compare tables with what the scripts make in an empty database; tables and columns of others may be beside them.

    Raises:
        ConfigurationError: a table or column is missing or another; says which.
    """
    for table, expected in _made_by(migrations).items():
        found = _columns(connection, table)
        missing = [name for name, kind in expected.items() if found.get(name) != kind]
        if missing:
            what = f"column {missing[0]} of the table {table}" if found else f"table {table}"
            raise ConfigurationError(
                f"The database {path} was changed by another program: the {what} is missing or not as xtap made it. "
                "Restore it from a backup, or undo that change."
            )


def tables(migrations: Migrations) -> tuple[str, ...]:
    """Return the names of the tables that the scripts make."""
    return tuple(_made_by(migrations))


@cache
def _made_by(migrations: Migrations) -> Mapping[str, Mapping[str, tuple[object, ...]]]:
    with closing(sqlite3.connect(":memory:")) as empty:
        for script in migrations:
            for statement in script:
                empty.execute(statement)
        names = empty.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: _columns(empty, name) for (name,) in names}


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[object, ...]]:
    """Return type, whether it may be null, and place in the primary key, of each column; nothing for no table."""
    return {name: tuple(kind) for name, *kind in connection.execute(_COLUMNS, (table,))}
