"""What every service function is given: the service (same for all calls), and the call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from xtap.model.rules import Strength

if TYPE_CHECKING:
    from collections.abc import Callable

    from xtap.model.versions import Version
    from xtap.service.caller import Caller
    from xtap.store.protocol import Store


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Service:
    """What the server was built with; time and identifiers are parameters, so that tests decide them."""

    store: Store
    strength: Strength = Strength.COMPATIBLE
    now: Callable[[], datetime] = field(default=_now)
    new_id: Callable[[], str] = field(default=_new_id)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, through which API version, under which id, and whether a client repeats it."""

    caller: Caller
    version: Version
    request_id: str
    is_retry: bool = False
