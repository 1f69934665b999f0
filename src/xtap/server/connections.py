"""How many connections may there be, and when is a silent one closed? What the listener leaves open is found here.

The listener has time limits for the head of a request, for TLS handshakes and for pings of HTTP/2, and the application
has one for bodies. None of them sees a client that says nothing at all after the TLS handshake, or that stops reading.
The kernel knows for how long a connection has been silent in both directions (``TCP_INFO``), and the file descriptors
of this process lead to the connections. On systems without ``/proc`` nothing is closed here.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MOST: Final = 16_384
"""Connections to one port, where the limits of the process allow it; more wait until others end."""

RESERVED: Final = 256
"""File descriptors that are kept for everything but connections: the database, its log, certificates."""

_DESCRIPTORS: Final = Path("/proc/self/fd")
# struct tcp_info of Linux: 8 bytes, 9 numbers, then the milliseconds since data was sent, (an ACK was sent), received.
_SILENCE: Final = struct.Struct("=44xIII")


def allowed(ports: int) -> int:
    """Return how many connections each port may have, after asking for as many descriptors as that takes.

    Args:
        ports: how many ports share the descriptors of this process.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST * ports + RESERVED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = MOST if soft == resource.RLIM_INFINITY else min(MOST, (soft - RESERVED) // ports)
    return max(16, most)


async def close_silent(ports: Collection[int], seconds: float) -> None:
    """Close connections to these ports over which nothing went for so long, until cancelled."""
    if not _DESCRIPTORS.is_dir() or not hasattr(socket, "TCP_INFO"):
        return
    while True:
        await asyncio.sleep(min(seconds / 4, 5.0))
        await asyncio.to_thread(_sweep, frozenset(ports), seconds)


def _sweep(ports: Collection[int], seconds: float) -> None:
    for connection in _connections(ports):
        with connection, suppress(OSError):
            silent = _SILENCE.unpack_from(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SILENCE.size))
            if min(silent[0], silent[2]) > seconds * 1000:
                connection.shutdown(socket.SHUT_RDWR)  # the listener sees its end, and lets go of it


def _connections(ports: Collection[int]) -> Iterator[socket.socket]:
    """Yield the connections of others to these ports, each as a duplicate that the caller closes."""
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - thousands of names, no use for paths
        with suppress(OSError):  # closed meanwhile
            if not os.readlink(_DESCRIPTORS / name).startswith("socket:"):  # noqa: PTH115 - as above
                continue
            found = _duplicate(int(name))
            if _is_connection(found, ports):
                yield found
            else:
                found.close()


def _duplicate(descriptor: int) -> socket.socket:
    """Return a socket of our own: the number may be given to another file at any moment."""
    own = os.dup(descriptor)
    try:
        return socket.socket(fileno=own)
    except OSError:
        os.close(own)
        raise


def _is_connection(found: socket.socket, ports: Collection[int]) -> bool:
    try:
        found.getpeername()  # raises for a listener
        name = found.getsockname()
    except OSError:
        return False
    return isinstance(name, tuple) and name[1] in ports
