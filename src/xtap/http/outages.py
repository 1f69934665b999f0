"""What does the operator learn of a request that could not be answered now? More than who sent it.

While the storage is away every request is refused, thousands in a second. Some are told in full, so that an id that a
caller reports can be found; of the others, how many there were.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Final

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from xtap.errors import XtapError

log = logging.getLogger(__name__)

IN_FULL: Final = 5
"""Warnings of one kind that are written in a second; of those that follow, only their number and the last."""

WINDOW: Final = 1.0
"""Seconds for which warnings are counted."""


class Sparing:
    """Writes warnings of one kind, a few a second. Used within one event loop at a time.

    Args:
        logger: where they are written.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._until = 0.0
        self._written = 0
        self._left_out = 0
        self._last = ""

    def warn(self, message: str, about: dict[str, str] | None = None) -> None:
        """Write a warning, or count it.

        Args:
            message: the whole line.
            about: what else a line as JSON says of it.
        """
        now = monotonic()
        if now >= self._until:
            self._tell_left_out()
            self._until, self._written = now + WINDOW, 0
        if self._written < IN_FULL:
            self._written += 1
            self._log.warning("%s", message, extra={"xtap": about or {}})
            return
        if not self._left_out:
            asyncio.get_running_loop().call_later(self._until - now, self._tell_left_out)
        self._left_out += 1
        self._last = message

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._log.warning("%d more like these were left out, the last of them: %s", self._left_out, self._last)
            self._left_out = 0


_refused: Final = Sparing(log)


def tell_operator(error: XtapError, about: dict[str, str]) -> None:
    """Log why something cannot be used, with the addresses and paths that the answer leaves out.

    Args:
        error: what the answer is made of; nothing is logged unless it is Unavailable and has a detail.
        about: the request (``xtap.http.operations.about``).
    """
    if isinstance(error, Unavailable) and error.detail:
        _refused.warn(f"cannot answer: {error}", about)
