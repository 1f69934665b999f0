"""A node that stops in the middle of a change, wherever that is, gives up its locks soon: the others go on."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.contract.cluster import PASSWORD
from tests.contract.relay import relayed
from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.cache import SnapshotCache
from xtap.store.group_commit import Work
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.postgres_rows import lock_heads
from xtap.store.postgres_writer import PostgresWriter
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.testing.store_contract import CONTOSO, counting

if TYPE_CHECKING:
    from tests.contract.cluster import Cluster
    from tests.contract.relay import Relay
    from xtap.store.postgres import PostgresStore

LARGE = b"x" * 30_000
"""More than a client library keeps back before it sends (8 KiB)."""


async def test_a_node_that_stops_between_two_messages_is_thrown_out(url: str, store: PostgresStore) -> None:
    await store.change(CONTOSO, counting("n"))
    with closing(PostgresDatabase.at(url).connect()) as stuck:
        stuck.execute("BEGIN")
        lock_heads(stuck, {CONTOSO})
        assert (await store.change(CONTOSO, counting("n"))).version == 2
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            stuck.execute("COMMIT")


class Node:
    """What writes on a node that reaches the database through a wire, and knows the tenants it is about to change."""

    def __init__(self, relay: Relay, url: str, tenant: TenantId) -> None:
        over = f"postgresql://xtap@127.0.0.1:{relay.port}/postgres?sslmode=disable&{url.rsplit('&', maxsplit=1)[-1]}"
        self._writer = PostgresWriter(PostgresDatabase.at(over, PASSWORD), SnapshotCache(), "other")
        self._tenant = tenant

    def read(self) -> None:
        self._writer.begin({self._tenant})
        self._writer.head(self._tenant)
        self._writer.rollback()

    def change(self) -> None:
        """Make one large change, as the writer thread does."""
        self._writer.begin({self._tenant})
        work = Work()
        objects = tuple(Write(Kind.PARTNER, f"never {number}", LARGE) for number in range(3))
        work.add(self._writer.head(self._tenant), Change(objects, (AuditEntry("one", b"{}"),)))
        self._writer.commit(work)

    def close(self) -> None:
        self._writer.close()


def messages(sent: bytes) -> list[tuple[int, int]]:
    """Return where each message begins and ends, up to the one with the COMMIT: a letter, then the length without it.

    Source: https://www.postgresql.org/docs/current/protocol-message-formats.html.
    """
    found: list[tuple[int, int]] = []
    end = 0
    while not found or b"COMMIT" not in sent[slice(*found[-1])]:
        begin, end = end, end + 1 + int.from_bytes(sent[end + 1 : end + 5])
        found.append((begin, end))
    return found


async def test_a_node_that_stops_anywhere_in_a_change_is_thrown_out(
    cluster: Cluster, url: str, store: PostgresStore
) -> None:
    """Behind each message that it sends, and in the middle of each: the bytes that a whole change sends say where."""

    async def measured() -> list[tuple[int, int]]:
        async with relayed(cluster.port) as relay:
            node = Node(relay, url, CONTOSO)
            await asyncio.to_thread(node.read)
            before = len(relay.sent)
            await asyncio.to_thread(node.change)
            node.close()
            return messages(bytes(relay.sent[before:]))

    async def stopped_after(room: int, tenant: TenantId) -> None:
        await store.change(tenant, counting("n"))
        async with relayed(cluster.port) as relay:
            node = Node(relay, url, tenant)
            await asyncio.to_thread(node.read)
            relay.room = room
            change = asyncio.ensure_future(asyncio.to_thread(node.change))
            await relay.stopped.wait()
            after = await store.change(tenant, counting("n"))
            assert not change.done()
        assert (after.get(Kind.PARTNER, "n"), after.get(Kind.PARTNER, "never 0")) == (b"2", None)
        with pytest.raises(Unavailable):
            await change
        node.close()

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(100))  # each stopped node keeps one
    await store.change(CONTOSO, counting("n"))
    sent = await measured()
    places = {place for begin, end in sent for place in (begin, (begin + end) // 2)} - {0}
    assert len(places) > 4  # locks, and a commit
    async with asyncio.TaskGroup() as group:
        for place in places:
            group.create_task(stopped_after(place, TenantId(f"{CONTOSO[:24]}{place:012d}")))
