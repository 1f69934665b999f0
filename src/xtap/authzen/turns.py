"""When is it the turn of other requests, while one request evaluates much? Every few milliseconds."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

SLICE: Final = 0.005
"""Seconds that one request may keep the others waiting, beside the evaluation that it is in."""


class Turns:
    """The turns of one request; the first begins when this is made."""

    def __init__(self) -> None:
        self._end = perf_counter() + SLICE

    @property
    def over(self) -> bool:
        """Whether others should go on now."""
        return perf_counter() > self._end

    async def give(self) -> None:
        """Let the others go on, if this turn is over."""
        if self.over:
            await asyncio.sleep(0)
            self._end = perf_counter() + SLICE
