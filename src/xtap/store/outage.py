"""What does the log hold of a failure that goes on? Its beginning and its end, not each time that it is met."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


class Outage:
    """One thing that may fail for a while.

    Args:
        log: where it is told.
        begins: the message of the beginning, followed by the reason.
        ends: the message of the end.
    """

    def __init__(self, log: Logger, begins: str, ends: str) -> None:
        self._log = log
        self._begins = begins
        self._ends = ends
        self._lasts = False

    def met(self, reason: object) -> None:
        """It failed: the first time is told."""
        if not self._lasts:
            self._lasts = True
            self._log.warning("%s: %s", self._begins, reason)

    def over(self) -> None:
        """It went well: the first time after a failure is told."""
        if self._lasts:
            self._lasts = False
            self._log.info("%s", self._ends)
