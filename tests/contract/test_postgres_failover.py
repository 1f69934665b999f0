"""A primary that is killed and a synchronous standby that takes over: nothing acknowledged is lost, nobody restarts."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.acknowledged import damages_of
from tests.contract.cluster import open_node, running, standby_of
from tests.contract.crash_writer import writing
from tests.contract.nodes import configured, unstarted
from xtap.errors import OutcomeUnknown, Unavailable
from xtap.model.ids import TenantId
from xtap.store import looker
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.store_contract import CONTOSO, FABRIKAM, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.testing.local_server import LocalServer

RECOVERED = 15.0
"""Seconds in which the nodes must acknowledge changes again after the standby was promoted."""

TENANT = TenantId("d0000000-0000-4000-8000-000000000004")


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[tuple[Cluster, Cluster]]:  # noqa: ARG001 - says when PostgreSQL is missing
    """A primary with the tables of xtap, and its synchronous standby; the last test ends the primary."""
    with running() as primary:
        PostgresDatabase.at(primary.socket_url).migrate()
        with standby_of(primary) as standby:
            yield primary, standby


def either(*clusters: Cluster) -> str:
    """Return a URL with both hosts, of which the one that can be written is taken."""
    hosts, ports = ",".join(str(each.folder) for each in clusters), ",".join(str(each.port) for each in clusters)
    return f"postgresql://xtap@/postgres?host={hosts}&port={ports}"


class Clients:
    """Clients that write to nodes until they are told to end, and remember what was acknowledged and when."""

    def __init__(self, *nodes: PostgresStore) -> None:
        self.acknowledged: set[str] = set()
        self.refused = 0
        self.last = 0.0
        self._running = True
        self._tasks = [asyncio.ensure_future(self._write(nodes[n % len(nodes)], n)) for n in range(8)]

    async def end(self) -> None:
        self._running = False
        await asyncio.gather(*self._tasks)

    async def more(self, count: int, within: float) -> float:
        """Wait until this many more are acknowledged, and return when."""
        wanted = len(self.acknowledged) + count
        deadline = time.monotonic() + within
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {wanted} acknowledged"
            await asyncio.sleep(0.005)
        return self.last

    async def _write(self, node: PostgresStore, client: int) -> None:
        count = 0
        while self._running:
            count += 1
            number = f"{client}-{count}"
            try:
                await node.change(TENANT, lambda _: writing(number, client))  # noqa: B023 - awaited in this round
            except Unavailable:
                self.refused += 1
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.add(number)
                self.last = time.monotonic()


async def test_without_its_standby_a_primary_acknowledges_nothing(pair: tuple[Cluster, Cluster]) -> None:
    """A change whose copy nobody has waits for the standby, and others do not see it before."""
    primary, standby = pair
    node, other = open_node(primary.socket_url), open_node(primary.socket_url)
    await node.change(CONTOSO, counting("n"))
    await asyncio.to_thread(standby.kill)
    waiting = asyncio.ensure_future(node.change(CONTOSO, counting("n")))
    await asyncio.sleep(1.5)
    assert not waiting.done()
    assert (await other.refresh(CONTOSO)).version == 1
    assert (await node.snapshot(CONTOSO)).version == 1
    await asyncio.to_thread(standby.start)
    assert (await asyncio.wait_for(waiting, RECOVERED)).version == 2
    assert (await other.refresh(CONTOSO)).version == 2
    await node.close()
    await other.close()


@pytest.mark.parametrize("way", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_commit_whose_wait_for_the_standby_was_ended_is_not_acknowledged(
    pair: tuple[Cluster, Cluster], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL answers it with success and a warning; the standby does not have it, and may take over."""
    monkeypatch.setattr(looker, "LOOK_EVERY", 600.0)  # the look would see it
    primary, standby = pair
    node = open_node(primary.socket_url, 600)
    before = await node.change(FABRIKAM, counting("n"))
    logged = len(await node.logged(FABRIKAM))
    await asyncio.to_thread(standby.kill)
    waiting = [
        asyncio.ensure_future(each) for each in (node.change(FABRIKAM, counting("n")), node.log([(FABRIKAM, b"{}")]))
    ]
    await asyncio.to_thread(end_waits, primary, way, len(waiting))
    for each in waiting:
        with pytest.raises(OutcomeUnknown, match="may have been made: read before"):
            await each
    assert await node.snapshot(FABRIKAM) is before
    await asyncio.to_thread(standby.start)
    assert (await node.refresh(FABRIKAM)).version == before.version + 1
    assert len(await node.logged(FABRIKAM)) == logged + 1
    await node.close()


def end_waits(primary: Cluster, way: str, count: int) -> None:
    """Wait until this many sessions wait for the standby, and end their waits as an administrator can."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    with closing(primary.admin()) as session:
        deadline = time.monotonic() + RECOVERED
        while len(session.execute(waiting).fetchall()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        session.execute(f"SELECT {way}(pid) FROM ({waiting}) AS waiting".encode())


@pytest.mark.timeout(120)
async def test_a_promoted_standby_has_all_that_was_acknowledged(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    """Two nodes write and a real server serves while their primary is killed; all three go on with the standby."""
    primary, standby = pair
    url = either(primary, standby)
    server = await asyncio.to_thread(served, tmp_path / "node", f"{url}&sslmode=disable")
    nodes = [open_node(url) for _ in range(2)]
    clients = Clients(*nodes)
    try:
        await clients.more(100, RECOVERED)
        await asyncio.to_thread(primary.kill)
        killed = time.monotonic()
        await asyncio.to_thread(standby.promote)
        promoted = time.monotonic()
        patched = await asyncio.to_thread(patch_until_acknowledged, server)
        first = await clients.more(1, RECOVERED)
        await clients.more(100, RECOVERED)
    finally:
        await clients.end()
        server.stop()
        for node in nodes:
            await node.close()
    assert clients.refused > 0
    fresh = open_node(url)
    assert await damages_of(fresh, TENANT, clients.acknowledged) == []
    await fresh.close()
    print(  # noqa: T201 - the figures of the run
        f"{len(clients.acknowledged)} acknowledged, 0 lost, {clients.refused} refused; promoted after "
        f"{promoted - killed:.2f} s, nodes write {first - promoted:.2f} s later, the server {patched - promoted:.2f} s"
    )


def served(folder: Path, url: str) -> LocalServer:
    """Start a real server on both hosts."""
    server = unstarted(configured(folder, url))
    server.run("init", "--demo")
    server.start()
    created = httpx.post(f"{server.graph}/partners", json={"tenantId": TENANT}, headers=server.headers())
    assert created.status_code == 201, created.text
    return server


def patch_until_acknowledged(server: LocalServer) -> float:
    """Send a change again as long as the answer is 503, and return when it was acknowledged."""
    deadline = time.monotonic() + RECOVERED
    while True:
        body = {"inboundTrust": {"isMfaAccepted": True}}
        answer = httpx.patch(f"{server.graph}/partners/{TENANT}", json=body, headers=server.headers())
        if answer.status_code == 204:
            got = httpx.get(f"{server.graph}/partners/{TENANT}", headers=server.headers())
            assert got.json()["inboundTrust"]["isMfaAccepted"] is True
            return time.monotonic()
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < deadline
        time.sleep(0.05)
