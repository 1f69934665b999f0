"""A backup of one database restores another, of the same kind or not, as functions and as commands."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.contract.cluster import open_node
from xtap.errors import Conflict
from xtap.model.objects import Kind
from xtap.service import backup
from xtap.store.memory import MemoryStore
from xtap.store.postgres_dump import PAGE, TABLES
from xtap.store.protocol import AuditEntry, Change, Write
from xtap.store.rows import ObjectRow, TenantRow
from xtap.store.sqlite import SqliteStore
from xtap.testing.dump_contract import everything, fill
from xtap.testing.local_server import LocalServer, free_ports
from xtap.testing.store_contract import CONTOSO, FABRIKAM, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster
    from xtap.store.rows import Row

NOW = datetime(2026, 11, 21, 13, 14, 15, tzinfo=UTC)


def test_a_dump_knows_every_table(cluster: Cluster) -> None:
    with closing(cluster.admin(cluster.database())) as session:
        found = session.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
    assert {name for (name,) in found} - {"xtap_schema"} == set(TABLES)


async def test_a_backup_goes_from_sqlite_to_postgresql_and_back(cluster: Cluster, tmp_path: Path) -> None:
    first, middle, last = (
        SqliteStore.open(tmp_path / "first.db"),
        open_node(await asyncio.to_thread(cluster.database)),
        SqliteStore.open(tmp_path / "last.db"),
    )
    await fill(first)
    wanted = await everything(first)
    await backup.write(first, tmp_path / "1.xtap", NOW)
    await backup.restore(middle, tmp_path / "1.xtap")
    assert await everything(middle) == wanted
    await backup.write(middle, tmp_path / "2.xtap", NOW)
    await backup.restore(last, tmp_path / "2.xtap")
    assert await everything(last) == wanted
    for store in (first, middle, last):
        await store.close()


async def test_a_dump_of_many_pages_has_each_row_once(cluster: Cluster) -> None:
    source, copy = MemoryStore(), open_node(await asyncio.to_thread(cluster.database))
    for tenant in (CONTOSO, FABRIKAM):
        writes = tuple(Write(Kind.PARTNER, f"{number:05}", b"{}") for number in range(PAGE + PAGE // 2))
        records = tuple(AuditEntry(f"{number}", b"{}") for number in range(PAGE))
        change = Change(writes, records)
        await source.change(tenant, lambda _, change=change: change)  # type: ignore[misc]
    rows = await source.dump(list)
    await copy.load(rows)
    assert await copy.dump(list) == rows
    await copy.close()


async def test_a_load_beside_a_node_that_writes_is_refused_and_leaves_nothing(cluster: Cluster) -> None:
    """The node made its tenant after the load had found the database empty."""
    url = await asyncio.to_thread(cluster.database)
    node, restoring = open_node(url), open_node(url)
    loop = asyncio.get_running_loop()

    def rows() -> Iterator[Row]:
        asyncio.run_coroutine_threadsafe(node.change(CONTOSO, counting("n")), loop).result()
        yield TenantRow(CONTOSO, 7, 7)
        yield ObjectRow(FABRIKAM, Kind.PARTNER, "x", "{}")

    with pytest.raises(Conflict, match="written meanwhile"):
        await restoring.load(rows())
    assert (await restoring.refresh(CONTOSO)).version == 1
    assert (await restoring.refresh(FABRIKAM)).get(Kind.PARTNER, "x") is None
    await node.close()
    await restoring.close()


@pytest.mark.wire
def test_the_commands_work_on_a_database(cluster: Cluster, tmp_path: Path) -> None:
    """A backup of one database, restored into another one, exports the same policies."""
    origin, copy = cluster.database(), cluster.database()
    port, tls_port = free_ports(2)
    server = LocalServer(tmp_path, port, tls_port)
    assert server.run("init", "--demo", "--database", origin).returncode == 0
    assert server.run("backup", "one.xtap", "--database", origin).stdout.startswith("wrote one.xtap: 2 tenants, ")
    assert len(server.run("tenant", "list", "--database", origin).stdout.splitlines()) == 2
    assert ": 2 tenants, " in server.run("restore", "one.xtap", "--database", copy).stdout
    refused = server.run("restore", "one.xtap", "--database", copy, check=False).stderr
    assert refused.startswith(f"xtap restore: {cluster.folder}/postgres: The store is not empty")
    assert server.run("restore", "one.xtap", "--replace", "--database", copy).returncode == 0
    said = [server.run("export", "--all", "--database", url).stdout for url in (origin, copy)]
    assert said[0] == said[1]
    assert "contoso" in said[0].lower()
