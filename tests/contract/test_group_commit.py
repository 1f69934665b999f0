"""The writer thread answers every caller, even when a back end breaks its promises."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from xtap.errors import Unavailable
from xtap.store import group_commit
from xtap.store.blocked import Waiting
from xtap.store.cache import SnapshotCache
from xtap.store.group_commit import GroupCommit, Work
from xtap.store.protocol import Change
from xtap.store.snapshot import Snapshot
from xtap.testing.store_contract import ADATUM, CONTOSO, FABRIKAM, counting

if TYPE_CHECKING:
    from collections.abc import Collection

    from xtap.model.ids import TenantId


@dataclass
class Faulty:
    """A back end in memory that raises what it is told to, once for each place."""

    faults: dict[str, Exception] = field(default_factory=dict)
    heads: dict[TenantId, Snapshot] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    closed: bool = False
    locked_elsewhere: set[TenantId] = field(default_factory=set)
    refused: int = 0

    def begin(self, tenants: Collection[TenantId]) -> Collection[TenantId]:
        self._fail("begin")
        self.refused += not self.locked_elsewhere.isdisjoint(tenants)
        return set(tenants) - self.locked_elsewhere

    def head(self, tenant: TenantId) -> Snapshot:
        self._fail("head")
        return self.heads.get(tenant, Snapshot(tenant))

    def commit(self, work: Work) -> None:
        self._fail("commit")
        self.heads.update(work.heads)
        self.sizes.append(len(work.audit))

    def rollback(self) -> None:
        self._fail("rollback")

    def close(self) -> None:
        self.closed = True

    def _fail(self, place: str) -> None:
        fault = self.faults.pop(place, None)
        if fault is not None:
            raise fault


async def outcomes(backend: Faulty, changes: int, *, batch_limit: int = 256) -> list[Snapshot | BaseException]:
    commits = GroupCommit(backend, SnapshotCache().publish, batch_limit=batch_limit)
    loop = asyncio.get_running_loop()
    waiting = [Waiting(CONTOSO, counting("n"), loop.create_future()) for _ in range(changes)]
    for each in waiting:
        commits.submit(each)
    answers = await asyncio.wait_for(asyncio.gather(*(each.future for each in waiting), return_exceptions=True), 10)
    commits.stop()
    assert commits.join(10)
    assert backend.closed
    return answers


async def test_a_batch_has_a_limit() -> None:
    backend = Faulty()
    assert [each.version for each in await outcomes(backend, 50, batch_limit=8) if isinstance(each, Snapshot)] == [
        *range(1, 51)
    ]
    assert max(backend.sizes) <= 8
    assert sum(backend.sizes) == 50


async def test_a_fault_of_unknown_origin_is_tried_again_one_by_one() -> None:
    backend = Faulty({"commit": ValueError("one of them")})
    answers = await outcomes(backend, 20)
    failed = [each for each in answers if isinstance(each, BaseException)]
    assert len(failed) <= 1  # one only if the writer had taken the first change alone
    assert len(backend.heads) == 1
    assert backend.heads[CONTOSO].version == 20 - len(failed)


async def test_changes_of_a_locked_tenant_are_asked_for_together_also_beside_a_fault() -> None:
    backend = Faulty({"commit": ValueError("one of them")}, locked_elsewhere={FABRIKAM})
    commits = GroupCommit(backend, SnapshotCache().publish)
    loop = asyncio.get_running_loop()
    blocked = [Waiting(FABRIKAM, counting("n"), loop.create_future()) for _ in range(100)]
    others = [Waiting(CONTOSO, counting("n"), loop.create_future()) for _ in range(5)]
    for each in (*blocked, *others):
        commits.submit(each)
    answers = await asyncio.gather(*(each.future for each in others), return_exceptions=True)
    assert sum(isinstance(each, ValueError) for each in answers) <= 1
    assert not any(each.future.done() for each in blocked)
    await asyncio.sleep(0.3)
    assert backend.refused < 50, "not once for each change"
    backend.locked_elsewhere.clear()
    after = await asyncio.gather(*(each.future for each in blocked))
    assert [each.version for each in after] == [*range(1, 101)]
    commits.stop()


async def test_a_refusal_of_the_storage_is_not_that_of_a_locked_tenant_beside_it() -> None:
    backend = Faulty(locked_elsewhere={FABRIKAM})
    commits = GroupCommit(backend, SnapshotCache().publish)
    loop, gate = asyncio.get_running_loop(), threading.Event()

    def wait(_: Snapshot) -> Change:
        gate.wait(10)
        return Change(())

    def fail(snapshot: Snapshot) -> Change:
        backend.faults["commit"] = Unavailable("full")
        return counting("n")(snapshot)

    first, refused, blocked = (
        Waiting(tenant, decide, loop.create_future())
        for tenant, decide in ((ADATUM, wait), (CONTOSO, fail), (FABRIKAM, counting("n")))
    )
    for each in (first, refused, blocked):  # the last two are one batch: the writer has taken the first alone
        commits.submit(each)
        await asyncio.sleep(0.05)
    gate.set()
    with pytest.raises(Unavailable, match="full"):
        await refused.future
    backend.locked_elsewhere.clear()
    assert (await blocked.future).version == 1
    commits.stop()


async def test_a_locked_tenant_is_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "PATIENCE", 0.5)
    backend = Faulty(locked_elsewhere={CONTOSO})
    began = time.monotonic()
    answers = await outcomes(backend, 3)
    assert 0.5 <= time.monotonic() - began < 3
    assert all("holds the lock of this tenant" in str(each) for each in answers)
    assert backend.refused < 50


async def test_a_refusal_of_the_storage_is_not_tried_again() -> None:
    for place in ("begin", "head", "commit"):
        answers = await outcomes(Faulty({place: Unavailable("full")}), 20)
        assert isinstance(answers[0], Unavailable), place


async def test_a_back_end_that_breaks_its_promise_leaves_nobody_waiting() -> None:
    answers = await outcomes(Faulty({"commit": Unavailable("full"), "rollback": OSError("broken")}), 20)
    assert isinstance(answers[0], OSError)
    assert len(answers) == 20
