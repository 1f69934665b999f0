"""A wire to PostgreSQL that can be stopped at any byte of what a client sends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import AsyncIterator


class Relay:
    """Passes on what comes, for one client.

    Attributes:
        port: where it listens, on 127.0.0.1.
        sent: what the client sent so far and the server got.
        room: how many more bytes the server gets of it; None for all that come.
        stopped: set when there is no room any more.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self.sent = bytearray()
        self.room: int | None = None
        self.stopped = asyncio.Event()
        self._server_port = server_port

    async def pass_on(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one connection."""
        answers, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        back = asyncio.ensure_future(_copy(answers, writer))
        try:
            while data := await reader.read(65536):
                part = data[: self.room]
                self.sent += part
                to_server.write(part)
                if self.room is not None:
                    self.room -= len(part)
                    if not self.room:
                        self.stopped.set()
                        await asyncio.Event().wait()
        finally:
            back.cancel()
            to_server.close()
            writer.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


@asynccontextmanager
async def relayed(server_port: int) -> AsyncIterator[Relay]:
    """Open a wire to a server on this machine; it is cut when the block ends."""
    relay = Relay(server_port)
    connections: list[asyncio.Task[None]] = []

    def connect(reader: StreamReader, writer: StreamWriter) -> None:
        connections.append(asyncio.ensure_future(relay.pass_on(reader, writer)))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for each in connections:
            each.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
