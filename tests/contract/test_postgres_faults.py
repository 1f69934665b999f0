"""The PostgreSQL store when PostgreSQL fails: what is answered, that nothing acknowledged is lost, that it recovers."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.acknowledged import damages_of
from tests.contract.cluster import open_node
from tests.contract.crash_writer import writing
from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store import looker
from xtap.store.protocol import Change
from xtap.testing.store_contract import ADATUM, CONTOSO, FABRIKAM, counting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.store.snapshot import Snapshot

KILLS = 4
SOON = 15.0
"""Seconds in which a store must have recovered by itself; PostgreSQL's own recovery is part of it."""


@pytest.fixture
def stopped(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, for a test that stops it."""
    yield cluster
    if cluster.process is None:
        cluster.start()


def end_sessions(cluster: Cluster) -> None:
    with closing(cluster.admin()) as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'xtap' AND pid <> pg_backend_pid()"
        )


async def test_ended_sessions_are_made_again_without_a_refusal(cluster: Cluster, store: PostgresStore) -> None:
    await store.change(CONTOSO, counting("n"))
    await asyncio.gather(*(store.refresh(CONTOSO) for _ in range(8)))
    for number in range(2, 6):
        await asyncio.to_thread(end_sessions, cluster)
        assert (await store.change(CONTOSO, counting("n"))).version == number
        await asyncio.gather(*(store.refresh(CONTOSO) for _ in range(8)))
        await store.log([(CONTOSO, b"{}")])
        await store.check()


async def test_a_listener_that_was_ended_listens_again(
    cluster: Cluster, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)  # so that only a notice can tell
    store = open_node(url, stale_limit=600)
    await store.snapshot(CONTOSO)
    await asyncio.to_thread(end_sessions, cluster)
    await assert_hears(store, url)
    await store.close()


@pytest.mark.parametrize(
    "notice", ["", "a b", f"a {CONTOSO} {'9' * 5000}", f"a {CONTOSO} 99999999999999999999", f"a {CONTOSO} -1", "a b ٣"]
)
async def test_a_notice_that_somebody_else_makes_ends_no_listener(
    cluster: Cluster, url: str, monkeypatch: pytest.MonkeyPatch, notice: str
) -> None:
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)
    store = open_node(url, stale_limit=600)
    await store.snapshot(CONTOSO)
    await assert_hears(store, url)
    with closing(cluster.admin(url)) as other:
        other.execute("SELECT pg_notify('xtap', %s)", (notice,))
    await assert_hears(store, url)
    await store.close()


async def test_a_listener_whose_notice_cannot_be_passed_on_listens_again(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)
    store = open_node(url, stale_limit=600)
    await store.snapshot(CONTOSO)
    passing, failures = store._listener._notice, [RuntimeError("can't start new thread")]

    def notice(tenant: TenantId, version: int) -> None:
        if failures:
            raise failures.pop()
        passing(tenant, version)

    monkeypatch.setattr(store._listener, "_notice", notice)
    await assert_hears(store, url)
    assert not failures
    assert "what other nodes say is not heard for a moment" in caplog.text
    await store.close()


async def assert_hears(store: PostgresStore, url: str) -> None:
    """Let another node write until this one, which does not look by itself, has heard of it."""
    other = open_node(url)
    deadline = time.monotonic() + SOON
    heard = False
    while not heard:
        assert time.monotonic() < deadline
        after = await other.change(CONTOSO, counting("n"))
        await asyncio.sleep(0.1)
        heard = (await store.snapshot(CONTOSO)).version == after.version
    await other.close()


async def test_sessions_that_end_in_the_middle_of_writes_lose_nothing(cluster: Cluster, url: str) -> None:
    acknowledged, refusals = await _write_while(url, cluster, end_sessions)
    assert len(acknowledged) > 100
    print(f"{len(acknowledged)} acknowledged, {refusals} refused")  # noqa: T201 - the figure of the run


async def test_kill_9_of_the_database_in_the_middle_of_writes_loses_nothing(stopped: Cluster, url: str) -> None:
    def kill(cluster: Cluster) -> None:
        cluster.kill()
        cluster.start()

    acknowledged, refusals = await _write_while(url, stopped, kill)
    assert len(acknowledged) > 100
    assert refusals > 0
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {refusals} refused")  # noqa: T201 - the figure of the run


async def _write_while(url: str, cluster: Cluster, harm: Callable[[Cluster], None]) -> tuple[set[str], int]:
    """Let two nodes write to one tenant while harm is done to the database, and check what is there afterwards."""
    nodes = [open_node(url) for _ in range(2)]
    tenant = TenantId("d0000000-0000-4000-8000-000000000004")
    acknowledged: set[str] = set()
    refusals = 0
    stopping = asyncio.Event()

    async def client(node: PostgresStore, client: int) -> None:
        nonlocal refusals
        count = 0
        while not stopping.is_set():
            count += 1
            number = f"{client}-{count}"
            try:
                await node.change(tenant, lambda _: writing(number, client))  # noqa: B023 - awaited in this round
            except Unavailable:
                refusals += 1
                await asyncio.sleep(0.01)
            else:
                acknowledged.add(number)

    clients = [asyncio.ensure_future(client(nodes[number % 2], number)) for number in range(8)]
    chance = random.Random(5)
    for _ in range(KILLS):
        before = len(acknowledged)
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        await asyncio.to_thread(harm, cluster)
        deadline = time.monotonic() + SOON
        while len(acknowledged) <= before + 16:
            assert time.monotonic() < deadline, "the nodes did not recover"
            await asyncio.sleep(0.01)
    stopping.set()
    await asyncio.gather(*clients)
    for node in nodes:
        await node.close()
    fresh = open_node(url)
    assert await damages_of(fresh, tenant, acknowledged) == []
    await fresh.close()
    return acknowledged, refusals


async def test_without_a_database_nothing_is_changed_and_memory_answers_for_a_while(stopped: Cluster, url: str) -> None:
    store = open_node(url, stale_limit=3)
    kept = await store.change(CONTOSO, counting("n"))
    gone = time.monotonic()  # before the kill, which waits for the children of the server
    await asyncio.to_thread(stopped.kill)
    with pytest.raises(Unavailable, match=r"cannot be reached.*\(PostgreSQL: "):
        await store.change(CONTOSO, counting("n"))
    for call in (store.refresh(CONTOSO), store.audit(CONTOSO), store.check(), store.snapshot(FABRIKAM)):
        with pytest.raises(Unavailable):
            await call
    assert await store.snapshot(CONTOSO) is kept
    with pytest.raises(Unavailable, match="not answered for 3 seconds"):
        await _read_until_refused(store)
    assert time.monotonic() - gone > 1.5  # the last look may be a second older than the kill
    await asyncio.to_thread(stopped.start)
    await asyncio.sleep(1.1)
    assert await store.snapshot(CONTOSO) is kept
    assert (await store.change(CONTOSO, counting("n"))).version == 2
    await store.close()


async def _read_until_refused(store: PostgresStore) -> None:
    async with asyncio.timeout(SOON):
        while True:
            assert (await store.snapshot(CONTOSO)).version == 1
            await asyncio.sleep(0.05)


async def test_a_tenant_that_somebody_else_locks_is_refused_and_comes_back(
    cluster: Cluster, url: str, store: PostgresStore
) -> None:
    await store.change(CONTOSO, counting("n"))
    with closing(cluster.admin(url)) as other:
        other.execute("BEGIN; SELECT * FROM tenants FOR UPDATE")
        with pytest.raises(Unavailable, match="holds the lock of this tenant"):
            await store.change(CONTOSO, counting("n"))
        assert (await store.refresh(CONTOSO)).version == 1
    assert (await store.change(CONTOSO, counting("n"))).version == 2


async def test_a_locked_tenant_keeps_no_other_tenant_waiting(cluster: Cluster, url: str, store: PostgresStore) -> None:
    for tenant in (CONTOSO, FABRIKAM):
        await store.change(tenant, counting("n"))
    with closing(cluster.admin(url)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM tenants WHERE tenant = %s FOR UPDATE", (CONTOSO,))
        blocked = [asyncio.ensure_future(store.change(CONTOSO, counting("n"))) for _ in range(300)]
        seconds: list[float] = []
        while sum(seconds) < 2:
            began = time.monotonic()
            unknown = TenantId(f"d0000000-0000-4000-8000-0000000000{10 + len(seconds) % 90}")
            await asyncio.gather(*(store.change(tenant, counting("n")) for tenant in (FABRIKAM, unknown)))
            seconds.append(time.monotonic() - began)
        assert not any(change.done() for change in blocked)
        other.execute("ROLLBACK")
        released = time.monotonic()
        after = await asyncio.gather(*blocked)
    assert max(seconds) < 1.0
    assert time.monotonic() - released < 3
    assert [each.version for each in after] == [*range(2, 302)]  # in the order in which they came
    typical = sorted(seconds)[len(seconds) // 2]
    print(f"{len(seconds)} changes: {typical:.3f} s, {max(seconds):.3f} s at most")  # noqa: T201 - the figure of the run


async def test_a_table_that_somebody_else_locks_is_waited_for(cluster: Cluster, url: str, store: PostgresStore) -> None:
    for tenant in (CONTOSO, FABRIKAM):
        await store.change(tenant, counting("n"))
    for table in ("tenants", "objects"):
        with closing(cluster.admin(url)) as other:
            other.execute(f"BEGIN; LOCK TABLE {table}".encode())
            waiting = [asyncio.ensure_future(store.change(each, counting("n"))) for each in (CONTOSO, FABRIKAM)]
            await asyncio.sleep(0.5)
            assert not any(change.done() for change in waiting)
            other.execute("COMMIT")
            await asyncio.gather(*waiting)
    assert (await store.refresh(CONTOSO)).version == 3


async def test_a_store_that_is_closed_finishes_changes_of_a_locked_tenant(cluster: Cluster, url: str) -> None:
    store = open_node(url)
    await store.change(CONTOSO, counting("n"))
    with closing(cluster.admin(url)) as other:
        other.execute("BEGIN; SELECT * FROM tenants FOR UPDATE")
        waiting = asyncio.ensure_future(store.change(CONTOSO, counting("n")))
        await asyncio.sleep(0.3)
        closed = asyncio.ensure_future(store.close())
        await asyncio.sleep(0.5)
        other.execute("ROLLBACK")
        assert (await waiting).version == 2
        await closed


async def test_a_batch_that_lost_a_deadlock_is_run_again(cluster: Cluster, url: str, store: PostgresStore) -> None:
    await store.change(CONTOSO, counting("n"))
    await store.change(FABRIKAM, counting("n"))
    with closing(cluster.admin(url)) as other:
        lock = "SELECT * FROM tenants WHERE tenant = %s FOR UPDATE"
        other.execute("SET deadlock_timeout = '60s'")  # so that it is the store whose transaction is given up
        other.execute("BEGIN")
        other.execute(lock, (FABRIKAM,))
        gate = threading.Event()

        def wait(_: Snapshot) -> Change:
            gate.wait(10)
            return Change(())

        calls = [asyncio.ensure_future(store.change(ADATUM, wait))]
        await asyncio.sleep(0.1)  # the writer has taken the first change alone, and the others will be one batch
        calls += [asyncio.ensure_future(store.change(tenant, counting("n"))) for tenant in (CONTOSO, FABRIKAM)]
        await asyncio.sleep(0.1)
        gate.set()
        await asyncio.sleep(0.3)  # the store holds contoso, and waits for fabrikam
        await asyncio.to_thread(other.execute, lock, (CONTOSO,))
        other.execute("COMMIT")
        after = await asyncio.gather(*calls)
    assert [(each.tenant, each.get(Kind.PARTNER, "n")) for each in after[1:]] == [(CONTOSO, b"2"), (FABRIKAM, b"2")]


async def test_a_deleted_table_is_said(cluster: Cluster, url: str, store: PostgresStore) -> None:
    await store.change(CONTOSO, counting("n"))
    with closing(cluster.admin(url)) as other:
        other.execute("ALTER TABLE objects RENAME TO elsewhere")
        with pytest.raises(Unavailable, match="not there as they should be"):
            await store.change(CONTOSO, counting("n"))
        other.execute("ALTER TABLE elsewhere RENAME TO objects")
    assert (await store.change(CONTOSO, counting("n"))).version == 2


async def test_a_read_only_database_is_said(cluster: Cluster, store: PostgresStore) -> None:
    await store.change(CONTOSO, counting("n"))
    with closing(cluster.admin()) as other:
        other.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        other.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.3)
        try:
            with pytest.raises(Unavailable, match="is read-only"):
                await store.change(CONTOSO, counting("n"))
        finally:
            other.execute("ALTER SYSTEM RESET default_transaction_read_only")
            other.execute("SELECT pg_reload_conf()")
    await asyncio.sleep(0.3)
    assert (await store.change(CONTOSO, counting("n"))).version == 2
