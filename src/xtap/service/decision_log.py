"""Which decisions were made? A log with rules, policy versions and request ids: sampled, masked, written in batches.

Whatever is denied is always noted; of what is allowed, a share that is drawn once for each request, which is noted as
a whole or not at all. Users are masked by a keyed hash: the same user has the same mask, and only who has the
key can tell whose it is. Group ids and claims are never noted.
"""

from __future__ import annotations

import asyncio
import fcntl
import hmac
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct, field, json

from xtap.errors import OutcomeUnknown, XtapError
from xtap.model.ids import TenantId
from xtap.store.readers import Readers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from xtap.store.protocol import Store

log = logging.getLogger(__name__)

INTERVAL: Final = 1.0
"""Seconds after which noted decisions are written; a process that is killed loses at most these."""

CLOSE_WITHIN: Final = 3.0
"""Seconds for which closing waits for the sink."""

WAITING: Final = 100_000
"""Decisions that wait to be written; while a sink refuses, more are dropped and counted."""


class Summary(Struct, frozen=True):
    """What the log keeps of an answer, as it was told to the caller."""

    outcome: str | None = None
    error_code: str | None = None
    rules: tuple[str, ...] = ()
    policy_versions: dict[str, int] = field(default_factory=dict)


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision.

    Attributes:
        request_id: of the request that asked.
        caller: the tenant that asked.
        client: the application that asked.
        action: what was asked.
        home: the tenant of the person.
        resource: the tenant of the resource.
        policy_tenant: the tenant whose tenant restrictions were asked for.
        user: the person, masked unless the log is configured not to.
        client_app: application id of the client.
        resource_app: application id of the resource.
        decision: the answer.
        summary: why.
        time: when, UTC, RFC 3339.
    """

    request_id: str
    caller: TenantId
    client: str
    action: str
    decision: bool
    summary: Summary
    home: TenantId | None = None
    resource: TenantId | None = None
    policy_tenant: TenantId | None = None
    user: str | None = None
    client_app: str | None = None
    resource_app: str | None = None
    time: str = ""


class Sink(Protocol):
    """Where decisions are written."""

    async def write(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Write JSON documents, each with the tenant that asked.

        Raises:
            OutcomeUnknown: nobody knows whether they were written.
            OSError: nothing or not all was written.
            Unavailable: likewise.
        """
        ...


class FileSink:
    """One JSON document a line, appended; the file is opened for each batch, so it may be moved away.

    A disk that hangs, or another program that holds the file's lock, keeps a thread waiting and no program from ending.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = Readers(1, "xtap-decision-log")

    def check(self) -> None:
        """Make the file if it is not there, so that a place where nothing can be written is found at the start.

        Raises:
            OSError: nothing can be written there.
        """
        os.close(self._open())  # without the lock, for which a start must not wait

    async def write(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append the documents."""
        lines = b"".join(document + b"\n" for _, document in entries)
        await asyncio.wrap_future(self._thread.submit(lambda: self._append(lines)))

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _append(self, lines: bytes) -> None:
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # other workers append to the same file
            size = os.fstat(descriptor).st_size
            try:
                rest = memoryview(lines)
                while rest:  # nothing is kept in a buffer, which closing would write after the file was cut
                    rest = rest[os.write(descriptor, rest) :]
            except OSError:
                os.ftruncate(descriptor, size)  # no half lines: the whole batch is tried again
                raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None  # only opening names the file
        finally:
            os.close(descriptor)


class StoreSink:
    """The store's own log; ``xtap tenant decisions`` reads it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, entries: Sequence[tuple[TenantId, bytes]]) -> None:
        """Append the documents to their tenants' logs."""
        await self._store.log(entries)


class DecisionLog:
    """Notes decisions, and writes them in the background.

    Args:
        sink: where to.
        rate: the share of allowed decisions that is noted, 0 to 1.
        mask: the key that masks users; None to note them as they are.
        now: the time in UTC.
        tell_dropped: called with the number of decisions that are dropped, whenever some are.
    """

    def __init__(
        self,
        sink: Sink,
        rate: float,
        mask: bytes | None,
        now: Callable[[], datetime],
        tell_dropped: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._sink = sink
        self._rate = rate
        self._mask = mask
        self._now = now
        self._tell_dropped = tell_dropped
        self._waiting: list[tuple[TenantId, bytes]] = []
        self._writing: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        self.dropped = 0

    def note(self, entry: Entry, draw: float) -> None:
        """Take in one decision, if it is to be noted.

        Args:
            entry: the decision.
            draw: of its request, 0 to 1, below 1; the client must not know it beforehand.
        """
        if entry.decision and draw >= self._rate:
            return
        if len(self._waiting) >= WAITING:
            self._drop(1)
            return
        self._waiting.append((entry.caller, json.encode(self._finished(entry))))
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write_on())

    async def close(self) -> None:
        """Write what waits; of a sink that does not answer, no more than is there by then, and nothing again."""
        self._end.set()
        why = "the log refused them"
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                if self._writing is not None:
                    await self._writing
                await self._flush()
        except TimeoutError:
            why = "the log has not answered"
        if self._waiting:
            self._drop(len(self._waiting))
            log.error("%d decisions may not have been logged: %s", self.dropped, why)
            self._waiting.clear()

    def _finished(self, entry: Entry) -> dict[str, object]:
        """Put in the time, and mask the user."""
        masked = entry.user
        if entry.user is not None and self._mask is not None:
            masked = hmac.digest(self._mask, entry.user.encode(), "sha256").hex()[:32]
        time = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if name != "summary"}
        return {**fields, "time": time, "user": masked, **{name: getattr(entry.summary, name) for name in _SUMMARY}}

    async def _write_on(self) -> None:
        while not self._end.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), INTERVAL)
            await self._flush()

    async def _flush(self) -> None:
        """Write what waits; what a sink refuses waits for the next time, what it may have written does not."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await self._sink.write(batch)
        except asyncio.CancelledError:
            self._put_back(batch)
            raise
        except OutcomeUnknown as error:
            log.error("%d decisions may have been logged or not; they are not tried again: %s", len(batch), error)  # noqa: TRY400 - as below
            return
        except (OSError, XtapError) as error:
            log.error("%d decisions could not be logged; they are tried again: %s", len(batch), _reason(error))  # noqa: TRY400 - a full disk is no fault of the program
            self._put_back(batch)
            return
        except Exception:  # whatever else a database says: decisions go on
            log.exception("%d decisions could not be logged; they are tried again", len(batch))
            self._put_back(batch)
            return
        if self.dropped:
            log.error("%d decisions were not logged: too many waited", self.dropped)
            self.dropped = 0

    def _put_back(self, batch: list[tuple[TenantId, bytes]]) -> None:
        waiting = batch + self._waiting
        self._waiting = waiting[:WAITING]
        if len(waiting) > WAITING:
            self._drop(len(waiting) - WAITING)

    def _drop(self, decisions: int) -> None:
        self.dropped += decisions
        self._tell_dropped(decisions)


def _reason(error: OSError | XtapError) -> str:
    """Say why nothing was written; of a file also which one, and what helps."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}. Make room for this file, or let the user that runs xtap write it."
    return str(error)


_SUMMARY: Final = Summary.__struct_fields__
