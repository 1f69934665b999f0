"""Is the process alive, and can it answer? What containers, balancers and ``xtap healthcheck`` ask, without a token.

    GET /healthz    the event loop runs
    GET /readyz     200 {"status": "ok"}: the storage answers
                    200 {"status": "degraded"}: it does not, and memory is young enough to answer from (--stale-limit)
                    503 {"status": "unavailable"}: memory is too old, so that requests are refused, whatever answers

Anybody may ask, so the answers say nothing else; why the storage does not answer stands in the log. All who ask at a
time wait for one look at the storage: nobody can keep its readers busy from here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from xtap.errors import Unavailable
from xtap.http.outages import Sparing
from xtap.model.ids import DIRECTORY

if TYPE_CHECKING:
    from xtap.store.protocol import Store

log = logging.getLogger(__name__)

PATHS: Final = frozenset({"/healthz", "/readyz"})

WITHIN: Final = 1.0
"""Seconds for which a look at the storage is waited for: balancers wait for about two."""


class Health:
    """Tells of one process.

    Args:
        store: what must answer, or have answered.
        stale_limit: seconds for which answers may come from memory.
    """

    def __init__(self, store: Store, stale_limit: float) -> None:
        self._store = store
        self._stale_limit = stale_limit
        self._looking: asyncio.Task[bool] | None = None
        self._unanswered = Sparing(log)

    async def answer(self, path: str) -> tuple[int, dict[str, str]]:
        """Return status and body."""
        if path == "/healthz":
            return 200, {"status": "ok"}
        answers = await self._storage_answers()
        if self._store.age() > self._stale_limit:
            return 503, {"status": "unavailable"}
        return 200, {"status": "ok" if answers else "degraded"}

    async def _storage_answers(self) -> bool:
        looking = self._looking
        if looking is None or looking.done():
            looking = self._looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({looking}, timeout=WITHIN)  # who goes away does not take it from the others
        return bool(done) and looking.result()

    async def _look(self) -> bool:
        try:
            await self._store.check()
            await self._store.snapshot(DIRECTORY)  # as requests do: it waits if memory is to be compared first
        except Unavailable as error:
            self._unanswered.warn(f"the storage does not answer: {error}")
            return False
        except Exception:  # whoever asks must be told that it is not ready, not that asking failed
            log.exception("the storage cannot be asked")
            return False
        return True
