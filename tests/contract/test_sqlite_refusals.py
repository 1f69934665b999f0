"""What the SQLite store refuses, what it says then, and that it works again once the cause is gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.room import files_no_longer_than
from xtap.errors import ConfigurationError, NotFound, Unavailable
from xtap.model.objects import Kind
from xtap.store.blocked import Waiting
from xtap.store.cache import SnapshotCache
from xtap.store.file_guard import FileGuard
from xtap.store.group_commit import GroupCommit
from xtap.store.looker import LOOK_EVERY
from xtap.store.migrations import MIGRATIONS
from xtap.store.protocol import Change
from xtap.store.sqlite import SqliteStore
from xtap.store.sqlite_database import Database
from xtap.store.sqlite_writer import SqliteWriter
from xtap.testing.store_contract import CONTOSO, FABRIKAM, counting, putting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xtap.store.snapshot import Snapshot

OTHER_PROCESS = Path(__file__).with_name("other_process.py")
NOBODY = 65534
LARGE = b"x" * 100_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "xtap.db"


@contextmanager
def without_privileges() -> Iterator[None]:
    """Give up root inside the block, because root may write what nobody else may."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# --- while it runs ---------------------------------------------------------------


async def test_a_full_storage_refuses_and_recovers(path: Path) -> None:
    store = SqliteStore.open(path, max_pages=100)
    await store.change(CONTOSO, putting("first", LARGE))
    calls = [putting(f"{number}", LARGE, f"{number}") for number in range(10)]
    outcomes = [
        outcome
        for call in calls
        for outcome in await asyncio.gather(store.change(CONTOSO, call), return_exceptions=True)
    ]
    full = [str(outcome) for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert 5 < len(full) < 10
    assert all("storage is full. Free space" in text for text in full)
    snapshot = await store.snapshot(CONTOSO)
    assert await store.refresh(CONTOSO) is snapshot
    assert len(await store.audit(CONTOSO)) == snapshot.version - 1
    await store.change(CONTOSO, putting("first", None))
    after = await store.change(CONTOSO, putting("again", LARGE))
    assert after.version == snapshot.version + 2
    await store.close()


async def test_a_disk_that_refuses_writes_loses_nothing(path: Path) -> None:
    store = SqliteStore.open(path)
    kept = await store.change(CONTOSO, putting("kept", b"1", "kept"))
    with files_no_longer_than(path.with_name("xtap.db-wal").stat().st_size + 50_000):
        with pytest.raises(Unavailable, match=r"storage is full|disk of the database failed"):
            await store.change(CONTOSO, putting("large", LARGE, "large"))
        assert await store.refresh(CONTOSO) is kept
    after = await store.change(CONTOSO, putting("large", LARGE, "after"))
    assert after.version == 2
    await store.close()
    again = SqliteStore.open(path)
    assert (await again.snapshot(CONTOSO)).count(Kind.PARTNER) == 2
    assert [entry.id for _, entry in await again.audit(CONTOSO)] == ["kept", "after"]
    await again.close()


async def test_a_failed_commit_fails_its_whole_batch(path: Path) -> None:
    """Also those that were refused: they judged a state that never came to be."""
    store = SqliteStore.open(path, max_pages=100)
    await store.change(FABRIKAM, counting("n"))
    gate = threading.Event()

    def wait(_: Snapshot) -> Change:
        gate.wait(10)
        return Change(())

    def refuse(_: Snapshot) -> Change:
        raise NotFound("No such partner.")

    await store.snapshot(CONTOSO)
    first = asyncio.ensure_future(store.change(CONTOSO, wait))
    await asyncio.sleep(0.01)  # the writer has taken the first change alone, and the others will be one batch
    changes = (counting("n"), refuse, putting("large", LARGE * 10, "large"), lambda _: Change(()))
    calls = [asyncio.ensure_future(store.change(tenant, each)) for tenant in (CONTOSO, FABRIKAM) for each in changes]
    await asyncio.sleep(0.01)
    gate.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 8
    assert (await first).version == 0
    assert (await store.snapshot(CONTOSO)).version == 0
    assert (await store.change(FABRIKAM, counting("n"))).get(Kind.PARTNER, "n") == b"2"
    assert [number for number, _ in await store.audit(FABRIKAM)] == [1, 2]
    await store.close()


async def test_a_lock_of_another_process_is_waited_for_and_then_refused(path: Path) -> None:
    store = SqliteStore.open(path, busy_timeout=0.1)
    await store.change(CONTOSO, counting("n"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked by another process"):
        await store.change(CONTOSO, counting("n"))
    assert (await store.refresh(CONTOSO)).version == 1
    await store.check()
    other.execute("ROLLBACK")
    other.close()
    assert (await store.change(CONTOSO, counting("n"))).version == 2
    await store.close()


async def test_a_database_that_cannot_be_written_is_refused_until_it_can(path: Path) -> None:
    cache = SnapshotCache()
    writer = SqliteWriter(Database.prepare(path, exclusive=True, busy_timeout=1, max_pages=None), cache)
    commits = GroupCommit(writer, cache.publish)

    async def change() -> Snapshot:
        waiting = Waiting(CONTOSO, counting("n"), asyncio.get_running_loop().create_future())
        commits.submit(waiting)
        return await waiting.future

    assert (await change()).version == 1
    writer._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable, match="cannot be written"):
        await change()
    writer._connection.execute("PRAGMA query_only = OFF")
    assert (await change()).version == 2
    commits.stop()
    assert commits.join(10)


async def test_a_file_that_was_moved_away_takes_no_changes(path: Path) -> None:
    """They would be acknowledged, and be lost with the file."""
    store = SqliteStore.open(path)
    await store.change(CONTOSO, counting("n"))
    moved = path.with_name("moved")
    shutil.move(path, moved)
    with pytest.raises(Unavailable, match="cannot be found"):
        await store.change(CONTOSO, counting("n"))
    with pytest.raises(Unavailable, match="cannot be found"):
        await store.check()
    shutil.copy(moved, path)
    with pytest.raises(Unavailable, match=r"replaced.*Restart"):
        await store.change(CONTOSO, counting("n"))
    shutil.move(moved, path)
    assert (await store.change(CONTOSO, counting("n"))).version == 2
    await store.check()
    await store.close()


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_that_was_away_when_it_was_first_read_is_read_when_it_is_back(path: Path, *, replaced: bool):
    store = SqliteStore.open(path)
    moved = path.with_name("moved")
    shutil.move(path, moved)
    if replaced:
        path.touch()  # noqa: ASYNC240 - nothing else runs in this loop
    for _ in range(2):
        with pytest.raises(Unavailable, match="replaced" if replaced else "cannot be found"):
            await store.snapshot(CONTOSO)
    there = path.exists()  # noqa: ASYNC240 - likewise
    assert there == replaced, "an empty file was put in its place"
    shutil.move(moved, path)
    assert (await store.snapshot(CONTOSO)).version == 0
    await store.check()
    assert (await store.change(CONTOSO, counting("n"))).version == 1
    await store.close()


# --- when it is opened -----------------------------------------------------------


def refused(path: Path, *, exclusive: bool = True) -> str:
    with pytest.raises(ConfigurationError) as error:
        SqliteStore.open(path, exclusive=exclusive, busy_timeout=0.1)
    return error.value.message


def test_a_second_server_is_refused(path: Path) -> None:
    store = SqliteStore.open(path)
    assert f"Another xtap server (process {os.getpid()}) uses the database" in refused(path)
    run = subprocess.run(
        [sys.executable, str(OTHER_PROCESS), str(path), CONTOSO, "1", "server"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "Stop it first" in run.stderr
    SqliteStore.open(path, exclusive=False)
    asyncio.run(store.close())
    asyncio.run(SqliteStore.open(path).close())


def test_a_failed_start_gives_the_lock_back(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    assert "no SQLite database" in refused(path)
    path.unlink()
    asyncio.run(SqliteStore.open(path).close())


def test_a_newer_database_is_refused(path: Path) -> None:
    asyncio.run(SqliteStore.open(path).close())
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO xtap_schema (version) VALUES (99)")
    connection.close()
    assert "written by a newer xtap (schema 99" in refused(path)


def test_the_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    assert "belongs to another program" in refused(path)
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused(path: Path) -> None:
    asyncio.run(SqliteStore.open(path).close())
    whole = path.read_bytes()
    path.write_bytes(whole[:4096])
    assert "damaged" in refused(path)
    path.write_bytes(whole[:100] + b"\xff" * 4000)
    assert "damaged" in refused(path)


def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path: Path) -> None:
    assert "directory exist" in refused(tmp_path / "missing" / "xtap.db")
    assert "directory exist" in refused(tmp_path / "missing" / "xtap.db", exclusive=False)
    assert "cannot be opened for writing" in refused(tmp_path, exclusive=False)


def test_a_file_that_may_not_be_written_is_refused() -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "xtap.db"
        asyncio.run(SqliteStore.open(path).close())
        path.chmod(0o444)
        Path(place).chmod(0o555)
        with without_privileges():
            assert "writable for the user" in refused(path)
            assert "writable for the user" in refused(path, exclusive=False)
        Path(place).chmod(0o755)


def test_a_locked_database_is_refused_when_it_must_be_made(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "locked by another process" in refused(path)
    other.close()


# --- migrations ------------------------------------------------------------------

NEXT = (*MIGRATIONS, ("CREATE TABLE added (a)", "INSERT INTO added (a) VALUES (1)"))
BROKEN = (*MIGRATIONS, ("CREATE TABLE added (a)", "INSERT INTO nowhere (a) VALUES (1)"))


def migrate(path: Path, scripts: tuple[tuple[str, ...], ...], *, exclusive: bool) -> None:
    Database.prepare(path, exclusive=exclusive, busy_timeout=0.1, max_pages=None, migrations=scripts)


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return names


def test_a_database_is_migrated_once(path: Path) -> None:
    migrate(path, MIGRATIONS, exclusive=True)
    assert "added" not in tables(path)
    migrate(path, NEXT, exclusive=True)
    migrate(path, NEXT, exclusive=True)
    assert "added" in tables(path)


def test_a_migration_is_all_or_nothing(path: Path) -> None:
    migrate(path, MIGRATIONS, exclusive=True)
    with pytest.raises(ConfigurationError, match="no such table: nowhere"):
        migrate(path, BROKEN, exclusive=True)
    assert "added" not in tables(path)
    migrate(path, NEXT, exclusive=True)


def test_a_command_does_not_migrate_under_a_running_server(path: Path) -> None:
    migrate(path, MIGRATIONS, exclusive=True)
    guard = FileGuard.acquire(path)
    with pytest.raises(ConfigurationError, match="Stop it first"):
        migrate(path, NEXT, exclusive=False)
    assert "added" not in tables(path)
    guard.release()
    migrate(path, NEXT, exclusive=False)
    assert "added" in tables(path)


async def test_memory_is_answered_for_a_file_that_is_gone_no_longer_than_said(path: Path) -> None:
    store = SqliteStore.open(path, stale_limit=1.5)
    kept = await store.change(CONTOSO, counting("n"))
    os.rename(path, f"{path}.away")  # noqa: PTH104
    assert await store.snapshot(CONTOSO) is kept
    await asyncio.sleep(2.5)
    with pytest.raises(Unavailable, match=r"not answered for 1\.5 seconds"):
        await store.snapshot(CONTOSO)
    os.rename(f"{path}.away", path)  # noqa: PTH104
    await asyncio.sleep(LOOK_EVERY)
    assert await store.snapshot(CONTOSO) is kept
    await store.close()
