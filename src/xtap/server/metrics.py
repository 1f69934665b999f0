"""What is counted, where do the numbers lie, and how are they told? Metrics in the text format of Prometheus.

Every number has its place before the first request: operations, statuses and outcomes are known, so nothing that a
client sends can make a series. The places lie in memory that all workers of a server share, each worker writes its own
part, and whichever is asked adds them up. Why not the library of Prometheus: docs/adr/0018.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format (0.0.4).
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from xtap import __version__
from xtap.http import NO_SNIFF
from xtap.http.operations import OTHER
from xtap.semantics.decision import Outcome
from xtap.store.clock import since_boot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
    from typing import Any, TypeAlias

    Message: TypeAlias = MutableMapping[str, Any]
    App: TypeAlias = Callable[[Message, object, Callable[[Message], Awaitable[None]]], Awaitable[None]]

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of durations, seconds."""

STATUSES: Final = (
    *(
        "200",
        "201",
        "202",
        "204",
        "400",
        "401",
        "403",
        "404",
        "405",
        "408",
        "409",
        "412",
        "413",
        "415",
        "424",
        "429",
        "500",
    ),
    *("501", "502", "503", "504", OTHER),
)
OUTCOMES: Final = tuple((str(outcome), decision) for outcome in Outcome for decision in ("true", "false"))

STORE_OPERATIONS: Final = (
    *("look", "snapshot"),
    *("change", "refresh", "check", "audit", "log", "logged", "add_sign_ins", "sign_ins", "sign_in", "dump", "load"),
)

_HISTOGRAM = len(BOUNDS) + 2  # a bucket for what is longer, and the sum
_REQUEST = len(STATUSES) + _HISTOGRAM
_STORE = 1 + _HISTOGRAM
_PRESENT = _LOOKED, _UNDER_WAY, _DROPPED = 0, 1, 2  # places behind the others


class Metrics:
    """The numbers of a server and all its workers.

    Args:
        operations: every operation that requests can be noted with; ``other`` is one.
        workers: how many processes count.
    """

    def __init__(self, operations: Sequence[str], workers: int = 1) -> None:
        self._operations = tuple(operations)
        self._stores_at = len(self._operations) * _REQUEST
        self._decisions_at = self._stores_at + len(STORE_OPERATIONS) * _STORE
        self._present_at = self._decisions_at + len(OUTCOMES)
        self._size = self._present_at + len(_PRESENT)
        # Anonymous and shared: processes that are forked later write to the same pages.
        self._memory = memoryview(mmap.mmap(-1, 8 * self._size * workers)).cast("d")
        self._workers = workers

    def counts(self, worker: int = 0) -> Counts:
        """Return where one worker counts; what it counted before stays, what it had under way is gone."""
        begin = worker * self._size
        counts = Counts(self._memory[begin : begin + self._size], self._operations, self._present_at)
        counts.begin()
        return counts

    def text(self) -> bytes:
        """Return everything in the format of Prometheus."""
        parts = [self._memory[begin : begin + self._size].tolist() for begin in range(0, len(self._memory), self._size)]
        totals = parts[0] if len(parts) == 1 else [sum(numbers) for numbers in zip(*parts, strict=True)]
        now = since_boot()  # one clock for all processes of a machine, also where it counts from boot
        looked = [part[self._present_at + _LOOKED] for part in parts]
        age = max((now - each for each in looked if each), default=0.0)  # 0: a worker that was not started yet
        return "".join(f"{line}\n" for line in self._lines(totals, age)).encode()

    def _lines(self, totals: Sequence[float], age: float) -> Iterator[str]:
        yield from _head("xtap_build_info", "gauge", "The version that runs; always 1.")
        yield f'xtap_build_info{{version="{__version__}"}} 1'
        yield from _head("xtap_workers", "gauge", "Processes that serve together.")
        yield f"xtap_workers {self._workers}"
        yield from _head("xtap_requests_under_way", "gauge", "Requests that are not answered yet.")
        yield f"xtap_requests_under_way {totals[self._present_at + _UNDER_WAY]:.0f}"
        meaning = "Seconds since memory was compared with the storage, of the worker for which that is longest."
        yield from _head("xtap_cache_age_seconds", "gauge", meaning)
        yield f"xtap_cache_age_seconds {age!r}"
        meaning = "Decisions that were not logged, because too many waited."
        yield from _head("xtap_decision_log_dropped_total", "counter", meaning)
        yield f"xtap_decision_log_dropped_total {totals[self._present_at + _DROPPED]:.0f}"
        yield from self._requests(totals)
        yield from self._stores(totals)
        yield from _head("xtap_decisions_total", "counter", "Evaluations that were answered, by outcome and decision.")
        for at, (outcome, decision) in enumerate(OUTCOMES, start=self._decisions_at):
            yield f'xtap_decisions_total{{outcome="{outcome}",decision="{decision}"}} {totals[at]:.0f}'

    def _requests(self, totals: Sequence[float]) -> Iterator[str]:
        yield from _head("xtap_requests_total", "counter", "Requests that were answered, by operation and status.")
        for at, operation in _places(self._operations, 0, _REQUEST):
            for status, count in zip(STATUSES, totals[at : at + len(STATUSES)], strict=True):
                if count:
                    yield f'xtap_requests_total{{operation="{operation}",status="{status}"}} {count:.0f}'
        name = "xtap_request_duration_seconds"
        yield from _head(name, "histogram", "Time from a request to its answer.")
        for at, operation in _places(self._operations, len(STATUSES), _REQUEST):
            yield from _histogram(name, operation, totals[at : at + _HISTOGRAM])

    def _stores(self, totals: Sequence[float]) -> Iterator[str]:
        name = "xtap_store_failures_total"
        yield from _head(name, "counter", "Operations of the storage that it refused.")
        for at, operation in _places(STORE_OPERATIONS, self._stores_at, _STORE):
            yield f'{name}{{operation="{operation}"}} {totals[at]:.0f}'
        name = "xtap_store_duration_seconds"
        yield from _head(name, "histogram", "Time of an operation of the storage; reads from memory are none.")
        for at, operation in _places(STORE_OPERATIONS, self._stores_at + 1, _STORE):
            yield from _histogram(name, operation, totals[at : at + _HISTOGRAM])


class Counts:
    """Where one worker counts; each number is written by one thread at a time."""

    def __init__(self, memory: memoryview[float], operations: Sequence[str], present_at: int) -> None:
        self._memory = memory
        self._present_at = present_at
        stores_at = len(operations) * _REQUEST
        decisions_at = stores_at + len(STORE_OPERATIONS) * _STORE
        self._requests = {name: number * _REQUEST for number, name in enumerate(operations)}
        self._statuses = {int(name): number for number, name in enumerate(STATUSES[:-1])}
        self._stores = {name: stores_at + number * _STORE for number, name in enumerate(STORE_OPERATIONS)}
        self._decisions = {
            (outcome, decision == "true"): decisions_at + number for number, (outcome, decision) in enumerate(OUTCOMES)
        }

    def begun(self) -> None:
        """Count a request that is under way."""
        self._memory[self._present_at + _UNDER_WAY] += 1

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count a request that was begun and is answered.

        Args:
            operation: as it was noted; one that is not known counts as other.
            status: of the answer.
            seconds: from the request to its answer.
        """
        memory = self._memory
        memory[self._present_at + _UNDER_WAY] -= 1
        at = self._requests.get(operation, -1)
        if at < 0:
            at = self._requests[OTHER]
        memory[at + self._statuses.get(status, len(STATUSES) - 1)] += 1
        self._duration(at + len(STATUSES), seconds)

    def store(self, operation: str, seconds: float, *, failed: bool) -> None:
        """Count an operation of the storage."""
        at = self._stores[operation]
        self._memory[at] += failed
        self._duration(at + 1, seconds)

    def decision(self, outcome: str, decision: bool) -> None:  # noqa: FBT001 - it is the decision itself
        """Count an evaluation that was answered."""
        self._memory[self._decisions[outcome, decision]] += 1

    def looked(self, at: float) -> None:
        """Note when memory was compared with the storage, by the store's clock, which goes on during suspend."""
        self._memory[self._present_at + _LOOKED] = at

    def dropped(self, decisions: int) -> None:
        """Count decisions that were not logged."""
        self._memory[self._present_at + _DROPPED] += decisions

    def begin(self) -> None:
        """Forget what was only true of the process before; memory is empty, and so as true as can be."""
        self._memory[self._present_at + _UNDER_WAY] = 0.0
        self.looked(since_boot())

    def _duration(self, at: int, seconds: float) -> None:
        self._memory[at + bisect_left(BOUNDS, seconds)] += 1
        self._memory[at + _HISTOGRAM - 1] += seconds


def metrics_app(metrics: Metrics) -> App:
    """Build the ASGI application of the metrics port: ``GET /metrics`` and nothing else."""

    async def answer(scope: Message, _: object, send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return
        found = scope["path"] == "/metrics" and scope["method"] in {"GET", "HEAD"}
        body = metrics.text() if found else b"The metrics are at /metrics.\n"
        headers = [(b"content-type", CONTENT_TYPE), (b"content-length", b"%d" % len(body)), NO_SNIFF]
        await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return answer


def _head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _places(names: Sequence[str], first: int, size: int) -> Iterator[tuple[int, str]]:
    return ((first + number * size, name) for number, name in enumerate(names))


def _histogram(name: str, operation: str, numbers: Sequence[float]) -> Iterator[str]:
    """Tell the buckets and, as the last of the numbers, the sum of one histogram; nothing if it is empty."""
    *buckets, seconds = numbers
    if not any(buckets):
        return
    total = 0.0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        yield f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total:.0f}'
    yield f'{name}_sum{{operation="{operation}"}} {seconds!r}'
    yield f'{name}_count{{operation="{operation}"}} {total:.0f}'
