"""Which threads wait for a database or a disk? A few, started when needed, which keep no program from ending."""

from __future__ import annotations

from concurrent.futures import Future
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from xtap.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


class Readers:
    """Threads that run functions in the order in which they were submitted.

    Not the executor of the standard library: its threads are waited for when the program ends, and one that a hanging
    database holds would keep the program for as long as that hangs.

    Args:
        most: how many threads there are at most.
        name: of the threads, before their number.
    """

    def __init__(self, most: int, name: str = "xtap-store-reader") -> None:
        self._most = most
        self._name = name
        self._stopped = False
        self._lock = Lock()
        self._threads: list[Thread] = []
        self._unfinished = 0
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Run a function in one of the threads; it is left out if its future is cancelled before.

        Raises:
            Unavailable: ``stop`` was called, or there is no thread and the system lets none start.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._stopped:
                raise Unavailable("The store is closed.")
            if self._unfinished >= len(self._threads) < self._most:
                self._start()
            self._unfinished += 1
            self._queue.put(lambda: _answer(future, work))
        return future

    def stop(self) -> None:
        """Let the threads end when they have done what was submitted; ``join`` waits for it."""
        with self._lock:
            self._stopped = True
            for _ in self._threads:
                self._queue.put(None)

    def join(self, seconds: float) -> bool:
        """Wait so long for the threads to end (blocking); return whether they did."""
        until = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(until - monotonic(), 0.0))
        return not any(thread.is_alive() for thread in self._threads)

    def _start(self) -> None:
        """Start one more thread; without it, those that there are take the work."""
        thread = Thread(target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError as refusal:
            if not self._threads:
                raise Unavailable(
                    f"No thread can be started ({refusal}). See how many threads and how much memory xtap may have."
                ) from refusal
        else:
            self._threads.append(thread)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()
            with self._lock:
                self._unfinished -= 1


def _answer(future: Future[Result], work: Callable[[], Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as failure:  # noqa: BLE001 - it belongs to who waits
        future.set_exception(failure)
    else:
        future.set_result(result)
