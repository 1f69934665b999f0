"""Several processes over one database: work is spread, nobody's change is lost, and the bound on staleness holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.nodes import assert_all_is_kept
from xtap.store.looker import LOOK_EVERY
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 3
SIGNALLED = Path(__file__).with_name("signalled_workers.py")


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with running(tmp_path_factory.mktemp("workers"), "--workers", str(WORKERS)) as server:
        until_ready(server)
        yield server


def until_ready(server: LocalServer) -> None:
    deadline = time.monotonic() + 20
    while "xtap is ready" not in server.log() or len(children(server)) < WORKERS:
        assert time.monotonic() < deadline, server.log()
        time.sleep(0.02)


def children(server: LocalServer) -> list[int]:
    assert server.process is not None
    pid = server.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu(pid: int) -> int:
    """Return the time that a process computed, in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_every_worker_answers(crowd: LocalServer):
    before = {pid: cpu(pid) for pid in children(crowd)}
    headers = crowd.headers()
    deadline = time.monotonic() + 60
    while any(cpu(pid) - ticks < 2 for pid, ticks in before.items()):  # new connections, until each had some work
        assert time.monotonic() < deadline
        for _ in range(50):
            assert httpx.get(f"{crowd.graph}/default", headers=headers).status_code == 200


def test_changes_by_all_workers_are_kept(crowd: LocalServer):
    assert_all_is_kept(crowd)


def test_a_change_by_one_is_seen_by_all_within_the_bound(crowd: LocalServer):
    headers = crowd.headers("fabrikam")
    with ThreadPoolExecutor(4) as _:
        for number in range(3):
            partner = {"tenantId": f"66666666-6666-4666-8666-{number:012d}"}
            httpx.post(f"{crowd.graph}/partners", headers=headers, json=partner).raise_for_status()
            acknowledged = time.monotonic()
            last_stale = acknowledged
            while time.monotonic() - acknowledged < LOOK_EVERY + 1.5:
                asked = time.monotonic()
                if httpx.get(f"{crowd.graph}/partners/{partner['tenantId']}", headers=headers).status_code == 404:
                    last_stale = asked
            # A second between looks, and what a look takes on a busy machine.
            assert last_stale - acknowledged < LOOK_EVERY + 1.0


def test_one_connection_reads_what_it_wrote(crowd: LocalServer):
    with httpx.Client(headers=crowd.headers("fabrikam")) as client:
        for number in range(20):
            partner = {"tenantId": f"55555555-5555-4555-8555-{number:012d}"}
            client.post(f"{crowd.graph}/partners", json=partner).raise_for_status()
            assert client.get(f"{crowd.graph}/partners/{partner['tenantId']}").status_code == 200


def test_a_second_server_is_refused_whatever_the_number_of_workers(crowd: LocalServer):
    for flags in ((), ("--workers", "2")):
        done = crowd.run("serve", "--port", "0", "--tls-port", "18443", *flags, check=False)
        assert done.returncode == 1
        assert "uses the database" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_worker_that_dies_is_replaced(tmp_path: Path):
    with running(tmp_path, "--workers", str(WORKERS)) as server:
        until_ready(server)
        time.sleep(5.5)  # one that ends sooner is taken for one that cannot start
        before = children(server)
        os.kill(before[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while len(now := [pid for pid in children(server) if is_alive(pid)]) < WORKERS or before[0] in now:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert "another one takes its place" in server.log()
        assert httpx.get(f"{server.graph}/default", headers=server.headers()).status_code == 200
        assert server.stop() == 0
        assert not any(is_alive(pid) for pid in now)


def test_workers_end_with_the_one_that_watches(tmp_path: Path):
    with running(tmp_path, "--workers", "2") as server:
        until_ready_two = time.monotonic() + 20
        while len(children(server)) < 2 or "xtap is ready" not in server.log():
            assert time.monotonic() < until_ready_two
            time.sleep(0.02)
        workers = children(server)
        server.kill()
        deadline = time.monotonic() + 20
        while any(is_alive(pid) for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.start()  # the lock of the database is free again
        assert httpx.get(f"{server.http}/readyz").status_code == 200


def test_workers_that_cannot_start_say_so_once(tmp_path: Path):
    with running(tmp_path) as server:
        server.stop()
        key = tmp_path / ".xtap" / "issuer.jwks.json"
        key.write_text("{}")
        done = server.run("serve", "--workers", "2", check=False)
        assert done.returncode == 1
        assert "issuer.jwks.json is not a JWK set" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", ["starting", "replacing", "reaping"])
def test_no_signal_is_lost_at_the_worst_moment(case: str):
    command = (sys.executable, SIGNALLED, case)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_a_node_that_is_stopped_while_it_starts_ends(tmp_path: Path):
    port, tls_port = free_ports(2)
    server = LocalServer(tmp_path, port, tls_port)
    server.run("init", "--demo")
    with (tmp_path / "serve.log").open("wb") as log:
        server.process = subprocess.Popen(
            server.command("serve", "--workers", "8"), cwd=tmp_path, env=server.environment(), stdout=log, stderr=log
        )
    try:
        while not children(server):
            assert server.process.poll() is None, server.log()
        assert server.stop() == 0, server.log()
    finally:
        server.kill()
