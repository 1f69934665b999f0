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
"""

from __future__ import annotations

from asyncio import Future
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct, field

from xtap.errors import OutcomeUnknown, Unavailable
from xtap.model.ids import TenantId
from xtap.model.objects import Kind
from xtap.store.protocol import AuditEntry, Change
from xtap.store.snapshot import Snapshot, new_mark
from xtap.store.unreadable import Unreadable

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Collection, Iterable, Sequence


ATTEMPTS: Final = 10
"""How often a batch that loses against other nodes is run before its callers are told to try again later."""


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

    def begin(self, tenants: Collection[TenantId]) -> None:
        """Take the lock without which nobody changes these tenants; ``head`` is asked for no others."""
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


class Waiting(Struct, frozen=True, eq=False):
    """One change whose caller waits for ``future``, in that future's event loop."""

    tenant: TenantId
    decide: Callable[[Snapshot], Change]
    future: Future[Snapshot]


Outcome = Snapshot | Exception


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
        while running:
            taken, running = self._take()
            batch = [waiting for waiting in taken if not waiting.future.done()]  # the others went away meanwhile
            if batch:
                _answer(batch, self._settle(batch))
        self._backend.close()

    def _take(self) -> tuple[list[Waiting], bool]:
        """Wait for the next changes; the flag is False when these are the last."""
        item = self._queue.get()
        batch: list[Waiting] = []
        while item is not None:
            batch.append(item)
            if len(batch) == self._batch_limit:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

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
        try:
            self._backend.begin({waiting.tenant for waiting in batch})
            outcomes = [self._decide(work, waiting) for waiting in batch]
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
            return [_unavailable(refusal) for _ in batch]
        except Exception as fault:  # noqa: BLE001 - a fault of one change must reach its caller, not end the thread
            self._backend.rollback()
            if len(batch) == 1:
                return [fault]
            return [outcome for waiting in batch for outcome in self._settle([waiting])]
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


def _answer(batch: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """Hand the outcomes to the callers, with one wake-up for each event loop."""
    answers: dict[AbstractEventLoop, list[tuple[Future[Snapshot], Outcome]]] = defaultdict(list)
    for waiting, outcome in zip(batch, outcomes, strict=True):
        answers[waiting.future.get_loop()].append((waiting.future, outcome))
    for loop, mine in answers.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(answers: Sequence[tuple[Future[Snapshot], Outcome]]) -> None:
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
    return kind(refusal.message)


def _wrapped(strange: BaseException) -> RuntimeError:
    error = RuntimeError(f"The change raised {strange!r}.")
    error.__cause__ = strange
    return error
