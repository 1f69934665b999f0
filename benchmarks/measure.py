"""How are two servers compared? Both run in processes of their own and are loaded in turn, round by round.

A figure is the ratio of one round. The load comes from ``benchmarks.load`` in a third process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from benchmarks.table import Row
from xtap.testing.local_server import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xtap.testing.local_server import LocalServer

# An installed program finds its modules compiled; this one must not start without, whatever the environment says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROUNDS = 5
SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One request, made again and again by so many clients; what its throughput and its p99 should be."""

    name: str
    connections: int
    aim: str = ""
    tail: str = ""


class Contestant(NamedTuple):
    """A server on a port of this machine, and the file with the request that it is sent (see ``benchmarks.load``)."""

    port: int
    request: Path


def request(file: Path, lines: Sequence[str], bodies: Sequence[object] = ()) -> Path:
    """Write a request to a file: its head, and the bodies that are sent in turn, JSON or text."""
    texts = (each if isinstance(each, str) else json.dumps(each) for each in bodies)
    text = "\n".join(lines)
    file.write_text("\n\n".join([text, "\n".join(texts)]) if bodies else text)
    return file


def head(server: LocalServer, line: str, tenant: str = "contoso") -> list[str]:
    """Return the head of a request of an application that may do everything in a demo tenant."""
    host, token = f"Host: 127.0.0.1:{server.port}", server.token(tenant)
    lines = [f"{line} HTTP/1.1", host, "Accept: application/json", f"Authorization: Bearer {token}"]
    return lines if line.startswith("GET") else [*lines, "Content-Type: application/json"]


def measured(workload: Workload, *contestants: Contestant, rounds: int = ROUNDS) -> list[dict[str, list[float]]]:
    """Load servers in alternating rounds; return for each one the ``rate``, ``p50`` and ``p99`` of its rounds."""
    for each in contestants:
        load(each, workload.connections, 0.5)
    found = [[load(each, workload.connections, SECONDS) for each in contestants] for _ in range(rounds)]
    return [{name: [one[name] for one in column] for name in column[0]} for column in zip(*found, strict=True)]


def compared(workload: Workload, ours: Contestant, theirs: Contestant) -> list[Row]:
    """Compare throughput and tail of two servers."""
    mine, other = measured(workload, ours, theirs)
    rate = Row.compare(f"{workload.name}: throughput", mine["rate"], other["rate"], aim=workload.aim, unit="requests/s")
    return [rate, Row.compare(f"{workload.name}: p99", mine["p99"], other["p99"], aim=workload.tail, unit="µs")]


def load(contestant: Contestant, connections: int, seconds: float) -> dict[str, float]:
    """Load a server from a process of its own.

    Raises:
        subprocess.CalledProcessError: an answer was none of 2xx; it stands on the standard error.
    """
    arguments = [str(contestant.port), str(connections), str(seconds), str(contestant.request)]
    done = subprocess.run([sys.executable, "-m", "benchmarks.load", *arguments], check=True, stdout=subprocess.PIPE)
    result: dict[str, float] = json.loads(done.stdout)
    return result


@contextmanager
def process(
    command: Sequence[str | Path], url: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a server until the block ends, and yield its process id when it answers at an address."""
    silent = subprocess.DEVNULL
    started = subprocess.Popen(command, cwd=folder, env=environment, stdout=silent, stderr=silent)
    try:
        wait_for(url)
        yield started.pid
    finally:
        started.terminate()
        started.wait()


@contextmanager
def bare(answer: Path) -> Iterator[int]:
    """Run the bare application, which answers GET with a file, and yield its port."""
    (port,) = free_ports(1)
    with bare_on(port, answer):
        yield port


def bare_on(port: int, answer: Path) -> AbstractContextManager[int]:
    """Run the bare application on a port, and give its process id."""
    command = [sys.executable, "-m", "benchmarks.bare", str(port), str(answer)]
    return process(command, f"http://127.0.0.1:{port}/")


def served(server: LocalServer) -> AbstractContextManager[int]:
    """Run a server that was stopped, and give its process id when it answers."""
    return process(
        server.command("serve", *server.flags), f"{server.http}/healthz", server.folder, server.environment()
    )


def wait_for(url: str) -> httpx.Response:
    """Ask an address until somebody answers there, and return the answer.

    Raises:
        RuntimeError: nobody does.
    """
    with httpx.Client() as client:
        for _ in range(10_000):
            try:
                return client.get(url)
            except httpx.TransportError:
                time.sleep(0.002)
    raise RuntimeError(f"{url} does not answer")


def processor_time(pid: int) -> float:
    """Return the seconds of processor time that a process took so far, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int | str = "self") -> float:
    """Return the memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def created(server: LocalServer, path: str, body: Mapping[str, Any], tenant: str = "contoso") -> httpx.Response:
    """Create an object as a demo tenant."""
    return httpx.post(f"{server.http}{path}", headers=server.headers(tenant), json=body).raise_for_status()
