"""What does the operator learn of a request that could not be answered now? More than who sent it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from xtap.errors import XtapError

log = logging.getLogger(__name__)


def tell_operator(error: XtapError, about: dict[str, str]) -> None:
    """Log why something cannot be used, with the addresses and paths that the answer leaves out.

    Args:
        error: what the answer is made of; nothing is logged unless it is Unavailable and has a detail.
        about: the request (``xtap.http.operations.about``).
    """
    if isinstance(error, Unavailable) and error.detail:
        log.warning("cannot answer: %s", error, extra={"xtap": about})
