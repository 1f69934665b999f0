"""A lean load generator: connections kept alive if the server does, one request at a time on each, statuses checked.

Run as ``python -m benchmarks.load PORT CONNECTIONS SECONDS FILE``; the file holds the head of the request without
the Content-Length, and behind an empty line one body a line, with ``{id}`` for a new id; they are sent in turn. Prints
requests a second and latencies in microseconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop

HEAD, _, TEXT = Path(sys.argv[4]).read_text().partition("\n\n")
TEMPLATES = cycle(TEXT.splitlines() or [""])
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")


def request() -> bytes:
    head, template = HEAD.replace("\n", "\r\n"), next(TEMPLATES)
    if not template:
        return f"{head}\r\n\r\n".encode()
    body = template.replace("{id}", str(uuid.uuid4()))
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    def __init__(self, port: int, deadline: float, latencies: list[float], done: asyncio.Future[None]) -> None:
        self.port = port
        self.deadline = deadline
        self.latencies = latencies
        self.done = done
        self.ends = False

    async def open(self) -> None:
        self.received, self.ends = b"", False
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self.port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports have another base
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(request())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ends:
            self.opening = asyncio.create_task(self.open())
        elif not self.done.done():
            self.done.set_exception(exc or RuntimeError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].lower()
        length = LENGTH.search(head)
        if length and len(self.received) < end + 4 + int(length[1]):
            return
        if not self.received.startswith(b"HTTP/1.1 20"):
            self.done.set_exception(RuntimeError(self.received.decode()))
            return
        now = time.perf_counter()
        self.latencies.append(now - self.sent)
        self.received = b""
        if now < self.deadline:
            self.ends = b"\r\nconnection: close" in head
            self.transport.close() if self.ends else self.send()
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()


async def main() -> None:
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    start = time.perf_counter()
    waiting = []
    for _ in range(connections):
        done = loop.create_future()
        await Connection(port, start + seconds, latencies, done).open()
        waiting.append(done)
    await asyncio.gather(*waiting)
    elapsed = time.perf_counter() - start
    latencies.sort()
    percentile = {name: latencies[int(len(latencies) * part)] * 1e6 for name, part in (("p50", 0.5), ("p99", 0.99))}
    print(json.dumps({"rate": len(latencies) / elapsed, **percentile}))


uvloop.run(main())
