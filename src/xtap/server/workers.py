"""How do several processes serve together? One that starts and watches them, and as many that each serve all ports.

The kernel spreads connections over the listeners of one port (SO_REUSEPORT). The workers share one database and
nothing else but the memory of the metrics. The one that watches holds the lock of the database and does no work: it
starts a worker again that ended by itself, and passes signals on. When it is killed, the workers stop. Once the node
has served, a worker that cannot start, as without its database, is tried again and takes no other one with it.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from xtap.server.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from xtap.server.metrics import Counts

log = logging.getLogger(__name__)

SETTLED: Final = 5.0
"""Seconds after which a worker has started well. If one ends before any has, none can start, and all stop."""

LONGEST_PAUSE: Final = 30.0
"""The most seconds until a worker is tried again that could not start; the first pause is one, each the double."""

_PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Worker(Struct, frozen=True):
    """One process of a server.

    Attributes:
        index: 0 for the first.
        metrics: where the server counts, None for nowhere.
        lifeline: a pipe that ends with the process that watches, None if there is none.
    """

    index: int
    metrics: Metrics | None
    lifeline: int | None = None

    def counts(self) -> Counts | None:
        """Return where this one counts."""
        return None if self.metrics is None else self.metrics.counts(self.index)


class Workers:
    """Processes that serve together. Call it before there are threads: the processes are forked.

    Args:
        count: how many.
        metrics: where they count.
        work: what each does; returns its exit code.
    """

    def __init__(self, count: int, metrics: Metrics | None, work: Callable[[Worker], int]) -> None:
        self._metrics = metrics
        self._work = work
        self._count = count
        self._running: dict[int, tuple[int, float]] = {}
        self._failures = [0] * count
        self._served = False
        self._stopping = False
        self._failed = False
        self._lifeline, self._held = os.pipe()

    def run(self) -> int:
        """Serve until a signal; return the exit code."""
        gc.collect()
        gc.freeze()  # pages that nobody writes to stay shared
        for number in _PASSED_ON:
            signal.signal(number, self._pass_on)
        for index in range(self._count):
            self._start(index)
        while self._running:
            pid, status = os.wait()
            if pid in self._running:
                self._ended(*self._running.pop(pid), os.waitstatus_to_exitcode(status))
        return 1 if self._failed else 0

    def _start(self, index: int, pause: float = 0.0) -> None:
        """Fork a worker, which begins after so many seconds; none any more once a signal has come to stop."""
        # A signal that came between the lines below would be lost, not reach this worker, or be passed on by the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
        if not self._stopping:
            pid = os.fork()
            if pid == 0:
                self._serve(index, pause)
            self._running[pid] = (index, time.monotonic() + pause)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)

    def _serve(self, index: int, pause: float) -> NoReturn:
        """Be a worker."""
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
            os.close(self._held)
            if pause:
                select.select([self._lifeline], [], [], pause)  # or until the one that watches has ended
            code = self._work(Worker(index, self._metrics, self._lifeline))
        except BaseException:
            log.exception("worker %d failed", index)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _ended(self, index: int, started: float, code: int) -> None:
        now = time.monotonic()
        self._served = self._served or any(
            now - began >= SETTLED for _, began in (*self._running.values(), (0, started))
        )
        if self._stopping:
            if code not in {0, -signal.SIGTERM, -signal.SIGINT}:
                log.error("worker %d ended with code %d when it was to stop", index, code)
                self._failed = True
        elif not self._served:
            log.error("worker %d ended with code %d as soon as it started: all stop", index, code)
            self._failed = True
            self._pass_on(signal.SIGTERM)
        else:
            self._failures[index] = self._failures[index] + 1 if now - started < SETTLED else 0
            pause = min(2.0 ** (self._failures[index] - 1), LONGEST_PAUSE) if self._failures[index] else 0.0
            log.error("worker %d ended with code %d: another one takes its place in %g seconds", index, code, pause)
            self._start(index, pause)

    def _pass_on(self, number: int, _: object = None) -> None:
        if number != signal.SIGHUP:
            self._stopping = True
        for pid in self._running:
            with suppress(ProcessLookupError):  # it has ended just now, and is not taken out yet
                os.kill(pid, number)
