"""A disk that is really full, under a real server and under PostgreSQL: refused, nothing lost, and it goes on after."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests.contract.acknowledged import damages_of
from tests.contract.cluster import open_node
from tests.contract.cluster import running as running_cluster
from tests.contract.crash_writer import writing
from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.cluster import Cluster
    from xtap.store.postgres import PostgresStore
    from xtap.testing.local_server import LocalServer

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Disk:
    """A file system of its own, which can be filled and given room again."""

    place: Path

    @property
    def ballast(self) -> Path:
        return self.place / "ballast"

    def leave(self, free: int) -> None:
        """Fill it, but for so many bytes."""
        status = os.statvfs(self.place)
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - free)

    def make_room(self) -> None:
        self.ballast.unlink()


@contextmanager
def disk(megabytes: int) -> Iterator[Disk]:
    """Mount a disk until the block ends."""
    place = Path(tempfile.mkdtemp(prefix="xtap-disk-"))
    command = ("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "xtap-test", str(place))
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode:
            pytest.skip(f"a disk of its own needs the right to mount one: {mounted.stderr.strip()}")
        try:
            yield Disk(place)
        finally:
            subprocess.run(("umount", "-l", place), check=True)
    finally:
        place.rmdir()


def create(server: LocalServer, http: httpx.Client) -> tuple[str, httpx.Response]:
    """Create a partner that needs some kilobytes."""
    targets = [{"target": str(uuid4()), "targetType": "user"} for _ in range(100)]
    settings = {"usersAndGroups": {"accessType": "blocked", "targets": targets}}
    name = str(uuid4())
    return name, http.post(f"{server.graph}/partners", json={"tenantId": name, "b2bCollaborationInbound": settings})


def there(server: LocalServer, http: httpx.Client) -> set[str]:
    listed = http.get(f"{server.graph}/partners", params={"$select": "tenantId", "$top": "999"})
    return {partner["tenantId"] for partner in listed.json()["value"]}


def test_a_server_whose_disk_is_full_refuses_changes_and_loses_nothing() -> None:
    with disk(16) as small:
        folder = small.place / "node"
        folder.mkdir()
        with running(folder) as server, httpx.Client(headers=server.headers(), timeout=30) as http:
            small.leave(MEGABYTE)
            acknowledged: set[str] = set()
            name, answer = create(server, http)
            while answer.status_code == 201:
                acknowledged.add(name)
                name, answer = create(server, http)
            assert answer.status_code == 503, answer.text
            assert "storage is full. Free space" in answer.json()["error"]["message"]
            assert [create(server, http)[1].status_code for _ in range(3)] == [503] * 3
            assert there(server, http) == acknowledged
            assert httpx.get(f"{server.http}/readyz").status_code == 200
            server.kill()
            server.start()
            assert there(server, http) == acknowledged
            small.make_room()
            assert create(server, http)[1].status_code == 201
            assert len(there(server, http)) == len(acknowledged) + 1 > 10


async def write_until_refused(store: PostgresStore, tenant: TenantId, client: int) -> tuple[set[str], str]:
    """Write changes one after the other, and return those that were acknowledged and the refusal."""
    acknowledged: set[str] = set()
    while True:
        number = f"{client}-{len(acknowledged) + 1}"
        try:
            await store.change(tenant, lambda _: writing(number, client))  # noqa: B023 - awaited in this round
        except Unavailable as refusal:
            return acknowledged, refusal.message
        acknowledged.add(number)


@pytest.mark.usefixtures("cluster")  # says when PostgreSQL is missing
async def test_a_postgresql_whose_disk_is_full_comes_back_with_everything() -> None:
    """PostgreSQL panics when there is no room for its log, and a node refuses until it runs again."""
    tenant = TenantId("e0000000-0000-4000-8000-000000000005")
    with disk(160) as small, running_cluster(small.place) as cluster:
        await asyncio.to_thread(PostgresDatabase.at(cluster.socket_url).migrate)
        store = open_node(cluster.socket_url)
        await store.change(tenant, lambda _: writing("0-1", 0))
        small.leave(4 * MEGABYTE)  # less than a file of the log
        with cluster.admin() as session:
            session.execute("SELECT pg_switch_wal()")
        results = await asyncio.gather(*(write_until_refused(store, tenant, client) for client in range(1, 5)))
        said = ("cannot be reached", "was stopped", "lost during a commit")
        assert all(any(words in refusal for words in said) for _, refusal in results), results
        assert "PANIC:  could not write" in (cluster.folder / "log").read_text()
        small.make_room()
        await asyncio.to_thread(cluster.start)
        acknowledged = {"0-1"}.union(*(numbers for numbers, _ in results))
        await store.refresh(tenant)
        assert await damages_of(store, tenant, acknowledged) == []
        await store.change(tenant, lambda _: writing("9-1", 9))
        await store.close()


async def test_a_table_that_cannot_grow_refuses_changes_and_loses_nothing(cluster: Cluster) -> None:
    """The disk of one tablespace is full: PostgreSQL runs, says so, and goes on when there is room."""
    tenant = TenantId("e0000000-0000-4000-8000-000000000006")
    url = await asyncio.to_thread(cluster.database)
    with disk(16) as small, closing(cluster.admin(url)) as session:
        owner = cluster.folder.stat()
        os.chown(small.place, owner.st_uid, owner.st_gid)
        session.execute(f"CREATE TABLESPACE small LOCATION '{small.place}'".encode())
        session.execute("ALTER TABLE objects SET TABLESPACE small")
        small.leave(MEGABYTE)
        store = open_node(url)
        acknowledged, refusal = await write_until_refused(store, tenant, 0)
        assert "used up its storage" in refusal
        assert len(acknowledged) > 100
        assert await damages_of(store, tenant, acknowledged) == []
        small.make_room()
        await store.change(tenant, lambda _: writing("9-1", 9))
        await store.close()
        session.execute("DROP TABLE objects")
        session.execute("DROP TABLESPACE small")
