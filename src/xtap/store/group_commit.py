"""How do many concurrent changes share one commit? The writer thread, the same for every database.

A durable commit costs a disk flush whatever it holds. One thread takes the changes that wait, up to a limit, decides
them one after the other on the state each leaves behind, writes all of them in one transaction, and only after its
commit publishes the new snapshots and answers the callers. What a database must do for it is :class:`Backend`.

* A ``decide`` that raises changes nothing and harms no neighbour.
* A commit that fails fails every change of its batch, also those whose ``decide`` raised: they may have judged a state
  that never came to be.
* A tenant that cannot be read refuses its own changes, not those of its neighbours.
* A change that the database cannot take for its own sake, such as a key that is no valid text, fails alone.
* A batch that lost against a transaction of another node is run again, on the state that the other one left.
* A tenant that another session has locked keeps no other tenant waiting: its changes stand aside, and are tried again.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct, field

from xtap.errors import OutcomeUnknown, Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.blocked import PATIENCE, Blocked, Waiting
from xtap.store.protocol import AuditEntry, Change
from xtap.store.snapshot import Snapshot, new_mark
from xtap.store.unreadable import Unreadable

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Callable, Collection, Iterable, Sequence


ATTEMPTS: Final = 10
"""How often a batch that loses against other nodes is run before its callers are told to try again later."""


CONTENDED: Final = "Transactions of other nodes came first. Try again."


class Contended(Unavailable):
    """The transaction lost against one of another node; nothing was kept, and it can be run again at once."""


class Work(Struct):
    """What one transaction writes: the last state of each object, the newest snapshot of each tenant, audit records.

    The snapshots carry the mark of this one attempt to commit.
    """

    heads: dict[TenantId, Snapshot] = field(default_factory=dict)
    objects: dict[tuple[TenantId, Kind, str], bytes | None] = field(default_factory=dict)
    audit: list[tuple[TenantId, int, AuditEntry]] = field(default_factory=list)
    mark: bytes = field(default_factory=new_mark)

    def add(self, before: Snapshot, change: Change) -> Snapshot:
        """Take in one change of one tenant and return the state after it."""
        after = before.apply(change, self.mark)
        tenant = after.tenant
        objects = {(tenant, write.kind, write.key): write.document for write in change.writes}
        audit = [(tenant, number, entry) for number, entry in enumerate(change.audit, start=before.sequence + 1)]
        # INVARIANT: nothing below can raise, so a malformed change leaves the work as it was.
        self.objects.update(objects)
        self.audit.extend(audit)
        self.heads[tenant] = after
        return after


class Backend(Protocol):
    """One database connection for writing; used by the writer thread only, in the order begin, head, commit.

    Each of the three may raise Unavailable, and Contended when running all of them again may help; ``head`` raises
    Unreadable for a tenant whose rows it cannot read, and goes on with others.
    """

    def begin(self, tenants: Collection[TenantId]) -> Collection[TenantId]:
        """Take the lock without which nobody changes these tenants, and return those for which it was to be had.

        The others are locked by another session; waiting for it takes a moment at most, not its transaction. ``head``
        is asked for no others than those returned.
        """
        ...

    def head(self, tenant: TenantId) -> Snapshot:
        """Return the durable state of a tenant under the lock."""
        ...

    def commit(self, work: Work) -> None:
        """Write everything, make it durable and give back the lock.

        Any other exception means that some change of the work is at fault, not the storage.
        """
        ...

    def rollback(self) -> None:
        """Give back the lock without a trace, if it is held; never raises."""
        ...

    def close(self) -> None:
        """Let go of the connection; never raises."""
        ...


Outcome = Snapshot | Exception | None
"""What a caller is told; None for nothing yet, because another session has locked the tenant."""


class GroupCommit:
    """The writer thread and its queue.

    Attributes:
        commits: how many transactions were committed so far.
    """

    def __init__(
        self, backend: Backend, publish: Callable[[Iterable[Snapshot]], None], *, batch_limit: int = 256
    ) -> None:
        self.commits = 0
        self._backend = backend
        self._publish = publish
        self._batch_limit = batch_limit
        self._blocked = Blocked()
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        # A daemon: a program that forgets to close its store can end; what it loses was never acknowledged.
        self._thread = Thread(target=self._run, name="xtap-store-writer", daemon=True)
        self._thread.start()

    def submit(self, waiting: Waiting) -> None:
        """Queue a change; its future is answered in its loop once the change is durable or refused."""
        self._queue.put(waiting)

    def stop(self) -> None:
        """Let the thread finish what was queued, close the backend and end; ``join`` waits for it."""
        self._queue.put(None)

    def join(self, seconds: float) -> bool:
        """Wait so long for the thread to end (blocking); return whether it did."""
        self._thread.join(max(seconds, 0.0))
        return not self._thread.is_alive()

    def _run(self) -> None:
        running = True
        while running or self._blocked:
            fresh, running = self._take() if running else (self._pause(), False)
            self._serve(self._blocked.passing(fresh))
            self._serve(self._blocked.due())
        self._backend.close()

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for the next changes, or until a blocked tenant is due; the flag is False when these are the last."""
        batch: list[Waiting] = []
        with suppress(Empty):
            item = self._queue.get(timeout=self._blocked.pause())
            while item is not None:
                batch.append(item)
                if len(batch) == self._batch_limit:
                    return batch, True
                item = self._queue.get_nowait()
            return batch, False
        return batch, True

    def _pause(self) -> list[Waiting]:
        """Wait until a blocked tenant is due, when no changes come any more."""
        sleep(self._blocked.pause() or 0.0)
        return []

    def _serve(self, changes: Sequence[Waiting]) -> None:
        """Run changes, a batch at a time, and answer those whose tenant was not locked by another session."""
        changes = [waiting for waiting in changes if not waiting.future.done()]  # the others went away meanwhile
        for start in range(0, len(changes), self._batch_limit):
            batch = self._blocked.passing(changes[start : start + self._batch_limit])
            if batch:
                outcomes = self._settle(batch)
                pairs = [_unless_late(waiting, outcome) for waiting, outcome in zip(batch, outcomes, strict=True)]
                self._blocked.put(waiting for waiting, outcome in pairs if outcome is None)
                _answer(pairs)

    def _settle(self, batch: Sequence[Waiting]) -> list[Outcome]:
        """Run a batch, whatever happens: a caller that is never answered would be the worst of failures."""
        try:
            for _ in range(ATTEMPTS - 1):
                with suppress(Contended):
                    return self._attempt(batch)
            return self._attempt(batch)
        except Contended as refusal:
            return [_unavailable(refusal) for _ in batch]
        except Exception as fault:  # noqa: BLE001 - a back end broke its promise, or memory ran out
            return [fault for _ in batch]

    def _attempt(self, batch: Sequence[Waiting]) -> list[Outcome]:
        """Run a batch in one transaction and return what each caller is told, in order."""
        work = Work()
        locked: Collection[TenantId] = {waiting.tenant for waiting in batch}
        try:
            locked = self._backend.begin(locked)
            outcomes = [self._decide(work, waiting) if waiting.tenant in locked else None for waiting in batch]
            if work.heads:
                self._backend.commit(work)
                self.commits += 1
            else:
                self._backend.rollback()
        except Contended:
            self._backend.rollback()
            raise
        except Unavailable as refusal:
            self._backend.rollback()
            return [_unavailable(refusal) if waiting.tenant in locked else None for waiting in batch]
        except Exception as fault:  # noqa: BLE001 - a fault of one change must reach its caller, not end the thread
            self._backend.rollback()
            if len(batch) == 1:
                return [fault]
            return [self._settle([waiting])[0] if waiting.tenant in locked else None for waiting in batch]
        self._publish(work.heads.values())
        return outcomes

    def _decide(self, work: Work, waiting: Waiting) -> Outcome:
        try:
            before = work.heads.get(waiting.tenant) or self._backend.head(waiting.tenant)
        except Unreadable as refusal:
            return _unavailable(refusal)
        try:
            change = waiting.decide(before)
            if not change.writes and not change.audit:
                return before
            return work.add(before, change)
        except Exception as refusal:  # noqa: BLE001 - it belongs to the caller, whatever it is
            return refusal
        except BaseException as strange:  # noqa: BLE001 - such as SystemExit: not in this thread
            return _wrapped(strange)


def _unless_late(waiting: Waiting, outcome: Outcome) -> tuple[Waiting, Outcome]:
    """Return a change and what its caller is told: a refusal, when its tenant has been locked for too long."""
    if outcome is not None or monotonic() - waiting.since < PATIENCE:
        return waiting, outcome
    return waiting, Unavailable(
        f"Another session holds the lock of this tenant, since {PATIENCE:g} seconds at least. Try again; if it stays "
        "so, end the session that holds it."
    )


def _answer(outcomes: Sequence[tuple[Waiting, Outcome]]) -> None:
    """Hand the outcomes to the callers, with one wake-up for each event loop."""
    answers: dict[AbstractEventLoop, list[tuple[Future[Snapshot], Snapshot | Exception]]] = defaultdict(list)
    for waiting, outcome in outcomes:
        if outcome is not None:
            answers[waiting.future.get_loop()].append((waiting.future, outcome))
    for loop, mine in answers.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(answers: Sequence[tuple[Future[Snapshot], Snapshot | Exception]]) -> None:
    for future, outcome in answers:
        if future.done():  # the caller was cancelled meanwhile
            continue
        if isinstance(outcome, Snapshot):
            future.set_result(outcome)
        else:
            # A future refuses StopIteration, because a coroutine could not raise it.
            future.set_exception(_wrapped(outcome) if isinstance(outcome, StopIteration) else outcome)


def _unavailable(refusal: Unavailable) -> Unavailable:
    """Return an exception of its own for one caller: each raises it with its own traceback."""
    kind = OutcomeUnknown if isinstance(refusal, OutcomeUnknown) else Unavailable  # a caller knows of no Contended
    return kind(refusal.message, refusal.detail)


def _wrapped(strange: BaseException) -> RuntimeError:
    error = RuntimeError(f"The change raised {strange!r}.")
    error.__cause__ = strange
    return error
