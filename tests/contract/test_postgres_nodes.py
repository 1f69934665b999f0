"""Real servers on one PostgreSQL database: what the commands say, and that two nodes answer as one."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.cluster import PASSWORD
from tests.contract.nodes import assert_all_is_kept, configured, empty, unstarted
from xtap.server.workers import SETTLED
from xtap.store.looker import LOOK_EVERY
from xtap.store.postgres_database import PostgresDatabase
from xtap.store.postgres_migrations import MIGRATIONS
from xtap.testing.local_server import running

if TYPE_CHECKING:
    from tests.contract.cluster import Cluster
    from tests.contract.nodes import Partner
    from xtap.testing.local_server import LocalServer

RECOVERED = 15.0


@pytest.fixture
def tcp_url(cluster: Cluster) -> str:
    return empty(cluster)


def test_a_server_asks_for_a_migration_and_the_command_makes_it(tmp_path: Path, tcp_url: str) -> None:
    server = unstarted(configured(tmp_path / "node", tcp_url))
    refusal = server.run("init", "--demo", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert "Run 'xtap migrate' first" in refusal.stderr
    look = server.run("migrate", "--check", check=False)
    assert (look.returncode, look.stdout) == (
        2,
        f"the database lacks {len(MIGRATIONS)} migration(s): run 'xtap migrate'\n",
    )
    assert server.run("migrate").stdout == f"the database is up to date now, after {len(MIGRATIONS)} migration(s)\n"
    assert server.run("migrate", "--check").stdout == "the database is up to date\n"
    server.run("init", "--demo")
    assert "contoso" in server.run("tenant", "list").stdout


def test_a_password_in_a_flag_is_refused_and_not_repeated(tmp_path: Path) -> None:
    server = unstarted(tmp_path)
    for url in (f"postgresql://xtap:hunter2@127.0.0.1/{tmp_path.name}", "postgresql:///x?password=hunter2"):
        refusal = server.run("migrate", "--database", url, check=False)
        assert refusal.returncode == 1
        assert "--database-password-file" in refusal.stderr
        assert "hunter2" not in refusal.stderr


def test_a_server_without_its_database_says_so_and_ends(tmp_path: Path, tcp_url: str) -> None:
    server = unstarted(configured(tmp_path / "node", tcp_url.replace("/postgres", "/nowhere")))
    server.run("init", check=False)
    refusal = server.run("serve", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert 'database "nowhere" does not exist' in refusal.stderr


def test_what_one_node_wrote_another_answers(partner: Partner) -> None:
    assert partner.get(partner.second).status_code == 404
    partner.create()
    assert partner.trust(partner.first, "isMfaAccepted") is True
    deadline = time.monotonic() + 2 * LOOK_EVERY
    while partner.get(partner.second).status_code != 200:
        assert time.monotonic() < deadline
    assert PASSWORD not in partner.first.log() + partner.second.log()


def test_nodes_that_patch_one_object_lose_nothing(partner: Partner) -> None:
    partner.create()
    nodes = (partner.first, partner.second)
    keys = ("isMfaAccepted", "isCompliantDeviceAccepted", "isHybridAzureADJoinedDeviceAccepted")
    for wanted in (True, False, True):
        with ThreadPoolExecutor(3) as pool:
            calls = [pool.submit(partner.patch, nodes[n % 2], key, value=wanted) for n, key in enumerate(keys)]
        assert [call.result() for call in calls] == [204] * 3
        time.sleep(LOOK_EVERY)
        for node in nodes:
            assert [partner.trust(node, key) for key in keys] == [wanted] * 3


def test_a_node_knows_what_another_acknowledged_when_it_must(partner: Partner) -> None:
    """Who sends the version of a write to another node gets the write back, however far that node is behind."""
    partner.create()
    one, other, path = partner.http(partner.first), partner.http(partner.second), f"partners/{partner.id}"
    behind = 0
    for number in range(40):
        wanted = {"isMfaAccepted": bool(number % 2)}
        written = one.patch(f"{partner.first.graph}/{path}", json={"inboundTrust": wanted})
        assert written.status_code == 204
        answer = partner.get(partner.second)
        behind += answer.status_code != 200 or not answer.json()["inboundTrust"].items() >= wanted.items()
        known = {"xtap-at-least": written.headers["xtap-policy-versions"]}
        answer = other.get(f"{partner.second.graph}/{path}", headers=known)
        assert answer.json()["inboundTrust"].items() >= wanted.items()
    print(f"without the version, {behind} of 40 answers were older")  # noqa: T201 - the figure of the run


def readiness(server: LocalServer) -> tuple[int, str]:
    answer = httpx.get(f"{server.http}/readyz")
    return answer.status_code, answer.json()["status"]


def test_a_database_that_hangs_does_not_hold_up_who_asks_for_readiness(cluster: Cluster, partner: Partner) -> None:
    """However many ask, one look at the database is under way, and its readers are free."""
    second = partner.second
    partner.get(second)
    with cluster.hanging(), ThreadPoolExecutor(40) as pool:
        assert partner.http(second).get(f"{second.graph}/default").status_code == 200
        asked = list(pool.map(readiness, [second] * 80))
        assert asked[0] == (200, "degraded")
        while partner.http(second).get(f"{second.graph}/default").status_code == 200:
            time.sleep(0.1)
        assert readiness(second) == (503, "unavailable")
    deadline = time.monotonic() + RECOVERED
    while readiness(second) != (200, "ok") or partner.http(second).get(f"{second.graph}/default").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_node_and_a_killed_database_come_back(cluster: Cluster, partner: Partner) -> None:
    partner.create()
    first, second = partner.first, partner.second
    first.kill()
    assert partner.patch(second, "isCompliantDeviceAccepted", value=True) == 204
    first.start()
    assert partner.trust(first, "isCompliantDeviceAccepted") is True
    partner.get(second).raise_for_status()
    cluster.kill()
    try:
        before = readiness(second)
        assert partner.get(second).status_code == 200
        assert before == (200, "degraded")  # it still answers, so a balancer must not take it away
        url = f"{first.graph}/partners/{partner.id}"
        refused = partner.http(first).patch(url, json={"inboundTrust": {"isMfaAccepted": False}})
        assert refused.status_code == 503
        assert refused.json()["error"]["message"].startswith("The database cannot be reached")
        assert [told for told in ("127.0.0.1", str(cluster.port), "PostgreSQL") if told in refused.text] == []
        (line,) = (line for line in first.log().splitlines() if refused.headers["request-id"] in line)
        assert f"port {cluster.port} failed" in line, "the operator is told where"
        assert httpx.get(f"{second.http}/healthz").status_code == 200
        while partner.get(second).status_code == 200:
            time.sleep(0.1)
        assert readiness(second) == (503, "unavailable")  # what it knows might be too old by now
        assert "the storage does not answer: The database cannot be reached" in second.log()
    finally:
        cluster.start()
    deadline = time.monotonic() + RECOVERED
    while {partner.get(node).status_code for node in (first, second)} != {200}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert partner.patch(first, "isMfaAccepted", value=False) == 204
    assert partner.trust(first, "isMfaAccepted") is False


def test_the_workers_of_one_node_lose_nothing_of_each_other(tmp_path: Path, cluster: Cluster) -> None:
    url = empty(cluster)
    PostgresDatabase.at(url, PASSWORD).migrate()
    with running(configured(tmp_path / "node", url), "--workers", "3") as server:
        assert_all_is_kept(server)
        assert server.stop() == 0


def test_a_worker_that_dies_while_the_database_is_away_ends_no_other(tmp_path: Path, cluster: Cluster) -> None:
    url = empty(cluster)
    PostgresDatabase.at(url, PASSWORD).migrate()
    with running(configured(tmp_path / "node", url), "--workers", "2", "--stale-limit", "60") as server:
        headers = server.headers()
        time.sleep(SETTLED + 1)
        for _ in range(20):  # each on a connection of its own, so that both workers have it in memory
            assert httpx.get(f"{server.graph}/default", headers=headers).status_code == 200
        dying, living = children(server)
        cluster.kill()
        try:
            os.kill(dying, signal.SIGKILL)
            time.sleep(4)  # the one in its place has failed at least twice
            for _ in range(10):
                assert httpx.get(f"{server.graph}/default", headers=headers).status_code == 200
            assert server.process is not None
            assert server.process.poll() is None
            assert living in children(server)
        finally:
            cluster.start()
        deadline = time.monotonic() + 30
        workers, since = children(server), time.monotonic()
        while time.monotonic() - since < SETTLED + 1:
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)
            if children(server) != workers:
                workers, since = children(server), time.monotonic()
        assert len(workers) == 2
        assert living in workers
        assert {httpx.get(f"{server.http}/readyz").status_code for _ in range(20)} == {200}
        assert "Traceback" not in server.log()
        assert server.stop() == 0


def children(server: LocalServer) -> list[int]:
    assert server.process is not None
    pid = server.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_are_not_started_on_a_database_without_tables(tmp_path: Path, tcp_url: str) -> None:
    server = unstarted(configured(tmp_path / "node", tcp_url))
    (server.folder / ".xtap").mkdir()
    refusal = server.run("serve", "--workers", "3", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert "Run 'xtap migrate' first" in refusal.stderr


def test_a_password_is_changed_without_a_restart(tmp_path: Path, cluster: Cluster) -> None:
    """First in the database, then in the file: between the two, sessions that end are not made again."""
    role, secrets = "rotating", ("first:secret", "second/secret")
    url = empty(cluster)
    with cluster.admin() as session:
        session.execute(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{secrets[0]}'".encode())
    PostgresDatabase.at(url, PASSWORD).migrate()
    folder = configured(tmp_path / "node", url.replace("xtap@", f"{role}@"))
    (folder / "secret").write_text(f"{secrets[0]}\n")
    with running(folder) as server:
        with cluster.admin() as session:
            session.execute(f"ALTER ROLE {role} PASSWORD '{secrets[1]}'".encode())
            session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotating'")
        deadline = time.monotonic() + RECOVERED
        while "no session on the database" not in server.log():
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)
        assert "password authentication failed" in server.log()
        (folder / "secret").unlink()
        while httpx.get(f"{server.http}/readyz").status_code != 503:  # once memory is too old to be answered from
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)
        assert "database-password-file" in server.log()
        (folder / "secret").write_text(f"{secrets[1]}\n")
        while "the database is back" not in server.log():
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)
        while httpx.get(f"{server.graph}/default", headers=server.headers()).status_code != 200:
            assert time.monotonic() < deadline, server.log()
            time.sleep(0.1)
        assert httpx.get(f"{server.http}/readyz").json() == {"status": "ok"}
        assert server.log().count("no session on the database") == 1
        assert "Traceback" not in server.log()
        for secret in secrets:
            assert secret not in server.log()


def test_a_password_file_that_cannot_be_read_is_refused(tmp_path: Path, tcp_url: str) -> None:
    server = unstarted(configured(tmp_path / "node", tcp_url))
    (server.folder / "secret").unlink()
    refusal = server.run("migrate", check=False)
    assert (refusal.returncode, refusal.stderr.count("\n")) == (1, 1)
    assert (
        "The password of the database cannot be read. (--database-password-file secret: No such file" in refusal.stderr
    )
