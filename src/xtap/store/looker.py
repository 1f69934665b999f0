"""How true is what is in memory? A thread that compares it with the database, beside the requests and the loads."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future, wait
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtap.errors import Unavailable
from xtap.store.clock import since_boot
from xtap.store.outage import Outage
from xtap.store.snapshot import NO_HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from xtap.model.ids import TenantId
    from xtap.store.cache import SnapshotCache
    from xtap.store.snapshot import Head, Snapshot

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds for which a snapshot is answered without looking whether another process changed the database.

The thread looks twice as often: a request waits for it only when the process was stopped or the database is slow.
"""

SETTLE: Final = 0.25
"""Seconds for which a look waits for the loads that it began: most tenants are loaded when it ends, large ones not."""


class Behind(Struct, frozen=True, gc=False):
    """A tenant whose state in memory is not that of the database.

    Attributes:
        since: when memory was true.
        found: when the last look that found the difference began.
    """

    since: float
    found: float


class Looker:
    """The thread that looks, and what it knows.

    A tenant that cannot be read ages alone: the others are as true as the last look.

    Args:
        heads: returns which state every tenant of the database is in; may raise Unavailable.
        cache: what is in memory.
        load: begins to load a tenant.
        tell: called after each look with its seconds and whether it failed.
        stale_limit: seconds for which memory is answered that the database does not confirm.

    Attributes:
        looked: when the last look that succeeded began; all in memory was true then, but for those that are behind.
        due_at: when the next look must have been, by the clock of ``since_boot``.
        good_until: until when everything in memory can be answered without asking for more; 0 if a tenant is behind.
    """

    def __init__(
        self,
        heads: Callable[[], Mapping[TenantId, Head]],
        cache: SnapshotCache,
        load: Callable[[TenantId], Future[Snapshot]],
        tell: Callable[[float, bool], None],
        stale_limit: float,
    ) -> None:
        self._heads = heads
        self._cache = cache
        self._load = load
        self._tell = tell
        self._stale_limit = stale_limit
        self.looked = since_boot()
        self.due_at = self.looked + LOOK_EVERY
        self.good_until = self.looked + min(LOOK_EVERY, stale_limit)
        self._lock = Lock()
        self._behind: dict[TenantId, Behind] = {}
        self._unreadable: set[TenantId] = set()
        self._looking: Future[None] = Future()  # of the look under way, else of the next
        self._slow: Future[None] | None = None
        self._outage = Outage(log, "changes by other processes cannot be seen", "changes by others are seen again")
        self._wake = Event()
        self._stopping = False
        self._thread = Thread(target=self._run, name="xtap-store-looker", daemon=True)
        self._thread.start()

    async def late(self) -> None:
        """Wait for a look that is due, ``LOOK_EVERY`` seconds at most; for one that is slow nobody waits again."""
        until = since_boot() + LOOK_EVERY
        while since_boot() >= self.due_at and (looking := self._looking) is not self._slow:
            self._wake.set()
            try:
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(looking)), until - since_boot())
            except TimeoutError:
                self._slow = looking

    def loaded(self, tenant: TenantId, began: float, publish: Callable[[], None]) -> None:
        """Take in what a load found that began then.

        A first load has the age of its beginning until the next look confirms it: the looks since then did not know
        the tenant. What is behind must be known to be so before anybody can read it, and until something else can be.

        Args:
            tenant: whose.
            began: when the load began.
            publish: puts it into memory.
        """
        with self._lock:
            behind = self._behind.get(tenant)
            if behind is None and self._cache.get(tenant) is None:
                behind = Behind(began, self.looked)
            if behind is not None and began < behind.found:
                self._behind[tenant] = Behind(began, behind.found)
                self._judge()
            publish()
            if behind is not None and began >= behind.found:
                self._behind.pop(tenant, None)
                self._judge()

    def since(self, tenant: TenantId) -> float:
        """Return when what is in memory of a tenant was true for certain, by the clock of ``since_boot``."""
        looked = self.looked  # before the other: who is not behind any more was published before
        behind = self._behind.get(tenant)
        return looked if behind is None else behind.since

    @property
    def is_silent(self) -> bool:
        """Whether a look that was due takes so long that the database may not answer anything."""
        return since_boot() >= self.due_at + LOOK_EVERY

    def stop(self) -> None:
        """Let the thread end; ``join`` waits for it."""
        with self._lock:
            self._stopping = True
            self.due_at = 0.0
            self._judge()
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait so long for the thread to end (blocking); return whether it did."""
        self._thread.join(max(seconds, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        began = self.looked
        while True:
            # From one beginning to the next: a look that waits for loads must not make the one after it late.
            self._wake.wait(max(began + LOOK_EVERY / 2 - since_boot(), 0.0))
            self._wake.clear()
            if self._stopping:
                return
            began = since_boot()
            self._look(began)
            looking, self._looking = self._looking, Future()
            looking.set_result(None)

    def _look(self, began: float) -> None:
        failed = True
        try:
            self._compare(began)
            failed = False
            self._outage.over()
        except Unavailable as refusal:
            self._outage.met(refusal)
        except Exception:
            log.exception("changes by other processes cannot be seen")
        with self._lock:
            if not self._stopping:
                self.due_at = (since_boot() if failed else began) + LOOK_EVERY
            self._judge()
        self._tell(since_boot() - began, failed)

    def _compare(self, began: float) -> None:
        """Find what others wrote, and begin to load it.

        Raises:
            Unavailable: the database does not say.
        """
        before = self._cache.snapshots()
        heads = self._heads()
        with self._lock:
            behind = set(self._differing(before, heads))
            self._behind = {tenant: Behind(self.since(tenant), began) for tenant in behind}
            self._judge()
        loads = [self._load(tenant) for tenant in behind]
        for tenant, loading in zip(behind, loads, strict=True):
            loading.add_done_callback(lambda done, tenant=tenant: self._ended(tenant, done))  # type: ignore[misc]
        wait(loads, SETTLE)
        # INVARIANT: only now, when whatever is not as true as this look is known to be behind.
        self.looked = began

    def _judge(self) -> None:
        """Say anew until when all of memory is good, under the lock, whenever that on which it depends has changed."""
        self.good_until = 0.0 if self._behind else min(self.due_at, self.looked + self._stale_limit)

    def _differing(self, before: Iterable[Snapshot], heads: Mapping[TenantId, Head]) -> Iterator[TenantId]:
        """Yield the tenants whose state in memory the database does not have.

        What was published since ``before`` may be later than the heads: then only a lower version is a difference.
        """
        known = {each.tenant: each for each in before}
        for each in self._cache.snapshots():
            head = heads.get(each.tenant, NO_HEAD)
            if each.head != head and (known.get(each.tenant) is each or each.version < head[0]):
                yield each.tenant

    def _ended(self, tenant: TenantId, loading: Future[Snapshot]) -> None:
        """Say once that a tenant cannot be loaded."""
        failure = loading.exception()
        if failure is None:
            self._unreadable.discard(tenant)
        elif tenant not in self._unreadable:
            self._unreadable.add(tenant)
            log.error("what others wrote to tenant %s cannot be loaded, it will be refused: %s", tenant, failure)
