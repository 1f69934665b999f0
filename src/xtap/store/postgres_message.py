"""How does PostgreSQL receive several statements at once? As one message, of which it runs nothing before it is whole.

A session that holds locks counts as idle in its transaction until the last byte of the next message has come. So
wherever a node stops while it sends one, the database ends the session after a while and frees the locks
(``idle_in_transaction_session_timeout``). Statements and parameters that are sent apart, as by a pipeline, are several
messages: between two of them the session counts as active, and would keep its locks for as long as the node is stopped.

Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import ClientCursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import LiteralString

    from psycopg.rows import TupleRow

    from xtap.store.postgres_database import Connection


class Message:
    """Statements with their values written into them by the client library, to be sent together."""

    def __init__(self, connection: Connection) -> None:
        self._cursor = ClientCursor(connection)
        self._statements: list[str] = []

    def add(self, statement: LiteralString, values: Sequence[object] = ()) -> None:
        """Put one more statement behind the others."""
        self._statements.append(self._cursor.mogrify(statement, values))

    def send(self) -> None:
        """Send what was added, and wait until all of it is done; of the statements after one that fails, none is run.

        Raises:
            psycopg.Error: PostgreSQL refused a statement, or cannot be reached.
        """
        if self._statements:
            self._cursor.execute("; ".join(self._statements).encode())
            self._statements.clear()

    def first_rows(self) -> Iterator[TupleRow | None]:
        """Send what was added, each of which returns rows, and yield the first row of each; None where there is none.

        Raises:
            psycopg.Error: PostgreSQL refused a statement, or cannot be reached.
        """
        if self._statements:
            self.send()
            yield self._cursor.fetchone()
            while self._cursor.nextset():
                yield self._cursor.fetchone()
