"""What the look says of memory while looks and loads cross, with a database that stops where it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.store.cache import SnapshotCache
from xtap.store.cached_store import CachedStore
from xtap.store.looker import LOOK_EVERY
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping

    from xtap.store.snapshot import Head

TENANT, OTHER = TenantId("one"), TenantId("other")
LIMIT = 2.0


class Database:
    """A source of a store, whose loads can be held up behind their read.

    Attributes:
        version: of the tenant, as it is durable.
        gate: a load waits behind its read for the one that it found.
        read: how many loads have read.
        asked: called in the middle of each look.
    """

    def __init__(self) -> None:
        self.version = 1
        self.gate = threading.Event()
        self.gate.set()
        self.read = 0
        self.asked: Callable[[], None] = lambda: None

    def latest(self, tenant: TenantId, known: Snapshot | None) -> Snapshot:
        found = Snapshot(tenant, self.version, 0, {}, b"m%d" % self.version)
        gate = self.gate
        self.read += 1
        gate.wait(30)
        return known if known is not None and known.head == found.head else found

    def heads(self) -> Mapping[TenantId, Head]:
        heads = {TENANT: (self.version, 0, b"m%d" % self.version)}
        self.asked()
        return heads

    def close(self) -> None:
        self.gate.set()


class NoWriter:
    """The back end of a store that nobody changes."""

    def begin(self, tenants: Collection[TenantId]) -> Collection[TenantId]:
        return tenants

    def close(self) -> None:
        pass


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def cache() -> SnapshotCache:
    return SnapshotCache()


@pytest.fixture
async def store(database: Database, cache: SnapshotCache) -> AsyncIterator[CachedStore]:
    made = CachedStore(database, NoWriter(), cache, stale_limit=LIMIT)  # type: ignore[arg-type]
    yield made
    database.gate.set()
    await made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - threads of the store make it true
            await asyncio.sleep(0.01)


async def test_a_first_load_is_as_old_as_its_beginning(database: Database, store: CachedStore) -> None:
    database.gate.clear()
    first = asyncio.ensure_future(store.snapshot(TENANT))
    await until(lambda: database.read == 1)
    database.version = 2
    await asyncio.sleep(LIMIT + LOOK_EVERY)
    database.gate.set()
    with pytest.raises(Unavailable, match="state of tenant one cannot be loaded in time"):
        await first
    await until(lambda: store.at_hand(TENANT) is not None)
    assert (await store.snapshot(TENANT)).version == 2


async def test_a_load_that_began_before_a_difference_was_found_does_not_end_it(
    database: Database, store: CachedStore
) -> None:
    await store.snapshot(TENANT)
    gate = database.gate = threading.Event()
    early = asyncio.ensure_future(store.refresh(TENANT))
    await until(lambda: database.read == 2)
    database.gate = threading.Event()
    database.version = 2
    await until(lambda: store.at_hand(TENANT) is None)
    await asyncio.sleep(LOOK_EVERY)  # a late look is no difference
    gate.set()
    assert (await early).version == 1
    assert store.at_hand(TENANT) is None
    database.gate.set()
    await until(lambda: store.at_hand(TENANT) is not None)
    assert (await store.snapshot(TENANT)).version == 2


async def test_a_refresh_does_not_join_a_load_that_has_read_already(database: Database, store: CachedStore) -> None:
    database.gate.clear()
    early = asyncio.ensure_future(store.snapshot(TENANT))
    await until(lambda: database.read == 1)
    database.version = 2
    late = asyncio.ensure_future(store.refresh(TENANT))
    await asyncio.sleep(0)
    database.gate.set()
    assert (await late).version == 2
    await early


async def test_what_is_published_during_a_look_is_compared_if_it_is_older(
    database: Database, cache: SnapshotCache, store: CachedStore
) -> None:
    await store.snapshot(TENANT)
    database.version = 3
    cache.publish([Snapshot(TENANT, 3, 0, {}, b"m3")])
    lower = Snapshot(TENANT, 2, 0, {}, b"m2")
    later: list[float] = []

    def go_back() -> None:
        cache.replace(cache.get(TENANT), lower)
        database.asked = lambda: later.append(time.monotonic())

    database.asked = go_back
    await until(lambda: database.read == 2)
    assert not later  # so that very look has found it


async def test_an_observer_that_fails_ends_neither_looks_nor_loads(database: Database, store: CachedStore) -> None:
    def fail(_what: str, _seconds: float, _failed: bool) -> None:  # noqa: FBT001 - as observers are called
        raise ValueError("broken")

    store.observe(fail)
    assert (await store.snapshot(TENANT)).version == 1
    database.version = 2
    await until(lambda: (found := store.at_hand(TENANT)) is not None and found.version == 2)
    assert (await store.snapshot(OTHER)).version == 2
