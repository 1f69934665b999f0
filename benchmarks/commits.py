"""How fast are durable changes beside raw commits, one for each change, on the same database: SQLite and PostgreSQL?

Ours has 32 tasks on one store, the reference 32 threads with a connection each. Rounds of both alternate.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg

from benchmarks.table import Row, render
from tests.contract.cluster import open_node, running
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.store.protocol import Store
    from xtap.store.snapshot import Snapshot

TENANT: Final = TenantId("a0000000-0000-4000-8000-000000000001")
WRITERS: Final = 32
ROUNDS: Final = 5
CHANGES: Final = 100
"""Changes of each writer in each round."""

DOCUMENT: Final = b'{"tenantId":"00000000-0000-4000-8000-000000000000","displayName":"%s"}' % (b"x" * 830)
"""About 900 bytes, as a partner with a few targets takes."""

TABLES: Final = (
    "CREATE TABLE raw_objects (tenant bytea, kind bytea, key bytea, document bytea, PRIMARY KEY (tenant, kind, key))",
    "CREATE TABLE raw_audit (tenant bytea, sequence int, id bytea, document bytea, PRIMARY KEY (tenant, sequence))",
)


class Round(NamedTuple):
    """The seconds of one round, and those that each of its changes took."""

    seconds: float
    taken: list[float]


def name(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def adding(number: int) -> Callable[[Snapshot], Change]:
    change = Change((Write(Kind.PARTNER, name(number), DOCUMENT),), (AuditEntry(name(number), DOCUMENT),))
    return lambda _: change


async def ours(store: Store) -> Round:
    """Let 32 tasks write one object and one record at a time."""
    await store.snapshot(TENANT)
    taken: list[float] = []
    begun = time.perf_counter()

    async def client(first: int) -> None:
        for number in range(first, first + CHANGES):
            start = time.perf_counter()
            await store.change(TENANT, adding(number))
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(client(writer * CHANGES) for writer in range(WRITERS)))
    seconds = time.perf_counter() - begun
    await store.close()
    return Round(seconds, taken)


def raw(connect: Callable[[], Any], mark: str, begin: str) -> Round:
    """Let 32 threads write the same rows, each with a connection of its own and one commit for each change."""

    def client(first: int) -> list[float]:
        connection = connect()
        taken: list[float] = []
        for number in range(first, first + CHANGES):
            key = name(number).encode()
            start = time.perf_counter()
            connection.execute(begin)
            connection.execute(
                f"INSERT INTO raw_objects VALUES ({mark}, {mark}, {mark}, {mark})",
                (TENANT.encode(), b"partner", key, DOCUMENT),
            )
            connection.execute(
                f"INSERT INTO raw_audit VALUES ({mark}, {mark}, {mark}, {mark})",
                (TENANT.encode(), number, key, DOCUMENT),
            )
            connection.execute("COMMIT")
            taken.append(time.perf_counter() - start)
        connection.close()
        return taken

    begun = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as threads:
        parts = list(threads.map(client, range(0, WRITERS * CHANGES, CHANGES)))
    return Round(time.perf_counter() - begun, [each for part in parts for each in part])


def on_sqlite() -> tuple[Round, Round]:
    """Run one round of ours and one of raw changes on new files."""
    with tempfile.TemporaryDirectory() as folder:
        mine = asyncio.run(ours(SqliteStore.open(Path(folder) / "xtap.db")))
        path = Path(folder) / "raw.db"

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(path, timeout=60, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            return connection

        with connect() as connection:
            for table in TABLES:
                connection.execute(table)
        connection.close()
        return mine, raw(connect, "?", "BEGIN IMMEDIATE")


def on_postgres(url: str, empty: str) -> tuple[Round, Round]:
    """Run one round of ours and one of raw changes in two new places of a cluster."""
    with psycopg.connect(empty) as connection:
        for table in TABLES:
            connection.execute(table)
    mine = asyncio.run(ours(open_node(url)))
    return mine, raw(lambda: psycopg.connect(empty, autocommit=True), "%s", "BEGIN")


def rows(database: str, aim: str, run: Callable[[], tuple[Round, Round]]) -> list[Row]:
    """Compare throughput and tail of durable changes on one database."""
    speeds: tuple[list[float], list[float]] = ([], [])
    tails: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, (seconds, taken) in enumerate(run()):
            speeds[place].append(len(taken) / seconds)
            tails[place].append(quantiles(taken, n=100)[98] * 1e3)
    title = f"durable changes, {WRITERS} writers, against raw {database}"
    return [
        Row.compare(title, *speeds, aim=aim, unit="changes/s"),
        Row.compare(f"their p99, against raw {database}", *tails, unit="ms"),
    ]


def run() -> list[Row]:
    """Measure both databases; takes about half a minute."""
    with running() as cluster:
        return [
            *rows("SQLite", "at least 1.5", on_sqlite),
            *rows("PostgreSQL", "at least 1", lambda: on_postgres(cluster.database(), cluster.empty())),
        ]


if __name__ == "__main__":
    print(render(run()))
