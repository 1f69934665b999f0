"""How fast is the server beside a bare application on the same listener: GET, durable POST, start, memory.

Both run in processes of their own and are loaded in turn, round by round; a figure is the ratio of one round.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.table import Row, render
from xtap.testing.local_server import LocalServer, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
SECONDS = 2.0
PARTNER = "22222222-2222-4222-8222-222222222222"
PATH = "/v1.0/policies/crossTenantAccessPolicy/partners"
BODY = {
    "tenantId": "{id}",
    "b2bDirectConnectOutbound": {
        "usersAndGroups": {
            "accessType": "blocked",
            "targets": [{"target": "6f546279-4da5-4b53-a095-09ea0cef9971", "targetType": "group"}],
        }
    },
    "b2bDirectConnectInbound": {
        "applications": {"accessType": "allowed", "targets": [{"target": "Office365", "targetType": "application"}]}
    },
}


@dataclass(frozen=True, slots=True)
class Workload:
    """One request, made again and again by so many clients; what its throughput and its p99 should be."""

    name: str
    connections: int
    aim: str
    tail: str


GET = Workload("GET one partner, 16 clients", 16, "at least 0.6", "at most 3")
POST = Workload("POST partner, durable, 32 clients", 32, "at least 0.4", "")


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as server:
        folder = Path(name)
        created = httpx.post(f"{server.http}{PATH}", headers=server.headers(), json=BODY | {"tenantId": PARTNER})
        answer = httpx.get(created.headers["location"], headers=server.headers())
        (folder / "answer.json").write_bytes(answer.content)
        (folder / "get").write_text(head(server, f"GET {PATH}/{PARTNER} HTTP/1.1"))
        post = head(server, f"POST {PATH} HTTP/1.1", "Content-Type: application/json")
        (folder / "post").write_text(f"{post}\n\n{json.dumps(BODY)}")
        with bare(folder / "answer.json") as bare_port:
            rows = [
                *compared(GET, (server.port, bare_port), folder / "get"),
                *compared(POST, (server.port, bare_port), folder / "post"),
                memory(server),
            ]
        server.stop()
        return [*rows, start(server, folder)]


def head(server: LocalServer, *lines: str) -> str:
    token = server.token()
    return "\n".join(
        [*lines, f"Host: 127.0.0.1:{server.port}", "Accept: application/json", f"Authorization: Bearer {token}"]
    )


@contextmanager
def bare(answer: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    with start_bare(port, answer):
        yield port


@contextmanager
def start_bare(port: int, answer: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port), str(answer)])
    try:
        wait_for(f"http://127.0.0.1:{port}/")
        yield
    finally:
        process.terminate()
        process.wait()


def compared(workload: Workload, ports: tuple[int, int], request: Path) -> list[Row]:
    for port in ports:
        load(port, workload.connections, 1.0, request)
    rounds = [[load(port, workload.connections, SECONDS, request) for port in ports] for _ in range(ROUNDS)]
    rates = [[each["rate"] for each in column] for column in zip(*rounds, strict=True)]
    tails = [[each["p99"] for each in column] for column in zip(*rounds, strict=True)]
    return [
        Row.compare(f"{workload.name}: throughput", *rates, aim=workload.aim, unit="requests/s"),
        Row.compare(f"{workload.name}: p99", *tails, aim=workload.tail, unit="µs"),
    ]


def load(port: int, connections: int, seconds: float, request: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(connections), str(seconds), str(request)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def memory(server: LocalServer) -> Row:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) / 1024
    count = int(httpx.get(f"{server.http}{PATH}/$count", headers=server.headers()).text)
    return Row.compare(f"resident memory with {count:,} partners", [resident], unit="MiB")


def start(server: LocalServer, folder: Path) -> Row:
    (port,) = free_ports(1)
    ours, theirs = [], []
    for _ in range(9):
        begun = time.perf_counter()
        server.process = subprocess.Popen(
            server.command("serve"), cwd=folder, env=server.environment(), stdout=subprocess.DEVNULL
        )
        wait_for(f"{server.http}/healthz")
        ours.append((time.perf_counter() - begun) * 1000)
        server.stop()
        begun = time.perf_counter()
        with start_bare(port, folder / "answer.json"):
            theirs.append((time.perf_counter() - begun) * 1000)
    return Row.compare("process start to first answer", ours, theirs, aim="at most 2", unit="ms")


def wait_for(url: str) -> None:
    with httpx.Client() as client:
        for _ in range(10_000):
            try:
                client.get(url)
            except httpx.TransportError:
                time.sleep(0.002)
            else:
                return
    raise RuntimeError(f"{url} does not answer")


if __name__ == "__main__":
    print(render(run()))
