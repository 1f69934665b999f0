"""The PostgreSQL store keeps the contract, shares commits, and is one store on several nodes.

How it fails and recovers is in ``test_postgres_faults.py``, what it refuses in ``test_postgres_refusals.py``.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import open_node
from xtap.errors import Unavailable
from xtap.model.objects import Kind
from xtap.store import looker
from xtap.store.looker import LOOK_EVERY
from xtap.store.protocol import Change, SignInEntry
from xtap.store.snapshot import Snapshot
from xtap.testing.store_contract import ADATUM, CONTOSO, FABRIKAM, DurableStoreContract, counting, putting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.store.protocol import Store

SERIALIZABLE = "%20-cdefault_transaction_isolation%3Dserializable"
"""More options of a URL: the database gives up transactions that others overtook, as distributed engines do."""


class TestPostgresStore(DurableStoreContract):
    @pytest.fixture(autouse=True)
    def _places(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.urls: dict[Path, str] = {}

    async def open_store(self, place: Path) -> Store:
        if place not in self.urls:
            self.urls[place] = await asyncio.to_thread(self.cluster.database)
        return open_node(self.urls[place])


@pytest.fixture
async def nodes(url: str) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    """Two stores on one database; they share nothing else."""
    first, second = open_node(url), open_node(url)
    yield first, second
    await first.close()
    await second.close()


async def test_concurrent_changes_share_commits(nodes: tuple[PostgresStore, PostgresStore]) -> None:
    store = nodes[0]
    await asyncio.gather(*(store.change(CONTOSO, putting(f"{number}", b"x", f"{number}")) for number in range(300)))
    assert store.commits <= 60
    assert (await store.snapshot(CONTOSO)).version == 300


async def test_what_changes_nothing_commits_nothing(cluster: Cluster, url: str) -> None:
    store = open_node(url)
    await asyncio.gather(*(store.change(CONTOSO, lambda _: Change(())) for _ in range(10)))
    assert store.commits == 0
    await store.close()
    with closing(cluster.admin(url)) as session:
        assert session.execute("SELECT count(*) FROM tenants").fetchone() == (0,)


async def test_keys_that_are_no_text_fail_alone_and_others_are_kept(url: str) -> None:
    store = open_node(url)
    await store.snapshot(CONTOSO)
    keys = ["a", "\ud800", "\0", "b"]
    outcomes = await asyncio.gather(
        *(store.change(CONTOSO, putting(key, b"x", f"{number}")) for number, key in enumerate(keys)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Snapshot, UnicodeEncodeError, Snapshot, Snapshot]
    assert [entry.id for _, entry in await store.audit(CONTOSO)] == ["0", "2", "3"]
    await store.close()
    again = open_node(url)
    assert [key for key, _ in (await again.snapshot(CONTOSO)).scan(Kind.PARTNER)] == ["\0", "a", "b"]
    await again.close()


async def test_a_record_that_the_database_refuses_fails_alone(url: str) -> None:
    store = open_node(url)
    names = ["r1", "r\0", "r2"]
    outcomes = await asyncio.gather(
        *(store.change(CONTOSO, putting(name[-1], b"x", name)) for name in names), return_exceptions=True
    )
    assert [isinstance(outcome, Snapshot) for outcome in outcomes] == [True, False, True]
    assert not isinstance(outcomes[1], Unavailable)
    assert sorted(entry.id for _, entry in await store.audit(CONTOSO)) == ["r1", "r2"]
    await store.close()


# --- several nodes -----------------------------------------------------------------


@pytest.mark.parametrize("more", ["", SERIALIZABLE])
async def test_no_update_is_lost_between_nodes(url: str, more: str) -> None:
    """Three nodes change three tenants, in different orders; versions and records have no gaps."""
    nodes = [open_node(url + more) for _ in range(3)]
    tenants = (CONTOSO, FABRIKAM, ADATUM)

    async def client(node: PostgresStore, number: int) -> None:
        for step in range(20):
            await node.change(tenants[(number + step) % 3], counting("n"))

    await asyncio.gather(*(client(node, number) for number, node in enumerate(nodes) for _ in range(8)))
    for tenant in tenants:
        snapshots = [await node.refresh(tenant) for node in nodes]
        assert {(each.version, each.get(Kind.PARTNER, "n")) for each in snapshots} == {(160, b"160")}
        records = await nodes[0].audit(tenant, limit=1000)
        assert [(number, entry.document) for number, entry in records] == [(n, b"%d" % n) for n in range(1, 161)]
    for node in nodes:
        await node.close()


@pytest.mark.parametrize("options", ["", SERIALIZABLE])
async def test_the_logs_of_nodes_are_one_log(url: str, options: str) -> None:
    """A transaction that the database gives up for another one is run again, beside the writer too."""
    nodes = (open_node(url + options), open_node(url + options))
    await asyncio.gather(
        *(nodes[number % 2].log([(CONTOSO, b"%d" % number), (FABRIKAM, b"x")]) for number in range(40)),
        *(nodes[number % 2].log([(FABRIKAM, b"x"), (CONTOSO, b"%d" % number)]) for number in range(40, 80)),
    )
    logged = await nodes[0].logged(CONTOSO)
    assert [number for number, _ in logged] == [*range(1, 81)]
    assert sorted(int(document) for _, document in logged) == [*range(80)]
    for node in nodes:
        await node.close()


async def test_nodes_may_import_the_same_sign_ins_at_once(nodes: tuple[PostgresStore, PostgresStore]) -> None:
    entries = [SignInEntry(f"{number:03}", f"id-{number}", b"{}") for number in range(200)]
    await asyncio.gather(*(nodes[n % 2].add_sign_ins(CONTOSO, entries[:: 1 - 2 * (n % 2)]) for n in range(8)))
    assert list(await nodes[0].sign_ins(CONTOSO, descending=False, limit=1000)) == entries


async def test_a_node_hears_at_once_what_another_wrote(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)  # so that only the notice can tell
    first, second = open_node(url), open_node(url, stale_limit=600)
    await first.change(CONTOSO, counting("n"))
    times = []
    for version in range(2, 12):
        await second.snapshot(CONTOSO)
        await first.change(CONTOSO, counting("n"))
        began = time.monotonic()
        while (await second.snapshot(CONTOSO)).version < version:
            assert time.monotonic() < began + 5
            await asyncio.sleep(0.001)
        times.append(time.monotonic() - began)
    assert sorted(times)[5] < LOOK_EVERY / 2
    await first.close()
    await second.close()


async def test_what_nobody_told_is_seen_a_moment_later(cluster: Cluster, url: str) -> None:
    store = open_node(url)
    await store.change(CONTOSO, putting("a", b"1"))
    with closing(cluster.admin(url)) as other:
        other.execute("UPDATE objects SET document = '2'")
        other.execute("UPDATE tenants SET version = version + 1")
    await asyncio.sleep(LOOK_EVERY)
    snapshot = await store.snapshot(CONTOSO)
    assert (snapshot.version, snapshot.get(Kind.PARTNER, "a")) == (2, b"2")
    await store.close()


async def test_changes_are_decided_on_what_another_node_wrote(nodes: tuple[PostgresStore, PostgresStore]) -> None:
    for number in range(1, 21):
        after = await nodes[number % 2].change(CONTOSO, counting("n"))
        assert (after.version, after.get(Kind.PARTNER, "n")) == (number, b"%d" % number)
