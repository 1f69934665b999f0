"""When does a process reload, and when does it stop? Signals, files that changed, and the end of who started it.

SIGTERM, SIGINT    stop: accept nothing more, finish what is under way
SIGHUP             reload certificates and issuers
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

LOOK_EVERY: Final = 10.0
"""Seconds after which a changed certificate is noticed without a signal."""


class Lifetime:
    """From now until a signal.

    Args:
        lifeline: a pipe whose other end belongs to who started this process; its end stops the process. None if
            nobody else is in charge.
    """

    def __init__(self, lifeline: int | None = None) -> None:
        self._files: tuple[Path, ...] = ()
        self._seen = self._state()
        self._stopping = False
        self._woken = asyncio.Event()
        self._reloading = False
        self._loop = loop = asyncio.get_running_loop()
        self._lifeline = lifeline
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        if lifeline is not None:
            loop.add_reader(lifeline, self._stop)

    def watch(self, files: Sequence[Path]) -> None:
        """Reload when one of these files changes from now on; call it before they are read."""
        self._files = tuple(files)
        self._seen = self._state()

    async def reloads(self, ended: asyncio.Event) -> AsyncIterator[None]:
        """Yield whenever it is time to reload; end when it is time to stop, or when something else has ended."""
        watching = asyncio.create_task(self._until(ended))
        try:
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY if self._files else None)
                self._woken.clear()
                if self._stopping:
                    return
                state = self._state()
                if self._reloading or state != self._seen:
                    self._reloading, self._seen = False, state
                    yield
        finally:
            watching.cancel()

    async def _until(self, ended: asyncio.Event) -> None:
        await ended.wait()
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        if self._lifeline is not None:
            self._loop.remove_reader(self._lifeline)  # a pipe at its end is readable for ever: the loop would spin
        self._woken.set()

    def _reload(self) -> None:
        self._reloading = True
        self._woken.set()

    def _state(self) -> list[tuple[int, int, int] | None]:
        return [_state_of(file) for file in self._files]


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
