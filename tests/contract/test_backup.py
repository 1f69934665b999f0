"""A backup is whole or refused, and so is a restore: damage, kills in the middle, and servers that go on writing."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from xtap.errors import AlreadyExists, Conflict, MalformedRequest
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.server.trust import SIGNING_KEYS
from xtap.service import backup
from xtap.store.memory import MemoryStore
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.sqlite import SqliteStore
from xtap.store.sqlite_dump import TABLES
from xtap.testing.dump_contract import everything, fill
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

    from xtap.store.rows import Row

NOW = datetime(2026, 11, 21, 13, 14, 15, tzinfo=UTC)
TENANT = TenantId("11111111-1111-4111-8111-111111111111")
COMMAND = (sys.executable, "-c", "from xtap.cli.main import run; run()")


@pytest.fixture
async def filled() -> MemoryStore:
    store = MemoryStore()
    await fill(store)
    return store


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_backup_of_one_kind_of_store_restores_another(filled: MemoryStore, tmp_path: Path):
    file = tmp_path / "today.xtap"
    written = await backup.write(filled, file, NOW)
    assert backup.read(file) == written
    assert (written.made, written.counts["signIn"]) == ("2026-11-21T13:14:15Z", 3)
    store = SqliteStore.open(tmp_path / "xtap.db")
    assert await backup.restore(store, file) == written
    assert await everything(store) == await everything(filled)
    again = tmp_path / "again.xtap"
    await backup.write(store, again, NOW)
    assert gzip.decompress(again.read_bytes()) == gzip.decompress(file.read_bytes())
    await store.close()


async def test_a_backup_is_readable_by_its_owner_and_by_ordinary_tools(filled: MemoryStore, tmp_path: Path):
    file = tmp_path / "today.xtap"
    await backup.write(filled, file, NOW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(tmp_path) == ["today.xtap"]
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert lines[0]["format"] == "xtap-backup"
    partners = [line for line in lines if line.get("kind") == "partner" and line["tenant"] == TENANT]
    assert json.loads(partners[0]["document"])["kind"] == "partner"


async def test_a_backup_overwrites_nothing(filled: MemoryStore, tmp_path: Path):
    file = tmp_path / "today.xtap"
    await asyncio.to_thread(file.write_text, "precious")
    with pytest.raises(AlreadyExists, match="already"):
        await backup.write(filled, file, NOW)
    assert file.read_text() == "precious"


async def test_a_backup_that_fails_leaves_no_file(tmp_path: Path):
    store = SqliteStore.open(tmp_path / "xtap.db")
    with closing(sqlite3.connect(tmp_path / "xtap.db")) as connection:
        connection.execute("INSERT INTO objects VALUES ('t', 'partner', 'k', x'ff')")  # no text: nobody can dump it
        connection.commit()
    with pytest.raises(UnicodeDecodeError):
        await backup.write(store, tmp_path / "today.xtap", NOW)
    await store.close()
    assert not [name for name in names(tmp_path) if "today" in name]


def not_believed(file: Path) -> bool:
    try:
        backup.read(file)
    except MalformedRequest:
        return True
    return False


async def test_every_damage_is_noticed_before_anything_is_changed(filled: MemoryStore, tmp_path: Path):
    file, damaged = tmp_path / "today.xtap", tmp_path / "damaged.xtap"
    await backup.write(filled, file, NOW)
    whole = file.read_bytes()
    plain = gzip.decompress(whole)
    lines = plain.splitlines(keepends=True)
    chance = random.Random(5)
    bad = {f"cut at {at}": whole[:at] for at in chance.sample(range(len(whole)), 40)}
    for place in chance.sample(range(10, len(whole)), 60):  # the first ten bytes say when and where it was packed
        bad[f"byte {place}"] = whole[:place] + bytes((whole[place] ^ 0x10,)) + whole[place + 1 :]
    bad |= {
        "a line less": gzip.compress(b"".join(lines[:5] + lines[6:])),
        "a line more": gzip.compress(b"".join([*lines[:5], lines[4], *lines[5:]])),
        "a line behind the end": gzip.compress(plain + lines[1]),
        "no end": gzip.compress(b"".join(lines[:-1])),
        "another document": gzip.compress(plain.replace(b'"version":1', b'"version":2', 2).replace(b":2,", b":1,", 1)),
        "an unknown kind": gzip.compress(plain.replace(b'"kind":"partner"', b'"kind":"newer"', 1)),
        "a newer version": gzip.compress(plain.replace(b'"version":1', b'"version":2', 1)),
        "no backup": gzip.compress(b'{"a": 1}\n'),
        "no gzip": plain,
        "nothing": b"",
    }
    store = MemoryStore()
    for name, content in bad.items():
        damaged.write_bytes(content)
        if content != whole:
            assert not_believed(damaged), f"{name} went unnoticed"
            with pytest.raises(MalformedRequest):
                await backup.restore(store, damaged, replace=True)
    assert await store.dump(list) == []
    with pytest.raises(MalformedRequest, match="cannot be read"):
        backup.read(tmp_path / "missing")


async def test_a_store_with_something_in_it_is_not_overwritten(filled: MemoryStore, tmp_path: Path):
    file = tmp_path / "today.xtap"
    await backup.write(filled, file, NOW)
    before = await everything(filled)
    await filled.change(TENANT, lambda _: Change((Write(Kind.PARTNER, "later", b"{}"),)))
    with pytest.raises(Conflict, match="--replace"):
        await backup.restore(filled, file)
    assert (await filled.snapshot(TENANT)).get(Kind.PARTNER, "later") == b"{}"
    await backup.restore(filled, file, replace=True)
    assert await everything(filled) == before


def test_a_dump_knows_every_table(tmp_path: Path):
    SqliteStore.open(tmp_path / "xtap.db")._shut()
    with closing(sqlite3.connect(tmp_path / "xtap.db")) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - {"xtap_schema"} == set(TABLES)


# --- as commands, beside real servers ---------------------------------------------


@pytest.mark.wire
@pytest.mark.timeout(180)
def test_a_backup_while_a_server_writes_is_of_one_moment(tmp_path: Path):
    """One client adds a partner to contoso, then to fabrikam: no moment has the second without the first."""
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server", "--decision-log", "store") as server:
        stop, acknowledged = threading.Event(), []

        def write_on() -> None:
            own = {name: server.headers(name) for name in ("contoso", "fabrikam")}
            with httpx.Client() as client:
                for number in range(100_000):
                    body = {"tenantId": f"{number:08x}-0000-4000-8000-000000000000"}
                    for name in ("contoso", "fabrikam"):
                        assert client.post(f"{server.graph}/partners", json=body, headers=own[name]).status_code == 201
                    acknowledged.append(body["tenantId"])
                    if stop.is_set():
                        return

        writer = threading.Thread(target=write_on)
        writer.start()
        moments = []
        for number in range(2):
            time.sleep(0.3)
            known = len(acknowledged)
            said = server.run("backup", f"{number}.xtap").stdout
            assert said.startswith(f"wrote {number}.xtap: ")
            moments.append((known, len(acknowledged)))
        stop.set()
        writer.join()
        assert acknowledged
    for number, (before, after) in enumerate(moments):
        found = _restored(tmp_path / f"copy{number}", tmp_path / "server", f"{number}.xtap")
        one, other = set(found["contoso"]), set(found["fabrikam"])
        assert other <= one
        assert len(one) - len(other) <= 1
        assert before <= len(other) <= after + 1
        assert set(acknowledged[:before]) <= other


def _restored(folder: Path, origin: Path, backup_file: str) -> dict[str, list[str]]:
    """Restore a backup into a server of its own, and return the partners that it answers for each tenant."""
    folder.mkdir()
    port, tls_port = free_ports(2)
    copy = LocalServer(folder, port, tls_port)
    copy.run("init")
    copy.run("restore", str(origin / backup_file))
    (folder / ".xtap" / SIGNING_KEYS).write_bytes((origin / ".xtap" / SIGNING_KEYS).read_bytes())
    copy.start()
    try:
        found = {name: _partners(copy, name) for name in ("contoso", "fabrikam")}
    finally:
        copy.stop()
    with closing(sqlite3.connect(folder / ".xtap" / "xtap.db")) as connection:
        for tenant, version, sequence in connection.execute("SELECT tenant, version, sequence FROM tenants"):
            counted = connection.execute("SELECT count(*) FROM audit WHERE tenant = ?", (tenant,)).fetchone()[0]
            assert counted == sequence <= version
    return found


def _partners(server: LocalServer, name: str) -> list[str]:
    partners: list[str] = []
    address = f"{server.graph}/partners"
    while address:
        page = httpx.get(address, headers=server.headers(name)).json()
        partners += [each["tenantId"] for each in page["value"]]
        address = page.get("@odata.nextLink")
    return partners


async def _big(file: Path) -> list[Row]:
    """Write a backup of 20,000 objects, and return its rows."""
    source = MemoryStore()
    for part in range(40):
        writes = tuple(
            Write(Kind.PARTNER, f"{part}-{number}", random.Random(number).randbytes(300).hex().encode())
            for number in range(500)
        )
        change = Change(writes, (AuditEntry(f"{part}", b"{}"),))
        await source.change(TENANT, lambda _, change=change: change)  # type: ignore[misc]
    await backup.write(source, file, NOW)
    return await source.dump(list)


async def _rows_in(database: Path) -> list[Row]:
    store = SqliteStore.open(database)
    rows = await store.dump(list)
    await store.close()
    return rows


@pytest.mark.timeout(180)
def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # SQLite removes its log when the last connection ends
        return 0


def test_a_restore_that_is_killed_leaves_the_store_as_it_was(tmp_path: Path):
    file, database = tmp_path / "big.xtap", tmp_path / "data" / "xtap.db"
    rows_of_source = asyncio.run(_big(file))
    database.parent.mkdir()
    SqliteStore.open(database)._shut()
    command = [*COMMAND, "restore", str(file), "--data", str(database.parent), "--config", str(tmp_path / "none.toml")]
    (tmp_path / "none.toml").write_text("embedded-issuer = true\n")

    def rows() -> int:
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return int(connection.execute("SELECT count(*) FROM objects").fetchone()[0])

    chance, killed_in_the_middle = random.Random(7), 0
    for attempt in range(12):
        wal = database.with_name("xtap.db-wal")
        with subprocess.Popen(command) as child:
            # Most are killed once the transaction writes to the log; the others at any moment before.
            end = time.monotonic() + (30 if attempt % 3 else chance.uniform(0.05, 0.6))
            while time.monotonic() < end and child.poll() is None:
                if attempt % 3 and _size(wal) > attempt * 400_000:
                    killed_in_the_middle += 1
                    break
                time.sleep(0.001)
            child.send_signal(signal.SIGKILL)
        found = rows()
        assert found in {0, 20_000}
        if found:
            SqliteStore.open(database)._shut()
            database.unlink()
            SqliteStore.open(database)._shut()
    assert killed_in_the_middle >= 4
    assert subprocess.run(command, check=False).returncode == 0
    assert rows() == 20_000
    assert asyncio.run(_rows_in(database)) == rows_of_source


@pytest.mark.wire
def test_the_commands_say_what_is_wrong(tmp_path: Path):
    with running(tmp_path) as server:
        server.run("backup", "one.xtap")
        assert "is whole, of" in server.run("restore", "one.xtap", "--check").stdout
        for arguments, message in (
            (("backup", "one.xtap"), "one.xtap is there already"),
            (("backup", "missing/one.xtap"), "cannot be written: No such file"),
            (("restore", "one.xtap"), "Another xtap server"),
            (("restore", "one.xtap", "--replace"), "Another xtap server"),
            (("restore", "missing.xtap", "--check"), "missing.xtap cannot be read"),
            (("restore", "xtap.toml", "--check"), "xtap.toml is no backup of xtap"),
            (("backup", "two.xtap", "--data", "elsewhere"), "There is no data folder elsewhere"),
        ):
            said = server.run(*arguments, check=False)
            assert (said.returncode, said.stdout) == (1, "")
            assert message in said.stderr
            assert len(said.stderr.splitlines()) == 1
        server.stop()
        store = server.folder / ".xtap" / "xtap.db"
        refused = server.run("restore", "one.xtap", "--data", str(store.parent), check=False).stderr
        assert refused.startswith(f"xtap restore: {store}: The store is not empty")
        done = server.run("restore", "one.xtap", "--replace", "--data", str(store.parent)).stdout
        assert done.startswith(f"restored one.xtap into {store}, of ")
        server.start()
        assert httpx.get(f"{server.graph}/default", headers=server.headers()).status_code == 200
