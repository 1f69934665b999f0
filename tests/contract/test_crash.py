"""No acknowledged change is lost and none is half there, however often the process is killed in the middle of writing.

``XTAP_CRASH_KILLS`` says how often (50), of which four fifths are here, the others in
``test_postgres_crash.py``. SIGKILL leaves the page cache of the kernel alone: what a power cut would add
rests on SQLite's flush at each commit (``test_every_commit_is_flushed_to_the_disk``).
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.contract import killing
from tests.contract.acknowledged import damages_of
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.model.ids import TenantId

KILLS = killing.KILLS * 4 // 5


def damages(path: Path, tenant: TenantId, acknowledged: set[str]) -> list[str]:
    """Open the database as after any crash, and list what is wrong with one tenant."""
    with sqlite3.connect(path) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    connection.close()
    found = [] if verdict == "ok" else [f"integrity_check: {verdict}"]
    return found + asyncio.run(_damages(path, tenant, acknowledged))


async def _damages(path: Path, tenant: TenantId, acknowledged: set[str]) -> list[str]:
    store = SqliteStore.open(path)
    found = await damages_of(store, tenant, acknowledged)
    await store.close()
    return found


@pytest.mark.timeout(60 + 10 * KILLS)
def test_kill_9_in_the_middle_of_writes_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "xtap.db"
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    everything: dict[TenantId, set[str]] = {}
    for kill in range(KILLS):
        tenant, seconds = killing.tenant_of(kill), killing.when(kill, chance)
        everything[tenant] = killing.killed_writer(path, tenant, seconds)
        assert damages(path, tenant, everything[tenant]) == [], f"kill {kill} after {seconds} s, seed {seed}"
    for tenant, acknowledged in everything.items():
        assert damages(path, tenant, acknowledged) == [], f"a later kill harmed {tenant}, seed {seed}"
    changes = sum(map(len, everything.values()))
    print(f"{KILLS} kills, {changes} acknowledged changes, 0 lost")  # noqa: T201 - the figure of the run
    assert changes > 10 * KILLS


@pytest.mark.parametrize(
    ("mode", "damage"), [("early", "acknowledged and lost"), ("halves", "the two halves of some change differ")]
)
def test_a_writer_that_cheats_is_noticed(tmp_path: Path, mode: str, damage: str) -> None:
    """The test above can fail: it does when the store acknowledges early, or writes a change in two parts."""
    for kill in range(20):
        tenant = killing.tenant_of(kill)
        path = tmp_path / f"{kill}.db"
        acknowledged = killing.killed_writer(path, tenant, 0.1 + kill / 100, mode=mode)
        if any(text.startswith(damage) for text in damages(path, tenant, acknowledged)):
            return
    pytest.fail(f"20 kills of a writer that cheats ({mode}) went unnoticed")
