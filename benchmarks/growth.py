"""What becomes slower when there is more? Servers with a thousand partners beside servers with a million.

One tenant has all of them, or 10,000 tenants have a hundred each, which a decision point is asked about in no order.
The tables are filled past the store, for the sake of time, with what the store wrote for one partner.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
from msgspec import json

from benchmarks.http import PARTNER, PARTNERS, partner
from benchmarks.measure import Contestant, Workload, created, head, measured, request, resident, served
from benchmarks.table import Row, render
from benchmarks.workload import identifier, tenant
from xtap.model.directory import Tenant
from xtap.model.ids import DIRECTORY, TenantId
from xtap.model.objects import Kind
from xtap.server.demo import CONTOSO
from xtap.server.storage import DATABASE
from xtap.store.sqlite import SqliteStore
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUESTIONS: Final = 20_000
CLIENTS: Final = 4
FLAT: Final = "at most 1.3"
MEMORY: Final = "memory"


class Shape(NamedTuple):
    """How many tenants there are, and how many partners each of them has; the first tenant is contoso."""

    tenants: int
    partners: int

    def __str__(self) -> str:
        return f"{self.tenants:,} x {self.partners:,}"

    def tenant(self, number: int) -> TenantId:
        """Return the id of a tenant; those behind the last one are registered nowhere, if there is only one."""
        number = number % self.tenants if self.tenants > 1 else number
        return CONTOSO.id if number == 0 else tenant(number)


ONE_SMALL, ONE_LARGE = Shape(1, 1_000), Shape(1, 1_000_000)
FEW, MANY = Shape(32, 31), Shape(10_000, 100)


def run() -> list[Row]:
    """Measure everything; takes about two minutes."""
    return [*one_tenant(), *many_tenants(), memory()]


def one_tenant() -> list[Row]:
    """Compare reading and creating partners of one tenant."""
    with servers(ONE_LARGE, ONE_SMALL) as both:
        title = f"{ONE_LARGE.partners:,} partners of one tenant, against {ONE_SMALL.partners:,}"
        first = [[first_use(each.server)] for each in both]
        return [
            Row.compare(f"process start, {title}", *([each.start] for each in both), unit="ms"),
            Row.compare(f"first request, {title}", *first, unit="ms"),
            *latencies(f"GET, {title}", f"GET {PARTNERS}/{tenant(999)}", both, [(), ()]),
            *latencies(f"POST, {title}", f"POST {PARTNERS}", both, [[partner("{id}")]] * 2),
        ]


def many_tenants() -> list[Row]:
    """Compare decisions about any two of the tenants, and the memory when all of them were asked about."""
    with servers(MANY, FEW) as both:
        title = f"{MANY} tenants and partners, against {FEW}"
        starts = Row.compare(f"process start, {title}", *([each.start] for each in both), unit="ms")
        asked = [questions(MANY), questions(FEW)]
        found = latencies(f"AuthZEN evaluation, {title}", "POST /access/v1/evaluation", both, asked)
        sizes = [[resident(each.pid)] for each in both]
        return [starts, *found, Row.compare(f"memory of the server, {title}", *sizes, unit="MiB")]


def latencies(title: str, line: str, both: Sequence[Running], bodies: Sequence[Sequence[object]]) -> list[Row]:
    """Compare the latency of one request, for which each server has bodies of its own."""
    contestants = [
        Contestant(each.server.port, request(each.server.folder / "request", head(each.server, line), asked))
        for each, asked in zip(both, bodies, strict=True)
    ]
    large, small = measured(Workload(title, CLIENTS), *contestants)
    return [
        Row.compare(f"{title}: {name}", large[name], small[name], aim=aim, unit="µs")
        for name, aim in (("p50", FLAT), ("p99", ""))
    ]


def questions(shape: Shape) -> list[dict[str, Any]]:
    """Draw questions about people of partners of any tenant."""
    lot = random.Random(20_31)
    asked = []
    for _ in range(QUESTIONS):
        number = lot.randrange(shape.tenants)
        home = shape.tenant(number + lot.randint(1, shape.partners))
        person = {"tenantId": home, "groups": []}
        application = {"tenantId": shape.tenant(number), "clientAppId": identifier("d", 2)}
        asked.append(
            {
                "subject": {"type": "user", "id": identifier("b", lot.randrange(100)), "properties": person},
                "action": {"name": "b2bDirectConnect"},
                "resource": {"type": "application", "id": identifier("d", 1), "properties": application},
            }
        )
    return asked


def first_use(server: LocalServer) -> float:
    """Return the milliseconds of the first request of contoso, which loads its policy."""
    headers, begun = server.headers(), time.perf_counter()
    httpx.get(f"{server.http}{PARTNERS}/{tenant(999)}", headers=headers, timeout=60).raise_for_status()
    return (time.perf_counter() - begun) * 1000


# --- filled servers ---------------------------------------------------------------


class Running(NamedTuple):
    """A server, the id of its process, and the milliseconds until it answered."""

    server: LocalServer
    pid: int
    start: float


@contextmanager
def servers(*shapes: Shape) -> Iterator[list[Running]]:
    """Run a server of each shape."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        found = []
        for number, shape in enumerate(shapes):
            folder = Path(name) / str(number)
            folder.mkdir()
            server = filled(folder, shape)
            begun = time.perf_counter()
            pid = stack.enter_context(served(server))
            found.append(Running(server, pid, (time.perf_counter() - begun) * 1000))
        yield found


def filled(folder: Path, shape: Shape) -> LocalServer:
    """Make the data of a server that is not running."""
    with running(folder, "--operator-tenant", CONTOSO.id) as server:
        created(server, PARTNERS, partner(PARTNER))
    with closing(sqlite3.connect(folder / ".xtap" / DATABASE)) as connection, connection:
        document: bytes
        (document,) = connection.execute("SELECT document FROM objects WHERE kind = 'partner'").fetchone()
        connection.execute("DELETE FROM objects WHERE kind = 'partner'")
        connection.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?)", registered(shape))
        connection.executemany("INSERT INTO objects VALUES (?, ?, ?, ?)", partners(shape, document))
        numbers = ((shape.tenant(number),) for number in range(1, shape.tenants))
        connection.executemany("INSERT OR IGNORE INTO tenants (tenant, version, sequence) VALUES (?, 1, 0)", numbers)
        connection.execute("UPDATE tenants SET version = version + 1")
    return LocalServer(folder, *free_ports(2), server.flags)


def registered(shape: Shape) -> Iterator[tuple[str, ...]]:
    for number in range(1, shape.tenants):
        known = Tenant(id=shape.tenant(number), display_name=f"tenant {number}")
        yield DIRECTORY, Kind.TENANT, known.id, json.encode(known)


def partners(shape: Shape, document: bytes) -> Iterator[tuple[str | bytes, ...]]:
    """Make each tenant's partners: the tenants behind it; in no order, as they come in life."""
    lot = random.Random(20_32)
    for number in range(shape.tenants):
        for each in lot.sample(range(1, shape.partners + 1), shape.partners):
            key = shape.tenant(number + each)
            yield shape.tenant(number), Kind.PARTNER, key, document.replace(PARTNER.encode(), key.encode())


# --- memory -----------------------------------------------------------------------


def memory(count: int = 100_000) -> Row:
    """Measure what a stored partner takes in memory, beside the bytes of its document and key."""
    with tempfile.TemporaryDirectory() as name:
        server = filled(Path(name), Shape(1, count))
        path = server.folder / ".xtap" / DATABASE
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT avg(length(document) + length(key)) FROM objects WHERE kind = 'partner'"
            (size,) = connection.execute(query).fetchone()
        command = [sys.executable, "-m", "benchmarks.growth", MEMORY, str(path)]
        grown = [float(subprocess.run(command, capture_output=True, check=True).stdout) / count for _ in range(3)]
    return Row.compare("memory of a stored partner, against its bytes", grown, [size] * len(grown), unit="bytes")


async def resident_growth(path: Path) -> float:
    """Return by how many bytes the memory of this process grows when contoso is loaded."""
    store = SqliteStore.open(path)
    await store.check()
    before = resident()
    await store.snapshot(CONTOSO.id)
    grown = resident() - before
    await store.close()
    return grown * 1024 * 1024


if __name__ == "__main__":
    if sys.argv[1:2] == [MEMORY]:
        print(asyncio.run(resident_growth(Path(sys.argv[2]))))
    else:
        print(render(run()))
