"""How fast and how large is the SQLite store? Against one thread and one commit for each write on raw sqlite3.

Run ``python -m benchmarks.store``. Rounds of ours and of the reference alternate; memory is measured in
processes of its own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from benchmarks.table import Row, render
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.store.snapshot import Snapshot

TENANT: Final = TenantId("a0000000-0000-4000-8000-000000000001")
WRITERS: Final = 32
ROUNDS: Final = 5
CHANGES: Final = 100
"""Changes of each writer in each round."""

DOCUMENT: Final = b'{"tenantId":"00000000-0000-4000-8000-000000000000","displayName":"%s"}' % (b"x" * 830)
"""About 900 bytes, as a partner with a few targets takes."""

MEASURE_MEMORY: Final = "memory"


def name(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def adding(number: int) -> Callable[[Snapshot], Change]:
    change = Change((Write(Kind.PARTNER, name(number), DOCUMENT),), (AuditEntry(name(number), DOCUMENT),))
    return lambda _: change


# --- durable commits -------------------------------------------------------------


async def ours(path: Path) -> list[float]:
    """Let 32 tasks write one object and one record at a time, and return the seconds that each change took."""
    store = SqliteStore.open(path)
    await store.snapshot(TENANT)
    taken: list[float] = []

    async def client(first: int) -> None:
        for number in range(first, first + CHANGES):
            start = time.perf_counter()
            await store.change(TENANT, adding(number))
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*(client(writer * CHANGES) for writer in range(WRITERS)))
    await store.close()
    return taken


def reference(path: Path) -> list[float]:
    """Let 32 threads write the same rows, each with a connection of its own and one commit for each change."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE objects (tenant, kind, key, document, PRIMARY KEY (tenant, kind, key))")
        connection.execute("CREATE TABLE audit (tenant, sequence, id, document, PRIMARY KEY (tenant, sequence))")
    connection.close()

    def client(first: int) -> list[float]:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        taken: list[float] = []
        for number in range(first, first + CHANGES):
            start = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO objects VALUES (?, ?, ?, ?)", (TENANT, "partner", name(number), DOCUMENT))
            connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", (TENANT, number, name(number), DOCUMENT))
            connection.execute("COMMIT")
            taken.append(time.perf_counter() - start)
        connection.close()
        return taken

    with ThreadPoolExecutor(WRITERS) as threads:
        parts = list(threads.map(client, range(0, WRITERS * CHANGES, CHANGES)))
    return [each for part in parts for each in part]


def commits() -> list[Row]:
    """Compare throughput and tail of durable commits, in alternating rounds."""
    speeds: tuple[list[float], list[float]] = ([], [])
    tails: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, run in enumerate((lambda path: asyncio.run(ours(path)), reference)):
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                taken = run(Path(folder) / "xtap.db")
                speeds[place].append(len(taken) / (time.perf_counter() - start))
                tails[place].append(quantiles(taken, n=100)[98] * 1e3)
    return [
        Row.compare(f"durable changes, {WRITERS} writers", *speeds, aim=">= 1.5", unit="changes/s"),
        Row.compare(f"their p99, {WRITERS} writers", *tails, aim="<= 0.2", unit="ms"),
    ]


# --- size ------------------------------------------------------------------------


def fill(path: Path, count: int) -> None:
    """Make a tenant of many partners, past the store for the sake of time."""
    asyncio.run(SqliteStore.open(path).close())
    connection = sqlite3.connect(path)
    numbers = random.sample(range(count), count)  # as ids come in life: in no order
    rows = ((TENANT, "partner", name(number), DOCUMENT) for number in numbers)
    connection.executemany("INSERT INTO objects VALUES (?, ?, ?, ?)", rows)
    connection.execute("INSERT INTO tenants VALUES (?, 1, 0)", (TENANT,))
    connection.commit()
    connection.close()


async def latencies(path: Path, count: int) -> tuple[float, float, float]:
    """Return seconds to load, microseconds of ``get`` on a fresh snapshot, milliseconds of one change alone."""
    store = SqliteStore.open(path)
    start = time.perf_counter()
    await store.snapshot(TENANT)
    loaded = time.perf_counter() - start
    gc.collect()
    keys = [name(random.randrange(count)) for _ in range(20_000)]
    gets, changes = [], []
    for _ in range(5):
        start = time.perf_counter()
        for key in keys:
            (await store.snapshot(TENANT)).get(Kind.PARTNER, key)
        gets.append((time.perf_counter() - start) / len(keys))
    for number in range(count, count + 300):
        start = time.perf_counter()
        await store.change(TENANT, adding(number * 7919 % (2 * count)))
        changes.append(time.perf_counter() - start)
    await store.close()
    return loaded, median(gets) * 1e6, median(changes) * 1e3


def growth(small: int = 1_000, large: int = 1_000_000) -> list[Row]:
    """Compare a large tenant with a small one."""
    figures: dict[int, list[tuple[float, float, float]]] = {small: [], large: []}
    with tempfile.TemporaryDirectory() as folder:
        for count in figures:
            fill(Path(folder) / f"{count}.db", count)
        for _ in range(3):
            for count, rounds in figures.items():
                rounds.append(asyncio.run(latencies(Path(folder) / f"{count}.db", count)))
    loads, gets, changes = (
        tuple([each[place] for each in figures[count]] for count in (large, small)) for place in range(3)
    )
    size = f"{large:,} objects against {small:,}"
    return [
        Row.compare(f"snapshot and get, {size}", gets[0], gets[1], unit="us"),
        Row.compare(f"one change alone, {size}", changes[0], changes[1], aim="<= 1.3", unit="ms"),
        Row.compare(f"first use of a tenant of {large:,}", loads[0], unit="s"),
    ]


def memory(count: int = 100_000) -> list[Row]:
    """Measure what a stored partner takes in memory, beside the bytes of its document and key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "xtap.db"
        fill(path, count)
        command = [sys.executable, "-m", "benchmarks.store", MEASURE_MEMORY, str(path)]
        grown = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3)]
    needed = [float(len(DOCUMENT) + len(name(0)))] * len(grown)
    return [
        Row.compare("memory of a partner against its bytes", [each / count for each in grown], needed, unit="bytes")
    ]


async def resident_growth(path: Path) -> int:
    """Return by how many bytes the resident memory grows when a tenant is loaded."""
    store = SqliteStore.open(path)
    await store.check()
    before = resident()
    await store.snapshot(TENANT)
    grown = resident() - before
    await store.close()
    return grown


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def run() -> list[Row]:
    """Measure everything; takes about a minute."""
    return [*commits(), *memory(), *growth()]


if __name__ == "__main__":
    if sys.argv[1:2] == [MEASURE_MEMORY]:
        print(asyncio.run(resident_growth(Path(sys.argv[2]))))
    else:
        print(render(run()))
