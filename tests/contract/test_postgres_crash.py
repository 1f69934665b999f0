"""No acknowledged change is lost and none is half there, however often a node, or PostgreSQL with it, is killed.

One fifth of ``XTAP_CRASH_KILLS`` (50) are here. Every third kill is one of the database server too, at that moment.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.contract import killing
from tests.contract.acknowledged import damages_of
from tests.contract.cluster import open_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.cluster import Cluster
    from xtap.model.ids import TenantId

KILLS = killing.KILLS // 5
GONE_AFTER = 10.0
"""Seconds in which PostgreSQL must have noticed that a killed node is gone."""


@contextmanager
def killed(cluster: Cluster) -> Iterator[None]:
    """Kill the database server, and start it again afterwards."""
    cluster.kill()
    yield
    cluster.start()


def damages(url: str, tenant: TenantId, acknowledged: set[str]) -> list[str]:
    async def look() -> list[str]:
        store = open_node(url)
        found = await damages_of(store, tenant, acknowledged)
        await store.close()
        return found

    return asyncio.run(look())


def wait_until_gone(cluster: Cluster, name: str) -> None:
    """Wait for the sessions of a killed node: what they were about to commit may still be committed."""
    deadline = time.monotonic() + GONE_AFTER
    with closing(cluster.admin()) as session:
        while session.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = %s", (name,)).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.005)


@pytest.mark.timeout(120 + 10 * KILLS)
def test_kill_9_of_nodes_and_of_their_database_loses_nothing(cluster: Cluster) -> None:
    url = f"{cluster.database()}&application_name=crash"
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    everything: dict[TenantId, set[str]] = {}
    databases = 0
    for kill in range(KILLS):
        tenant, seconds = killing.tenant_of(kill), killing.when(kill, chance)
        harm = killed(cluster) if kill % 3 == 2 else None
        databases += harm is not None
        everything[tenant] = killing.killed_writer(url, tenant, seconds, meanwhile=harm)
        wait_until_gone(cluster, "crash")
        assert damages(url, tenant, everything[tenant]) == [], f"kill {kill} after {seconds} s, seed {seed}"
    for tenant, acknowledged in everything.items():
        assert damages(url, tenant, acknowledged) == [], f"a later kill harmed {tenant}, seed {seed}"
    changes = sum(map(len, everything.values()))
    print(f"{KILLS} kills, {databases} of the database too, {changes} acknowledged changes, 0 lost")  # noqa: T201 - figure
    assert changes > 10 * KILLS


@pytest.mark.parametrize(
    ("mode", "damage"), [("early", "acknowledged and lost"), ("halves", "the two halves of some change differ")]
)
def test_a_writer_that_cheats_is_noticed(cluster: Cluster, mode: str, damage: str) -> None:
    """The test above can fail: it does when a node acknowledges early, or writes a change in two parts."""
    url = f"{cluster.database()}&application_name=cheat"
    for kill in range(20):
        tenant = killing.tenant_of(kill)
        acknowledged = killing.killed_writer(url, tenant, 0.1 + kill / 100, mode=mode)
        wait_until_gone(cluster, "cheat")
        if any(text.startswith(damage) for text in damages(url, tenant, acknowledged)):
            return
    pytest.fail(f"20 kills of a writer that cheats ({mode}) went unnoticed")
