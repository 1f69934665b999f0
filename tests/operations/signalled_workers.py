"""Workers whose process gets a signal at the worst moment; ``test_workers`` starts it. Its argument is the case.

starting    SIGTERM when the first worker has just been forked
replacing   SIGTERM when a worker has ended, before another one is forked in its place
reaping     SIGHUP when a worker has ended, before it is taken out; the one in its place sends SIGTERM
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time

from xtap.server import workers
from xtap.server.workers import Worker, Workers

PATIENCE = 30.0
"""Seconds after which a worker that no signal has reached fails."""

CASE = sys.argv[1]


class Once:
    """Sends this process a signal when it is first called.

    Attributes:
        sent: whether it was, also in what is forked from then on.
    """

    def __init__(self, number: signal.Signals) -> None:
        self._number = number
        self.sent = False

    def __call__(self, *_: object) -> None:
        if not self.sent:
            self.sent = True
            os.kill(os.getpid(), self._number)


class Calling(logging.Handler):
    """Calls a function for each line."""

    def emit(self, _: logging.LogRecord) -> None:
        """Call it."""
        send()


def work(worker: Worker) -> int:
    """Wait for a signal; the first worker ends well before, unless all are to get one at once."""
    if send.sent and CASE == "reaping":
        os.kill(os.getppid(), signal.SIGTERM)
    elif worker.index == 0 and CASE != "starting":
        time.sleep(workers.SETTLED + 1.0)
        return 3
    time.sleep(PATIENCE)
    return 4


send = Once(signal.SIGHUP if CASE == "reaping" else signal.SIGTERM)
if CASE == "starting":
    os.register_at_fork(after_in_parent=send)
elif CASE == "replacing":
    workers.log.addHandler(Calling())
else:
    signal.signal(signal.SIGCHLD, send)
sys.exit(Workers(3, None, work).run())
