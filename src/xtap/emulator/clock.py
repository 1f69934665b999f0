"""What time is it on this server? The time of the machine, and as much later as somebody asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from xtap.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

FURTHEST: Final = timedelta(days=3650)
"""How far ahead the clock can be in all."""


class Clock:
    """A clock that can be moved on, never back: records of changes stand in the order of time.

    Args:
        machine: the time in UTC.
    """

    def __init__(self, machine: Callable[[], datetime]) -> None:
        self._machine = machine
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._machine() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock on.

        Raises:
            InvalidInput: it would go back, or more than ten years ahead.
        """
        if not 0 <= seconds <= (FURTHEST - self._ahead).total_seconds():
            raise InvalidInput.at("$.advance", "The clock goes on only, by at most ten years in all. Name seconds.")
        self._ahead += timedelta(seconds=seconds)
