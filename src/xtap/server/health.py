"""Is the process alive, and can it answer? What containers, balancers and ``xtap healthcheck`` ask, without a token.

    GET /healthz    the event loop runs
    GET /readyz     the storage answers too, else 503

Anybody may ask, so the answers say nothing else; why the storage does not answer stands in the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from xtap.store.protocol import Store

log = logging.getLogger(__name__)

PATHS: Final = frozenset({"/healthz", "/readyz"})


async def answer(path: str, store: Store) -> tuple[int, dict[str, str]]:
    """Return status and body."""
    if path == "/readyz":
        try:
            await store.check()
        except Unavailable as error:
            log.warning("not ready: %s", error)
            return 503, {"status": "unavailable"}
    return 200, {"status": "ok"}
