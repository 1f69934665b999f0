"""Real servers on one PostgreSQL database: what the commands say, and that two nodes answer as one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.cluster import PASSWORD
from xtap.store.cached_store import LOOK_EVERY
from xtap.store.postgres_database import PostgresDatabase
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.cluster import Cluster

FABRIKAM = "22222222-2222-4222-8222-222222222222"
RECOVERED = 15.0


def configured(folder: Path, url: str) -> Path:
    """Make the folder of a node, with the password in a file beside its configuration."""
    folder.mkdir()
    (folder / "secret").write_text(f"{PASSWORD}\n")
    (folder / "xtap.toml").write_text(
        f'embedded-issuer = true\ndatabase = "{url}"\ndatabase-password-file = "secret"\nstale-limit = 3\n'
    )
    return folder


@pytest.fixture
def tcp_url(cluster: Cluster) -> str:
    """An empty place for tables, over loopback."""
    return f"{cluster.tcp_url}&{cluster.empty().split('&')[-1]}"


@pytest.fixture
def nodes(tmp_path: Path, tcp_url: str) -> Iterator[tuple[LocalServer, LocalServer]]:
    """Two running servers on one database."""
    PostgresDatabase.at(tcp_url, PASSWORD).migrate()
    with ExitStack() as stack:
        first = stack.enter_context(running(configured(tmp_path / "first", tcp_url)))
        second = stack.enter_context(running(configured(tmp_path / "second", tcp_url)))
        yield first, second


def partner(server: LocalServer) -> httpx.Response:
    return httpx.get(f"{server.graph}/partners/{FABRIKAM}", headers=server.headers())


def patch(server: LocalServer, body: dict[str, object]) -> int:
    url = f"{server.graph}/partners/{FABRIKAM}"
    return httpx.patch(url, json=body, headers=server.headers()).status_code


def create(server: LocalServer) -> None:
    body = {"tenantId": FABRIKAM, "inboundTrust": {"isMfaAccepted": True}}
    created = httpx.post(f"{server.graph}/partners", json=body, headers=server.headers())
    assert created.status_code == 201, created.text


def test_a_server_asks_for_a_migration_and_the_command_makes_it(tmp_path: Path, tcp_url: str) -> None:
    server = LocalServer(configured(tmp_path / "node", tcp_url), *free_ports(2))
    refusal = server.run("init", "--demo", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert "Run 'xtap migrate' first" in refusal.stderr
    look = server.run("migrate", "--check", check=False)
    assert (look.returncode, look.stdout) == (2, "the database lacks 1 migration(s): run 'xtap migrate'\n")
    assert server.run("migrate").stdout == "the database is up to date now, after 1 migration(s)\n"
    assert server.run("migrate", "--check").stdout == "the database is up to date\n"
    server.run("init", "--demo")
    assert "contoso" in server.run("tenant", "list").stdout


def test_a_password_in_a_flag_is_refused_and_not_repeated(tmp_path: Path) -> None:
    server = LocalServer(tmp_path, *free_ports(2))
    for url in (f"postgresql://xtap:hunter2@127.0.0.1/{tmp_path.name}", "postgresql:///x?password=hunter2"):
        refusal = server.run("migrate", "--database", url, check=False)
        assert refusal.returncode == 1
        assert "--database-password-file" in refusal.stderr
        assert "hunter2" not in refusal.stderr


def test_a_server_without_its_database_says_so_and_ends(tmp_path: Path, tcp_url: str) -> None:
    server = LocalServer(configured(tmp_path / "node", tcp_url.replace("/postgres", "/nowhere")), *free_ports(2))
    server.run("init", check=False)
    refusal = server.run("serve", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert 'database "nowhere" does not exist' in refusal.stderr


def test_what_one_node_wrote_another_answers(nodes: tuple[LocalServer, LocalServer]) -> None:
    first, second = nodes
    assert partner(second).status_code == 404
    create(first)
    assert partner(first).json()["inboundTrust"]["isMfaAccepted"] is True
    deadline = time.monotonic() + 2 * LOOK_EVERY
    while partner(second).status_code != 200:
        assert time.monotonic() < deadline
    assert PASSWORD not in first.log() + second.log()


def test_nodes_that_patch_one_object_lose_nothing(nodes: tuple[LocalServer, LocalServer]) -> None:
    create(nodes[0])
    keys = ("isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted")
    for wanted in (True, False, True):
        work = [(nodes[number % 2], {"inboundTrust": {key: wanted}}) for number, key in enumerate(keys)]
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(lambda each: patch(*each), work)) == [204] * 3
        time.sleep(LOOK_EVERY)
        for node in nodes:
            assert [partner(node).json()["inboundTrust"][key] for key in keys] == [wanted] * 3


def test_a_killed_node_and_a_killed_database_come_back(
    cluster: Cluster, nodes: tuple[LocalServer, LocalServer]
) -> None:
    first, second = nodes
    create(first)
    first.kill()
    assert patch(second, {"inboundTrust": {"isCompliantDeviceAccepted": True}}) == 204
    first.start()
    assert partner(first).json()["inboundTrust"]["isCompliantDeviceAccepted"] is True
    cluster.kill()
    try:
        assert patch(first, {"inboundTrust": {"isMfaAccepted": False}}) == 503
        unready = httpx.get(f"{second.http}/readyz")
        assert unready.status_code == 503
        assert "cannot be reached" in unready.json()["reason"]
        assert httpx.get(f"{second.http}/healthz").status_code == 200
        time.sleep(4)
        assert partner(second).status_code == 503  # it might be too old by now
    finally:
        cluster.start()
    deadline = time.monotonic() + RECOVERED
    while {partner(node).status_code for node in nodes} != {200}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert patch(first, {"inboundTrust": {"isMfaAccepted": False}}) == 204
