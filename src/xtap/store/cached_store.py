"""How is a database answered from memory? The store around any database: reads from a cache, durable group commits.

What a database must do for it is :class:`Source` for reading, in several threads, and
:class:`xtap.store.group_commit.Backend` for writing, in one.
"""

from __future__ import annotations

import asyncio
import logging
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from xtap.errors import OutcomeUnknown, Unavailable
from xtap.store.blocked import Waiting
from xtap.store.clock import since_boot
from xtap.store.group_commit import GroupCommit
from xtap.store.loads import Loads
from xtap.store.looker import LOOK_EVERY, Looker
from xtap.store.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from xtap.model.ids import TenantId
    from xtap.store.cache import SnapshotCache
    from xtap.store.group_commit import Backend
    from xtap.store.protocol import AuditEntry, Change, SignInEntry, Tell
    from xtap.store.rows import Row
    from xtap.store.snapshot import Head, Snapshot

Result = TypeVar("Result")

log = logging.getLogger(__name__)

STALE_LIMIT: Final = 10.0
"""Seconds for which memory is answered that the database does not confirm, unless told otherwise."""

ANSWER_WITHIN: Final = 20.0
"""Seconds for which a caller waits for the database; longer than the database lets one session wait for another."""

READERS: Final = 4
"""Threads, and so connections, that load tenants and read audit records."""

CLOSE_WITHIN: Final = 3.0
"""Seconds for which closing waits for a database that does not answer; what it holds was never acknowledged."""


class Source(Protocol):
    """One database for reading; called by several threads at once. All but ``close`` may raise Unavailable."""

    def latest(self, tenant: TenantId, known: Snapshot | None) -> Snapshot:
        """Return the durable state of a tenant: ``known`` itself if it is that very state."""
        ...

    def heads(self) -> Mapping[TenantId, Head]:
        """Return which state every tenant is in."""
        ...

    def audit(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records, as the store does."""
        ...

    def append(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append to the logs of tenants, durable on return, all or none."""
        ...

    def logged(self, tenant: TenantId, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Read a tenant's log, as the store does."""
        ...

    def put_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, durable on return, all or none."""
        ...

    def sign_ins(
        self, tenant: TenantId, after: tuple[str, str] | None, limit: int, *, descending: bool
    ) -> Sequence[SignInEntry]:
        """Read a tenant's sign-ins, as the store does."""
        ...

    def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, or None."""
        ...

    def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` on every row of one moment, beside which others write."""
        ...

    def load(self, rows: Iterable[Row], *, replace: bool) -> None:
        """Write the rows of a dump in one transaction, as the store does."""
        ...

    def prove_readable(self) -> None:
        """Read something that every database of xtap has."""
        ...

    def close(self) -> None:
        """Let go of the connections; never raises."""
        ...


class Threads(Protocol):
    """Threads of a store: told to end, then waited for."""

    def stop(self) -> None:
        """Let them end when they have done what they were given."""
        ...

    def join(self, seconds: float) -> bool:
        """Wait so long (blocking), and return whether they ended."""
        ...


class CachedStore:
    """A ``Store`` on a database; each kind of database has a subclass that opens it."""

    def __init__(self, source: Source, backend: Backend, cache: SnapshotCache, *, stale_limit: float) -> None:
        self._source = source
        self._cache = cache
        self._known = cache.get
        self._stale_limit = stale_limit
        self._readers = Readers(READERS)
        self._loads = Loads(self._readers, self._latest)
        self._writer = GroupCommit(backend, cache.publish)
        self._tell: Tell | None = None
        self._telling = Lock()
        self._looker = Looker(source.heads, cache, self._loads.begin, self._looked, stale_limit)
        self._closed = False

    @property
    def commits(self) -> int:
        """How many transactions were committed since the store was opened."""
        return self._writer.commits

    async def snapshot(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state of a tenant, from memory; the first use of a tenant loads it.

        What another process wrote to the database is seen after ``LOOK_EVERY`` seconds and the time that loading the
        tenant takes, for as long as it can be read.

        Raises:
            Unavailable: the store is closed, the tenant cannot be loaded, or what is in memory may be too old.
        """
        if (found := self.at_hand(tenant)) is not None:
            return found
        looker = self._looker
        if since_boot() >= looker.due_at:
            self._require_open()
            await looker.late()
        self._require_fresh(tenant)
        found = self._known(tenant)
        if found is None:
            found = await self._loaded(tenant)
            self._require_fresh(tenant)
        return found

    async def _loaded(self, tenant: TenantId) -> Snapshot:
        """Wait for a load, as long as the database answers looks: memory has nothing to answer from meanwhile."""
        loading = asyncio.wrap_future(self._loads.join(tenant))
        loading.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it any more
        until = since_boot() + ANSWER_WITHIN
        while not loading.done():
            if self._looker.is_silent or since_boot() > until:
                raise Unavailable(
                    f"The database does not answer, and tenant {tenant} is not in memory. Try again later."
                )
            await asyncio.wait({loading}, timeout=LOOK_EVERY)
        return loading.result()

    def at_hand(self, tenant: TenantId) -> Snapshot | None:
        """Return what ``snapshot`` would, if nobody has to wait for it and nothing can be wrong with it, else None."""
        return self._known(tenant) if since_boot() < self._looker.good_until else None

    async def refresh(self, tenant: TenantId) -> Snapshot:
        """Return the latest durable state as the database has it now.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        self._require_open()
        # Never joined to a load that began before: that one may have read before the other process wrote.
        return await _shared(self._loads.begin(tenant))

    async def change(self, tenant: TenantId, decide: Callable[[Snapshot], Change]) -> Snapshot:
        """Run ``decide`` in the writer thread, and return the state after it once that is durable.

        Raises:
            Unavailable: the storage refused or the store is closed, and nothing was changed; or the message says that
                the change may have been made.
            Exception: whatever ``decide`` raised; nothing was changed.
        """
        if self.at_hand(tenant) is None:
            await self.snapshot(tenant)  # loaded by a reader, so that the writer holds its lock for microseconds
        self._require_open()
        loop = asyncio.get_running_loop()
        waiting = Waiting(tenant, decide, loop.create_future())
        limit = loop.call_later(ANSWER_WITHIN, _give_up, waiting.future)  # half as dear as asyncio.timeout
        self._writer.submit(waiting)
        try:
            return await waiting.future
        finally:
            limit.cancel()

    async def audit(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, AuditEntry]]:
        """Read audit records with their sequence numbers, oldest first, from the database.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        return await self._read(lambda: self._source.audit(tenant, after, limit))

    async def log(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append documents to the logs of tenants, in a transaction beside those of the writer.

        Raises:
            OutcomeUnknown: nobody knows whether they were kept.
            Unavailable: the store is closed, or the database cannot be written; nothing was kept.
        """
        # Without a time limit: who was told that nothing was kept would write it twice.
        await asyncio.wrap_future(self._submit(lambda: self._source.append(entries)))

    async def logged(self, tenant: TenantId, *, after: int = 0, limit: int = 100) -> Sequence[tuple[int, bytes]]:
        """Read a tenant's log with sequence numbers, oldest first, from the database.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        return await self._read(lambda: self._source.logged(tenant, after, limit))

    async def add_sign_ins(self, tenant: TenantId, entries: Sequence[SignInEntry]) -> None:
        """Put sign-ins into a tenant's log, in a transaction beside those of the writer.

        Raises:
            OutcomeUnknown: nobody knows whether they were kept.
            Unavailable: the store is closed, or the database cannot be written; nothing was kept.
        """
        writing = asyncio.wrap_future(self._submit(lambda: self._source.put_sign_ins(tenant, entries)))
        try:
            await asyncio.wait_for(writing, ANSWER_WITHIN)
        except TimeoutError:
            raise OutcomeUnknown(
                _silence("The sign-ins may have been kept; to send them again does no harm.")
            ) from None

    async def sign_ins(
        self, tenant: TenantId, *, after: tuple[str, str] | None = None, descending: bool = True, limit: int = 100
    ) -> Sequence[SignInEntry]:
        """Read a tenant's sign-ins by time and id, from the database.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        return await self._read(lambda: self._source.sign_ins(tenant, after, limit, descending=descending))

    async def sign_in(self, tenant: TenantId, key: str) -> bytes | None:
        """Return the document of one sign-in, from the database.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        return await self._read(lambda: self._source.sign_in(tenant, key))

    async def dump(self, take: Callable[[Iterator[Row]], Result]) -> Result:
        """Run ``take`` in a thread on every row of one moment: one read transaction, beside which others write.

        Raises:
            Unavailable: the store is closed, or the database cannot be read.
        """
        return await asyncio.wrap_future(self._submit(lambda: self._source.dump(take)))

    async def load(self, rows: Iterable[Row], *, replace: bool = False) -> None:
        """Make the database what a dump says, in one transaction.

        Raises:
            Conflict: the database is not empty and nothing is to be replaced, or others use it.
            OutcomeUnknown: nobody knows whether everything was changed or nothing.
            Unavailable: the store is closed, or the database cannot be written; nothing was changed.
        """
        await asyncio.wrap_future(self._submit(lambda: self._source.load(rows, replace=replace)))
        self._cache.clear()

    async def check(self) -> None:
        """Prove that the database is in its place and can be read.

        Raises:
            Unavailable: it is not, or the store is closed.
        """
        await self._read(self._source.prove_readable)

    def age(self) -> float:
        """Return how many seconds ago memory was last known to hold what the database holds."""
        return since_boot() - self._looker.looked

    def observe(self, tell: Tell) -> None:
        """Call ``tell`` after each look and each load of a tenant."""
        self._tell = tell

    async def close(self) -> None:
        """Finish the changes that were accepted, and let go of the database; of one that hangs, all the same."""
        if self._closed:
            return
        self._closed = True
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        until = since_boot() + CLOSE_WITHIN
        threads = self._threads()
        for each in threads:
            each.stop()
        ended = [each.join(until - since_boot()) for each in threads]
        if not all(ended):
            log.error("the database has not answered for %g seconds: what it was asked is left", CLOSE_WITHIN)
        self._source.close()
        self._cache.clear()

    def _threads(self) -> list[Threads]:
        """Return what has to end when the store is closed."""
        return [self._looker, self._readers, self._writer]

    def _require_fresh(self, tenant: TenantId) -> None:
        """Refuse what nobody knows to be true; before it is read, since what is behind may be published meanwhile."""
        now, looker = since_boot(), self._looker
        if now - looker.since(tenant) <= self._stale_limit:
            return
        if now - looker.looked <= self._stale_limit:
            raise Unavailable(
                f"The state of tenant {tenant} cannot be loaded in time: what is known of it is older than "
                f"{self._stale_limit:g} seconds. xtap tries it again every second; a failure stands in the log."
            )
        raise Unavailable(
            f"The database has not answered for {self._stale_limit:g} seconds, and what is in memory may be too "
            "old. See that the database runs and can be reached; xtap asks it every second."
        )

    def _latest(self, tenant: TenantId) -> Snapshot:
        """Load the state that the database has, in a reader thread."""
        began, failed = since_boot(), True
        try:
            known = self._cache.get(tenant)
            snapshot = self._source.latest(tenant, known)
            failed = False
        finally:
            self._did("snapshot", since_boot() - began, failed=failed)
        self._looker.loaded(tenant, began, lambda: self._cache.replace(known, snapshot))
        return snapshot

    def _looked(self, seconds: float, failed: bool) -> None:  # noqa: FBT001 - the looker tells it
        self._did("look", seconds, failed=failed)

    def _did(self, operation: str, seconds: float, *, failed: bool) -> None:
        """Tell the observer, whose faults are not those of the store."""
        try:
            with self._telling:
                if self._tell is not None:
                    self._tell(operation, seconds, failed)
        except Exception:
            log.exception("what the storage did cannot be observed")

    async def _read(self, read: Callable[[], Result]) -> Result:
        return await _answered(asyncio.wrap_future(self._submit(read)))

    def _submit(self, read: Callable[[], Result]) -> Future[Result]:
        """Run a function in a reader thread, with a session of its own."""
        self._require_open()
        return self._readers.submit(read)

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed.")


def _give_up(change: asyncio.Future[Snapshot]) -> None:
    if not change.done():
        change.set_exception(OutcomeUnknown(_silence("The change may have been made: read before you send it again.")))


async def _answered(waiting: asyncio.Future[Result]) -> Result:
    """Wait for the database as long as a caller may be kept waiting."""
    try:
        return await asyncio.wait_for(waiting, ANSWER_WITHIN)
    except TimeoutError:
        raise Unavailable(_silence("Try again later.")) from None


def _silence(consequence: str) -> str:
    return f"The database has not answered for {ANSWER_WITHIN:g} seconds. {consequence}"


async def _shared(loading: Future[Snapshot]) -> Snapshot:
    """Wait for a load that others wait for too: a caller that gives up does not take it away from them."""
    return await _answered(asyncio.shield(asyncio.wrap_future(loading)))
