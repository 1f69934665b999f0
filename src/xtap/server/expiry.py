"""When does the certificate end that clients are shown? Told while the server runs, which may be for months.

What is told is that of the certificate in use: a new file that could not be used changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from xtap.server.lifetime import LOOK_EVERY

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

log = logging.getLogger(__name__)

DAY: Final = 86_400.0

_OWN: Final = "Send xtap SIGHUP or start it again: it makes a new one."
_GIVEN: Final = f"Renew it: new files are noticed within {LOOK_EVERY:.0f} s."


class Expiry:
    """Warns once a day in the last days of a certificate, and tells once that it has expired.

    Args:
        now: the wall clock, seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._file: Path | None = None
        self._content = b""
        self._ends: datetime | None = None
        self._advice = ""
        self._next = 0.0
        self._expired = False

    def begin(self, file: Path, content: bytes, *, own: bool) -> None:
        """Look at another certificate from now on; whoever read it has warned for today.

        Args:
            file: where it stands, to be named.
            content: the chain in PEM, the server's own certificate first.
            own: whether xtap made it.
        """
        self._file, self._content, self._ends = file, content, None
        self._advice = _OWN if own else _GIVEN
        self._next, self._expired = self._now() + DAY, False

    async def watch(self) -> None:
        """Look now and then, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._file is not None:
                self.look()

    def look(self) -> None:
        """Tell what is to be told now of the certificate that began last."""
        from xtap.identity.certificates import WARN, ends_of  # noqa: PLC0415 - loads cryptography, after the start

        ends = self._ends = self._ends or ends_of(self._content)
        left = ends.timestamp() - self._now()
        said = (self._file, f"{ends:%Y-%m-%d %H:%M}", self._advice)
        if left <= 0:
            if not self._expired:
                log.error("the certificate %s expired on %s UTC: clients refuse it. %s", *said)
            self._expired = True
        elif self._now() >= self._next:
            self._next = self._now() + DAY
            if left < WARN.total_seconds():
                log.warning("the certificate %s expires on %s UTC. %s", *said)
