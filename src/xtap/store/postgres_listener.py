"""How does a node learn at once what another node wrote? A thread that LISTENs; who writes NOTIFYs after the commit.

It only makes things faster: a notice may be lost, and an engine without LISTEN has none. What bounds staleness is
that every store looks at the versions of its tenants each ``LOOK_EVERY`` seconds (``looker.py``).
"""

from __future__ import annotations

import logging
import selectors
import socket
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import psycopg

from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.store.outage import Outage
from xtap.store.postgres_errors import storage_refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xtap.store.postgres_database import Connection, PostgresDatabase
    from xtap.store.snapshot import Snapshot

log = logging.getLogger(__name__)

AGAIN_AFTER: Final = 1.0
"""Seconds between two attempts to listen."""

DIGITS: Final = 19
"""Of the highest version that the database can keep, a bigint."""


def tell(connection: Connection, node: str, snapshots: Iterable[Snapshot]) -> None:
    """Tell the other nodes which versions tenants have now."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "SELECT pg_notify('xtap', %s)",
            [(f"{node} {snapshot.tenant} {snapshot.version}",) for snapshot in snapshots],
        )


class Listener:
    """The thread that hears other nodes, and goes on trying when the connection is lost."""

    def __init__(self, database: PostgresDatabase, node: str, notice: Callable[[TenantId, int], None]) -> None:
        self._database = database
        self._node = node
        self._notice = notice
        self._outage = Outage(log, f"no session on the database {database.place} can be had", "the database is back")
        self._stopping = Event()
        self._ear, self._mouth = socket.socketpair()
        self._thread = Thread(target=self._run, name="xtap-store-listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end; ``join`` waits for it."""
        self._stopping.set()
        self._mouth.send(b".")

    def join(self, seconds: float) -> bool:
        """Wait so long for the thread to end (blocking); return whether it did."""
        self._thread.join(max(seconds, 0.0))
        if self._thread.is_alive():  # it connects to a database that does not answer
            return False
        self._ear.close()
        self._mouth.close()
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with closing(self._connected()) as connection:
                    connection.execute("LISTEN xtap")
                    self._hear(connection)
            except (psycopg.Error, Unavailable):
                self._stopping.wait(AGAIN_AFTER)
            except Exception:  # the thread must not end: nobody would hear other nodes, nor of an outage
                log.exception("what other nodes say is not heard for a moment")
                self._stopping.wait(AGAIN_AFTER)

    def _connected(self) -> Connection:
        """Return a new session. Nobody asks for one as steadily, so the log has from here what became of the database.

        Raises:
            psycopg.Error: as ``PostgresDatabase.connect``.
            Unavailable: likewise, with what to do.
        """
        try:
            with storage_refusals():
                connection = self._database.connect()
        except Unavailable as error:
            self._outage.met(error)
            raise
        self._outage.over()
        return connection

    def _hear(self, connection: Connection) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._ear, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                for notify in connection.notifies(timeout=0):
                    self._understand(notify.payload)

    def _understand(self, payload: str) -> None:
        """Pass on what another node said; a notice that somebody else made is none, and any login can make one."""
        words = payload.split(" ")
        if len(words) == 3 and words[0] != self._node and words[2].isdecimal() and len(words[2]) <= DIGITS:
            self._notice(TenantId(words[1]), int(words[2]))
