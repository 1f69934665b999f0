"""Which changes wait because another session holds the lock of their tenant, and when is it asked for again?

They wait beside the queue, so that changes of other tenants pass them. Each tenant has a line of its own, in the order
in which its changes came, and is tried again in a batch of its own.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from xtap.model.ids import TenantId
from xtap.store.protocol import Change
from xtap.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

PATIENCE: Final = 8.0
"""Seconds after which a change whose tenant stays locked is refused, from its first try."""

LONGEST_PAUSE: Final = 0.5
"""The most seconds between two tries of one tenant; below that, half of the time that its oldest change has waited."""


class Waiting(Struct, eq=False):
    """One change whose caller waits for ``future``, in that future's event loop.

    Attributes:
        tenant: whose state is changed.
        decide: returns the change.
        future: is answered.
        asked: when the caller asked for it (``monotonic``).
        since: when it first met the lock of another session; what it waited in the queue does not count.
    """

    tenant: TenantId
    decide: Callable[[Snapshot], Change]
    future: Future[Snapshot]
    asked: float = field(default_factory=monotonic)
    since: float = inf


class Blocked:
    """The lines of blocked tenants; true while somebody waits."""

    def __init__(self) -> None:
        self._lines: dict[TenantId, tuple[float, list[Waiting]]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def passing(self, changes: Iterable[Waiting]) -> list[Waiting]:
        """Return the changes that need not wait; the others stand in their tenants' lines from now on."""
        passing = []
        for waiting in changes:
            if waiting.tenant in self._lines:
                self._lines[waiting.tenant][1].append(waiting)
            else:
                passing.append(waiting)
        return passing

    def put(self, changes: Iterable[Waiting]) -> None:
        """Let changes of tenants that have no line wait, in this order, after a try that failed now."""
        now = monotonic()
        for waiting in changes:
            waiting.since = min(waiting.since, now)
            pause = min((now - waiting.asked) / 2, LONGEST_PAUSE)
            self._lines.setdefault(waiting.tenant, (now + pause, []))[1].append(waiting)

    def pause(self) -> float | None:
        """Return the seconds until the next try, None if nobody waits."""
        if not self._lines:
            return None
        return max(0.0, min(again for again, _ in self._lines.values()) - monotonic())

    def due(self) -> list[Waiting]:
        """Take out the line of the tenant that is to be tried now; empty if there is none."""
        now = monotonic()
        tenant = min(self._lines, key=lambda tenant: self._lines[tenant][0], default=None)
        if tenant is None or self._lines[tenant][0] > now:
            return []
        return self._lines.pop(tenant)[1]
