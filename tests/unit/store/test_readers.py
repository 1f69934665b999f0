"""Reader threads that cannot start, and work that comes when they are told to end: nobody waits for nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from xtap.errors import Unavailable
from xtap.model.ids import TenantId
from xtap.store.loads import Loads
from xtap.store.readers import Readers
from xtap.store.snapshot import Snapshot
from xtap.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TENANT = TenantId("e0000000-0000-4000-8000-000000000007")

LONG = 20.0
"""Seconds for which a test waits for what happens at once."""


@contextmanager
def no_more_threads() -> Iterator[None]:
    """Let the system refuse every new thread, for it would need more memory than there are addresses."""
    before = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(before)


async def test_a_tenant_can_be_read_again_when_threads_can_be_started_again(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "xtap.db")
    with no_more_threads():
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"No thread can be started .* how many threads"):
                await store.snapshot(TENANT)
    assert (await store.snapshot(TENANT)).version == 0
    await store.close()


async def test_a_store_that_never_got_a_thread_is_closed(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "xtap.db")
    with no_more_threads(), pytest.raises(Unavailable):
        await store.snapshot(TENANT)
    await store.close()
    SqliteStore.open(tmp_path / "xtap.db", exclusive=True)  # the writer has let go of the file


def test_the_threads_that_there_are_take_what_is_submitted() -> None:
    readers, go_on = Readers(2), threading.Event()
    first = readers.submit(go_on.wait)
    with no_more_threads():
        second = readers.submit(lambda: "read")
    go_on.set()
    assert (first.result(LONG), second.result(LONG)) == (True, "read")
    readers.stop()
    assert readers.join(LONG)


def test_what_comes_after_the_end_is_refused() -> None:
    readers, go_on = Readers(4), threading.Event()
    begun = readers.submit(go_on.wait)
    readers.stop()
    with pytest.raises(Unavailable, match="closed"):
        readers.submit(go_on.wait)
    go_on.set()
    assert begun.result(LONG)
    assert readers.join(LONG)


def test_a_load_that_waits_for_another_one_is_refused_at_the_end() -> None:
    readers, reading, go_on = Readers(1), threading.Event(), threading.Event()

    def read(tenant: TenantId) -> Snapshot:
        reading.set()
        go_on.wait(LONG)
        return Snapshot(tenant)

    loads = Loads(readers, read)
    first = loads.begin(TENANT)
    assert reading.wait(LONG)
    second = loads.begin(TENANT)
    readers.stop()
    go_on.set()
    assert first.result(LONG).tenant == TENANT
    assert isinstance(second.exception(LONG), Unavailable)
    assert readers.join(LONG)
