"""How long may the body of a request take to come? One timer for all that wait, since nearly every body comes at once.

A client that sends a byte now and then must not keep a request for ever.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from xtap.errors import TooSlow

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from xtap.http.bodies import Receive

CHECKED_EVERY: Final = 0.5
"""Seconds between two looks at what waits; a body that is late is given up so much later at most."""


class Patience:
    """The requests of one event loop that wait for their bodies.

    Args:
        seconds: how long a whole body may take, from the beginning of the request.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._is_checked = False

    def within(self, receive: Receive) -> Receive:
        """Return a ``receive`` that raises TooSlow when the whole body has not come in time, counted from now."""
        end = monotonic() + self._seconds

        async def receive_in_time() -> MutableMapping[str, Any]:
            task = asyncio.current_task()
            if task is None:
                raise RuntimeError("A request is answered in a task.")
            self._ends[task] = end
            if not self._is_checked:
                self._check_later()
            try:
                return await receive()
            except asyncio.CancelledError:
                if task not in self._late or task.uncancel() > 0:
                    raise
                raise TooSlow(f"The request body did not arrive within {self._seconds:g} seconds.") from None
            finally:
                del self._ends[task]
                self._late.discard(task)

        return receive_in_time

    def _check_later(self) -> None:
        self._is_checked = True
        asyncio.get_running_loop().call_later(CHECKED_EVERY, self._check)

    def _check(self) -> None:
        now = monotonic()
        late = [task for task, end in self._ends.items() if end <= now and task not in self._late]
        self._late.update(late)
        for task in late:
            task.cancel()
        self._is_checked = False
        if self._ends:
            self._check_later()
