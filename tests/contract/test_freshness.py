"""What others write is loaded beside the requests, one load of each tenant at a time; each tenant ages alone."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import open_node
from xtap.errors import Unavailable
from xtap.graph import failures
from xtap.store.loads import Loads
from xtap.store.looker import LOOK_EVERY
from xtap.store.readers import Readers
from xtap.store.snapshot import Snapshot
from xtap.store.sqlite import SqliteStore
from xtap.store.unreadable import Unreadable
from xtap.testing.store_contract import ADATUM, CONTOSO, FABRIKAM, counting, putting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.model.ids import TenantId
    from xtap.store.cached_store import CachedStore

LIMIT = 1.5
"""Seconds of staleness that these stores allow."""

MANY = 30_000
"""Objects of a large tenant: loading it takes longer than changing it."""

POISON = (
    f"INSERT INTO objects (tenant, kind, key, document) VALUES ('{CONTOSO}', 'kindOfTheNextVersion', 'x', '{{}}')",
    f"UPDATE tenants SET version = version + 1 WHERE tenant = '{CONTOSO}'",
)
CURE = ("DELETE FROM objects WHERE kind = 'kindOfTheNextVersion'",)


@pytest.fixture
async def nodes(url: str) -> AsyncIterator[tuple[CachedStore, CachedStore]]:
    first, second = open_node(url, LIMIT), open_node(url, LIMIT)
    yield first, second
    await first.close()
    await second.close()


# --- a tenant that cannot be read -------------------------------------------------


async def test_a_tenant_that_cannot_be_read_is_refused_alone_on_postgresql(cluster: Cluster, url: str) -> None:
    def execute(statement: str) -> None:
        with closing(cluster.admin(url)) as session:
            session.execute(statement.encode())

    await _is_refused_alone(lambda: open_node(url, LIMIT), execute)


async def test_a_tenant_that_cannot_be_read_is_refused_alone_on_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "xtap.db"

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(statement)

    await _is_refused_alone(lambda: SqliteStore.open(path, exclusive=False, stale_limit=LIMIT), execute)


async def _is_refused_alone(open_store: Callable[[], CachedStore], execute: Callable[[str], None]) -> None:
    store = open_store()
    for tenant in (CONTOSO, FABRIKAM):
        await store.change(tenant, counting("n"))
    for statement in POISON:
        await asyncio.to_thread(execute, statement)
    poisoned = time.monotonic()
    refused = None
    while time.monotonic() < poisoned + LIMIT + LOOK_EVERY + 1:
        assert (await store.snapshot(FABRIKAM)).version >= 1
        try:
            await store.snapshot(CONTOSO)
        except Unavailable:
            refused = refused or time.monotonic() - poisoned
            assert store.at_hand(CONTOSO) is None
        else:
            assert refused is None
        if refused is None:  # the same batch: one is refused, the other is made
            outcomes = await asyncio.gather(
                store.change(CONTOSO, counting("n")), store.change(FABRIKAM, counting("n")), return_exceptions=True
            )
            assert isinstance(outcomes[0], Unavailable)
            assert isinstance(outcomes[1], Snapshot)
        await asyncio.sleep(0.05)
    assert refused is not None
    assert refused < LIMIT + LOOK_EVERY
    another = open_store()
    with pytest.raises(Unavailable, match=r"'kindOfTheNextVersion'.*If a newer xtap wrote it") as refusal:
        await another.snapshot(CONTOSO)
    assert (await another.snapshot(FABRIKAM)).version > 1
    await another.close()
    assert isinstance(refusal.value, Unreadable)
    assert failures.TABLE[Unavailable] == (503, "ServiceUnavailable")
    for statement in CURE:
        await asyncio.to_thread(execute, statement)
    await asyncio.sleep(LOOK_EVERY)
    assert (await store.snapshot(CONTOSO)).version == 2
    assert (await store.change(CONTOSO, counting("n"))).version == 3
    await store.close()


# --- loads --------------------------------------------------------------------


def test_who_asks_during_a_load_shares_the_next_one() -> None:
    readers = Readers(2)
    begun: list[TenantId] = []
    gate = threading.Event()

    def read(tenant: TenantId) -> Snapshot:
        begun.append(tenant)
        if tenant == CONTOSO:
            gate.wait(10)
        return Snapshot(tenant, len(begun))

    loads = Loads(readers, read)
    first = loads.begin(CONTOSO)
    while not begun:
        time.sleep(0.001)
    assert loads.join(CONTOSO) is first
    later = {loads.begin(CONTOSO) for _ in range(100)}
    assert len(later) == 1
    assert first not in later
    assert loads.begin(FABRIKAM).result(10).tenant == FABRIKAM  # a thread is free for it
    gate.set()
    assert (first.result(10).version, later.pop().result(10).version) == (2, 3)
    assert begun == [CONTOSO, FABRIKAM, CONTOSO]
    readers.stop()
    assert readers.join(10)


def test_a_load_that_fails_fails_those_that_share_it_and_nobody_later() -> None:
    readers = Readers(1)
    faults: list[Exception] = [OSError("broken")]

    def read(tenant: TenantId) -> Snapshot:
        if faults:
            raise faults.pop()
        return Snapshot(tenant, 1)

    loads = Loads(readers, read)
    with pytest.raises(OSError, match="broken"):
        loads.begin(CONTOSO).result(10)
    assert loads.begin(CONTOSO).result(10).version == 1
    readers.stop()
    assert readers.join(10)


async def test_a_large_tenant_that_another_node_writes_harms_nobody(
    cluster: Cluster, url: str, nodes: tuple[CachedStore, CachedStore]
) -> None:
    """Notices come faster than loads end: they are merged, and every other tenant is answered at once."""
    first, second = nodes
    with closing(cluster.admin(url)) as session:
        session.execute(
            "INSERT INTO objects SELECT %s, 'partner', ('k' || lpad(i::text, 8, '0'))::bytea,"
            " convert_to(repeat('x', 300), 'utf8') FROM generate_series(1, %s) i",
            (CONTOSO, MANY),
        )
        session.execute("INSERT INTO tenants VALUES (%s, 1, 0)", (CONTOSO,))
    for node in nodes:
        assert (await node.snapshot(CONTOSO)).version == 1
        await node.snapshot(FABRIKAM)
    loads = 0

    def count(operation: str, _: float, failed: bool) -> None:  # noqa: FBT001 - the protocol has it
        nonlocal loads
        assert not failed
        loads += operation == "snapshot"

    second.observe(count)
    changes, slowest, seen = 150, 0.0, set()

    async def write() -> None:
        for _ in range(changes):
            await first.change(CONTOSO, putting("p", b"{}"))

    writing = asyncio.ensure_future(write())
    while not writing.done():
        began = time.monotonic()
        seen.add((await second.snapshot(CONTOSO)).version)
        assert (await second.snapshot(FABRIKAM)).version == 0
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.005)
    await writing
    assert 0 < loads < changes / 2
    assert slowest < LOOK_EVERY / 2, "a request waited for a load"
    assert max(seen) > 1
    await asyncio.sleep(LOOK_EVERY)
    assert (await second.snapshot(CONTOSO)).version == 1 + changes
    print(f"{changes} changes, {loads} loads, slowest read {slowest * 1000:.0f} ms")  # noqa: T201 - the figures of the run


async def test_a_load_that_hangs_ages_its_tenant_alone(
    cluster: Cluster, url: str, nodes: tuple[CachedStore, CachedStore]
) -> None:
    store = nodes[0]
    for tenant in (CONTOSO, FABRIKAM):
        await store.change(tenant, counting("n"))
    with closing(cluster.admin(url)) as session:
        session.execute("BEGIN; LOCK TABLE objects IN ACCESS EXCLUSIVE MODE")
        with closing(cluster.admin(url)) as other:
            other.execute("UPDATE tenants SET version = version + 1 WHERE tenant = %s", (CONTOSO,))
        began = time.monotonic()
        with pytest.raises(Unavailable, match=f"state of tenant {CONTOSO} cannot be loaded"):
            await _read_until_refused(store)
        assert LIMIT - LOOK_EVERY < time.monotonic() - began < LIMIT + LOOK_EVERY
        assert (await store.snapshot(FABRIKAM)).version == 1
        session.execute("COMMIT")
    await asyncio.sleep(LOOK_EVERY)
    assert (await store.snapshot(CONTOSO)).version == 2


async def _read_until_refused(store: CachedStore) -> None:
    while True:
        asked = time.monotonic()
        assert (await store.snapshot(FABRIKAM)).version == 1
        assert (await store.snapshot(CONTOSO)).version == 1
        assert time.monotonic() - asked < LOOK_EVERY / 2
        await asyncio.sleep(0.01)


async def test_a_node_that_answers_nobody_looks_all_the_same(nodes: tuple[CachedStore, CachedStore]) -> None:
    looks = []
    nodes[0].observe(lambda operation, _, failed: looks.append((operation, failed)))
    await nodes[0].snapshot(ADATUM)
    await asyncio.sleep(2.2 * LOOK_EVERY)
    assert looks.count(("look", False)) >= 3
    assert ("look", True) not in looks
