"""A lean load generator: keep-alive connections, one request at a time on each, every status checked.

Run as ``python -m benchmarks.load PORT CONNECTIONS SECONDS FILE``; the file holds the head of the request without
the Content-Length, and for POST the body with ``{id}``. Prints requests a second and latencies in microseconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from pathlib import Path
from typing import cast

import uvloop

HEAD, _, TEMPLATE = Path(sys.argv[4]).read_text().partition("\n\n")


def request() -> bytes:
    head = HEAD.replace("\n", "\r\n")
    if not TEMPLATE:
        return f"{head}\r\n\r\n".encode()
    body = TEMPLATE.strip().replace("{id}", str(uuid.uuid4()))
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    def __init__(self, deadline: float, latencies: list[float], done: asyncio.Future[None], status: bytes) -> None:
        self.deadline = deadline
        self.latencies = latencies
        self.done = done
        self.status = status
        self.received = b""
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports have another base
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(request())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or RuntimeError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].lower()
        at = head.find(b"content-length: ") + 16
        if len(self.received) < end + 4 + int(head[at:].split(b"\r\n", 1)[0]):
            return
        if not self.received.startswith(self.status):
            self.done.set_exception(RuntimeError(self.received.decode()))
            return
        now = time.perf_counter()
        self.latencies.append(now - self.sent)
        self.received = b""
        if now < self.deadline:
            self.send()
        elif not self.done.done():
            self.done.set_result(None)
            self.transport.close()


async def main() -> None:
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    status = b"HTTP/1.1 201" if TEMPLATE else b"HTTP/1.1 200"
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    start = time.perf_counter()
    waiting = []
    for _ in range(connections):
        done = loop.create_future()
        await loop.create_connection(
            lambda done=done: Connection(start + seconds, latencies, done, status), "127.0.0.1", port
        )
        waiting.append(done)
    await asyncio.gather(*waiting)
    elapsed = time.perf_counter() - start
    latencies.sort()
    percentile = {name: latencies[int(len(latencies) * part)] * 1e6 for name, part in (("p50", 0.5), ("p99", 0.99))}
    print(json.dumps({"rate": len(latencies) / elapsed, **percentile}))


uvloop.run(main())
