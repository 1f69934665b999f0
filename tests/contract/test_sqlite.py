"""The SQLite store keeps the contract, shares commits, and notices other processes.

What it refuses, and how it recovers, is in ``test_sqlite_refusals.py``.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xtap.errors import NotFound
from xtap.model.objects import Kind
from xtap.store.cache import SnapshotCache
from xtap.store.looker import LOOK_EVERY
from xtap.store.protocol import Change, Write
from xtap.store.snapshot import Snapshot
from xtap.store.sqlite import SqliteStore
from xtap.store.sqlite_database import Database
from xtap.store.sqlite_writer import SqliteWriter
from xtap.testing.store_contract import CONTOSO, FABRIKAM, DurableStoreContract, counting, putting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xtap.store.protocol import Store

OTHER_PROCESS = Path(__file__).with_name("other_process.py")


class TestSqliteStore(DurableStoreContract):
    async def open_store(self, place: Path) -> Store:
        return SqliteStore.open(place / "xtap.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "xtap.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(path)
    yield store
    await store.close()


def command(path: Path, times: int, role: str = "command") -> list[str]:
    return [sys.executable, str(OTHER_PROCESS), str(path), CONTOSO, str(times), role]


async def test_concurrent_changes_share_commits(store: SqliteStore) -> None:
    await asyncio.gather(*(store.change(CONTOSO, putting(f"{number}", b"x", f"{number}")) for number in range(300)))
    assert store.commits <= 60
    assert (await store.snapshot(CONTOSO)).version == 300


async def test_what_changes_nothing_commits_nothing(store: SqliteStore) -> None:
    await asyncio.gather(*(store.change(CONTOSO, lambda _: Change(())) for _ in range(10)))
    assert store.commits == 0


async def test_every_commit_is_flushed_to_the_disk(path: Path) -> None:
    database = Database.prepare(path, exclusive=True, busy_timeout=1, max_pages=None)
    writer = SqliteWriter(database, SnapshotCache())
    assert writer._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    writer.close()


async def test_the_files_are_for_their_owner_only(store: SqliteStore, path: Path) -> None:
    await store.change(CONTOSO, counting("n"))
    names = ("xtap.db", "xtap.db-wal", "xtap.db-shm", "xtap.db.lock")
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert modes == dict.fromkeys(names, 0o600)


async def test_a_key_that_is_no_text_fails_alone(store: SqliteStore) -> None:
    await store.snapshot(CONTOSO)
    keys = ["a", "\ud800", "b"]
    outcomes = await asyncio.gather(
        *(store.change(CONTOSO, putting(key, b"x", f"{number}")) for number, key in enumerate(keys)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Snapshot, UnicodeEncodeError, Snapshot]
    assert list((await store.snapshot(CONTOSO)).scan(Kind.PARTNER)) == [("a", b"x"), ("b", b"x")]
    assert [entry.id for _, entry in await store.audit(CONTOSO)] == ["0", "2"]


MALFORMED = (None, Change((Write(Kind.PARTNER, 1, b""),)), Change((), (None,)))  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", MALFORMED)
async def test_a_malformed_change_fails_alone(store: SqliteStore, broken: Change) -> None:
    await store.change(CONTOSO, counting("n"))  # concurrent changes run in any order: the broken one must meet a key
    whole = [store.change(CONTOSO, counting("n")) for _ in range(5)]
    outcomes = await asyncio.gather(*whole, store.change(CONTOSO, lambda _: broken), return_exceptions=True)
    assert [isinstance(outcome, Snapshot) for outcome in outcomes] == [True] * 5 + [False]
    assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"6"


async def test_even_system_exit_does_not_end_the_writer(store: SqliteStore) -> None:
    def leave(_: Snapshot) -> Change:
        raise SystemExit(1)

    with pytest.raises(RuntimeError, match="SystemExit"):
        await store.change(CONTOSO, leave)
    assert (await store.change(CONTOSO, counting("n"))).version == 1


async def test_a_neighbours_refusal_is_judged_on_the_state_before_it(store: SqliteStore) -> None:
    """Within one batch, each change sees what those before it left, and a refusal sees it too."""
    gate = threading.Event()

    def wait(_: Snapshot) -> Change:
        gate.wait(10)
        return Change(())

    def refuse(snapshot: Snapshot) -> Change:
        raise NotFound(f"n is {(snapshot.get(Kind.PARTNER, 'n') or b'').decode()}")

    calls = [
        asyncio.ensure_future(store.change(CONTOSO, each)) for each in (wait, counting("n"), refuse, counting("n"))
    ]
    await asyncio.sleep(0.01)
    gate.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert str(outcomes[2]) == "n is 1"
    assert isinstance(outcomes[3], Snapshot)
    assert outcomes[3].get(Kind.PARTNER, "n") == b"2"


def test_a_load_that_ends_late_does_not_hide_a_newer_state() -> None:
    cache = SnapshotCache()
    for version in (1, 3, 2):
        cache.publish((Snapshot(CONTOSO, version),))
    assert cache.get(CONTOSO) == Snapshot(CONTOSO, 3)
    cache.replace(Snapshot(CONTOSO, 1), Snapshot(CONTOSO, 2))
    assert cache.get(CONTOSO) == Snapshot(CONTOSO, 3)


def test_a_load_takes_the_place_of_what_was_known_when_it_began() -> None:
    cache = SnapshotCache()
    cache.publish((Snapshot(CONTOSO, 3),))
    cache.replace(cache.get(CONTOSO), Snapshot(CONTOSO, 2))
    assert cache.get(CONTOSO) == Snapshot(CONTOSO, 2)


async def test_callers_of_one_load_do_not_depend_on_each_other(path: Path) -> None:
    before = SqliteStore.open(path)
    await before.change(CONTOSO, lambda _: Change(tuple(Write(Kind.PARTNER, f"{n:06}", b"x") for n in range(20_000))))
    await before.close()
    store = SqliteStore.open(path)
    calls = [asyncio.ensure_future(store.snapshot(CONTOSO)) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert len({id(outcome) for outcome in outcomes[1:]}) == 1
    assert (await store.snapshot(CONTOSO)).count(Kind.PARTNER) == 20_000
    await store.close()


def test_a_closed_event_loop_does_not_stop_the_writer(path: Path) -> None:
    store = SqliteStore.open(path)

    async def leave_while_waiting() -> None:
        await store.snapshot(CONTOSO)
        for _ in range(10):
            asyncio.ensure_future(store.change(CONTOSO, counting("n")))  # noqa: RUF006 - abandoned on purpose
        await asyncio.sleep(0)

    async def come_back() -> int:
        after = await store.change(CONTOSO, counting("n"))
        await store.close()
        return after.version

    asyncio.run(leave_while_waiting())
    assert 1 <= asyncio.run(come_back()) <= 11  # nobody waits for those that were abandoned


async def test_refresh_sees_what_another_process_wrote(store: SqliteStore, path: Path) -> None:
    await store.change(CONTOSO, counting("n"))
    kept = await store.change(FABRIKAM, counting("n"))
    await asyncio.to_thread(subprocess.run, command(path, 3), check=True)
    assert (await store.refresh(CONTOSO)).get(Kind.PARTNER, "n") == b"4"
    assert (await store.snapshot(CONTOSO)).version == 4
    assert await store.refresh(FABRIKAM) is kept


async def test_a_snapshot_is_at_most_a_moment_behind_another_process(store: SqliteStore, path: Path) -> None:
    await store.change(CONTOSO, counting("n"))
    assert (await store.snapshot(CONTOSO)).version == 1
    await asyncio.to_thread(subprocess.run, command(path, 3), check=True)
    await asyncio.sleep(LOOK_EVERY)
    assert (await store.snapshot(CONTOSO)).get(Kind.PARTNER, "n") == b"4"


async def test_changes_are_decided_on_what_another_process_wrote(store: SqliteStore, path: Path) -> None:
    await store.change(CONTOSO, counting("n"))
    await asyncio.to_thread(subprocess.run, command(path, 3), check=True)
    after = await store.change(CONTOSO, counting("n"))
    assert (after.version, after.get(Kind.PARTNER, "n")) == (5, b"5")
    assert [number for number, _ in await store.audit(CONTOSO)] == [1, 2, 3, 4, 5]


async def test_no_update_is_lost_between_processes(store: SqliteStore, path: Path) -> None:
    async def own() -> None:
        for _ in range(100):
            await store.change(CONTOSO, counting("n"))

    others = (asyncio.to_thread(subprocess.run, command(path, 100), check=True) for _ in range(2))
    await asyncio.gather(own(), own(), *others)
    snapshot = await store.refresh(CONTOSO)
    assert (snapshot.version, snapshot.get(Kind.PARTNER, "n")) == (400, b"400")
    records = await store.audit(CONTOSO, limit=1000)
    assert [(number, entry.document) for number, entry in records] == [(n, b"%d" % n) for n in range(1, 401)]


async def test_processes_may_make_the_file_at_the_same_time(path: Path) -> None:
    runs = (asyncio.to_thread(subprocess.run, command(path, 5), check=True) for _ in range(4))
    await asyncio.gather(*runs)
    store = SqliteStore.open(path)
    assert (await store.snapshot(CONTOSO)).get(Kind.PARTNER, "n") == b"20"
    await store.close()
